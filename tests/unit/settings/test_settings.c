/* collector.jsonc -> settings: defaults, paths, what is printed, and a table of what is refused. */
#include "base/error.h"
#include "base/file.h"
#include "settings/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define REQUIRED                                                                                                       \
    "\"realms\":[\"46\"],\"time_zone\":\"Asia/Ho_Chi_Minh\",\"data_dir\":\"data\","                                    \
    "\"registry\":{\"centres\":\"c.csv\",\"areas\":\"a.csv\"},\"taxonomy\":\"t.jsonc\",\"indicators\":\"i.jsonc\""

struct fixture {
    char directory[64];
    char path[96];
    struct settings settings;
    struct faults faults;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    snprintf(fixture->directory, sizeof fixture->directory, "/tmp/edutally-settings-XXXXXX");
    if (mkdtemp(fixture->directory) == NULL) {
        return -1;
    }
    snprintf(fixture->path, sizeof fixture->path, "%s/collector.jsonc", fixture->directory);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    settings_free(&fixture->settings);
    faults_clear(&fixture->faults);
    unlink(fixture->path);
    rmdir(fixture->directory);
    free(fixture);
    return 0;
}

/* Writes `text` as the config and loads it in place of what was loaded before. */
static int load(struct fixture *fixture, const char *text)
{
    FILE *file = fopen(fixture->path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
    settings_free(&fixture->settings);
    faults_clear(&fixture->faults);
    return settings_load(&fixture->settings, fixture->path, &fixture->faults);
}

static void must_load(struct fixture *fixture, const char *text)
{
    if (load(fixture, text) != 0) {
        fail_msg("refused: line %u: %s", fixture->faults.list[0].line, fixture->faults.list[0].what);
    }
}

static void what_is_left_out_has_its_default(void **state)
{
    struct fixture *fixture = *state;
    must_load(fixture, "{" REQUIRED "}");
    const struct settings *settings = &fixture->settings;
    assert_int_equal(settings->late_days, 60);
    assert_int_equal(settings->small_cell, 0);
    assert_string_equal(settings->log_level, "info");
    assert_int_equal(settings->mqtt_keep_alive_s, 60);
    assert_int_equal(settings->mqtt_session_expiry_s, 2592000);
    assert_int_equal(settings->commit_interval_ms, 200);
    assert_int_equal(settings->commit_max_events, 50000);
    assert_int_equal(settings->journal_segment_bytes, 67108864);
    assert_int_equal(settings->journal_keep_days, 400);
    assert_int_equal(settings->journal_keep_bytes, 17179869184);
    assert_int_equal(settings->memory_facts_bytes, 16777216);
    assert_int_equal(settings->limit_payload_bytes, 262144);
    assert_int_equal(settings->limit_batch_events, 5000);
    assert_int_equal(settings->limit_depth, 16);
    assert_int_equal(settings->rejected_max_rows, 100000);
    assert_int_equal(settings->rejected_max_bytes, 268435456);
    assert_int_equal(settings->rejected_keep_days, 90);
    assert_null(settings->mqtt_server);
    assert_null(settings->http_listen);
    assert_int_equal(settings->output_count, 0);
}

static void relative_paths_are_beside_the_config(void **state)
{
    struct fixture *fixture = *state;
    char expected[160];
    must_load(fixture, "{" REQUIRED ",\"secret_file\":\"/etc/secret\"}");
    snprintf(expected, sizeof expected, "%s/c.csv", fixture->directory);
    assert_string_equal(fixture->settings.registry_centres, expected);
    assert_string_equal(fixture->settings.secret_file, "/etc/secret");
}

/* The folder stands for both the config's and systemd's. */
static void a_secret_that_cannot_be_read_is_taken_from_systemd(void **state)
{
    struct fixture *fixture = *state;
    char credential[160], expected[160];
    snprintf(credential, sizeof credential, "%s/secrets_mine", fixture->directory);
    FILE *file = fopen(credential, "w");
    assert_non_null(file);
    fclose(file);
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", fixture->directory, 1), 0);

    must_load(fixture, "{" REQUIRED ",\"secret_file\":\"secrets/mine\"}");
    assert_string_equal(fixture->settings.secret_file, credential);
    must_load(fixture, "{" REQUIRED ",\"secret_file\":\"secrets/another\"}");
    snprintf(expected, sizeof expected, "%s/secrets/another", fixture->directory);
    assert_string_equal(fixture->settings.secret_file, expected);

    snprintf(expected, sizeof expected, "%s/secrets", fixture->directory);
    assert_int_equal(mkdir(expected, 0700), 0);
    snprintf(expected, sizeof expected, "%s/secrets/mine", fixture->directory);
    assert_int_equal(link(credential, expected), 0);
    must_load(fixture, "{" REQUIRED ",\"secret_file\":\"secrets/mine\"}");
    assert_string_equal(fixture->settings.secret_file, expected);

    unsetenv("CREDENTIALS_DIRECTORY");
    unlink(expected);
    snprintf(expected, sizeof expected, "%s/secrets", fixture->directory);
    rmdir(expected);
    unlink(credential);
}

static void secret_lies_in_data_dir_unless_named(void **state)
{
    struct fixture *fixture = *state;
    char expected[160];
    must_load(fixture, "{" REQUIRED "}");
    snprintf(expected, sizeof expected, "%s/data/secret", fixture->directory);
    assert_string_equal(fixture->settings.secret_file, expected);
}

static void every_section_is_read(void **state)
{
    struct fixture *fixture = *state;
    must_load(fixture, "{" REQUIRED ", // a comment\n"
                       "\"mqtt\":{\"server\":\"wss://[::1]:8443/mqtt\",\"client_id\":\"c-1\",\"username\":\"u\","
                       "\"password_file\":\"p\",\"tls\":{\"cert_file\":\"c.pem\",\"key_file\":\"k.pem\"}},"
                       "\"http\":{\"listen\":\"[::1]:0\"},\"journal\":{\"segment_bytes\":4294967296},"
                       "\"outputs\":[{\"name\":\"a\",\"type\":\"influxdb1\",\"url\":\"http://h:8086/x/\","
                       "\"database\":\"d\",\"gzip\":false},"
                       "{\"name\":\"b\",\"type\":\"victoriametrics\",\"url\":\"https://h\"}]}");
    const struct settings *settings = &fixture->settings;
    assert_string_equal(settings->mqtt_server, "wss://[::1]:8443/mqtt");
    assert_string_equal(settings->http_listen, "[::1]:0");
    assert_true(settings->journal_segment_bytes == INT64_C(4294967296));
    assert_int_equal(settings->output_count, 2);
    assert_string_equal(settings->outputs[0].url, "http://h:8086/x"); /* without the slash at its end */
    assert_false(settings->outputs[0].gzip);
    assert_int_equal(settings->outputs[1].type, OUTPUT_VICTORIAMETRICS);
    assert_true(settings->outputs[1].gzip);
    assert_int_equal(settings->outputs[1].timeout_ms, 10000);
}

static void shipped_config_is_sound(void **state)
{
    struct fixture *fixture = *state;
    if (settings_load(&fixture->settings, PROJECT_DIR "/config/collector.jsonc", &fixture->faults) != 0) {
        fail_msg("line %u: %s", fixture->faults.list[0].line, fixture->faults.list[0].what);
    }
    assert_string_equal(fixture->settings.registry_areas, PROJECT_DIR "/config/registry/areas.csv");
}

static void printed_settings_load_to_the_same_settings(void **state)
{
    struct fixture *fixture = *state;
    struct buffer first = {0}, second = {0};
    must_load(fixture,
              "{" REQUIRED ",\"late_days\":7,\"mqtt\":{\"server\":\"mqtt://h\",\"client_id\":\"c\"},"
              "\"outputs\":[{\"name\":\"b\",\"type\":\"influxdb2\",\"url\":\"http://h\",\"org\":\"\\u0001\\\"o\","
              "\"bucket\":\"b\",\"token_file\":\"t\"}]}");
    settings_print(&fixture->settings, &first);
    assert_false(first.failed);
    must_load(fixture, first.bytes);
    settings_print(&fixture->settings, &second);
    assert_string_equal(first.bytes, second.bytes);
    assert_non_null(strstr(first.bytes, "\"depth\":\t16"));
    buffer_free(&first);
    buffer_free(&second);
}

static void manual_explains_every_kind_of_row(void **state)
{
    struct buffer manual = {0};
    (void)state;
    settings_manual(&manual);
    assert_false(manual.failed);
    assert_non_null(strstr(manual.bytes, "| `mqtt.keep_alive_s` | whole number | `60` | 5 to 3600 seconds | "));
    assert_non_null(strstr(manual.bytes, "| `realms` | list: 1 to 64 characters of A-Z a-z 0-9 . _ - | required | "));
    assert_non_null(strstr(manual.bytes, "| `outputs[].gzip` | switch | `true` |"));
    buffer_free(&manual);
}

static void all_faults_come_in_one_run(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "{\"realms\":[],\n\"late_day\":1,\n\"limits\":{\"depth\":3}}"), ERROR_CONFIG);
    /* realms, late_day, limits.depth, and the five that are missing */
    assert_int_equal(fixture->faults.count, 8);
    assert_int_equal(fixture->settings.limit_depth, 16); /* the default stays in place of a bad value */
}

static void absent_file_is_a_fault(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(settings_load(&fixture->settings, "/nowhere/collector.jsonc", &fixture->faults), ERROR_CONFIG);
    assert_int_equal(fixture->faults.count, 1);
    assert_string_equal(fixture->faults.list[0].file, "/nowhere/collector.jsonc");
}

/* Each text stands alone on line 2 of an otherwise sound config. */
static const struct {
    const char *text, *what, *remedy;
} refused[] = {
    {"\"late_dasy\":1", "unknown key \"late_dasy\"", "did you mean \"late_days\"?"},
    {"\"keep_alive_s\":60", "unknown key", "mqtt.keep_alive_s? Then put it into the object of \"mqtt\""},
    {"\"mqtt\":{\"server\":\"mqtt://h\",\"client_id\":\"c\",\"late_days\":1}", "mqtt.late_days",
     "late_days? Then put it at the top"},
    {"\"zzzzzzzz\":1", "unknown key", "known here: realms time_zone"},
    {"\"Late_days\":60", "unknown key", "late_days"},
    {"\"late_days\":60,\"late_days\":60", "twice", "remove one"},
    {"\"late_days\":\"60\"", "a text", "without quotes"},
    {"\"late_days\":null", "null", "whole number"},
    {"\"late_days\":0", "is 0", "from 1 to 3650 (days)"},
    {"\"late_days\":3651", "is 3651", "3650"},
    {"\"late_days\":1.5", "is 1.5", "whole number"},
    {"\"late_days\":1e300", "is 1e+300", "whole number"},
    {"\"small_cell\":-1", "is -1", "0 to 1000"},
    {"\"secret_file\":\"\"", "is empty", "a path"},
    {"\"commit\":{\"interval_ms\":9}", "commit.interval_ms is 9", "10 to 60000 (ms)"},
    {"\"commit\":[]", "a list", "an object"},
    {"\"journal\":{\"keep_bytes\":100000}", "less than one segment", "0 for no bound"},
    {"\"memory\":{\"facts_bytes\":1048575}", "1048575", "1048576"},
    {"\"limits\":{\"payload_bytes\":255}", "255", "256"},
    {"\"log\":{\"level\":\"verbose\"}", "verbose", "error, warning, info or debug"},
    {"\"mqtt\":{\"client_id\":\"c\"}", "mqtt.server is missing", "add \"server\""},
    {"\"mqtt\":{\"server\":\"mqtt://h\"}", "mqtt.client_id is missing", "add \"client_id\""},
    {"\"mqtt\":{\"server\":\"mqtt://h\",\"client_id\":\"\"}", "is empty", "1 to 64 characters"},
    {"\"mqtt\":{\"server\":\"mqtt://h\",\"client_id\":\"a/b\"}", "topics cannot carry", "A-Z a-z"},
    {"\"mqtt\":{\"server\":\"tcp://h\",\"client_id\":\"c\"}", "scheme", "mqtts://"},
    {"\"mqtt\":{\"server\":\"h:1883\",\"client_id\":\"c\"}", "scheme", "mqtt://"},
    {"\"mqtt\":{\"server\":\"mqtt://\",\"client_id\":\"c\"}", "host", "mqtt://"},
    {"\"mqtt\":{\"server\":\"mqtt://h:0\",\"client_id\":\"c\"}", "port", "mqtt://"},
    {"\"mqtt\":{\"server\":\"mqtt://h:99999\",\"client_id\":\"c\"}", "port", "mqtt://"},
    {"\"mqtt\":{\"server\":\"mqtt://[::1:1883\",\"client_id\":\"c\"}", "]", "mqtt://"},
    {"\"mqtt\":{\"server\":\"mqtt://u:p@h\",\"client_id\":\"c\"}", "settings for them", "mqtt://"},
    {"\"mqtt\":{\"server\":\"mqtt://h/path\",\"client_id\":\"c\"}", "path", "ws://"},
    {"\"mqtt\":{\"server\":\"mqtt://h\",\"client_id\":\"c\",\"username\":\"u\"}",
     "mqtt.username without mqtt.password_file", "give both"},
    {"\"mqtt\":{\"server\":\"mqtt://h\",\"client_id\":\"c\",\"password_file\":\"p\"}",
     "mqtt.password_file without mqtt.username", "give both"},
    {"\"mqtt\":{\"server\":\"mqtts://h\",\"client_id\":\"c\",\"tls\":{\"key_file\":\"k\"}}",
     "mqtt.tls.key_file without mqtt.tls.cert_file", "private key"},
    {"\"mqtt\":{\"server\":\"mqtt://h\",\"client_id\":\"c\",\"tls\":{\"ca_file\":\"k\"}}", "not encrypted", "mqtts://"},
    {"\"mqtt\":{\"server\":\"mqtt://h\",\"client_id\":\"c\",\"keep_alive_s\":4}", "is 4", "5 to 3600"},
    {"\"http\":{}", "http.listen is missing", "127.0.0.1:8080"},
    {"\"http\":{\"listen\":\"8080\"}", "no address", "127.0.0.1:port"},
    {"\"http\":{\"listen\":\"localhost:8080\"}", "no IP address", "127.0.0.1:port"},
    {"\"http\":{\"listen\":\"127.0.0.1:65536\"}", "port", "127.0.0.1:port"},
    {"\"http\":{\"listen\":\"0.0.0.0:8080\"}", "others could read", "edutally token new"},
    {"\"http\":{\"listen\":\"[::]:8080\"}", "others could read", "behind_proxy"},
    {"\"http\":{\"listen\":\"0.0.0.0:8080\",\"behind_proxy\":true,\"tokens_file\":\"t\"}", "that we do",
     "remove http.behind_proxy"},
    {"\"http\":{\"listen\":\"127.0.0.1:1\",\"connections\":15}", "is 15", "16 to 4096"},
    {"\"http\":{\"listen\":\"127.0.0.1:1\",\"tls\":{\"cert_file\":\"c\"}}", "http.tls.key_file is missing",
     "add \"key_file\""},
    {"\"outputs\":{}", "an object", "a list"},
    {"\"outputs\":[5]", "outputs[0] is a number", "an object"},
    {"\"outputs\":[{\"name\":\"a\",\"type\":\"influxdb1\",\"url\":\"http://h\"}]", "outputs[0].database is missing",
     "add it"},
    {"\"outputs\":[{\"name\":\"a\",\"type\":\"influxdb3\",\"url\":\"http://h\"}]", "influxdb3", "victoriametrics"},
    {"\"outputs\":[{\"name\":\"a\",\"type\":\"influxdb2\",\"url\":\"http://h\",\"org\":\"o\",\"bucket\":\"b\"}]",
     "token_file is missing", "add it"},
    {"\"outputs\":[{\"name\":\"a\",\"type\":\"victoriametrics\",\"url\":\"http://h\",\"org\":\"o\"}]",
     "victoriametrics has no use for it", "remove it"},
    {"\"outputs\":[{\"name\":\"a\",\"type\":\"victoriametrics\",\"url\":\"h:8428\"}]", "scheme", "https://"},
    {"\"outputs\":[{\"name\":\"a\",\"type\":\"victoriametrics\",\"url\":\"http://h?x=1\"}]", "'?'", "http://"},
    {"\"outputs\":[{\"name\":\"a\",\"type\":\"victoriametrics\",\"url\":\"http://h\",\"ca_file\":\"c\"}]",
     "not encrypted", "https://"},
    {"\"outputs\":[{\"name\":\"a\",\"type\":\"victoriametrics\",\"url\":\"http://h\",\"username\":\"u\"}]",
     "outputs[0].username without", "give both"},
    {"\"outputs\":[{\"name\":\"a\",\"type\":\"victoriametrics\",\"url\":\"http://h\",\"gzip\":1}]", "a number",
     "true or false"},
    {"\"outputs\":[{\"name\":\"a\",\"type\":\"victoriametrics\",\"url\":\"http://h\",\"batch_pionts\":1}]",
     "outputs[0].batch_pionts", "\"batch_points\""},
    {"\"outputs\":[{\"name\":\"a\",\"type\":\"victoriametrics\",\"url\":\"http://h\"},"
     "{\"name\":\"a\",\"type\":\"victoriametrics\",\"url\":\"http://i\"}]",
     "two outputs have the name \"a\"", "a name of its own"},
};

static void bad_setting_is_refused_with_line_and_remedy(void **state)
{
    struct fixture *fixture = *state;
    char text[2048];
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        snprintf(text, sizeof text, "{" REQUIRED ",\n%s\n}", refused[i].text);
        int result = load(fixture, text);
        const struct fault *fault = fixture->faults.list;
        if (result != ERROR_CONFIG || fixture->faults.count != 1 || fault->line != 2 ||
            strstr(fault->what, refused[i].what) == NULL || strstr(fault->remedy, refused[i].remedy) == NULL) {
            fail_msg("%s: %zu faults, the first in line %u: %s (%s)", refused[i].text, fixture->faults.count,
                     fault != NULL ? fault->line : 0, fault != NULL ? fault->what : "",
                     fault != NULL ? fault->remedy : "");
        }
    }
}

static void bad_realms_and_zones_are_refused(void **state)
{
    struct fixture *fixture = *state;
    static const char rest[] = "\"data_dir\":\"d\",\"registry\":{\"centres\":\"c\",\"areas\":\"a\"},\"taxonomy\":\"t\","
                               "\"indicators\":\"i\"}";
    static const char *const heads[] = {
        "\"realms\":[\"46\",\"46\"],\"time_zone\":\"UTC\",",
        "\"realms\":[\"a+b\"],\"time_zone\":\"UTC\",",
        "\"realms\":[46],\"time_zone\":\"UTC\",",
        "\"realms\":\"46\",\"time_zone\":\"UTC\",",
        "\"realms\":[\"46\"],\"time_zone\":\"Asia/Hue\",",
        "\"realms\":[\"46\"],\"time_zone\":\"../etc/passwd\",",
    };
    char text[512];
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        snprintf(text, sizeof text, "{%s%s", heads[i], rest);
        assert_int_equal(load(fixture, text), ERROR_CONFIG);
        assert_int_equal(fixture->faults.count, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_left_out_has_its_default, set_up, tear_down),
        cmocka_unit_test_setup_teardown(relative_paths_are_beside_the_config, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_secret_that_cannot_be_read_is_taken_from_systemd, set_up, tear_down),
        cmocka_unit_test_setup_teardown(secret_lies_in_data_dir_unless_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_section_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(shipped_config_is_sound, set_up, tear_down),
        cmocka_unit_test_setup_teardown(printed_settings_load_to_the_same_settings, set_up, tear_down),
        cmocka_unit_test(manual_explains_every_kind_of_row),
        cmocka_unit_test_setup_teardown(all_faults_come_in_one_run, set_up, tear_down),
        cmocka_unit_test_setup_teardown(absent_file_is_a_fault, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_setting_is_refused_with_line_and_remedy, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_realms_and_zones_are_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
