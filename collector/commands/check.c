/*
 * `edutally check`: the files first; if they are sound, what stands around them: the data directory, the store, the
 * files with secrets, and over the network the broker and each output. Everything is tried, whatever failed before it.
 */
#include "commands/check.h"

#include "api/api.h"
#include "base/error.h"
#include "base/file.h"
#include "commands/commands.h"
#include "ingest/ingest.h"
#include "output/output.h"
#include "store/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PROBE_TIMEOUT_MS = 10000 };

static const char help[] = "Usage: edutally check --config FILE [--offline] [--json] [--print-config]\n"
                           "       edutally check --manual\n\n"
                           "Reads the configuration and all that it names (registry, taxonomy, indicators),\n"
                           "and shows every fault with file, line and remedy. If there is none, it looks at\n"
                           "the data directory, the store and the files with secrets, and asks the broker\n"
                           "and each output whether they are there and let us in. Nothing is written.\n\n"
                           "  --config FILE   the configuration, such as /etc/edutally/collector.jsonc\n"
                           "  --offline       do not ask the broker and the outputs\n"
                           "  --json          the same for programs, one JSON object on standard output\n"
                           "  --print-config  print every setting with its value, defaults included, and end\n"
                           "  --manual        explain every setting (Markdown) and end; needs no --config\n\n"
                           "Run it as the daemon's user: sudo -u edutally edutally check --config FILE\n"
                           "Exit: 0 all is well, 1 the files are sound, but something around them failed,\n"
                           "      2 usage, 3 faults in the files\n";

struct options {
    const char *config;
    bool json, print_config, manual, offline, help;
};

static int read_options(int argc, char **argv, struct options *options)
{
    static const struct option names[] = {{"config", required_argument, NULL, 'c'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"print-config", no_argument, NULL, 'p'},
                                          {"manual", no_argument, NULL, 'm'},
                                          {"offline", no_argument, NULL, 'o'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    optind = 1;
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, ":c:h", names, NULL)) != -1;) {
        switch (option) {
        case 'c':
            options->config = optarg;
            break;
        case 'j':
            options->json = true;
            break;
        case 'p':
            options->print_config = true;
            break;
        case 'm':
            options->manual = true;
            break;
        case 'o':
            options->offline = true;
            break;
        case 'h':
            options->help = true;
            break;
        default:
            fprintf(stderr, "edutally check: %s '%s'; `edutally check --help` explains\n",
                    option == ':' ? "a value is missing after" : "unknown option", argv[optind - 1]);
            return EXIT_USAGE;
        }
    }
    if (optind < argc || (options->config == NULL && !options->manual && !options->help)) {
        fprintf(stderr, "edutally check: %s%s; `edutally check --help` explains\n",
                optind < argc ? "unexpected argument " : "--config FILE is missing", optind < argc ? argv[optind] : "");
        return EXIT_USAGE;
    }
    return 0;
}

/* `remedy` NULL: all is well. */
static void find(struct check_findings *findings, const char *remedy, const char *subject, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* One more, all well so far. What there is no room for is counted, if it failed, and not shown. */
static struct check_finding *add(struct check_findings *findings, const char *remedy, const char *subject)
{
    struct check_finding *finding = &findings->list[findings->count];
    findings->count += findings->count < CHECK_FINDINGS - 1;
    *finding = (struct check_finding){.remedy = remedy};
    snprintf(finding->subject, sizeof finding->subject, "%s", subject);
    return finding;
}

static void find(struct check_findings *findings, const char *remedy, const char *subject, const char *format, ...)
{
    struct check_finding *finding = add(findings, remedy, subject);
    va_list arguments;
    va_start(arguments, format);
    // NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): clang 14 misses it
    vsnprintf(finding->text, sizeof finding->text, format, arguments);
    va_end(arguments);
    finding->failed = remedy != NULL;
    findings->failed += finding->failed;
}

void check_warn(struct check_findings *findings, const char *remedy, const char *subject, const char *format, ...)
{
    struct check_finding *finding = add(findings, remedy, subject);
    va_list arguments;
    va_start(arguments, format);
    // NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): clang 14 misses it
    vsnprintf(finding->text, sizeof finding->text, format, arguments);
    va_end(arguments);
    finding->warned = true;
    findings->warned++;
}

/* The nearest directory above `path` that is there: in it the rest would be made. */
static void existing_parent(const char *path, char *out, size_t size)
{
    struct stat status;
    snprintf(out, size, "%s", path);
    while (stat(out, &status) != 0) {
        char *slash = strrchr(out, '/');
        if (slash == NULL || slash == out) {
            snprintf(out, size, "%s", slash == NULL ? "." : "/");
            return;
        }
        *slash = '\0';
    }
}

static void check_data_dir(const struct settings *settings, struct check_findings *findings)
{
    static const char remedy[] =
        "run this as the daemon's user; give that user the directory (chown), or change data_dir";
    char parent[4096];
    struct stat status;
    const char *path = settings->data_dir;
    if (stat(path, &status) == 0) {
        if (!S_ISDIR(status.st_mode) || access(path, R_OK | W_OK | X_OK) != 0) {
            find(findings, remedy, "data_dir", "%s is not a directory that this user may write to", path);
        } else {
            find(findings, NULL, "data_dir", "%s is writable", path);
        }
        return;
    }
    existing_parent(path, parent, sizeof parent);
    if (access(parent, W_OK | X_OK) != 0) {
        find(findings, remedy, "data_dir", "%s is not there, and this user may not make it in %s", path, parent);
    } else {
        find(findings, NULL, "data_dir", "%s is not there yet; it will be made", path);
    }
}

static void check_store(const struct settings *settings, struct check_findings *findings)
{
    struct store_reader *reader = NULL;
    struct error error = {0};
    int64_t revision = 0;
    int result = store_reader_open(&reader, settings->data_dir, &error);
    if (result == 0) {
        result = store_reader_revision(reader, &revision, &error);
    }
    if (result == 0) {
        find(findings, NULL, "store", "readable, revision %lld", (long long)revision);
    } else if (result == ERROR_MISSING) {
        find(findings, NULL, "store", "there is none yet; the first run makes it");
    } else {
        find(findings,
             result == ERROR_CONFIG
                 ? "use the version of edutally that made it, or a newer one"
                 : "run this as the daemon's user; look for disk errors, restore a backup if need be",
             "store", "%s", error.text);
    }
    store_reader_close(&reader);
}

static void check_file(const char *path, const char *owner, const char *setting, struct check_findings *findings)
{
    char subject[100];
    if (path == NULL) {
        return;
    }
    snprintf(subject, sizeof subject, "%s%s", owner, setting);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        find(findings, "make the file, or run this as the daemon's user: only that one may read secrets", subject,
             "cannot open %s: %s", path, strerror(errno));
        return;
    }
    close(fd);
    find(findings, NULL, subject, "%s is readable", path);
}

static void check_files(const struct settings *settings, struct check_findings *findings)
{
    check_file(settings->mqtt_password_file, "mqtt.", "password_file", findings);
    check_file(settings->mqtt_ca_file, "mqtt.tls.", "ca_file", findings);
    check_file(settings->mqtt_cert_file, "mqtt.tls.", "cert_file", findings);
    check_file(settings->mqtt_key_file, "mqtt.tls.", "key_file", findings);
    for (size_t i = 0; i < settings->output_count; i++) {
        const struct settings_output *output = &settings->outputs[i];
        char owner[80];
        snprintf(owner, sizeof owner, "output %.64s ", output->name);
        check_file(output->password_file, owner, "password_file", findings);
        check_file(output->token_file, owner, "token_file", findings);
        check_file(output->ca_file, owner, "ca_file", findings);
    }
}

static void check_tokens(const struct settings *settings, struct check_findings *findings)
{
    static const char subject[] = "http.tokens_file";
    struct error error = {0};
    size_t count = 0;
    if (settings->http_tokens_file == NULL) {
        return;
    }
    if (api_check_tokens(settings, &count, &error) != 0) {
        find(findings, "`edutally token new --scope read --name NAME --config FILE` makes one", subject, "%s",
             error.text);
    } else {
        find(findings, NULL, subject, "%zu token%s in %s", count, count == 1 ? "" : "s", settings->http_tokens_file);
    }
}

static void check_certificate(const struct settings *settings, struct check_findings *findings)
{
    static const char subject[] = "http.tls";
    struct error error = {0};
    int64_t expires_s = 0;
    if (settings->http_cert_file == NULL) {
        return;
    }
    int failed = api_check_tls(settings, &expires_s, &error);
    int64_t left_s = expires_s - clock_wall_ms() / 1000;
    if (failed != 0) {
        find(findings, "name a certificate and its key, PEM, and run this as the daemon's user", subject, "%s",
             error.text);
    } else if (left_s <= 0) {
        find(findings, "renew it, then reload the service", subject, "the certificate %s is past its time",
             settings->http_cert_file);
    } else {
        find(findings, NULL, subject, "certificate and key fit; %lld days left", (long long)(left_s / 86400));
    }
}

static void probe_peers(const struct settings *settings, struct check_findings *findings)
{
    if (settings->mqtt_server != NULL) {
        struct error error = {0};
        bool failed = ingest_probe(settings, PROBE_TIMEOUT_MS, &error) != 0;
        find(findings, failed ? check_broker_remedy(&error) : NULL, "broker", "%.200s%s%.190s", settings->mqtt_server,
             failed ? ": " : " lets us in", error.text);
    }
    for (size_t i = 0; i < settings->output_count; i++) {
        const struct settings_output *output = &settings->outputs[i];
        struct error error = {0};
        char subject[100];
        bool failed = output_probe(output, &error) != 0;
        snprintf(subject, sizeof subject, "output %s", output->name);
        find(findings,
             failed ? "is the server running, is the url right, are database, user or token known to it?" : NULL,
             subject, "%.200s%s%.190s", output->url, failed ? ": " : " lets us in", error.text);
    }
}

static int check_surroundings(const struct world *world, const struct options *options)
{
    int result = EXIT_FAILED;
    struct check_findings *findings = calloc(1, sizeof *findings);
    if (findings == NULL) {
        fprintf(stderr, "edutally check: out of memory\n");
        return EXIT_FAILED;
    }
    check_data_dir(&world->settings, findings);
    check_store(&world->settings, findings);
    check_files(&world->settings, findings);
    check_tokens(&world->settings, findings);
    check_certificate(&world->settings, findings);
    check_risks(&world->settings, findings);
    if (!options->offline) {
        probe_peers(&world->settings, findings);
    }
    if (!options->json) {
        check_print_text(world, findings);
        result = findings->failed > 0 ? EXIT_FAILED : EXIT_DONE;
    } else if (check_print_json(world, findings) == 0) {
        result = findings->failed > 0 ? EXIT_FAILED : EXIT_DONE;
    }
    free(findings);
    return result;
}

/* Prints what settings_print or settings_manual wrote. */
static int print_buffer(struct buffer *text)
{
    bool done = !text->failed && fwrite(text->bytes, 1, text->used, stdout) == text->used && fflush(stdout) == 0;
    if (!done) {
        fprintf(stderr, "edutally check: cannot write to standard output\n");
    }
    buffer_free(text);
    return done ? EXIT_DONE : EXIT_FAILED;
}

static int explain(const struct faults *faults, const struct options *options)
{
    if (faults->out_of_memory || !options->json) {
        world_explain(faults);
    } else if (check_print_faults_json(faults) != 0) {
        return EXIT_FAILED;
    }
    return faults->out_of_memory ? EXIT_FAILED : EXIT_CONFIG;
}

static int check(const struct options *options)
{
    struct world world;
    struct faults faults = {0};
    struct buffer text = {0};
    int result;
    if (world_load(&world, options->config, &faults) != 0) {
        result = explain(&faults, options);
    } else if (options->print_config) {
        settings_print(&world.settings, &text);
        result = print_buffer(&text);
    } else {
        result = check_surroundings(&world, options);
    }
    faults_clear(&faults);
    world_free(&world);
    return result;
}

int command_check(int argc, char **argv)
{
    struct options options = {0};
    struct buffer text = {0};
    int result = read_options(argc, argv, &options);
    if (result != 0) {
        return result;
    }
    if (options.help) {
        fputs(help, stdout);
        return EXIT_DONE;
    }
    if (options.manual) {
        settings_manual(&text);
        return print_buffer(&text);
    }
    return check(&options);
}
