#include "fixture.h"

#include <unistd.h>

const char sound_areas[] = AREA_COLUMNS "1,Province,province,,,,\n"
                                        "10,District,district,1,,2025-07-01,1\n"
                                        "101,West,commune,10,,2025-07-01,102\n"
                                        "102,East,commune,10,,2025-07-01,102\n"
                                        "102,United,commune,1,2025-07-01,,\n";
const char sound_centres[] = CENTRE_COLUMNS "c-1,First School,primary,101,300,2001-09-05,\n"
                                            "c-2,\"Second, \"\"New\"\" School\",primary,102,0,,2025-09-01\n"
                                            "c-3,Centre,community_learning_centre,101,50,,\n";
const char sound_taxonomy[] = "{\"types\":{\"lesson.*\":\"teaching\",\"quiz.*\":\"learning\"}}";

int set_up(void **state)
{
    static const char *const names[FILES] = {"areas.csv", "centres.csv", "taxonomy.jsonc"};
    struct fixture *fixture = calloc(1, sizeof *fixture);
    snprintf(fixture->directory, sizeof fixture->directory, "/tmp/edutally-registry-XXXXXX");
    if (mkdtemp(fixture->directory) == NULL) {
        return -1;
    }
    for (int i = 0; i < FILES; i++) {
        snprintf(fixture->paths[i], sizeof fixture->paths[i], "%s/%s", fixture->directory, names[i]);
    }
    *state = fixture;
    return 0;
}

int tear_down(void **state)
{
    struct fixture *fixture = *state;
    registry_free(&fixture->registry);
    faults_clear(&fixture->faults);
    for (int i = 0; i < FILES; i++) {
        unlink(fixture->paths[i]);
    }
    rmdir(fixture->directory);
    free(fixture);
    return 0;
}

void write_file(const char *path, const char *bytes, size_t count)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
}

int load(struct fixture *fixture, const char *areas, const char *centres, const char *taxonomy)
{
    const char *texts[FILES] = {areas != NULL ? areas : sound_areas, centres != NULL ? centres : sound_centres,
                                taxonomy != NULL ? taxonomy : sound_taxonomy};
    struct registry_files files = {
        .areas = fixture->paths[AREAS], .centres = fixture->paths[CENTRES], .taxonomy = fixture->paths[TAXONOMY]};
    for (int i = 0; i < FILES; i++) {
        write_file(fixture->paths[i], texts[i], strlen(texts[i]));
    }
    registry_free(&fixture->registry);
    faults_clear(&fixture->faults);
    return registry_load(&fixture->registry, &files, &fixture->faults);
}

const struct registry *must_load(struct fixture *fixture, const char *areas, const char *centres, const char *taxonomy)
{
    if (load(fixture, areas, centres, taxonomy) != 0) {
        fail_msg("refused: %s:%u: %s", fixture->faults.list[0].file, fixture->faults.list[0].line,
                 fixture->faults.list[0].what);
    }
    return fixture->registry;
}

int32_t day_of(const char *date)
{
    int32_t day = 0;
    assert_int_equal(civil_parse_date(date, strlen(date), &day), 0);
    return day;
}
