/*
 * `edutally export`: facts, usage, adoption or centres as a file for other programs. All rows come from one snapshot of
 * the store. A file named by --out appears when it is whole: it is written beside its name, synced, and renamed.
 */
#include "export.h"

#include "base/civil.h"
#include "base/file.h"
#include "commands/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct kind {
    const char *name;
    int (*write)(struct export *export, struct error *error);
    int (*write_lines)(struct export *export, struct error *error); /* line protocol; NULL: has no such form */
};

static const struct kind kinds[] = {{"facts", export_facts, export_facts_as_lines},
                                    {"usage", export_usage, NULL},
                                    {"adoption", export_adoption, export_adoption_as_lines},
                                    {"centres", export_centres, NULL}};

struct export_options {
    const char *config, *out;
    const struct kind *kind;
    enum rows_format format;
    bool lines; /* line protocol in place of rows */
    int32_t from_day, to_day;
};

static void explain(FILE *out)
{
    fputs("Usage: edutally export facts|usage|adoption|centres --config FILE\n"
          "                       [--from DATE] [--to DATE] [--format csv|json|lp]\n"
          "                       [--out FILE]\n\n"
          "  facts     a row per centre, day and activity:\n"
          "            centre,day,activity,events,seconds,users,devices\n"
          "  usage     the same over a month, people and devices counted once:\n"
          "            centre,month,activity,active_days,events,seconds,users,devices\n"
          "  adoption  indicator,area,period,registered,reporting,adopting,rate,lower,\n"
          "            upper,target\n"
          "  centres   the registry with the latest verdict per indicator: adopts, not,\n"
          "            silent, or empty where the indicator does not cover the centre\n\n"
          "  --config FILE  the collector's configuration\n"
          "  --from DATE    2026-10-05: days from then on, and months and periods that are\n"
          "                 not over before it\n"
          "  --to DATE      days up to then, and months and periods that begin until then\n"
          "  --format FORM  csv (the default; UTF-8, comma, LF), json (one object a line)\n"
          "                 or, for facts and adoption, lp: InfluxDB line protocol with\n"
          "                 time stamps in seconds, the points that an output writes\n"
          "  --out FILE     into a file, which appears when it is complete, in place of\n"
          "                 standard output\n\n"
          "Rows are sorted by their first columns, byte by byte. Counts of people below the\n"
          "setting small_cell are left empty.\n\n"
          "Examples:\n"
          "  edutally export adoption --config collector.jsonc --out adoption.csv\n"
          "  edutally export facts --config collector.jsonc --from 2026-10-01 > october.csv\n"
          "  edutally export centres --config collector.jsonc --format json |\n"
          "      jq 'select(.\"clc-digital\" == \"silent\")'\n\n"
          "Exit: 0 written, 1 the store or the file failed, 2 usage, 3 config\n",
          out);
}

static int complain(const char *what, const char *value, const char *remedy)
{
    fprintf(stderr, "edutally export: %s '%s': %s\n", what, value, remedy);
    return EXIT_USAGE;
}

static int read_format(const char *word, struct export_options *options)
{
    static const struct {
        const char *word;
        enum rows_format format;
        bool lines;
    } forms[] = {{"csv", ROWS_CSV_UNIX, false}, {"json", ROWS_JSON_LINES, false}, {"lp", ROWS_CSV_UNIX, true}};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (strcmp(word, forms[i].word) == 0) {
            options->format = forms[i].format;
            options->lines = forms[i].lines;
            return EXIT_DONE;
        }
    }
    return complain("unknown format", word, "it is csv, json or lp");
}

static int read_day(const char *text, int32_t *day)
{
    if (civil_parse_date(text, strlen(text), day) == 0 && *day >= ADOPTION_FIRST_DAY && *day <= ADOPTION_LAST_DAY) {
        return EXIT_DONE;
    }
    return complain("not a date", text, "write it as 2026-10-05");
}

static int read_option(struct export_options *options, int option, const char *value)
{
    switch (option) {
    case 'c':
        options->config = value;
        return EXIT_DONE;
    case 'o':
        options->out = value;
        return EXIT_DONE;
    case 'f':
        return read_day(value, &options->from_day);
    case 't':
        return read_day(value, &options->to_day);
    case 'm':
        return read_format(value, options);
    case 'j':
        return read_format("json", options);
    default:
        return EXIT_USAGE;
    }
}

static int read_kind(struct export_options *options, int argc, char **argv)
{
    if (optind == argc) {
        fputs("edutally export: what? one of facts, usage, adoption, centres\n", stderr);
        return EXIT_USAGE;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(argv[optind], kinds[i].name) == 0) {
            options->kind = &kinds[i];
        }
    }
    if (options->kind == NULL) {
        return complain("cannot export", argv[optind], "it is one of facts, usage, adoption, centres");
    }
    if (argc - optind > 1) {
        return complain("too much", argv[optind + 1], "one kind at a time");
    }
    if (options->lines && options->kind->write_lines == NULL) {
        return complain("no line protocol for", options->kind->name, "only facts and adoption are points in time");
    }
    if (options->config == NULL) {
        fputs("edutally export: --config FILE is missing\n", stderr);
        return EXIT_USAGE;
    }
    if (options->from_day > options->to_day) {
        fputs("edutally export: --from lies after --to\n", stderr);
        return EXIT_USAGE;
    }
    return EXIT_DONE;
}

int export_flush(struct export *export, size_t keep, struct error *error)
{
    struct buffer *buffer = &export->buffer;
    if (buffer->failed) {
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    if (buffer->used <= keep) {
        return 0;
    }
    size_t written = fwrite(buffer->bytes, 1, buffer->used, export->out);
    if (written != buffer->used) {
        return error_errno(error, "cannot write");
    }
    buffer_clear(buffer);
    return 0;
}

/* The directory of `path`, "." if it has none. Caller frees. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

/* Opens FILE.partial beside the file that is to appear. */
static FILE *open_partial(const char *path, char **partial)
{
    size_t size = strlen(path) + sizeof ".partial";
    *partial = malloc(size);
    if (*partial == NULL) {
        return NULL;
    }
    snprintf(*partial, size, "%s.partial", path);
    int fd = open(*partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    return fd >= 0 ? fdopen(fd, "w") : NULL;
}

static int publish(FILE *out, const char *partial, const char *path, struct error *error)
{
    char *folder = folder_of(path);
    bool synced = fflush(out) == 0 && fsync(fileno(out)) == 0;
    int failed = synced ? 0 : error_errno(error, "cannot write %s", path);
    if (fclose(out) != 0 && failed == 0) {
        failed = error_errno(error, "cannot write %s", path);
    }
    if (failed == 0 && rename(partial, path) != 0) {
        failed = error_errno(error, "cannot rename %s to %s", partial, path);
    }
    if (failed == 0) {
        failed = folder != NULL ? file_sync_directory(folder, error) : error_set(error, ERROR_MEMORY, "out of memory");
    }
    free(folder);
    return failed;
}

static int write_rows(struct export *export, const struct export_options *options, struct error *error)
{
    int (*write)(struct export *, struct error *) = options->lines ? options->kind->write_lines : options->kind->write;
    int failed = write(export, error);
    if (failed == ERROR_MEMORY && error->code == 0) {
        error_set(error, ERROR_MEMORY, "out of memory");
    }
    return failed != 0 ? failed : export_flush(export, 0, error);
}

static int write_to_file(struct export *export, const struct export_options *options, struct error *error)
{
    char *partial = NULL;
    export->out = open_partial(options->out, &partial);
    int failed =
        export->out == NULL ? error_errno(error, "cannot write %s", options->out) : write_rows(export, options, error);
    if (failed == 0) {
        failed = publish(export->out, partial, options->out, error);
    } else if (export->out != NULL) {
        fclose(export->out);
    }
    if (failed != 0 && partial != NULL) {
        unlink(partial);
    }
    free(partial);
    return failed;
}

static int write_to_standard_output(struct export *export, const struct export_options *options, struct error *error)
{
    export->out = stdout;
    int failed = write_rows(export, options, error);
    return failed == 0 && fflush(stdout) != 0 ? error_errno(error, "cannot write") : failed;
}

static int run_export(struct world *world, const struct export_options *options)
{
    struct error error = {0};
    struct export export = {.world = world,
                            .format = options->format,
                            .from_day = options->from_day,
                            .to_day = options->to_day,
                            .today = zone_day(world->zone, clock_wall_ms())};
    int failed = store_reader_open(&export.reader, world->settings.data_dir, &error);
    if (failed == 0) {
        failed = store_reader_begin(export.reader, &error);
    }
    if (failed == 0) {
        failed = options->out != NULL ? write_to_file(&export, options, &error)
                                      : write_to_standard_output(&export, options, &error);
        store_reader_end(export.reader);
    }
    if (failed != 0) {
        fprintf(
            stderr, "edutally export: %s\n%s", error.text,
            error.code == ERROR_MISSING
                ? "    Nothing was counted yet. `edutally ingest --config FILE events.jsonl` counts a file, `edutally "
                  "run` receives.\n"
                : "");
    }
    store_reader_close(&export.reader);
    buffer_free(&export.buffer);
    return failed != 0 ? EXIT_FAILED : EXIT_DONE;
}

int command_export(int argc, char **argv)
{
    static const struct option known[] = {
        {"config", required_argument, NULL, 'c'}, {"from", required_argument, NULL, 'f'},
        {"to", required_argument, NULL, 't'},     {"format", required_argument, NULL, 'm'},
        {"json", no_argument, NULL, 'j'},         {"out", required_argument, NULL, 'o'},
        {"help", no_argument, NULL, 'h'},         {0}};
    struct export_options options = {
        .format = ROWS_CSV_UNIX, .from_day = ADOPTION_FIRST_DAY, .to_day = ADOPTION_LAST_DAY};
    int option;
    optind = 1;
    while ((option = getopt_long(argc, argv, "c:f:t:m:jo:h", known, NULL)) != -1) {
        if (option == 'h') {
            explain(stdout);
            return EXIT_DONE;
        }
        int code = read_option(&options, option, optarg);
        if (code != EXIT_DONE) {
            fputs("`edutally export --help` explains\n", stderr);
            return code;
        }
    }
    int code = read_kind(&options, argc, argv);
    if (code != EXIT_DONE) {
        fputs("`edutally export --help` explains\n", stderr);
        return code;
    }
    struct world world;
    code = world_load_or_explain(&world, options.config);
    code = code == EXIT_DONE ? run_export(&world, &options) : code;
    world_free(&world);
    return code;
}
