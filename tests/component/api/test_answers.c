/* Every route over a real socket, and what it answers. */
#include "serve.h"

#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void indicators_name_rules_root_and_periods(void **state)
{
    (void)state;
    get("/api/v1/indicators");
    cJSON *root = parse_reply();
    const cJSON *list = cJSON_GetObjectItem(root, "indicators");
    assert_int_equal(cJSON_GetArraySize(list), 2);
    const cJSON *first = cJSON_GetArrayItem(list, 0);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(first, "id")), "schools");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(cJSON_GetObjectItem(first, "name"), "vi")),
                        "Trường số");
    assert_true(cJSON_IsObject(cJSON_GetObjectItem(first, "rule")));
    assert_has("\"centre_types\":[\"primary\"],");
    assert_has("\"targets\":[{\"from\":\"2024-05-02\",\"value\":0.6}]");
    assert_has("\"root\":{\"code\":\"46\",\"name\":\"Thành phố Huế\"}");
    assert_has("\"periods\":[\"2025-10\",\"2025-11\"]");
    assert_has("\"time_zone\":\"Asia/Ho_Chi_Minh\"");
    assert_non_null(strstr(cJSON_GetStringValue(cJSON_GetObjectItem(root, "now")), "+07:00"));
    cJSON_Delete(root);
}

static void adoption_of_the_root_and_all_periods_is_the_default(void **state)
{
    (void)state;
    get("/api/v1/adoption");
    cJSON_Delete(parse_reply());
    assert_string_equal(
        reply.body,
        "{\"rows\":[{\"indicator\":\"clc\",\"area\":\"46\",\"area_name\":\"Thành phố Huế\",\"level\":\"province\","
        "\"parent\":null,\"period\":\"2025-10\",\"open\":false,\"registered\":1,\"reporting\":1,\"adopting\":1,"
        "\"rate\":1,\"lower\":1,\"upper\":1,\"target\":null,\"gap\":null},\n"
        "{\"indicator\":\"schools\",\"area\":\"46\",\"area_name\":\"Thành phố Huế\",\"level\":\"province\","
        "\"parent\":null,\"period\":\"2025-10\",\"open\":false,\"registered\":3,\"reporting\":2,\"adopting\":1,"
        "\"rate\":0.333333,\"lower\":0.333333,\"upper\":0.666667,\"target\":0.6,\"gap\":-0.266667},\n"
        "{\"indicator\":\"schools\",\"area\":\"46\",\"area_name\":\"Thành phố Huế\",\"level\":\"province\","
        "\"parent\":null,\"period\":\"2025-11\",\"open\":false,\"registered\":3,\"reporting\":1,\"adopting\":0,"
        "\"rate\":0,\"lower\":0,\"upper\":0.666667,\"target\":0.6,\"gap\":-0.6}]}\n");
}

struct adoption_case {
    const char *query;
    const char *areas; /* "indicator area period" of each row */
};

static void adoption_is_chosen_by_indicator_area_parent_and_time(void **state)
{
    static const struct adoption_case table[] = {
        {"?indicator=schools&period=2025-10", "schools 46 2025-10;"},
        {"?area=B", "schools B 2025-10;"},
        {"?parent=46&indicator=schools", "schools A 2025-10;schools B 2025-10;"},
        {"?parent=46", "clc A 2025-10;schools A 2025-10;schools B 2025-10;"},
        {"?parent=A", ""},
        {"?from=2025-11", "schools 46 2025-11;"},
        {"?to=2025-10&indicator=schools", "schools 46 2025-10;"},
        {"?from=2025-10&to=2025-11&indicator=schools", "schools 46 2025-10;schools 46 2025-11;"},
        {"?period=2025-Q4&indicator=schools", "schools 46 2025-10;schools 46 2025-11;"},
        {"?period=2019-01", ""},
        {"?indicator=", "clc 46 2025-10;schools 46 2025-10;schools 46 2025-11;"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char target[128], found[256] = "";
        snprintf(target, sizeof target, "/api/v1/adoption%s", table[i].query);
        get(target);
        cJSON *root = parse_reply();
        const cJSON *row;
        cJSON_ArrayForEach (row, cJSON_GetObjectItem(root, "rows")) {
            size_t used = strlen(found);
            snprintf(found + used, sizeof found - used, "%s %s %s;",
                     cJSON_GetStringValue(cJSON_GetObjectItem(row, "indicator")),
                     cJSON_GetStringValue(cJSON_GetObjectItem(row, "area")),
                     cJSON_GetStringValue(cJSON_GetObjectItem(row, "period")));
        }
        cJSON_Delete(root);
        assert_string_equal(found, table[i].areas);
    }
}

static void an_area_without_registered_centres_has_no_rate(void **state)
{
    (void)state;
    static const struct adoption_row empty[] = {
        {"schools", "46", "month", 2025 * 12 + 9, 0, 0, 0, true, 0.6, "", "", 0}};
    struct fake_store store = {.adoption = empty, .adoption_count = 1};
    fake_store_set(&store);
    get("/api/v1/adoption");
    assert_has("\"rate\":null,\"lower\":null,\"upper\":null,\"target\":0.6,\"gap\":null");
    fake_store_set(&small_world_rows);
}

static void a_period_of_which_nobody_was_heard_is_not_the_latest(void **state)
{
    enum { OCTOBER = 2025 * 12 + 9 };
    static const struct adoption_row rows[] = {{"schools", "46", "month", OCTOBER, 3, 2, 1, false, 0, "", "", 0},
                                               {"schools", "46", "month", OCTOBER + 1, 3, 0, 0, false, 0, "", "", 0}};
    struct fake_store store = {.adoption = rows, .adoption_count = 2};
    (void)state;
    fake_store_set(&store);
    get("/api/v1/centres/c1");
    assert_has("\"period\":\"2025-10\"");
    get("/metrics");
    assert_has("\nedutally_adoption_rate{indicator=\"schools\"} 0.333333\n");
    store.adoption_count = 1;
    store.adoption = &rows[1];
    get("/api/v1/centres/c1");
    assert_has("\"period\":\"2025-11\"");
    fake_store_set(&small_world_rows);
}

static void a_period_that_is_not_over_is_open(void **state)
{
    (void)state;
    int32_t month = period_of_day(PERIOD_MONTH, zone_day(world.zone, clock_wall_ms()));
    const struct adoption_row rows[] = {{"schools", "46", "month", month - 1, 1, 1, 1, false, 0, "", "", 0},
                                        {"schools", "46", "month", month + 1, 1, 1, 1, false, 0, "", "", 0}};
    struct fake_store store = {.adoption = rows, .adoption_count = 2};
    fake_store_set(&store);
    get("/api/v1/adoption");
    const char *first = strstr(reply.body, "\"open\":false"), *second = strstr(reply.body, "\"open\":true");
    fake_store_set(&small_world_rows);
    assert_non_null(first);
    assert_non_null(second);
    assert_true(first < second);
}

static void csv_comes_by_parameter_and_by_accept(void **state)
{
    static const char *const csv =
        "indicator,area,area_name,level,parent,period,open,registered,reporting,adopting,rate,lower,upper,target,"
        "gap\r\n"
        "schools,B,\"Xã \"\"Bình, Điền\"\"\",commune,46,2025-10,false,2,1,0,0.000000,0.000000,0.500000,0.600000,"
        "-0.600000\r\n";
    (void)state;
    get("/api/v1/adoption?area=B&format=csv");
    assert_string_equal(reply_header(&reply, "Content-Type"), "text/csv; charset=utf-8");
    assert_string_equal(reply.body, csv);
    get_with("/api/v1/adoption?area=B", "Accept: text/csv\r\n");
    assert_string_equal(reply.body, csv);
    get_with("/api/v1/adoption?area=B", "Accept: text/html,*/*;q=0.8\r\n");
    assert_string_equal(reply_header(&reply, "Content-Type"), "application/json");
    get_with("/api/v1/adoption?area=B&format=json", "Accept: text/csv\r\n");
    assert_string_equal(reply_header(&reply, "Content-Type"), "application/json");
}

static void a_name_that_looks_like_a_formula_is_guarded_in_csv(void **state)
{
    (void)state;
    get("/api/v1/centres?format=csv&area=B&indicator=schools&period=2025-10");
    assert_string_equal(reply.body,
                        "id,name,type,area,area_name,head_count,opened,closed,reporting,adopts\r\n"
                        "c2,'=HYPERLINK(1),primary,B,\"Xã \"\"Bình, Điền\"\"\",400,2020-09-01,,true,false\r\n"
                        "c3,Trường Ba,primary,B,\"Xã \"\"Bình, Điền\"\"\",50,2000-09-01,2026-01-01,false,false\r\n");
    get("/api/v1/indicators?format=csv");
    assert_has("id,name_vi,name_en,source,period,centre_types,target,rule,rule_hash\r\nschools,Trường số,");
    get("/api/v1/centres/c1?format=csv&period=2025-11");
    assert_string_equal(reply.body, "period,activity,active_days,events,seconds,users,devices\r\n"
                                    "2025-10,learning,9,600,36000,45,12\r\n2025-10,management,10,30,0,3,1\r\n"
                                    "2025-11,management,1,2,0,2,1\r\n");
}

static void centres_come_in_pages_by_id(void **state)
{
    (void)state;
    get("/api/v1/centres?limit=3");
    cJSON_Delete(parse_reply());
    assert_has("{\"centres\":[{\"id\":\"c1\",\"name\":\"Trường Một\",\"type\":\"primary\",\"area\":\"A\","
               "\"area_name\":\"Phường An Cựu\",\"head_count\":100,\"opened\":\"2000-09-01\",\"closed\":null},");
    assert_has("\"next\":\"c3\"");
    get("/api/v1/centres?limit=3&after=c3");
    cJSON_Delete(parse_reply());
    assert_has("{\"centres\":[{\"id\":\"k1\"");
    assert_has("\"next\":null");
}

static void centres_are_chosen_by_type_and_subtree(void **state)
{
    (void)state;
    get("/api/v1/centres?type=community_learning_centre&area=46");
    assert_has("{\"centres\":[{\"id\":\"k1\"");
    assert_null(strstr(reply.body, "\"c1\""));
    get("/api/v1/centres?type=unheard_of");
    assert_string_equal(reply.body, "{\"centres\":[],\n\"next\":null}\n");
}

static void centres_have_verdicts_when_asked(void **state)
{
    (void)state;
    get("/api/v1/centres?indicator=schools&period=2025-10");
    cJSON *root = parse_reply();
    const cJSON *list = cJSON_GetObjectItem(root, "centres");
    static const char *const expected[] = {"{\"reporting\":true,\"adopts\":true}",
                                           "{\"reporting\":true,\"adopts\":false}",
                                           "{\"reporting\":false,\"adopts\":false}", "null"};
    for (int i = 0; i < 4; i++) {
        char *text = cJSON_PrintUnformatted(cJSON_GetObjectItem(cJSON_GetArrayItem(list, i), "verdict"));
        assert_string_equal(text, expected[i]);
        cJSON_free(text);
    }
    cJSON_Delete(root);
}

static void a_centre_is_explained(void **state)
{
    (void)state;
    get("/api/v1/centres/c1?period=2025-10");
    cJSON *root = parse_reply();
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(root, "period")), "2025-10");
    const cJSON *verdicts = cJSON_GetObjectItem(root, "verdicts");
    assert_int_equal(cJSON_GetArraySize(verdicts), 1);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(cJSON_GetArrayItem(verdicts, 0), "conditions")), 3);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(root, "usage")), 2);
    assert_has("{\"device\":\"office\",\"epoch\":\"5f3a\",\"expected\":67,\"received\":63,\"repeated\":2,"
               "\"missing\":1,\"given_up\":3,\"late\":5,"
               "\"last_received\":\"2025-10-05T09:00:00+07:00\",\"last_event\":\"2025-10-05T08:00:00+07:00\"}");
    assert_has("\"quality\":{\"devices\":2,\"expected\":69,\"received\":65,\"repeated\":2,\"missing\":1,\"given_up\":3,"
               "\"late\":5,\"rejected\":7,\"quarantined\":4,\"let_go\":1},"
               "\"last_event\":\"2025-11-14T15:00:00+07:00\"}\n");
    cJSON_Delete(root);
    get("/api/v1/centres/c1");
    assert_has("\"period\":\"2025-11\"");
    get("/api/v1/centres/k1?period=2019-01");
    assert_has("\"verdicts\":[],\"usage\":[],\"devices\":[],\"quality\":null,\"last_event\":null}");
}

static void rejected_rows_come_newest_first_in_pages_and_without_raw_bytes(void **state)
{
    (void)state;
    get("/api/v1/rejected");
    cJSON_Delete(parse_reply());
    assert_has(
        "{\"rejected\":[{\"id\":9,\"state\":\"rejected\",\"reason\":\"bad_json\",\"detail\":\"at byte 3: no value\","
        "\"centre\":\"c1\",\"device\":\"office\",\"topic\":\"edu/v1/46/c1/office/event\","
        "\"received\":\"2025-10-05T09:00:00+07:00\",\"times\":2},\n{\"id\":4,\"state\":\"quarantined\"");
    assert_has("],\n\"next\":null}\n");
    assert_null(strstr(reply.body, "0123456789abcdef"));
    get("/api/v1/rejected?limit=1");
    assert_has("],\n\"next\":9}\n");
    get("/api/v1/rejected?limit=1&before=9");
    assert_has("{\"rejected\":[{\"id\":4,");
    assert_has("],\n\"next\":null}\n");
    get("/api/v1/rejected?before=4&format=csv");
    assert_string_equal(reply.body, "id,state,reason,detail,centre,device,topic,received,times\r\n");
    get("/api/v1/rejected?before=yesterday");
    assert_problem(400, "page before");
}

static void small_cells_are_null(void **state)
{
    (void)state;
    serve_stop();
    serve_start(", \"small_cell\": 50");
    get("/api/v1/centres/c2?period=2025-10");
    assert_has("\"activity\":\"learning\",\"active_days\":4,\"events\":50,\"seconds\":0,\"users\":null");
    assert_has("\"metric\":\"users\",\"min\":200,\"max\":null,\"actual\":null");
    assert_null(strstr(reply.body, "0.1125"));
}

static void status_tells_how_the_collector_is(void **state)
{
    (void)state;
    counter_set(&world.counters, COUNTER_start_time_ms, clock_wall_ms() - 5000);
    counter_set(&world.counters, COUNTER_mqtt_connected, 1);
    counter_set(&world.counters, COUNTER_revision, 42);
    get("/api/v1/status");
    cJSON *root = parse_reply();
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(root, "version")), "1.2.3");
    assert_in_range((unsigned)cJSON_GetNumberValue(cJSON_GetObjectItem(root, "uptime_s")), 5, 60);
    assert_true(cJSON_IsTrue(cJSON_GetObjectItem(root, "connected")));
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(root, "last_message")));
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(root, "lag_s")));
    assert_int_equal((int)cJSON_GetNumberValue(cJSON_GetObjectItem(root, "revision")), 42);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(root, "counters")), COUNTERS);
    cJSON_Delete(root);
    counter_set(&world.counters, COUNTER_mqtt_last_message_ms, 1759629600000);
    counter_set(&world.counters, COUNTER_journal_position, 10);
    get("/api/v1/status");
    assert_has("\"last_message\":\"2025-10-05T09:00:00+07:00\",\"lag_s\":0");
}

static void ready_when_every_check_is(void **state)
{
    (void)state;
    get("/readyz");
    assert_int_equal(reply.status, 200);
    assert_has("{\"ready\":true,\"checks\":[{\"name\":\"store\",\"ok\":true,\"detail\":\"revision 42\"}");
    struct fake_store failing = small_world_rows;
    failing.read_fails = ERROR_IO;
    fake_store_set(&failing);
    get("/readyz");
    fake_store_set(&small_world_rows);
    assert_int_equal(reply.status, 503);
    assert_has("{\"ready\":false,\"checks\":[{\"name\":\"store\",\"ok\":false");
    get("/healthz");
    assert_int_equal(reply.status, 200);
}

static void not_ready_without_the_broker_if_one_is_configured(void **state)
{
    (void)state;
    serve_stop();
    serve_start(", \"mqtt\": {\"server\": \"mqtt://127.0.0.1:1\", \"client_id\": \"x\"}");
    get("/readyz");
    assert_int_equal(reply.status, 503);
    assert_has("{\"name\":\"mqtt\",\"ok\":false");
    assert_has("no connection to the broker");
    counter_set(&world.counters, COUNTER_mqtt_connected, 1);
    get("/readyz");
    assert_int_equal(reply.status, 200);
}

static void what_receiving_waits_for_is_said(void **state)
{
    (void)state;
    serve_stop();
    serve_start(", \"mqtt\": {\"server\": \"mqtt://127.0.0.1:1\", \"client_id\": \"x\"}");
    counter_set(&world.counters, COUNTER_receive_behind, 1);
    counter_set(&world.counters, COUNTER_journal_backlog_bytes, 1234567);
    get("/readyz");
    assert_int_equal(reply.status, 503);
    assert_has("waits for counting to catch up (1234567 bytes)");
    counter_set(&world.counters, COUNTER_journal_stuck, 1);
    get("/readyz");
    assert_int_equal(reply.status, 503);
    assert_has("waits for room on the disk");
}

static void metrics_have_every_counter_and_the_latest_rates(void **state)
{
    (void)state;
    counter_add(&world.counters, COUNTER_events_counted, 7);
    get("/metrics");
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply_header(&reply, "Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
    for (int i = 0; i < COUNTERS; i++) {
        char line[160];
        const struct counter_info *info = counter_info((enum counter)i);
        snprintf(line, sizeof line, "# TYPE edutally_%s%s %s\n", info->name, info->is_gauge ? "" : "_total",
                 info->is_gauge ? "gauge" : "counter");
        assert_has(line);
    }
    assert_has("\nedutally_events_counted_total 7\n");
    assert_has("\nedutally_build_info{version=\"1.2.3\"} 1\n");
    assert_has("\nedutally_adoption_rate{indicator=\"schools\"} 0\n");
    assert_has("\nedutally_adoption_rate{indicator=\"clc\"} 1\n");
    assert_has("\nedutally_adoption_target{indicator=\"schools\"} 0.6\n");
    assert_has("\nedutally_centres{indicator=\"schools\",state=\"reporting\"} 1\n");
    assert_has("\nedutally_store_readable 1\n");
}

static void without_a_store_answers_say_so(void **state)
{
    struct fake_store none = {.open_fails = ERROR_MISSING};
    (void)state;
    fake_store_set(&none);
    get("/api/v1/adoption");
    assert_problem(503, "edutally ingest");
    get("/metrics");
    assert_has("\nedutally_store_readable 0\n");
    get("/readyz");
    assert_int_equal(reply.status, 503);
    fake_store_set(&small_world_rows);
    get("/api/v1/adoption");
    assert_int_equal(reply.status, 200);
}

static void a_failed_read_is_500_and_the_next_one_works(void **state)
{
    struct fake_store failing = small_world_rows;
    (void)state;
    failing.read_fails = ERROR_IO;
    fake_store_set(&failing);
    get("/api/v1/adoption");
    assert_problem(500, "fails to read");
    get("/api/v1/centres/c1");
    assert_problem(500, "fails to read");
    fake_store_set(&small_world_rows);
    get("/api/v1/adoption");
    assert_int_equal(reply.status, 200);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, serve_begin, serve_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(indicators_name_rules_root_and_periods),
        TEST(adoption_of_the_root_and_all_periods_is_the_default),
        TEST(adoption_is_chosen_by_indicator_area_parent_and_time),
        TEST(an_area_without_registered_centres_has_no_rate),
        TEST(a_period_of_which_nobody_was_heard_is_not_the_latest),
        TEST(a_period_that_is_not_over_is_open),
        TEST(csv_comes_by_parameter_and_by_accept),
        TEST(a_name_that_looks_like_a_formula_is_guarded_in_csv),
        TEST(centres_come_in_pages_by_id),
        TEST(centres_are_chosen_by_type_and_subtree),
        TEST(centres_have_verdicts_when_asked),
        TEST(a_centre_is_explained),
        TEST(rejected_rows_come_newest_first_in_pages_and_without_raw_bytes),
        TEST(small_cells_are_null),
        TEST(status_tells_how_the_collector_is),
        TEST(ready_when_every_check_is),
        TEST(not_ready_without_the_broker_if_one_is_configured),
        TEST(what_receiving_waits_for_is_said),
        TEST(metrics_have_every_counter_and_the_latest_rates),
        TEST(without_a_store_answers_say_so),
        TEST(a_failed_read_is_500_and_the_next_one_works),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
