/* A deployment in a temporary directory: the files that people edit, with something of everything in them. */
#ifndef EDUTALLY_TESTS_MEMORY_PLACE_H
#define EDUTALLY_TESTS_MEMORY_PLACE_H

struct place {
    char directory[64];
    char config[96]; /* path of collector.jsonc */
};

void place_make(struct place *place);
void place_remove(const struct place *place);
void place_write(const struct place *place, const char *file, const char *text);

extern const char place_centres[];       /* five centres */
extern const char place_more_centres[];  /* and a sixth */
extern const char place_faulty_config[]; /* mistakes of many kinds */
extern const char place_faulty_areas[];
extern const char place_faulty_centres[];
extern const char place_faulty_taxonomy[];
extern const char place_faulty_indicators[];

#endif
