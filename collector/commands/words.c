/* The two languages of the report, one table; and numbers as each writes them. */
#include "words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const table[WORDS][LANGUAGES] = {
    [WORD_AREA] = {"Area", "Khu vực"},
    [WORD_REGISTERED] = {"Centres", "Cơ sở"},
    [WORD_REPORTING] = {"Reporting", "Có báo cáo"},
    [WORD_ADOPTING] = {"Adopting", "Đạt"},
    [WORD_RATE] = {"Rate", "Tỷ lệ"},
    [WORD_BOUNDS] = {"Bounds", "Khoảng"},
    [WORD_TARGET] = {"Target", "Chỉ tiêu"},
    [WORD_GAP] = {"Gap", "Chênh"},
    [WORD_LEGEND_BOUNDS] = {"Bounds: the rate if none, and if all, of the silent centres adopted.",
                            "Khoảng: tỷ lệ nếu không, hoặc nếu mọi cơ sở chưa báo cáo đều đạt."},
    [WORD_LEGEND_GAP] = {"Gap: percentage points from the target.", "Chênh: số điểm phần trăm so với chỉ tiêu."},
    [WORD_OPEN_PERIOD] = {"this period is not over: figures will still rise", "kỳ này chưa kết thúc: số liệu còn tăng"},
    [WORD_SILENT] = {"silent: no event in this period", "im lặng: không có sự kiện nào trong kỳ"},
    [WORD_NO_CENTRES] = {"no centre of this indicator", "không có cơ sở thuộc chỉ số này"},
    [WORD_AND] = {"and", "và"},
    [WORD_OR] = {"or", "hoặc"},
};

const char *words_say(enum language language, enum word word)
{
    return table[word][language];
}

enum language words_language_of_environment(void)
{
    const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && *value != '\0') {
            return strncmp(value, "vi", 2) == 0 ? LANGUAGE_VI : LANGUAGE_EN;
        }
    }
    return LANGUAGE_EN;
}

const char *words_count(enum language language, int64_t value, char out[WORDS_NUMBER_SIZE])
{
    char digits[32];
    snprintf(digits, sizeof digits, "%lld", (long long)value);
    size_t length = strlen(digits), used = 0;
    for (size_t i = 0; i < length; i++) {
        size_t left = length - i;
        if (i > 0 && left % 3 == 0 && digits[i - 1] != '-') {
            out[used++] = language == LANGUAGE_VI ? '.' : ',';
        }
        out[used++] = digits[i];
    }
    out[used] = '\0';
    return out;
}

static void use_decimal_sign(enum language language, char *text)
{
    char *point = strchr(text, '.');
    if (point != NULL && language == LANGUAGE_VI) {
        *point = ',';
    }
}

const char *words_percent(enum language language, double share, bool short_form, char out[WORDS_NUMBER_SIZE])
{
    int length = snprintf(out, WORDS_NUMBER_SIZE - 4, "%.1f", share * 100);
    if (length >= WORDS_NUMBER_SIZE - 4) {
        length = WORDS_NUMBER_SIZE - 5;
    }
    if (short_form && length > 2 && strcmp(out + length - 2, ".0") == 0) {
        length -= 2;
    }
    memcpy(out + length, " %", 3);
    use_decimal_sign(language, out);
    return out;
}

const char *words_points(enum language language, double difference, char out[WORDS_NUMBER_SIZE])
{
    char digits[WORDS_NUMBER_SIZE - 8];
    double points = difference * 100;
    snprintf(digits, sizeof digits, "%.1f", points < 0 ? -points : points);
    bool zero = strcmp(digits, "0.0") == 0;
    snprintf(out, WORDS_NUMBER_SIZE, "%s%s", zero ? "" : points < 0 ? "−" : "+", digits);
    use_decimal_sign(language, out);
    return out;
}
