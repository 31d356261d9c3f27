/* When people work and learn. Pure, any thread. */
#ifndef SIM_CALENDAR_H
#define SIM_CALENDAR_H

#include "scenario.h"

/* What a calendar says of a day. */
struct calendar_day {
    const struct hours *hours; /* borrowed from the calendar */
    int hours_count;
    int32_t open_s; /* their sum; 0: closed */
    double factor;  /* of the chance that the day is an active one; 0 where closed, 1 outside breaks */
};

struct calendar_day calendar_look_up(const struct calendar *calendar, int32_t day);

/* The second after midnight at which `open_second` open seconds have passed; 0 <= open_second < day->open_s. */
int32_t calendar_clock(const struct calendar_day *day, int32_t open_second);

#endif
