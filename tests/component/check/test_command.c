/*
 * What `edutally check` and `edutally version` print and return. Broker, outputs and store are stood in for by the
 * functions at the top, which answer as each test wants.
 */
#include "api/api.h"
#include "commands/check.h"
#include "commands/commands.h"
#include "deployment.h"
#include "ingest/ingest.h"
#include "output/output.h"
#include "store/reader.h"
#include "store/store.h"

#include <cJSON.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

int ingest_probe(const struct settings *settings, int64_t timeout_ms, struct error *error)
{
    check_expected_ptr(settings->mqtt_server);
    assert_true(timeout_ms > 0);
    int result = mock_type(int);
    return result == 0 ? 0 : error_set(error, result, "Connection refused");
}

int output_probe(const struct settings_output *settings, struct error *error)
{
    check_expected_ptr(settings->name);
    int result = mock_type(int);
    return result == 0 ? 0 : error_set(error, result, "401 unauthorized");
}

int store_reader_open(struct store_reader **reader, const char *data_dir, struct error *error)
{
    int result = mock_type(int);
    assert_non_null(strstr(data_dir, "data"));
    *reader = NULL;
    return result == 0 ? 0 : error_set(error, result, "its schema is of version 9");
}

int store_reader_revision(struct store_reader *reader, int64_t *revision, struct error *error)
{
    (void)reader;
    (void)error;
    *revision = 4711;
    return 0;
}

void store_reader_close(struct store_reader **reader)
{
    *reader = NULL;
}

const char *ingest_library_version(void)
{
    return "1.3.99";
}

const char *store_library_version(void)
{
    return "3.99.0";
}

const char *output_library_version(void)
{
    return "7.99.1";
}

const char *api_library_version(void)
{
    return "0.9.99";
}

enum { PRINTED_MOST = 65536 };

struct printed {
    char out[PRINTED_MOST], err[PRINTED_MOST];
};

/* What a file holds from its start. */
static void read_back(int fd, char *out)
{
    ssize_t got = pread(fd, out, PRINTED_MOST - 1, 0);
    assert_true(got >= 0);
    out[got] = '\0';
}

/* Runs a command with standard output and error going into `printed`; returns its exit code. */
static int run(int (*command)(int, char **), struct printed *printed, const char *const *words)
{
    char *argv[16] = {0};
    int argc = 0, targets[2] = {STDOUT_FILENO, STDERR_FILENO}, saved[2], files[2];
    for (; words[argc] != NULL; argc++) {
        argv[argc] = strdup(words[argc]);
    }
    fflush(NULL);
    for (int i = 0; i < 2; i++) {
        FILE *file = tmpfile();
        files[i] = dup(fileno(file));
        fclose(file);
        saved[i] = dup(targets[i]);
        dup2(files[i], targets[i]);
    }
    int result = command(argc, argv);
    fflush(NULL);
    for (int i = 0; i < 2; i++) {
        dup2(saved[i], targets[i]);
        close(saved[i]);
        read_back(files[i], i == 0 ? printed->out : printed->err);
        close(files[i]);
    }
    for (int i = 0; i < argc; i++) {
        free(argv[i]);
    }
    return result;
}

#define RUN(command, printed, ...) run((command), (printed), (const char *const[]){__VA_ARGS__, NULL})
#define HAS(text, word)            assert_non_null(strstr((text), (word)))

static void deploy_with_peers(const struct deployment *deployment)
{
    deployment_write(
        deployment, CONFIG,
        "{\"realms\": [\"46\"], \"time_zone\": \"UTC\", \"data_dir\": \"data\",\n"
        " \"registry\": {\"centres\": \"centres.csv\", \"areas\": \"areas.csv\"},\n"
        " \"taxonomy\": \"taxonomy.jsonc\", \"indicators\": \"indicators.jsonc\",\n"
        " \"mqtt\": {\"server\": \"mqtt://127.0.0.1:1883\", \"client_id\": \"c\"},\n"
        " \"outputs\": [{\"name\": \"vm\", \"type\": \"victoriametrics\", \"url\": \"http://127.0.0.1:8428\"}]}");
}

static void sound_deployment_is_summed_up(void **state)
{
    const struct deployment *deployment = *state;
    struct printed printed;
    will_return(store_reader_open, ERROR_MISSING);
    assert_int_equal(RUN(command_check, &printed, "check", "--config", deployment->paths[CONFIG]), EXIT_DONE);
    HAS(printed.out, "are sound");
    HAS(printed.out, "3: 2 primary, 1 community_learning_centre");
    HAS(printed.out, "3 codes in 3 rows, the root is 46");
    HAS(printed.out, "other, teaching, management");
    HAS(printed.out, "schools: 2 centres, each month, target 60.0 % from 2024-05-02");
    HAS(printed.out, "it will be made");
    HAS(printed.out, "there is none yet");
    assert_null(strchr(printed.out, '\033')); /* no colour but on a terminal */
    assert_string_equal(printed.err, "");
}

static void peers_are_asked_and_their_answers_shown(void **state)
{
    const struct deployment *deployment = *state;
    struct printed printed;
    deploy_with_peers(deployment);
    will_return(store_reader_open, 0);
    expect_string(ingest_probe, settings->mqtt_server, "mqtt://127.0.0.1:1883");
    will_return(ingest_probe, ERROR_IO);
    expect_string(output_probe, settings->name, "vm");
    will_return(output_probe, 0);
    assert_int_equal(RUN(command_check, &printed, "check", "--config", deployment->paths[CONFIG]), EXIT_FAILED);
    HAS(printed.out, "FAILED  broker: mqtt://127.0.0.1:1883: Connection refused\n          is the broker running");
    HAS(printed.out, "ok      output vm: http://127.0.0.1:8428 lets us in");
    HAS(printed.out, "revision 4711");
    HAS(printed.out, "1 of 4 failed");
}

static void offline_asks_nobody(void **state)
{
    const struct deployment *deployment = *state;
    struct printed printed;
    deploy_with_peers(deployment);
    will_return(store_reader_open, 0);
    assert_int_equal(RUN(command_check, &printed, "check", "--offline", "--config", deployment->paths[CONFIG]),
                     EXIT_DONE);
    assert_null(strstr(printed.out, "broker"));
}

static void faults_go_to_standard_error_with_place_and_remedy(void **state)
{
    const struct deployment *deployment = *state;
    struct printed printed;
    char place[160];
    deployment_write(deployment, CENTRES, "id,name,type,area,head_count,opened,closed\na\033,N,primary,2,1,,\n");
    assert_int_equal(RUN(command_check, &printed, "check", "--config", deployment->paths[CONFIG]), EXIT_CONFIG);
    snprintf(place, sizeof place, "%s:2: bad id \"a?\"\n    use 1 to 64", deployment->paths[CENTRES]);
    HAS(printed.err, place);
    HAS(printed.err, "\n1 fault");
    assert_string_equal(printed.out, "");
}

static void json_says_the_same(void **state)
{
    const struct deployment *deployment = *state;
    struct printed printed;
    deploy_with_peers(deployment);
    will_return(store_reader_open, ERROR_CONFIG);
    assert_int_equal(
        RUN(command_check, &printed, "check", "--json", "--offline", "--config", deployment->paths[CONFIG]),
        EXIT_FAILED);
    cJSON *root = cJSON_Parse(printed.out);
    assert_non_null(root);
    assert_true(cJSON_IsFalse(cJSON_GetObjectItem(root, "ok")));
    assert_int_equal(cJSON_GetObjectItem(cJSON_GetObjectItem(root, "centres"), "primary")->valueint, 2);
    const cJSON *store = cJSON_GetArrayItem(cJSON_GetObjectItem(root, "findings"), 1);
    assert_string_equal(cJSON_GetObjectItem(store, "subject")->valuestring, "store");
    HAS(cJSON_GetObjectItem(store, "text")->valuestring, "version 9");
    HAS(cJSON_GetObjectItem(store, "remedy")->valuestring, "version of edutally");
    cJSON_Delete(root);
}

static void json_has_the_faults(void **state)
{
    const struct deployment *deployment = *state;
    struct printed printed;
    deployment_write(deployment, TAXONOMY, "{\"types\": {}}");
    assert_int_equal(RUN(command_check, &printed, "check", "--json", "--config", deployment->paths[CONFIG]),
                     EXIT_CONFIG);
    cJSON *root = cJSON_Parse(printed.out);
    const cJSON *fault = cJSON_GetArrayItem(cJSON_GetObjectItem(root, "faults"), 0);
    assert_string_equal(cJSON_GetObjectItem(fault, "file")->valuestring, deployment->paths[TAXONOMY]);
    assert_int_equal(cJSON_GetObjectItem(fault, "line")->valueint, 1);
    HAS(cJSON_GetObjectItem(fault, "remedy")->valuestring, "types");
    cJSON_Delete(root);
}

static void unreadable_secret_is_found(void **state)
{
    const struct deployment *deployment = *state;
    struct printed printed;
    deployment_write(deployment, CONFIG,
                     "{\"realms\": [\"46\"], \"time_zone\": \"UTC\", \"data_dir\": \"data\",\n"
                     " \"registry\": {\"centres\": \"centres.csv\", \"areas\": \"areas.csv\"},\n"
                     " \"taxonomy\": \"taxonomy.jsonc\", \"indicators\": \"indicators.jsonc\",\n"
                     " \"mqtt\": {\"server\": \"mqtt://127.0.0.1\", \"client_id\": \"c\", \"username\": \"u\",\n"
                     "            \"password_file\": \"nowhere\"}}");
    will_return(store_reader_open, ERROR_MISSING);
    assert_int_equal(RUN(command_check, &printed, "check", "--offline", "--config", deployment->paths[CONFIG]),
                     EXIT_FAILED);
    HAS(printed.out, "FAILED  mqtt.password_file: cannot open");
    HAS(printed.out, "nowhere: No such file");
}

#define LOGIN ", \"username\": \"collector\", \"password_file\": \"taxonomy.jsonc\"" /* a file that is there */

/* A deployment with these members beside the required ones; what `check --offline` printed. */
static void check_with(const struct deployment *deployment, const char *members, struct printed *printed)
{
    char text[1024];
    snprintf(text, sizeof text,
             "{\"realms\": [\"46\"], \"time_zone\": \"UTC\", \"data_dir\": \"data\",\n"
             " \"registry\": {\"centres\": \"centres.csv\", \"areas\": \"areas.csv\"},\n"
             " \"taxonomy\": \"taxonomy.jsonc\", \"indicators\": \"indicators.jsonc\", %s}",
             members);
    deployment_write(deployment, CONFIG, text);
    will_return(store_reader_open, ERROR_MISSING);
    RUN(command_check, printed, "check", "--offline", "--config", deployment->paths[CONFIG]);
}

static void client_id_that_can_be_guessed_is_warned_of_where_there_are_strangers(void **state)
{
    static const struct {
        const char *server, *client_id, *rest;
        bool warned;
    } rows[] = {
        {"mqtt://127.0.0.1:1883", "edutally-46", "", false}, /* no password, no network: nobody but us */
        {"mqtt://localhost", "edutally-46", "", false},
        {"mqtt://[::1]:1883", "edutally-46", "", false},
        {"mqtt://127.0.0.1:1883", "edutally-46", LOGIN, true},
        {"mqtts://127.0.0.1:8883", "edutally-46", "", true},
        {"mqtt://broker.example:1883", "edutally-46", "", true},
        {"mqtt://localhost.example", "edutally-46", "", true},
        {"mqtts://broker.example:8883", "edutally-hue-collector-1", "", true},
        {"mqtts://broker.example:8883", "departmentofeducation", "", true},
        {"mqtts://broker.example:8883", "edutally-46-1a2b3c4d5e6", "", true},
        {"mqtts://broker.example:8883", "edutally-46-1a2b3c4d5e6f", "", false},
        {"mqtts://broker.example:8883", "edutally-46-3f9c0b7714d2e8aa", LOGIN, false},
        {"mqtts://broker.example:8883", "0d4fd7a6-5b34-4b9e-9a0d-8b7c4c7d0e11", "", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct printed printed;
        char members[512];
        snprintf(members, sizeof members, "\"mqtt\": {\"server\": \"%s\", \"client_id\": \"%s\"%s}", rows[i].server,
                 rows[i].client_id, rows[i].rest);
        check_with(*state, members, &printed);
        if ((strstr(printed.out, "WARN    mqtt.client_id") != NULL) != rows[i].warned) {
            fail_msg("row %zu: %s\n%s", i, members, printed.out);
        }
        assert_null(strstr(printed.out, "failed"));
    }
}

static void tokens_that_pass_in_the_clear_are_warned_of(void **state)
{
    static const struct {
        const char *http;
        bool warned;
    } rows[] = {
        {"\"listen\": \"127.0.0.1:8080\", \"tokens_file\": \"t\"", false},
        {"\"listen\": \"[::1]:8080\", \"tokens_file\": \"t\"", false},
        {"\"listen\": \"0.0.0.0:8080\", \"tokens_file\": \"t\"", true},
        {"\"listen\": \"[::]:8080\", \"tokens_file\": \"t\"", true},
        {"\"listen\": \"0.0.0.0:8080\", \"behind_proxy\": true", false},
        {"\"listen\": \"0.0.0.0:8443\", \"tokens_file\": \"t\", \"tls\": {\"cert_file\": \"c\", \"key_file\": \"k\"}",
         false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct printed printed;
        char members[512];
        snprintf(members, sizeof members, "\"http\": {%s}", rows[i].http);
        check_with(*state, members, &printed);
        if ((strstr(printed.out, "WARN    http: tokens") != NULL) != rows[i].warned) {
            fail_msg("row %zu: %s\n%s%s", i, members, printed.out, printed.err);
        }
    }
}

static void warning_is_no_failure_for_programs_either(void **state)
{
    const struct deployment *deployment = *state;
    struct printed printed;
    check_with(deployment, "\"mqtt\": {\"server\": \"mqtts://b\", \"client_id\": \"c\"}", &printed);
    will_return(store_reader_open, ERROR_MISSING);
    assert_int_equal(
        RUN(command_check, &printed, "check", "--json", "--offline", "--config", deployment->paths[CONFIG]), EXIT_DONE);
    cJSON *root = cJSON_Parse(printed.out);
    assert_true(cJSON_IsTrue(cJSON_GetObjectItem(root, "ok")));
    const cJSON *last = cJSON_GetArrayItem(cJSON_GetObjectItem(root, "findings"), 2);
    assert_true(cJSON_IsTrue(cJSON_GetObjectItem(last, "warned")));
    assert_true(cJSON_IsFalse(cJSON_GetObjectItem(last, "failed")));
    HAS(cJSON_GetObjectItem(last, "remedy")->valuestring, "edutally-provision collector");
    cJSON_Delete(root);
}

static void remedy_for_the_broker_fits_what_it_said(void **state)
{
    static const struct {
        struct error error;
        const char *remedy;
    } rows[] = {
        {{ERROR_CONFIG, "mqtt.password_file: cannot read /x: Permission denied"}, "daemon's user"},
        {{ERROR_CONFIG, "mqtt.password_file: cannot read the password from /x"}, "daemon's user"},
        {{ERROR_CONFIG, "mqtt.server \"x\" has no usable host and port"}, "mend mqtt.server"},
        {{ERROR_IO, "Not authorized (code 135)"}, "edutally-provision collector"},
        {{ERROR_IO, "not authorised (code 5)"}, "edutally-provision collector"},
        {{ERROR_IO, "bad user name or password (code 4)"}, "edutally-provision collector"},
        {{ERROR_IO, "client id refused (code 2)"}, "mqtt.client_id"},
        {{ERROR_IO, "x (code -1), TLS: unable to get local issuer certificate: the broker's certificate does not fit"},
         "mqtt.tls.ca_file"},
        {{ERROR_IO, "the broker refused edu/v1/46/+/+/event: Not authorized (code 135)"}, "access list"},
        {{ERROR_IO, "Connection refused (code -1)"}, "is the broker running"},
        {{ERROR_IO, "the broker does not answer"}, "is the broker running"},
        {{ERROR_MEMORY, "out of memory"}, "free memory"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        HAS(check_broker_remedy(&rows[i].error), rows[i].remedy);
    }
}

static void printed_config_has_the_defaults(void **state)
{
    const struct deployment *deployment = *state;
    struct printed printed;
    assert_int_equal(RUN(command_check, &printed, "check", "--print-config", "--config", deployment->paths[CONFIG]),
                     EXIT_DONE);
    cJSON *root = cJSON_Parse(printed.out);
    assert_int_equal(cJSON_GetObjectItem(root, "late_days")->valueint, 60);
    cJSON_Delete(root);
}

static void help_and_manual_need_no_config(void **state)
{
    struct printed printed;
    (void)state;
    assert_int_equal(RUN(command_check, &printed, "check", "--help"), EXIT_DONE);
    HAS(printed.out, "Usage: edutally check --config FILE");
    assert_int_equal(RUN(command_check, &printed, "check", "--manual"), EXIT_DONE);
    HAS(printed.out, "| `late_days` |");
}

static void wrong_usage_is_2(void **state)
{
    struct printed printed;
    (void)state;
    assert_int_equal(RUN(command_check, &printed, "check"), EXIT_USAGE);
    HAS(printed.err, "--config FILE is missing");
    assert_int_equal(RUN(command_check, &printed, "check", "--nonsense"), EXIT_USAGE);
    HAS(printed.err, "unknown option '--nonsense'");
    assert_int_equal(RUN(command_check, &printed, "check", "--config"), EXIT_USAGE);
    HAS(printed.err, "a value is missing after '--config'");
    assert_int_equal(RUN(command_check, &printed, "check", "--config", "x", "y"), EXIT_USAGE);
    HAS(printed.err, "unexpected argument y");
    assert_int_equal(RUN(command_version, &printed, "version", "x"), EXIT_USAGE);
}

static void version_names_program_and_libraries(void **state)
{
    struct printed printed;
    (void)state;
    assert_int_equal(RUN(command_version, &printed, "version"), EXIT_DONE);
    HAS(printed.out, "edutally 9.8.7\n");
    HAS(printed.out, "  Paho MQTT C 1.3.99\n  SQLite 3.99.0\n  libcurl 7.99.1\n  libmicrohttpd 0.9.99\n");
    assert_int_equal(RUN(command_version, &printed, "version", "--json"), EXIT_DONE);
    cJSON *root = cJSON_Parse(printed.out);
    assert_string_equal(cJSON_GetObjectItem(root, "version")->valuestring, "9.8.7");
    assert_string_equal(cJSON_GetObjectItem(cJSON_GetObjectItem(root, "libraries"), "cjson")->valuestring,
                        cJSON_Version());
    assert_string_equal(cJSON_GetObjectItem(cJSON_GetObjectItem(root, "libraries"), "sqlite")->valuestring, "3.99.0");
    cJSON_Delete(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sound_deployment_is_summed_up, deployment_set_up, deployment_tear_down),
        cmocka_unit_test_setup_teardown(peers_are_asked_and_their_answers_shown, deployment_set_up,
                                        deployment_tear_down),
        cmocka_unit_test_setup_teardown(offline_asks_nobody, deployment_set_up, deployment_tear_down),
        cmocka_unit_test_setup_teardown(faults_go_to_standard_error_with_place_and_remedy, deployment_set_up,
                                        deployment_tear_down),
        cmocka_unit_test_setup_teardown(json_says_the_same, deployment_set_up, deployment_tear_down),
        cmocka_unit_test_setup_teardown(json_has_the_faults, deployment_set_up, deployment_tear_down),
        cmocka_unit_test_setup_teardown(unreadable_secret_is_found, deployment_set_up, deployment_tear_down),
        cmocka_unit_test_setup_teardown(client_id_that_can_be_guessed_is_warned_of_where_there_are_strangers,
                                        deployment_set_up, deployment_tear_down),
        cmocka_unit_test_setup_teardown(tokens_that_pass_in_the_clear_are_warned_of, deployment_set_up,
                                        deployment_tear_down),
        cmocka_unit_test_setup_teardown(warning_is_no_failure_for_programs_either, deployment_set_up,
                                        deployment_tear_down),
        cmocka_unit_test(remedy_for_the_broker_fits_what_it_said),
        cmocka_unit_test_setup_teardown(printed_config_has_the_defaults, deployment_set_up, deployment_tear_down),
        cmocka_unit_test(help_and_manual_need_no_config),
        cmocka_unit_test(wrong_usage_is_2),
        cmocka_unit_test(version_names_program_and_libraries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
