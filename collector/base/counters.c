#include "base/counters.h"

static const struct counter_info table[COUNTERS] = {
#define COUNTER(name, help) {#name, help, false},
#define GAUGE(name, help)   {#name, help, true},
#include "base/counters.def"
#undef COUNTER
#undef GAUGE
};

const struct counter_info *counter_info(enum counter counter)
{
    return &table[counter];
}
