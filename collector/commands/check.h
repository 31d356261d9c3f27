/* What `edutally check` found beyond the files themselves, and how it is shown. */
#ifndef EDUTALLY_COMMANDS_CHECK_H
#define EDUTALLY_COMMANDS_CHECK_H

#include "commands/world.h"

enum { CHECK_FINDINGS = 160 }; /* 32 outputs with three files each, the broker's, and what there is one of */

/* One thing that was tried on this machine or over the network. */
struct check_finding {
    char subject[100]; /* "data_dir", "output influx" */
    bool failed;
    bool warned;        /* it works, but somebody could be harmed */
    char text[400];     /* what was found, or what went wrong */
    const char *remedy; /* static; NULL if all is well */
};

struct check_findings {
    struct check_finding list[CHECK_FINDINGS];
    size_t count;
    size_t failed, warned;
};

/* Adds one that is no failure; `remedy` is static. */
void check_warn(struct check_findings *findings, const char *remedy, const char *subject, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Warns of settings that work and that can be abused. */
void check_risks(const struct settings *settings, struct check_findings *findings);
/* What to mend, by what ingest_probe said; static. */
const char *check_broker_remedy(const struct error *error);

/* How many series the outputs may hold at most, by what the store gives them. */
struct check_series {
    size_t usage;           /* centre and activity, by day, and the same by hour */
    size_t adoption;        /* indicator and area */
    size_t centre_adoption; /* indicator and centre that it covers */
};
struct check_series check_count_series(const struct world *world);
size_t check_count_covered(const struct world *world, const struct indicator *indicator);
size_t check_count_codes(const struct registry *registry);

/* To standard output. */
void check_print_text(const struct world *world, const struct check_findings *findings);
int check_print_json(const struct world *world, const struct check_findings *findings);
/* For a world with faults; `findings` do not exist then. 0 or ERROR_MEMORY, as check_print_json. */
int check_print_faults_json(const struct faults *faults);

#endif
