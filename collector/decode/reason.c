#include "decode/decode.h"

struct reason {
    const char *word;
    const char *text;
};

static const struct reason reasons[DECODE_REASONS] = {
#define REASON(name, word_, text_) [DECODE_##name] = {.word = (word_), .text = (text_)},
#include "decode/reasons.def"
#undef REASON
};

const char *decode_reason_word(enum decode_reason reason)
{
    return reasons[reason].word;
}

const char *decode_reason_text(enum decode_reason reason)
{
    return reasons[reason].text;
}
