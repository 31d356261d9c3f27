/* What `edutally report` says, in Vietnamese and English, with numbers in the local form: 63,2 % and 1.234 there, 63.2
 * % and 1,234 here. */
#ifndef EDUTALLY_COMMANDS_WORDS_H
#define EDUTALLY_COMMANDS_WORDS_H

#include "base/buffer.h"

#include <cJSON.h>
#include <stdbool.h>
#include <stdint.h>

enum language { LANGUAGE_EN, LANGUAGE_VI, LANGUAGES };

enum word {
    WORD_AREA,
    WORD_REGISTERED,
    WORD_REPORTING,
    WORD_ADOPTING,
    WORD_RATE,
    WORD_BOUNDS,
    WORD_TARGET,
    WORD_GAP,
    WORD_LEGEND_BOUNDS,
    WORD_LEGEND_GAP,
    WORD_OPEN_PERIOD,
    WORD_SILENT,
    WORD_NO_CENTRES,
    WORD_AND,
    WORD_OR,
    WORDS
};

enum { WORDS_NUMBER_SIZE = 48 };

const char *words_say(enum language language, enum word word);

/* The language of LC_ALL, LC_MESSAGES or LANG: Vietnamese if it begins with "vi", otherwise English. */
enum language words_language_of_environment(void);

/* "1.234"; "63,2 %" (without decimals where they are 0, if `short_form`); "+3,2". Each returns `out`. */
const char *words_count(enum language language, int64_t value, char out[WORDS_NUMBER_SIZE]);
const char *words_percent(enum language language, double share, bool short_form, char out[WORDS_NUMBER_SIZE]);
const char *words_points(enum language language, double difference, char out[WORDS_NUMBER_SIZE]);

/* What a verdict lacks: one line for each thing that must change ("teaching: 6 of 8 active days"), alternatives joined
 * by "or". Nothing for a rule that is met. `conditions` as indicator_print_conditions writes them; an "actual" of null
 * is said as fewer than `small_cell`. */
void words_explain(enum language language, const cJSON *conditions, int64_t small_cell, struct buffer *out);

#endif
