/*
 * Weekly hours and breaks. Where several breaks cover a day, the one that leaves least counts: a holiday within the
 * summer break is a holiday.
 */
#include "calendar.h"

#include "civil.h"

static bool covers(const struct calendar_break *stop, int32_t day)
{
    int year, month, day_of_month;

    if (!stop->yearly) {
        return day >= stop->from && day <= stop->to;
    }
    civil_date(day, &year, &month, &day_of_month);
    return month * 100 + day_of_month >= stop->from && month * 100 + day_of_month <= stop->to;
}

struct calendar_day calendar_look_up(const struct calendar *calendar, int32_t day)
{
    int weekday = civil_weekday(day);
    struct calendar_day found = {
        .hours = calendar->hours[weekday], .hours_count = calendar->hours_count[weekday], .factor = 1};

    for (int i = 0; i < found.hours_count; i++) {
        found.open_s += found.hours[i].to_s - found.hours[i].from_s;
    }
    for (int i = 0; i < calendar->break_count; i++) {
        if (calendar->breaks[i].factor < found.factor && covers(&calendar->breaks[i], day)) {
            found.factor = calendar->breaks[i].factor;
        }
    }
    if (found.open_s == 0) {
        found.factor = 0;
    }
    return found;
}

int32_t calendar_clock(const struct calendar_day *day, int32_t open_second)
{
    for (int i = 0; i < day->hours_count; i++) {
        int32_t length_s = day->hours[i].to_s - day->hours[i].from_s;

        if (open_second < length_s) {
            return day->hours[i].from_s + open_second;
        }
        open_second -= length_s;
    }
    return 0;
}
