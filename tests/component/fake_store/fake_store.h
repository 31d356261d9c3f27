/* A store of canned rows behind store/reader.h, linked in place of the real one: component tests of those who read
 * decide what is stored, and that reading fails. Rows must stand in the order that reader.h promises. */
#ifndef EDUTALLY_TESTS_FAKE_STORE_H
#define EDUTALLY_TESTS_FAKE_STORE_H

#include "store/reader.h"

struct fake_store {
    int open_fails; /* an ERROR_* code, 0: it opens */
    int read_fails; /* likewise, for all reads */
    int64_t revision;
    const struct usage_row *usage;
    size_t usage_count;
    const struct month_row *months;
    size_t month_count;
    const struct adoption_row *adoption;
    size_t adoption_count;
    const struct verdict_row *verdicts;
    size_t verdict_count;
    const struct device_row *devices; /* of the centre in their `centre` */
    size_t device_count;
    const struct quality_row *quality;
    size_t quality_count;
    const struct rejected_row *rejected; /* newest first */
    size_t rejected_count;
};

/* What all readers see from now on; borrowed. */
void fake_store_set(const struct fake_store *store);

#endif
