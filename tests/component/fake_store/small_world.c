/*
 * Area A has c1 (adopts in October) and k1; area B has c2 (reports, does not adopt) and c3, which closes at new year
 * and is silent. Names are chosen to be awkward: a quote, a comma, a formula.
 */
#include "small_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char areas[] = "code,name,level,parent,valid_from,valid_to,successor\n"
                            "46,Thành phố Huế,province,,,,\n"
                            "A,Phường An Cựu,ward,46,,,\n"
                            "B,\"Xã \"\"Bình, Điền\"\"\",commune,46,,,\n"
                            "OLD,Huyện Cũ,district,46,,2025-07-01,A\n";

static const char centres[] = "id,name,type,area,head_count,opened,closed\n"
                              "c1,Trường Một,primary,A,100,2000-09-01,\n"
                              "c2,=HYPERLINK(1),primary,B,400,2020-09-01,\n"
                              "c3,Trường Ba,primary,B,50,2000-09-01,2026-01-01\n"
                              "k1,Trung tâm học tập cộng đồng,community_learning_centre,A,10,2000-09-01,\n";

static const char taxonomy[] = "{\"types\": {\"gradebook.*\": \"management\", \"lesson.*\": \"teaching\", "
                               "\"quiz.*\": \"learning\", \"class.*\": \"community\"}}\n";

static const char indicators[] =
    "{\"indicators\": [\n"
    " {\"id\": \"schools\", \"name\": {\"vi\": \"Trường số\", \"en\": \"Digital schools\"}, \"source\": \"a plan\",\n"
    "  \"centre_types\": [\"primary\"], \"period\": \"month\", \"targets\": [{\"from\": \"2024-05-02\", \"value\": "
    "0.6}],\n"
    "  \"rule\": {\"all\": [{\"activity\": \"management\", \"active_days\": {\"min\": 8}},\n"
    "    {\"any\": [{\"activity\": \"learning\", \"users_share\": {\"min\": 0.3}},\n"
    "              {\"activity\": \"learning\", \"users\": {\"min\": 200}}]}]}},\n"
    " {\"id\": \"clc\", \"name\": {\"vi\": \"Trung tâm số\", \"en\": \"Digital centres\"}, \"source\": \"a plan\",\n"
    "  \"centre_types\": [\"community_learning_centre\"], \"period\": \"month\", \"targets\": [],\n"
    "  \"rule\": {\"activity\": \"community\", \"active_days\": {\"min\": 2}}}]}\n";

enum { OCTOBER = 2025 * 12 + 9, NOVEMBER = OCTOBER + 1, FIFTH_OF_OCTOBER = 20366 };

static const struct usage_row usage[] = {
    {"c1", FIFTH_OF_OCTOBER, "learning", 60, 3600, 40, 12},
    {"c1", FIFTH_OF_OCTOBER, "management", 3, 0, 1, 1},
    {"c1", FIFTH_OF_OCTOBER + 40, "management", 2, 0, 2, 1},
    {"c2", FIFTH_OF_OCTOBER + 1, "management", 7, 30, 3, 2},
};

static const struct month_row months[] = {
    {"c1", OCTOBER, "learning", 9, 600, 36000, 45, 12}, {"c1", OCTOBER, "management", 10, 30, 0, 3, 1},
    {"c1", NOVEMBER, "management", 1, 2, 0, 2, 1},      {"c2", OCTOBER, "learning", 4, 50, 0, 45, 5},
    {"c2", OCTOBER, "management", 6, 7, 30, 3, 2},
};

static const struct adoption_row adoption[] = {
    {"clc", "46", "month", OCTOBER, 1, 1, 1, false, 0, "r", "g", 0},
    {"clc", "A", "month", OCTOBER, 1, 1, 1, false, 0, "r", "g", 0},
    {"schools", "46", "month", OCTOBER, 3, 2, 1, true, 0.6, "r", "g", 0},
    {"schools", "46", "month", NOVEMBER, 3, 1, 0, true, 0.6, "r", "g", 0},
    {"schools", "A", "month", OCTOBER, 1, 1, 1, true, 0.6, "r", "g", 0},
    {"schools", "B", "month", OCTOBER, 2, 1, 0, true, 0.6, "r", "g", 0},
};

#define SCHOOL_CONDITIONS(days, days_met, share, share_met, users)                                                     \
    "[{\"path\":\"all/0\",\"activity\":\"management\",\"metric\":\"active_days\",\"min\":8,\"max\":null,"              \
    "\"actual\":" days ",\"negated\":false,\"met\":" days_met "},"                                                     \
    "{\"path\":\"all/1/any/0\",\"activity\":\"learning\",\"metric\":\"users_share\",\"min\":0.3,\"max\":null,"         \
    "\"actual\":" share ",\"negated\":false,\"met\":" share_met "},"                                                   \
    "{\"path\":\"all/1/any/1\",\"activity\":\"learning\",\"metric\":\"users\",\"min\":200,\"max\":null,"               \
    "\"actual\":" users ",\"negated\":false,\"met\":false}]"

static const struct verdict_row verdicts[] = {
    {"clc", "k1", "month", OCTOBER, true, true,
     "[{\"path\":\"\",\"activity\":\"community\",\"metric\":\"active_days\",\"min\":2,\"max\":null,\"actual\":2,"
     "\"negated\":false,\"met\":true}]"},
    {"schools", "c1", "month", OCTOBER, true, true, SCHOOL_CONDITIONS("10", "true", "0.45", "true", "45")},
    {"schools", "c1", "month", NOVEMBER, true, false, SCHOOL_CONDITIONS("1", "false", "0", "false", "0")},
    {"schools", "c2", "month", OCTOBER, true, false, SCHOOL_CONDITIONS("6", "false", "0.1125", "false", "45")},
    {"schools", "c2", "month", NOVEMBER, false, false, SCHOOL_CONDITIONS("0", "false", "0", "false", "0")},
    {"schools", "c3", "month", OCTOBER, false, false, SCHOOL_CONDITIONS("0", "false", "0", "false", "0")},
    {"schools", "c3", "month", NOVEMBER, false, false, SCHOOL_CONDITIONS("0", "false", "0", "false", "0")},
};

static const struct device_row devices[] = {
    {"46", "c1", "office", "5f3a", 63, 2, 1, 1759629600000, 1759626000000, 5, 3},
    {"46", "c1", "tablet", "77aa", 2, 0, 0, 1763110800000, 1763107200000, 0, 0},
};

static const struct quality_row quality[] = {
    {.centre = "c1",
     .devices = 2,
     .expected = 69,
     .received = 65,
     .missing = 1,
     .repeated = 2,
     .late = 5,
     .given_up = 3,
     .rejected = 7,
     .quarantined = 4,
     .let_go = 1},
};

static const struct rejected_row rejected[] = {
    {.id = 9,
     .reason = "bad_json",
     .detail = "at byte 3: no value",
     .topic = "edu/v1/46/c1/office/event",
     .centre = "c1",
     .device = "office",
     .received_ms = 1759629600000,
     .times = 2,
     .position = 700,
     .raw = "{\"user\":\"0123456789abcdef\"",
     .raw_length = 26},
    {.id = 4,
     .quarantined = true,
     .reason = "unknown_centre",
     .detail = "",
     .topic = "edu/v1/46/new/d/event",
     .centre = "new",
     .device = "d",
     .received_ms = 1759626000000,
     .times = 1,
     .position = -1},
};

#define COUNT(list) (sizeof(list) / sizeof(list)[0])

const struct fake_store small_world_rows = {.revision = 42,
                                            .usage = usage,
                                            .usage_count = COUNT(usage),
                                            .months = months,
                                            .month_count = COUNT(months),
                                            .adoption = adoption,
                                            .adoption_count = COUNT(adoption),
                                            .verdicts = verdicts,
                                            .verdict_count = COUNT(verdicts),
                                            .devices = devices,
                                            .device_count = COUNT(devices),
                                            .quality = quality,
                                            .quality_count = COUNT(quality),
                                            .rejected = rejected,
                                            .rejected_count = COUNT(rejected)};

const char *small_world_path(const struct small_world *world, const char *name)
{
    static char path[160];
    snprintf(path, sizeof path, "%s/%s", world->directory, name);
    return path;
}

static void write_file(const struct small_world *world, const char *name, const char *text)
{
    FILE *file = fopen(small_world_path(world, name), "w");
    if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0) {
        perror(name);
        abort();
    }
}

void small_world_make(struct small_world *world, const char *more)
{
    char config[1024];
    snprintf(world->directory, sizeof world->directory, "/tmp/edutally-test-XXXXXX");
    if (mkdtemp(world->directory) == NULL) {
        perror("mkdtemp");
        abort();
    }
    snprintf(
        config, sizeof config,
        "{\"realms\": [\"46\"], \"time_zone\": \"Asia/Ho_Chi_Minh\", \"data_dir\": \"data\",\n"
        " \"registry\": {\"centres\": \"centres.csv\", \"areas\": \"areas.csv\"}, \"taxonomy\": \"taxonomy.jsonc\",\n"
        " \"indicators\": \"indicators.jsonc\", \"http\": {\"listen\": \"127.0.0.1:0\"}%s}\n",
        more);
    write_file(world, "areas.csv", areas);
    write_file(world, "centres.csv", centres);
    write_file(world, "taxonomy.jsonc", taxonomy);
    write_file(world, "indicators.jsonc", indicators);
    write_file(world, "collector.jsonc", config);
    snprintf(world->config, sizeof world->config, "%s/collector.jsonc", world->directory);
}

void small_world_remove(struct small_world *world)
{
    static const char *const names[] = {"areas.csv",        "centres.csv",     "taxonomy.jsonc",
                                        "indicators.jsonc", "collector.jsonc", "out.csv"};
    for (size_t i = 0; i < COUNT(names); i++) {
        unlink(small_world_path(world, names[i]));
    }
    rmdir(world->directory);
}
