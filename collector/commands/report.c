/*
 * `edutally report`: where the province stands, for people. The question is which period and which area; the answer is
 * one table per indicator with the area itself and its children, and for an area without children the centres with what
 * each of them lacks. Figures come from api/adoption.h, as everywhere.
 */
#include "report.h"

#include "base/file.h"
#include "commands/commands.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum report_form { FORM_TABLE, FORM_CSV, FORM_JSON };

struct report_options {
    const char *config, *period, *area;
    enum report_form form;
    enum language language;
};

static void explain(FILE *out)
{
    fputs("Usage: edutally report --config FILE [--period PERIOD] [--area CODE]\n"
          "                       [--format table|csv|json] [--lang vi|en]\n\n"
          "Prints where an area stands: for each indicator the centres registered, those\n"
          "that report, those that adopt, the rate with its bounds, the target and the gap;\n"
          "the same for each area directly below it. For an area with none below it, every\n"
          "centre and what it lacks.\n\n"
          "  --config FILE    the collector's configuration\n"
          "  --period PERIOD  2026-10 (a month), 2026-Q4, 2026/2027 (a school year) or\n"
          "                   2026; if not given the latest in which anybody reported\n"
          "  --area CODE      a code of areas.csv, as it was on the period's last day (if\n"
          "                   it ended before, what succeeded it); the whole deployment if\n"
          "                   not given\n"
          "  --format FORM    table (the default), csv or json\n"
          "  --json           the same as --format json\n"
          "  --lang LANGUAGE  vi or en; that of the environment (LANG) if not given\n\n"
          "Examples:\n"
          "  edutally report --config collector.jsonc\n"
          "  edutally report --config collector.jsonc --period 2026-10 --area 19753\n"
          "  edutally report --config collector.jsonc --format csv > latest.csv\n\n"
          "Exit: 0 printed, 1 no such data or the store failed, 2 usage, 3 config\n",
          out);
}

static int complain(const char *what, const char *value, const char *remedy)
{
    fprintf(stderr, "edutally report: %s '%s': %s\n", what, value, remedy);
    return EXIT_USAGE;
}

static int read_form(const char *word, enum report_form *form)
{
    static const char *const forms[] = {[FORM_TABLE] = "table", [FORM_CSV] = "csv", [FORM_JSON] = "json"};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (strcmp(word, forms[i]) == 0) {
            *form = (enum report_form)i;
            return EXIT_DONE;
        }
    }
    return complain("unknown format", word, "it is table, csv or json");
}

static int check_period(const char *label)
{
    enum period_kind kind;
    int32_t period;
    if (period_parse(label, &kind, &period) == 0) {
        return EXIT_DONE;
    }
    return complain("not a period", label,
                    "write a month as 2026-10, a quarter as 2026-Q4, a school year as 2026/2027");
}

static int read_option(struct report_options *options, int option, const char *value)
{
    switch (option) {
    case 'c':
        options->config = value;
        return EXIT_DONE;
    case 'p':
        options->period = value;
        return check_period(value);
    case 'a':
        options->area = value;
        return EXIT_DONE;
    case 'f':
        return read_form(value, &options->form);
    case 'j':
        options->form = FORM_JSON;
        return EXIT_DONE;
    case 'l':
        if (strcmp(value, "vi") != 0 && strcmp(value, "en") != 0) {
            return complain("unknown language", value, "it is vi or en");
        }
        options->language = strcmp(value, "vi") == 0 ? LANGUAGE_VI : LANGUAGE_EN;
        return EXIT_DONE;
    default:
        return EXIT_USAGE;
    }
}

/* The question's day and label from --period, or from the latest period with results. An exit code. */
static int choose_period(struct report *report, const char *label)
{
    struct error error = {0};
    enum period_kind kind = PERIOD_MONTH;
    int32_t period = 0;
    bool given = label != NULL && period_parse(label, &kind, &period) == 0;
    int found = given ? 1 : adoption_latest(report->reader, &report->question, &kind, &period, &error);
    if (found < 0) {
        fprintf(stderr, "edutally report: %s\n", error.text);
        return EXIT_FAILED;
    }
    if (found == 0) {
        fprintf(stderr,
                "edutally report: no period has results yet: `edutally run` and `edutally ingest` work them out when "
                "they have counted events\n");
        return EXIT_FAILED;
    }
    period_label(kind, period, report->label);
    report->day = period_last_day(kind, period);
    report->question.from_day = report->day;
    report->question.to_day = report->day;
    return EXIT_DONE;
}

static int choose_area(struct report *report, const char *code)
{
    const struct registry *registry = report->world->registry;
    report->area = code != NULL ? code : registry_root(registry);
    uint32_t row = registry_find_area(registry, report->area, report->day);
    if (row == REGISTRY_NONE) {
        fprintf(stderr, "edutally report: no area has the code '%s': see %s\n", report->area,
                report->world->settings.registry_areas);
        return EXIT_FAILED;
    }
    const struct registry_area *area = registry_area(registry, row);
    if (strcmp(area->code, report->area) != 0) {
        fprintf(stderr, "edutally report: %s is no area any more in that period; shown is %s, which continues it\n",
                report->area, area->code);
    }
    report->area_name = area->name;
    report->area = area->code;
    report->question.area = area->code;
    report->leaf = true;
    for (uint32_t i = 0; report->leaf && i < registry_area_count(registry); i++) {
        const struct registry_area *other = registry_area(registry, i);
        bool valid = other->valid_from <= report->day && report->day < other->valid_to;
        uint32_t parent = valid ? registry_area_parent(registry, i, report->day) : REGISTRY_NONE;
        report->leaf = parent == REGISTRY_NONE || strcmp(registry_area(registry, parent)->code, area->code) != 0;
    }
    return EXIT_DONE;
}

static int count_row(void *context, const struct adoption_answer *answer)
{
    size_t *count = context;
    (void)answer;
    ++*count;
    return 0;
}

static int print(struct report *report, enum report_form form)
{
    struct error error = {0};
    size_t count = 0;
    int failed = adoption_read(report->reader, &report->question, count_row, &count, &error);
    if (failed == 0 && count == 0) {
        fprintf(
            stderr,
            "edutally report: there are no results for area %s in %s: no centre was registered there then, or nothing "
            "was counted for that period; without --period the latest one is shown\n",
            report->area, report->label);
        return EXIT_FAILED;
    }
    if (failed == 0) {
        failed = form == FORM_TABLE ? report_print_table(report, &error)
                                    : report_print_rows(report, form == FORM_CSV ? ROWS_CSV_UNIX : ROWS_JSON, &error);
    }
    if (failed != 0) {
        fprintf(stderr, "edutally report: %s\n", error.code != 0 ? error.text : "out of memory");
        return EXIT_FAILED;
    }
    if (fflush(report->out) != 0 || ferror(report->out)) {
        perror("edutally report: cannot write");
        return EXIT_FAILED;
    }
    return EXIT_DONE;
}

static int run_report(struct report *report, const struct report_options *options)
{
    struct error error = {0};
    struct world *world = report->world;
    if (store_reader_open(&report->reader, world->settings.data_dir, &error) != 0 ||
        store_reader_begin(report->reader, &error) != 0) {
        fprintf(
            stderr, "edutally report: %s\n%s", error.text,
            error.code == ERROR_MISSING
                ? "    Nothing was counted yet. `edutally ingest --config FILE events.jsonl` counts a file, `edutally "
                  "run` receives.\n"
                : "");
        return EXIT_FAILED;
    }
    report->question = (struct adoption_question){.registry = world->registry,
                                                  .indicators = &world->indicators,
                                                  .from_day = ADOPTION_FIRST_DAY,
                                                  .to_day = ADOPTION_LAST_DAY,
                                                  .today = zone_day(world->zone, clock_wall_ms())};
    int code = choose_period(report, options->period);
    code = code != EXIT_DONE ? code : choose_area(report, options->area);
    code = code != EXIT_DONE ? code : print(report, options->form);
    store_reader_end(report->reader);
    return code;
}

int command_report(int argc, char **argv)
{
    static const struct option known[] = {
        {"config", required_argument, NULL, 'c'}, {"period", required_argument, NULL, 'p'},
        {"area", required_argument, NULL, 'a'},   {"format", required_argument, NULL, 'f'},
        {"json", no_argument, NULL, 'j'},         {"lang", required_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},         {0}};
    struct report_options options = {.language = words_language_of_environment()};
    int option;
    optind = 1;
    while ((option = getopt_long(argc, argv, "c:p:a:f:jl:h", known, NULL)) != -1) {
        if (option == 'h') {
            explain(stdout);
            return EXIT_DONE;
        }
        int code = read_option(&options, option, optarg);
        if (code != EXIT_DONE) {
            fputs("`edutally report --help` explains\n", stderr);
            return code;
        }
    }
    if (options.config == NULL || optind < argc) {
        fprintf(stderr, "edutally report: %s; `edutally report --help` explains\n",
                options.config == NULL ? "--config FILE is missing" : "it takes options only");
        return EXIT_USAGE;
    }
    struct world world;
    int code = world_load_or_explain(&world, options.config);
    if (code == EXIT_DONE) {
        struct report report = {.world = &world, .language = options.language, .out = stdout};
        const char *no_colour = getenv("NO_COLOR");
        report.colour = isatty(STDOUT_FILENO) && (no_colour == NULL || *no_colour == '\0');
        code = run_report(&report, &options);
        store_reader_close(&report.reader);
    }
    world_free(&world);
    return code;
}
