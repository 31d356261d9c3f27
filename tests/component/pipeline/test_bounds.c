/*
 * What input from outside may create is bounded, one device's flood costs the others nothing, damage in the store stops
 * nobody, and what became of each device's events can be seen.
 */
#include "world.h"

#include "base/file.h"
#include "facts/streams.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>

static const char noon[] = "2025-06-15T12:00:00+07:00";
static const char morning[] = "2025-06-15T08:00:00+07:00";

/* Runs SQL on a connection of the test's own; the first number of the first row, 0 if there is none. */
static int64_t run_sql(const struct world *world, const char *sql)
{
    char path[256];
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    snprintf(path, sizeof path, "%s/edutally.db", world->settings.data_dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    int code = sqlite3_step(statement);
    int64_t number = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
    assert_true(code == SQLITE_ROW || code == SQLITE_DONE);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return number;
}

static void start_again(struct world *world)
{
    world_crash(world);
    world->listens = true;
    world_start(world);
}

static void send_from(struct world *world, const char *centre, const char *device, int64_t seq)
{
    world_send_event(world, noon, centre, device, seq, morning, "lesson.x", "");
}

/* An event without a sequence number: nobody sends it again. */
static void send_with_id(struct world *world, const char *centre, const char *device, const unsigned char id[16],
                         const char *t)
{
    char payload[200], text[37];
    int used = 0;
    for (int i = 0; i < 16; i++) {
        const char *dash = i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "";
        used += snprintf(text + used, sizeof text - (size_t)used, "%s%02x", dash, id[i]);
    }
    snprintf(payload, sizeof payload, "{\"v\":1,\"id\":\"%s\",\"t\":\"%s\",\"type\":\"lesson.x\"}", text, t);
    world_send(world, noon, centre, device, payload);
}

static void send_numbered_id(struct world *world, const char *centre, const char *device, unsigned char number)
{
    const unsigned char id[16] = {0xb2, 0xf1, 0xc0, 0xde, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, number};
    send_with_id(world, centre, device, id, morning);
}

static void register_nine(struct world *world)
{
    world_write(world, "centres.csv",
                "id,name,type,area,head_count,opened,closed\nx-9,School 9,primary,C,10,2000-09-01,\n"
                "p-1,School 1,primary,A,100,2000-09-01,\n");
    world_load_again(world, true);
}

static bool has_ack(const struct world *world, const char *topic)
{
    for (int i = 0; i < world->ack_count; i++) {
        if (strcmp(world->acks[i].topic, topic) == 0) {
            return true;
        }
    }
    return false;
}

static void a_centre_has_only_so_many_devices_and_those_it_has_go_on(void **state)
{
    struct world *world = *state;
    world->settings.limit_devices_per_centre = 2;
    start_again(world);
    send_from(world, "p-1", "one", 1);
    send_from(world, "p-1", "two", 1);
    send_from(world, "p-1", "three", 1);
    send_from(world, "p-2", "three", 1);
    send_from(world, "p-1", "one", 2);
    world_count(world);
    assert_string_equal(world_usage(world), "p-1 2025-06-15 teaching 3 180 0 2|p-2 2025-06-15 teaching 1 60 0 1|");
    assert_string_equal(world_rejected(world), "!too_many_devices x1|");
    assert_true(has_ack(world, "edu/v1/46/p-1/two/ack"));
    assert_false(has_ack(world, "edu/v1/46/p-1/three/ack")); /* it keeps what it sent */
    assert_int_equal(world_counter(world, COUNTER_events_refused), 1);
    assert_int_equal(world_counter(world, COUNTER_devices_known), 3);
}

/* The bound is raised: what the device kept and sends again counts. */
static void a_device_that_was_refused_is_counted_when_there_is_room(void **state)
{
    struct world *world = *state;
    world->settings.limit_devices_per_centre = 1;
    start_again(world);
    send_from(world, "p-1", "one", 1);
    send_from(world, "p-1", "two", 1);
    world_count(world);
    world->settings.limit_devices_per_centre = 2;
    start_again(world);
    send_from(world, "p-1", "two", 1);
    send_from(world, "p-1", "two", 1);
    world_count(world);
    assert_string_equal(world_usage(world), "p-1 2025-06-15 teaching 2 120 0 2|");
}

static void devices_of_centres_that_nobody_knows_are_bounded_together(void **state)
{
    struct world *world = *state;
    world->settings.limit_unknown_devices = 2;
    start_again(world);
    send_from(world, "x-1", "d", 1);
    send_from(world, "x-2", "d", 1);
    send_from(world, "x-3", "d", 1);
    send_from(world, "p-1", "d", 1);
    world_count(world);
    assert_string_equal(world_usage(world), "p-1 2025-06-15 teaching 1 60 0 1|");
    assert_string_equal(world_rejected(world), "!too_many_devices x1|unknown_centre x1|unknown_centre x1|");
    assert_int_equal(run_sql(world, "SELECT count(*) FROM device"), 3);
}

/* One that invents devices uses up its own bound, not the one that all such centres have together. */
static void a_centre_that_nobody_knows_has_only_so_many_devices_either(void **state)
{
    struct world *world = *state;
    char device[16];
    world->settings.limit_unknown_devices = 5;
    world->settings.limit_devices_per_centre = 2;
    start_again(world);
    for (int i = 0; i < 9; i++) {
        snprintf(device, sizeof device, "d%d", i);
        send_from(world, "x-1", device, 1);
    }
    send_from(world, "x-9", "honest", 1);
    world_count(world);
    assert_int_equal(run_sql(world, "SELECT count(*) FROM rejected WHERE quarantined = 1 AND centre = 'x-9'"), 1);
    assert_int_equal(run_sql(world, "SELECT devices FROM device_count WHERE centre = 'x-1'"), 2);
    assert_int_equal(world_counter(world, COUNTER_events_refused), 7);
}

/* Nobody sends it again, so it is set aside, and judged again when the bounds may be others. */
static void an_event_without_a_number_of_a_device_too_many_is_not_lost(void **state)
{
    struct world *world = *state;
    int64_t released, kept;
    world->settings.limit_devices_per_centre = 1;
    start_again(world);
    send_from(world, "p-1", "one", 1);
    send_numbered_id(world, "p-1", "two", 1);
    send_numbered_id(world, "p-1", "two", 1);
    send_numbered_id(world, "p-1", "two", 2);
    world_send(world, noon, "p-1", "two", "{\"t\":\"2025-06-15T08:00:00+07:00\",\"type\":\"lesson.x\"}");
    world_count(world);
    assert_string_equal(world_rejected(world), "too_many_devices x1|too_many_devices x1|too_many_devices x2|");
    assert_int_equal(world_counter(world, COUNTER_events_repeated), 1);
    assert_int_equal(world_counter(world, COUNTER_events_refused), 0);
    MUST(world, pipeline_retry_quarantine(world->pipeline, &released, &kept, &world->error));
    assert_int_equal(released * 10 + kept, 3);
    world->settings.limit_devices_per_centre = 2;
    MUST(world, pipeline_retry_quarantine(world->pipeline, &released, &kept, &world->error));
    assert_int_equal(released * 10 + kept, 30);
    assert_string_equal(world_usage(world), "p-1 2025-06-15 teaching 4 60 0 2|");
    send_numbered_id(world, "p-1", "two", 2); /* and what was released is known from then on */
    world_count(world);
    assert_string_equal(world_usage(world), "p-1 2025-06-15 teaching 4 60 0 2|");
    assert_int_equal(run_sql(world, "SELECT received * 10 + repeated FROM v_devices WHERE device = 'two'"), 31);
}

static void an_event_without_a_number_of_an_epoch_too_many_counts_after_a_restart(void **state)
{
    struct world *world = *state;
    world->settings.limit_epochs_per_device = 1;
    start_again(world);
    send_from(world, "p-1", "d", 1);
    send_numbered_id(world, "p-1", "d", 1);
    world_count(world);
    start_again(world);
    assert_string_equal(world_rejected(world), "too_many_epochs x1|");
    world->settings.limit_epochs_per_device = 2;
    start_again(world);
    assert_string_equal(world_usage(world), "p-1 2025-06-15 teaching 2 60 0 1|");
    assert_string_equal(world_rejected(world), "");
}

static void a_device_may_lose_its_counter_only_so_often(void **state)
{
    struct world *world = *state;
    char payload[200];
    world->settings.limit_epochs_per_device = 3;
    start_again(world);
    for (int i = 1; i <= 5; i++) {
        snprintf(payload, sizeof payload,
                 "{\"v\":1,\"epoch\":\"boot%d\",\"events\":[{\"seq\":1,\"t\":\"%s\",\"type\":\"lesson.x\"}]}", i,
                 morning);
        world_send(world, noon, "p-1", "d", payload);
    }
    world_count(world);
    assert_string_equal(world_usage(world), "p-1 2025-06-15 teaching 3 0 0 1|");
    assert_string_equal(world_rejected(world), "!too_many_epochs x1|!too_many_epochs x1|");
    assert_int_equal(world_counter(world, COUNTER_epochs_known), 3);
}

static void a_flood_of_garbage_takes_its_own_share_alone(void **state)
{
    struct world *world = *state;
    char garbage[32];
    world->settings.rejected_device_rows_per_hour = 5;
    start_again(world);
    for (int i = 0; i < 20; i++) {
        snprintf(garbage, sizeof garbage, "{garbage %d", i);
        world_send(world, noon, "p-1", "loud", garbage);
    }
    world_send(world, noon, "p-1", "quiet", "{garbage");
    send_from(world, "p-1", "loud", 1);
    world_count(world);
    assert_string_equal(world_usage(world), "p-1 2025-06-15 teaching 1 60 0 1|");
    assert_int_equal(run_sql(world, "SELECT count(*) FROM rejected WHERE device = 'loud'"), 5);
    assert_int_equal(run_sql(world, "SELECT count(*) FROM rejected WHERE device = 'quiet'"), 1);
    assert_int_equal(run_sql(world, "SELECT events FROM let_go WHERE device = 'loud' AND cause = 'rate'"), 15);
    assert_int_equal(run_sql(world, "SELECT last_position > first_position AND first_position > 0 FROM let_go"), 1);
    assert_int_equal(world_counter(world, COUNTER_events_let_go), 15);
    assert_int_equal(run_sql(world, "SELECT let_go FROM v_quality WHERE centre = 'p-1'"), 15);
}

static void an_hour_later_there_is_a_new_share(void **state)
{
    struct world *world = *state;
    world->settings.rejected_device_rows_per_hour = 1;
    start_again(world);
    world_send(world, noon, "p-1", "d", "{one");
    world_send(world, noon, "p-1", "d", "{two");
    world_send(world, "2025-06-15T13:00:00+07:00", "p-1", "d", "{three");
    world_count(world);
    assert_int_equal(run_sql(world, "SELECT count(*) FROM rejected"), 2);
}

static void what_cannot_be_set_aside_any_more_is_left_with_the_device(void **state)
{
    struct world *world = *state;
    world->settings.rejected_device_quarantined_per_day = 3;
    start_again(world);
    for (int64_t seq = 1; seq <= 5; seq++) {
        send_from(world, "x-9", "d", seq);
    }
    world_count(world);
    assert_int_equal(run_sql(world, "SELECT count(*) FROM rejected WHERE quarantined = 1"), 3);
    assert_int_equal(run_sql(world, "SELECT events FROM let_go"), 2);
    assert_non_null(strstr(world->acks[world->ack_count - 1].payload, "\"upto\":3,\"missing\":[]"));

    world_write(world, "centres.csv",
                "id,name,type,area,head_count,opened,closed\nx-9,School 9,primary,C,10,2000-09-01,\n");
    world_load_again(world, true);
    for (int64_t seq = 1; seq <= 5; seq++) {
        send_from(world, "x-9", "d", seq);
    }
    world_count(world);
    assert_string_equal(world_usage(world), "x-9 2025-06-15 teaching 5 300 0 1|");
}

/* What was acknowledged is never given up for another's garbage; what there is no room for is not acknowledged. */
static void garbage_pushes_out_nothing_that_may_still_count(void **state)
{
    struct world *world = *state;
    char device[16];
    world->settings.rejected_max_rows = 48;
    start_again(world);
    for (int64_t seq = 1; seq <= 40; seq++) {
        send_from(world, "x-9", "victim", seq);
    }
    world_count(world);
    assert_int_equal(run_sql(world, "SELECT received * 10 + missing FROM v_devices"),
                     120); /* no more is acknowledged */
    for (int i = 0; i < 120; i++) {
        snprintf(device, sizeof device, "a%d", i);
        world_send(world, noon, "p-1", device, "{garbage");
    }
    world_count(world);
    assert_int_equal(run_sql(world, "SELECT count(*) FROM rejected WHERE device = 'victim'"), 12);
    assert_int_equal(run_sql(world, "SELECT events FROM let_go WHERE device = 'victim' AND cause = 'full'"), 28);
    register_nine(world);
    for (int64_t seq = 13; seq <= 40; seq++) { /* the device kept them */
        send_from(world, "x-9", "victim", seq);
    }
    world_count(world);
    assert_string_equal(world_usage(world), "x-9 2025-06-15 teaching 40 2400 0 1|");
}

static void a_full_quarantine_takes_nothing_more_and_says_so(void **state)
{
    struct world *world = *state;
    char centre[16];
    world->settings.rejected_max_rows = 20;
    start_again(world);
    for (int i = 0; i < 6; i++) {
        for (int64_t seq = 1; seq <= 5; seq++) {
            snprintf(centre, sizeof centre, "x-%d", i);
            send_from(world, centre, "d", seq);
        }
    }
    send_from(world, "x-0", "d", 5); /* a repeat needs no room */
    send_numbered_id(world, "x-5", "d", 1);
    world_count(world);
    assert_int_equal(run_sql(world, "SELECT count(*) FROM rejected"), 20);
    assert_int_equal(run_sql(world, "SELECT sum(events) FROM let_go WHERE cause = 'full'"), 11);
    assert_int_equal(run_sql(world, "SELECT sum(events) FROM let_go WHERE centre = 'x-5'"), 6);
    assert_true(has_ack(world, "edu/v1/46/x-3/d/ack"));
    assert_false(has_ack(world, "edu/v1/46/x-4/d/ack"));
    assert_int_equal(world_counter(world, COUNTER_events_repeated), 1);
}

/* A full disk: the batch is tried again and again, and takes its shares once. */
static void a_batch_that_is_rolled_back_uses_up_no_share(void **state)
{
    struct world *world = *state;
    struct rlimit before, small;
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGXFSZ, &ignore, NULL);
    world->settings.rejected_device_quarantined_per_day = 5;
    start_again(world);
    for (int64_t seq = 1; seq <= 5; seq++) {
        send_from(world, "x-9", "d", seq);
    }
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    int failed = 0;
    for (int i = 0; i < 3; i++) {
        failed += pipeline_catch_up(world->pipeline, &world->error) < 0;
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(failed, 3);
    world_count(world);
    send_from(world, "x-9", "d", 6);
    world_count(world);
    assert_int_equal(run_sql(world, "SELECT count(*) FROM rejected WHERE quarantined = 1"), 5);
    assert_int_equal(run_sql(world, "SELECT sum(events) FROM let_go"), 1);
}

static void invented_devices_make_no_more_shares_than_a_centre_has(void **state)
{
    struct world *world = *state;
    char device[16];
    world->settings.rejected_device_rows_per_hour = 2;
    start_again(world);
    for (int i = 0; i < 30; i++) {
        snprintf(device, sizeof device, "a%d", i);
        world_send(world, noon, "p-1", device, "{garbage");
    }
    world_send(world, noon, "p-2", "d", "{garbage");
    world_count(world);
    assert_int_equal(run_sql(world, "SELECT count(*) FROM rejected WHERE centre = 'p-1'"), 20);
    assert_int_equal(run_sql(world, "SELECT count(*) FROM rejected WHERE centre = 'p-2'"), 1);
}

static void a_repeat_of_what_was_set_aside_takes_no_share(void **state)
{
    struct world *world = *state;
    world->settings.rejected_device_quarantined_per_day = 4;
    start_again(world);
    for (int round = 0; round < 3; round++) {
        for (int64_t seq = 1; seq <= 3; seq++) {
            send_from(world, "x-9", "d", seq);
        }
        send_numbered_id(world, "x-9", "d", 1);
    }
    world_count(world);
    assert_int_equal(run_sql(world, "SELECT count(*) FROM rejected"), 4);
    assert_int_equal(run_sql(world, "SELECT count(*) FROM let_go"), 0);
    assert_int_equal(world_counter(world, COUNTER_events_repeated), 8);
    assert_int_equal(world_counter(world, COUNTER_events_quarantined), 4);
    run_sql(world, "DELETE FROM rejected"); /* as when they are too old: what came once is still known */
    send_from(world, "x-9", "d", 1);
    send_numbered_id(world, "x-9", "d", 1);
    world_count(world);
    assert_int_equal(run_sql(world, "SELECT count(*) FROM rejected"), 0);
    assert_int_equal(run_sql(world, "SELECT count(*) FROM let_go"), 0);
    assert_int_equal(world_counter(world, COUNTER_events_repeated), 10);
}

/* The set is lost: counting goes on, the count never falls, and the next damaged one stops nobody either. */
static void a_damaged_set_stops_nobody(void **state)
{
    struct world *world = *state;
    char user[16];
    for (int i = 1; i <= 4; i++) {
        snprintf(user, sizeof user, "teacher-%d", i);
        world_send_event(world, noon, "p-1", "d", i, morning, "lesson.x", user);
    }
    world_count(world);
    world_crash(world);
    run_sql(world, "UPDATE fact_day_set SET users = x'ff00ff', devices = x'ff'");
    world_start(world);
    world_send_event(world, noon, "p-1", "d", 5, morning, "lesson.x", "teacher-5");
    world_count(world);
    assert_string_equal(world_usage(world), "p-1 2025-06-15 teaching 5 300 4 1|");
    assert_int_equal(world_counter(world, COUNTER_store_damaged), 2);
    start_again(world);
    world_send_event(world, noon, "p-1", "d", 6, morning, "lesson.x", "teacher-5");
    world_count(world);
    assert_string_equal(world_usage(world), "p-1 2025-06-15 teaching 6 360 4 1|");
}

static void damaged_ranges_count_nothing_twice_and_say_what_is_given_up(void **state)
{
    struct world *world = *state;
    send_from(world, "p-1", "d", 1);
    send_from(world, "p-1", "d", 2);
    send_from(world, "p-1", "d", 5);
    world_count(world);
    assert_int_equal(world_counter(world, COUNTER_events_missing), 2);
    world_crash(world);
    run_sql(world, "UPDATE stream SET ranges = x'ff00ff'");
    world_start(world);
    send_from(world, "p-1", "d", 2);
    send_from(world, "p-1", "d", 6);
    world_count(world);
    assert_string_equal(world_usage(world), "p-1 2025-06-15 teaching 4 240 0 1|");
    assert_int_equal(world_counter(world, COUNTER_store_damaged), 1);
    assert_int_equal(world_counter(world, COUNTER_events_missing), 0);
    assert_int_equal(run_sql(world, "SELECT given_up FROM v_devices"), 2);
    assert_int_equal(run_sql(world, "SELECT expected FROM v_devices"), 6);
}

static void what_became_of_a_centres_events_adds_up(void **state)
{
    struct world *world = *state;
    send_from(world, "p-1", "d", 1);
    send_from(world, "p-1", "d", 1);
    send_from(world, "p-1", "d", 4);
    send_from(world, "p-1", "other", 1);
    world_send_event(world, noon, "p-1", "other", 2, "2025-06-14T11:59:59+07:00", "lesson.x", ""); /* a day late */
    world_send_event(world, noon, "p-1", "other", 3, "2025-06-14T12:00:00+07:00", "lesson.x", ""); /* not yet */
    world_send_event(world, noon, "p-1", "other", 4, "2025-04-01T12:00:00+07:00", "lesson.x", "");
    world_send(world, noon, "p-1", "d", "{garbage");
    world_count(world);
    assert_int_equal(run_sql(world,
                             "SELECT devices * 1000000 + expected * 100000 + received * 10000 + missing * 1000 + "
                             "repeated * 100 + late * 10 + given_up FROM v_quality WHERE centre = 'p-1'"),
                     2862120);
    assert_int_equal(run_sql(world, "SELECT rejected * 10 + quarantined FROM v_quality WHERE centre = 'p-1'"), 11);
    assert_int_equal(world_counter(world, COUNTER_events_late), 2);
    assert_int_equal(world_counter(world, COUNTER_events_missing), 2);
    start_again(world);
    assert_int_equal(world_counter(world, COUNTER_events_missing), 2);
    send_from(world, "p-1", "d", 2);
    world_count(world);
    assert_int_equal(world_counter(world, COUNTER_events_missing), 1);
}

/* An event with an id whose clock is ahead leaves no id for a day that may never come; it still counts once. */
static void an_id_of_a_day_far_ahead_is_not_kept_and_the_event_counts_once(void **state)
{
    struct world *world = *state;
    static const char event[] =
        "{\"v\":1,\"id\":\"b2f1c0de-0000-4000-8000-000000000001\",\"t\":\"2025-06-20T08:00:00+07:00\","
        "\"type\":\"lesson.x\"}";
    int64_t released, kept;
    world_send(world, noon, "p-1", "d", event);
    world_send(world, noon, "p-1", "d", event);
    world_count(world);
    assert_string_equal(world_rejected(world), "clock_ahead x2|");
    assert_int_equal(run_sql(world, "SELECT count(*) FROM seen"), 0);

    world_send(world, "2025-06-20T12:00:00+07:00", "p-1", "d", event); /* it came again when its time had come */
    world_count(world);
    assert_string_equal(world_usage(world), "p-1 2025-06-20 teaching 1 0 0 1|");
    MUST(world, pipeline_retry_quarantine(world->pipeline, &released, &kept, &world->error));

    assert_string_equal(world_usage(world), "p-1 2025-06-20 teaching 1 0 0 1|");
    assert_string_equal(world_rejected(world), "");
}

static void an_event_that_was_set_aside_is_received_once(void **state)
{
    struct world *world = *state;
    static const unsigned char id[16] = {7};
    for (int i = 0; i < 5; i++) {
        send_with_id(world, "p-1", "d", id, "2025-06-20T08:00:00+07:00");
    }
    world_count(world);
    assert_int_equal(run_sql(world, "SELECT received * 10 + repeated FROM v_devices"), 14);
    assert_int_equal(world_counter(world, COUNTER_events_quarantined), 1);
    assert_int_equal(world_counter(world, COUNTER_events_repeated), 4);
}

static void whatever_became_of_them_events_received_is_their_sum(void **state)
{
    struct world *world = *state;
    static const char bad[] = "{\"v\":1,\"epoch\":\"e1\",\"events\":[{\"seq\":2,\"t\":1749949200000}]}";
    world->settings.limit_devices_per_centre = 1;
    start_again(world);
    send_from(world, "p-1", "d", 1);
    send_from(world, "p-1", "d", 1);
    send_from(world, "p-1", "refused", 1);
    send_from(world, "x-9", "d", 1);
    world_send(world, noon, "p-1", "d", "{garbage");
    world_send_to(world, noon, "some/topic", "{}");
    world_send(world, noon, "p-1", "d", bad);
    world_send(world, noon, "p-1", "d", bad);
    world_count(world);
    assert_int_equal(world_counter(world, COUNTER_events_received), 8);
    assert_int_equal(world_counter(world, COUNTER_events_counted), 1);
    assert_int_equal(world_counter(world, COUNTER_events_repeated), 2);
    assert_int_equal(world_counter(world, COUNTER_events_refused), 1);
    assert_int_equal(world_counter(world, COUNTER_events_quarantined), 1);
    assert_int_equal(world_counter(world, COUNTER_events_rejected), 3);
}

/* Whoever knows an id of another centre's, and how ids were once told apart, uses it up for nobody. */
static void the_ids_of_another_centre_cannot_be_used_up(void **state)
{
    struct world *world = *state;
    unsigned char id[16] = {0xb2, 0xf1, 0xc0, 0xde, 0, 0, 0x40, 0, 0x80}, forged[16];
    uint64_t between = streams_device_key("46", "p-1", "") ^ streams_device_key("46", "p-2", "");
    memcpy(forged, id, sizeof id);
    for (int i = 0; i < 8; i++) {
        forged[i] ^= (unsigned char)(between >> (8 * i));
    }
    send_with_id(world, "p-2", "d", forged, morning);
    send_with_id(world, "p-2", "d", id, morning);
    send_with_id(world, "p-1", "d", id, morning);
    send_with_id(world, "p-1", "another", id, morning); /* of the same centre: the same event */
    world_count(world);
    assert_string_equal(world_usage(world), "p-1 2025-06-15 teaching 1 0 0 1|p-2 2025-06-15 teaching 2 0 0 1|");
    assert_int_equal(run_sql(world, "SELECT count(*) FROM seen"), 3);
    assert_int_equal(run_sql(world, "SELECT count(*) FROM seen WHERE hex(id) LIKE '%B2F1C0DE%'"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(a_centre_has_only_so_many_devices_and_those_it_has_go_on),
        WITH_WORLD(a_device_that_was_refused_is_counted_when_there_is_room),
        WITH_WORLD(devices_of_centres_that_nobody_knows_are_bounded_together),
        WITH_WORLD(a_centre_that_nobody_knows_has_only_so_many_devices_either),
        WITH_WORLD(an_event_without_a_number_of_a_device_too_many_is_not_lost),
        WITH_WORLD(an_event_without_a_number_of_an_epoch_too_many_counts_after_a_restart),
        WITH_WORLD(garbage_pushes_out_nothing_that_may_still_count),
        WITH_WORLD(a_full_quarantine_takes_nothing_more_and_says_so),
        WITH_WORLD(a_batch_that_is_rolled_back_uses_up_no_share),
        WITH_WORLD(invented_devices_make_no_more_shares_than_a_centre_has),
        WITH_WORLD(a_repeat_of_what_was_set_aside_takes_no_share),
        WITH_WORLD(an_event_that_was_set_aside_is_received_once),
        WITH_WORLD(whatever_became_of_them_events_received_is_their_sum),
        WITH_WORLD(the_ids_of_another_centre_cannot_be_used_up),
        WITH_WORLD(a_device_may_lose_its_counter_only_so_often),
        WITH_WORLD(a_flood_of_garbage_takes_its_own_share_alone),
        WITH_WORLD(an_hour_later_there_is_a_new_share),
        WITH_WORLD(what_cannot_be_set_aside_any_more_is_left_with_the_device),
        WITH_WORLD(a_damaged_set_stops_nobody),
        WITH_WORLD(damaged_ranges_count_nothing_twice_and_say_what_is_given_up),
        WITH_WORLD(what_became_of_a_centres_events_adds_up),
        WITH_WORLD(an_id_of_a_day_far_ahead_is_not_kept_and_the_event_counts_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
