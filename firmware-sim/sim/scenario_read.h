/* The parts of a scenario file, for scenario.c alone. Each reads one section into `scenario` and notes its faults. */
#ifndef SIM_SCENARIO_READ_H
#define SIM_SCENARIO_READ_H

#include "jsonc.h"
#include "scenario.h"

void scenario_read_calendars(const struct jsonc_node *section, struct scenario *scenario);
void scenario_read_streams(const struct jsonc_node *section, struct scenario *scenario);
void scenario_read_devices(const struct jsonc_node *section, struct scenario *scenario);
void scenario_read_profiles(const struct jsonc_node *section, struct scenario *scenario);
void scenario_read_centre_types(const struct jsonc_node *section, struct scenario *scenario);
void scenario_read_network(const struct jsonc_node *section, struct scenario *scenario);
void scenario_read_faults(const struct jsonc_node *section, struct scenario *scenario);
void scenario_read_live(const struct jsonc_node *section, struct scenario *scenario);

/* The named section as an object of at most `limit` members, or one without members and a fault. */
struct jsonc_node scenario_section(const struct jsonc_node *node, const char *key, uint32_t limit, bool required);
/* Index of a name that the node holds; 0 and a fault that names the known ones if there is none. */
uint32_t scenario_reference(const struct jsonc_node *node, const char *name, const char *what, const char *names,
                            size_t stride, uint32_t count);
/* A string that is written into JSON as it is: no quote, backslash or control character. */
void scenario_read_plain(const struct jsonc_node *node, char *text, size_t size);
/* [least, most] of numbers within the bounds. */
void scenario_read_range(const struct jsonc_node *node, double minimum, double maximum, double range[2]);

#endif
