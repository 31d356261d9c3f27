#include "world.h"

#include "../../unit/base/remove_tree.h"

#include "base/civil.h"
#include "base/file.h"
#include "base/json_arena.h"
#include "base/log.h"

#include <unistd.h>

static const char config_text[] =
    "{\"realms\": [\"46\"], \"time_zone\": \"Asia/Ho_Chi_Minh\", \"data_dir\": \"data\",\n"
    " \"registry\": {\"centres\": \"centres.csv\", \"areas\": \"areas.csv\"},\n"
    " \"taxonomy\": \"taxonomy.jsonc\", \"indicators\": \"indicators.jsonc\", \"late_days\": 30,\n"
    " \"commit\": {\"interval_ms\": 60000},\n"
    " \"rejected\": {\"keep_days\": 36500, \"max_rows\": 50}, \"journal\": {\"keep_days\": 36500}}\n";

static const char areas_text[] = "code,name,level,parent,valid_from,valid_to,successor\n"
                                 "46,Province,province,,,,\n"
                                 "A,Commune A,commune,46,,2025-07-01,N\n"
                                 "B,Commune B,commune,46,,2025-07-01,N\n"
                                 "C,Commune C,commune,46,,,\n"
                                 "N,Commune N,commune,46,2025-07-01,,\n";

static const char centres_text[] = "id,name,type,area,head_count,opened,closed\n"
                                   "p-1,School 1,primary,A,100,2000-09-01,\n"
                                   "p-2,School 2,primary,B,50,2000-09-01,\n"
                                   "p-3,School 3,primary,C,40,2000-09-01,\n"
                                   "p-4,School 4,primary,C,40,2000-09-01,2025-06-15\n"
                                   "p-5,School 5,primary,A,40,2025-06-10,\n"
                                   "k-1,Preschool,preschool,C,30,2000-09-01,\n";

static const char taxonomy_text[] = "{\"types\": {\"lesson.*\": \"teaching\", \"quiz.*\": \"learning\"}}\n";

static const char indicators_text[] =
    "{\"indicators\": [{\"id\": \"digital\", \"name\": {\"vi\": \"So\", \"en\": \"Digital\"}, \"source\": \"test\",\n"
    "  \"centre_types\": [\"primary\"], \"period\": \"month\", \"targets\": [{\"from\": \"2025-06-01\", \"value\": "
    "0.5}],\n"
    "  \"rule\": {\"all\": [{\"activity\": \"teaching\", \"active_days\": {\"min\": 2}},\n"
    "    {\"any\": [{\"activity\": \"learning\", \"users_share\": {\"min\": 0.05}},\n"
    "             {\"activity\": \"learning\", \"users\": {\"min\": 3}}]}]}}]}\n";

static char *path_of(const struct world *world, const char *file)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", world->directory, file);
    return path;
}

void world_write(const struct world *world, const char *file, const char *text)
{
    assert_int_equal(file_replace(path_of(world, file), text, strlen(text), 0640, NULL), 0);
}

static void fail_with(const struct faults *faults)
{
    if (faults->count > 0) {
        fail_msg("%s:%u: %s", faults->list[0].file, faults->list[0].line, faults->list[0].what);
    }
}

static void load(struct world *world)
{
    struct faults faults = {0};
    const struct registry_files files = {.centres = world->settings.registry_centres,
                                         .areas = world->settings.registry_areas,
                                         .taxonomy = world->settings.taxonomy};
    registry_load(&world->registry, &files, &faults);
    fail_with(&faults);
    indicators_load(&world->indicators, world->settings.indicators, world->registry, &faults);
    fail_with(&faults);
}

static int publish(void *context, const char *topic, const void *payload, size_t length)
{
    struct world *world = context;
    struct ack *ack = &world->acks[world->ack_count % 64];
    snprintf(ack->topic, sizeof ack->topic, "%s", topic);
    snprintf(ack->payload, sizeof ack->payload, "%.*s", (int)length, (const char *)payload);
    ack->at_ms = clock_steady_ms();
    if (world->refuse == 0) {
        world->ack_count++;
        if (world->on_ack != NULL) {
            world->on_ack(world, ack->payload);
        }
    }
    return world->refuse;
}

int world_try_pipeline(struct world *world)
{
    bool is_new = access(path_of(world, "data/edutally.db"), F_OK) != 0;
    secret_free(&world->secret);
    int result = secret_open(&world->secret, world->settings.secret_file, is_new, &world->error);
    if (result != 0) {
        return result;
    }
    const struct pipeline_parts parts = {.settings = &world->settings,
                                         .registry = world->registry,
                                         .indicators = &world->indicators,
                                         .zone = world->zone,
                                         .version = "test",
                                         .secret = world->secret,
                                         .journal = world->journal,
                                         .counters = &world->counters,
                                         .publish = world->listens ? publish : NULL,
                                         .publish_context = world};
    return pipeline_open(&world->pipeline, &parts, &world->error);
}

void world_start(struct world *world)
{
    bool is_new = access(path_of(world, "data/edutally.db"), F_OK) != 0;
    MUST(world, secret_open(&world->journal_secret, world->settings.secret_file, is_new, &world->error));
    MUST(world, journal_open(&world->journal, path_of(world, "journal"), 1 << 20, world->journal_secret,
                             &world->counters, &world->error));
    MUST(world, world_try_pipeline(world));
}

void world_crash(struct world *world)
{
    pipeline_close(&world->pipeline);
    if (world->journal != NULL) {
        journal_close(&world->journal);
    }
    secret_free(&world->secret);
    secret_free(&world->journal_secret);
}

struct world *world_new(void)
{
    struct faults faults = {0};
    struct world *world = calloc(1, sizeof *world);
    json_arena_install();
    log_set_level(LOG_ERROR_LEVEL);
    snprintf(world->directory, sizeof world->directory, "/tmp/edutally-pipeline-XXXXXX");
    assert_non_null(mkdtemp(world->directory));
    world_write(world, "collector.jsonc", config_text);
    world_write(world, "areas.csv", areas_text);
    world_write(world, "centres.csv", centres_text);
    world_write(world, "taxonomy.jsonc", taxonomy_text);
    world_write(world, "indicators.jsonc", indicators_text);
    MUST(world, file_make_directory(path_of(world, "journal"), &world->error));
    MUST(world, file_make_directory(path_of(world, "data"), &world->error));
    settings_load(&world->settings, path_of(world, "collector.jsonc"), &faults);
    fail_with(&faults);
    MUST(world, zone_open(&world->zone, world->settings.time_zone, &world->error));
    load(world);
    world_start(world);
    return world;
}

void world_free(struct world **out)
{
    struct world *world = *out;
    world_crash(world);
    indicators_free(&world->indicators);
    registry_free(&world->registry);
    zone_close(&world->zone);
    settings_free(&world->settings);
    assert_int_equal(remove_tree(world->directory), 0);
    free(world);
    *out = NULL;
}

int world_setup(void **state)
{
    *state = world_new();
    return 0;
}

int world_teardown(void **state)
{
    world_free((struct world **)state);
    return 0;
}

void world_load_again(struct world *world, bool reload)
{
    struct registry *old_registry = world->registry;
    struct indicators old_indicators = world->indicators;
    world->registry = NULL;
    world->indicators = (struct indicators){0};
    load(world);
    if (reload) {
        MUST(world, pipeline_reload(world->pipeline, world->registry, &world->indicators, &world->error));
    }
    indicators_free(&old_indicators);
    registry_free(&old_registry);
}

int64_t time_of(const char *text)
{
    int64_t t_ms;
    assert_int_equal(civil_parse_time(text, strlen(text), &t_ms), 0);
    return t_ms;
}

void world_send_to(struct world *world, const char *received, const char *topic, const char *payload)
{
    MUST(world, journal_append(world->journal, time_of(received), topic, strlen(topic), payload, strlen(payload),
                               &world->error));
}

void world_send(struct world *world, const char *received, const char *centre, const char *device, const char *payload)
{
    char topic[300];
    snprintf(topic, sizeof topic, "edu/v1/46/%s/%s/event", centre, device);
    world_send_to(world, received, topic, payload);
}

void world_send_event(struct world *world, const char *received, const char *centre, const char *device, int64_t seq,
                      const char *t, const char *type, const char *user)
{
    char payload[512], key[100] = "";
    if (user[0] != '\0') {
        snprintf(key, sizeof key, ",\"user\":\"%s\"", user);
    }
    snprintf(payload, sizeof payload,
             "{\"v\":1,\"epoch\":\"e1\",\"events\":[{\"seq\":%lld,\"t\":\"%s\",\"type\":\"%s\",\"dur\":60%s}]}",
             (long long)seq, t, type, key);
    world_send(world, received, centre, device, payload);
}

void world_count(struct world *world)
{
    MUST(world, pipeline_catch_up(world->pipeline, &world->error));
}

void world_finish(struct world *world)
{
    MUST(world, pipeline_finish(world->pipeline, &world->error));
}

int64_t world_counter(const struct world *world, enum counter counter)
{
    return counter_get(&world->counters, counter);
}

static int dump_usage(void *context, const struct usage_row *row)
{
    char date[CIVIL_DATE_SIZE];
    buffer_print(context, "%s %s %s %lld %lld %lld %lld|", row->centre, civil_format_date(row->day, date),
                 row->activity, (long long)row->events, (long long)row->seconds, (long long)row->users,
                 (long long)row->devices);
    return 0;
}

static int dump_month(void *context, const struct month_row *row)
{
    buffer_print(context, "%s %d-%02d %s %lld %lld %lld %lld %lld|", row->centre, row->month / 12, row->month % 12 + 1,
                 row->activity, (long long)row->active_days, (long long)row->events, (long long)row->seconds,
                 (long long)row->users, (long long)row->devices);
    return 0;
}

static int dump_device(void *context, const struct device_row *row)
{
    buffer_print(context, "%s/%s/%s %lld -%lld|", row->centre, row->device, row->epoch, (long long)row->received,
                 (long long)row->missing);
    return 0;
}

static int dump_adoption(void *context, const struct adoption_row *row)
{
    buffer_print(context, "%s %s %d %lld/%lld/%lld|", row->indicator, row->area, row->period,
                 (long long)row->registered, (long long)row->reporting, (long long)row->adopting);
    return 0;
}

static int dump_verdict(void *context, const struct verdict_row *row)
{
    buffer_print(context, "%s %s %d %d%d %s|", row->indicator, row->centre, row->period, row->reporting, row->adopts,
                 row->conditions);
    return 0;
}

struct hours {
    char **lines;
    size_t count;
};

static int gather_hour(void *context, const struct change_row *row)
{
    struct hours *hours = context;
    char line[300];
    snprintf(line, sizeof line, "%s %lld %s %lld %lld|", row->centre, (long long)row->hour_s, row->activity,
             (long long)row->events, (long long)row->seconds);
    hours->lines = realloc(hours->lines, (hours->count + 1) * sizeof *hours->lines);
    hours->lines[hours->count++] = strdup(line);
    return 0;
}

static int compare_lines(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* Hours come by revision, which depends on the commits: sorted here. */
static void dump_hours(struct world *world, struct store_reader *reader, struct buffer *out)
{
    struct hours hours = {0};
    struct change_cursor cursor = {0};
    MUST(world, store_read_changes(reader, SERIES_USAGE_HOUR, &cursor, 1000000, gather_hour, &hours, &world->error));
    if (hours.count > 0) {
        qsort(hours.lines, hours.count, sizeof *hours.lines, compare_lines);
    }
    for (size_t i = 0; i < hours.count; i++) {
        buffer_add_text(out, hours.lines[i]);
        free(hours.lines[i]);
    }
    free(hours.lines);
}

char *world_dump(struct world *world, bool results)
{
    struct store_reader *reader = NULL;
    struct buffer out = {0};
    const struct usage_filter days = {.from_day = INT32_MIN, .to_day = INT32_MAX};
    const struct adoption_filter adoption = {.any_period = true};
    const struct verdict_filter verdicts = {.any_period = true};
    MUST(world, store_reader_open(&reader, world->settings.data_dir, &world->error));
    MUST(world, store_read_usage(reader, &days, dump_usage, &out, &world->error));
    dump_hours(world, reader, &out);
    for (uint32_t i = 0; i < registry_centre_count(world->registry); i++) {
        const char *id = registry_centre(world->registry, i)->id;
        MUST(world, store_read_months(reader, id, INT32_MIN, INT32_MAX, dump_month, &out, &world->error));
        MUST(world, store_read_devices(reader, id, dump_device, &out, &world->error));
    }
    if (results) {
        MUST(world, store_read_adoption(reader, &adoption, dump_adoption, &out, &world->error));
        MUST(world, store_read_verdicts(reader, &verdicts, dump_verdict, &out, &world->error));
    }
    store_reader_close(&reader);
    buffer_add_text(&out, "");
    assert_false(out.failed);
    return out.bytes;
}

const char *world_usage(struct world *world)
{
    static char text[16384];
    struct store_reader *reader = NULL;
    struct buffer out = {0};
    const struct usage_filter days = {.from_day = INT32_MIN, .to_day = INT32_MAX};
    MUST(world, store_reader_open(&reader, world->settings.data_dir, &world->error));
    MUST(world, store_read_usage(reader, &days, dump_usage, &out, &world->error));
    store_reader_close(&reader);
    snprintf(text, sizeof text, "%s", out.bytes != NULL ? out.bytes : "");
    buffer_free(&out);
    return text;
}

static int dump_rejected(void *context, const struct rejected_row *row)
{
    buffer_print(context, "%s%s x%lld|", row->quarantined ? "" : "!", row->reason, (long long)row->times);
    return 0;
}

const char *world_rejected(struct world *world)
{
    static char text[16384];
    struct store_reader *reader = NULL;
    struct buffer out = {0};
    MUST(world, store_reader_open(&reader, world->settings.data_dir, &world->error));
    MUST(world, store_read_rejected(reader, INT64_MAX, 1000, dump_rejected, &out, &world->error));
    store_reader_close(&reader);
    snprintf(text, sizeof text, "%s", out.bytes != NULL ? out.bytes : "");
    buffer_free(&out);
    return text;
}
