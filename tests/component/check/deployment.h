/* The five files of a small deployment in a directory of their own, each replaceable by a test. */
#ifndef EDUTALLY_TESTS_CHECK_DEPLOYMENT_H
#define EDUTALLY_TESTS_CHECK_DEPLOYMENT_H

enum which { CONFIG, AREAS, CENTRES, TAXONOMY, INDICATORS, FILES };

struct deployment {
    char directory[64];
    char paths[FILES][96];
};

extern const char *const deployment_names[FILES]; /* "collector.jsonc", … */
extern const char *const deployment_sound[FILES]; /* texts without a fault */

/* cmocka fixtures; *state is the deployment, its files sound. */
int deployment_set_up(void **state);
int deployment_tear_down(void **state);

/* Replaces one file; NULL removes it. */
void deployment_write(const struct deployment *deployment, enum which which, const char *text);

#endif
