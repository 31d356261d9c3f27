/* The fixture that the indicator's tests share: a registry of four centres and four activities. */
#ifndef EDUTALLY_TESTS_UNIT_INDICATOR_SUPPORT_H
#define EDUTALLY_TESTS_UNIT_INDICATOR_SUPPORT_H

#include "indicator/indicator.h"

/* A group set-up and tear-down of cmocka: *state is the registry. */
int fixture_open(void **state);
int fixture_close(void **state);

/* A file with one indicator (school year, primary) and this rule; fails the test if it has a fault. */
void parse_rule(struct indicators *indicators, const struct registry *registry, const char *rule);

void fail_with_faults(const struct faults *faults);

#endif
