/* The forms of a report: the tables for a terminal, which fit 80 columns, and rows as the API gives them. */
#include "report.h"
#include "table.h"

#include "api/conditions.h"

#include <stdlib.h>
#include <string.h>

enum { LINE_COLUMNS = 80, COLUMNS = 8, LACK_INDENT = 6 };

struct centre_search {
    struct report *report;
    report_centre_each *each;
    void *context;
    const struct registry_centre *centre;
    bool found;
};

static int on_verdict(void *context, const struct verdict_row *row)
{
    struct centre_search *search = context;
    search->found = true;
    return search->each(search->context, search->centre, row);
}

static int by_id(const void *left, const void *right)
{
    const struct registry_centre *const *a = left, *const *b = right;
    return strcmp((*a)->id, (*b)->id);
}

/* The centres of the area that the indicator covers, open on the period's last day, by id. The caller frees. */
static const struct registry_centre **find_centres(const struct report *report, const struct indicator *indicator,
                                                   size_t *count)
{
    const struct registry *registry = report->world->registry;
    size_t all = registry_centre_count(registry);
    const struct registry_centre **list = malloc((all + 1) * sizeof *list);
    *count = 0;
    for (uint32_t i = 0; list != NULL && i < all; i++) {
        const struct registry_centre *centre = registry_centre(registry, i);
        uint32_t row = registry_find_area(registry, centre->area, report->day);
        if (indicator_covers(indicator, centre) && registry_centre_open_on(centre, report->day) &&
            row != REGISTRY_NONE && registry_area_within(registry, row, report->area, report->day)) {
            list[(*count)++] = centre;
        }
    }
    if (*count > 1) {
        qsort(list, *count, sizeof *list, by_id);
    }
    return list;
}

int report_each_centre(struct report *report, const struct indicator *indicator, report_centre_each *each,
                       void *context, struct error *error)
{
    size_t count;
    const struct registry_centre **list = find_centres(report, indicator, &count);
    if (list == NULL) {
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    int32_t period = period_of_day(indicator->period, report->day);
    int result = 0;
    for (size_t i = 0; result == 0 && i < count; i++) {
        struct centre_search search = {report, each, context, list[i], false};
        struct verdict_filter filter = {
            .indicator = indicator->id, .centre = list[i]->id, .from_period = period, .to_period = period};
        result = store_read_verdicts(report->reader, &filter, on_verdict, &search, error);
        if (result == 0 && !search.found) {
            result = each(context, list[i], NULL);
        }
    }
    free(list);
    return result;
}

struct sheet {
    const struct report *report;
    struct table table;
    bool open;
};

static int add_area(void *context, const struct adoption_answer *answer)
{
    struct sheet *sheet = context;
    enum language language = sheet->report->language;
    char lower[WORDS_NUMBER_SIZE], upper[WORDS_NUMBER_SIZE], number[WORDS_NUMBER_SIZE],
        bounds[2 * WORDS_NUMBER_SIZE + 8];
    bool own = strcmp(answer->area, sheet->report->area) == 0;
    sheet->open = answer->open;
    table_add(&sheet->table, own ? TONE_STRONG : TONE_PLAIN,
              answer->area_name != NULL ? answer->area_name : answer->area);
    table_add(&sheet->table, TONE_PLAIN, words_count(language, answer->registered, number));
    table_add(&sheet->table, TONE_PLAIN, words_count(language, answer->reporting, number));
    table_add(&sheet->table, TONE_PLAIN, words_count(language, answer->adopting, number));
    words_percent(language, answer->lower, false, lower);
    words_percent(language, answer->upper, false, upper);
    lower[strlen(lower) - 2] = upper[strlen(upper) - 2] = '\0'; /* "53.5–60.9": the rate beside it has the sign */
    snprintf(bounds, sizeof bounds, "%s–%s", lower, upper);
    bool judged = answer->known && answer->has_target;
    table_add(&sheet->table, own ? TONE_STRONG : TONE_PLAIN,
              answer->known ? words_percent(language, answer->rate, false, number) : "–");
    table_add(&sheet->table, TONE_PLAIN, answer->known ? bounds : "–");
    table_add(&sheet->table, TONE_PLAIN,
              answer->has_target ? words_percent(language, answer->target, true, number) : "–");
    table_add(&sheet->table,
              !judged            ? TONE_PLAIN
              : answer->gap >= 0 ? TONE_GOOD
                                 : TONE_BAD,
              judged ? words_points(language, answer->gap, number) : "–");
    return 0;
}

static void print_heading(const struct report *report, const struct indicator *indicator)
{
    const char *name = report->language == LANGUAGE_VI ? indicator->name_vi : indicator->name_en;
    table_tone(report->out, TONE_STRONG, report->colour);
    table_print_wrapped(report->out, name, 0, LINE_COLUMNS);
    table_tone_end(report->out, TONE_STRONG, report->colour);
}

static int print_lacks(const struct report *report, const struct registry_centre *centre,
                       const struct verdict_row *verdict)
{
    struct buffer text = {0};
    int64_t small_cell = report->world->settings.small_cell;
    cJSON *conditions = conditions_parse(verdict->conditions, small_cell, centre->head_count);
    words_explain(report->language, conditions, small_cell, &text);
    if (text.bytes != NULL && !text.failed) {
        table_print_wrapped(report->out, text.bytes, LACK_INDENT, LINE_COLUMNS);
    }
    bool failed = conditions == NULL || text.failed;
    cJSON_Delete(conditions);
    buffer_free(&text);
    return failed ? ERROR_MEMORY : 0;
}

static int print_centre(void *context, const struct registry_centre *centre, const struct verdict_row *verdict)
{
    struct report *report = context;
    bool reporting = verdict != NULL && verdict->reporting, adopts = verdict != NULL && verdict->adopts;
    enum table_tone tone = adopts ? TONE_GOOD : reporting ? TONE_BAD : TONE_FAINT;
    fputs("  ", report->out);
    table_tone(report->out, tone, report->colour);
    fputs(adopts ? "✓" : reporting ? "✗" : "–", report->out);
    table_tone_end(report->out, tone, report->colour);
    size_t taken = strlen(centre->id) + 6;
    fprintf(report->out, " %s  ", centre->id);
    table_print_cut(report->out, centre->name, LINE_COLUMNS > taken + 10 ? LINE_COLUMNS - taken : 10, false);
    fputc('\n', report->out);
    if (!reporting) {
        table_print_wrapped(report->out, words_say(report->language, WORD_SILENT), LACK_INDENT, LINE_COLUMNS);
        return 0;
    }
    return adopts ? 0 : print_lacks(report, centre, verdict);
}

static int print_indicator(struct report *report, const struct indicator *indicator, bool *open, struct error *error)
{
    const char *headings[COLUMNS];
    for (size_t i = 0; i < COLUMNS; i++) {
        headings[i] = words_say(report->language, (enum word)(WORD_AREA + i));
    }
    struct sheet sheet = {.report = report};
    struct adoption_question own = report->question, below = report->question;
    own.indicator = below.indicator = indicator->id;
    below.area = NULL;
    below.parent = report->area;
    table_open(&sheet.table, headings, COLUMNS);
    int failed = adoption_read(report->reader, &own, add_area, &sheet, error);
    failed = failed != 0 ? failed : adoption_read(report->reader, &below, add_area, &sheet, error);
    if (failed == 0 && sheet.table.failed) {
        failed = error_set(error, ERROR_MEMORY, "out of memory");
    }
    if (failed == 0) {
        fputc('\n', report->out);
        print_heading(report, indicator);
        if (sheet.table.count == 0) {
            fprintf(report->out, "%s\n", words_say(report->language, WORD_NO_CENTRES));
        } else {
            table_print(&sheet.table, report->out, LINE_COLUMNS, report->colour);
        }
    }
    if (failed == 0 && report->leaf && sheet.table.count > 0) {
        fputc('\n', report->out);
        failed = report_each_centre(report, indicator, print_centre, report, error);
    }
    *open = *open || sheet.open;
    table_close(&sheet.table);
    return failed;
}

int report_print_table(struct report *report, struct error *error)
{
    bool open = false;
    const struct indicators *indicators = &report->world->indicators;
    table_tone(report->out, TONE_STRONG, report->colour);
    fprintf(report->out, "%s (%s), %s\n", report->area_name, report->area, report->label);
    table_tone_end(report->out, TONE_STRONG, report->colour);
    for (size_t i = 0; i < indicators->count; i++) {
        int failed = print_indicator(report, &indicators->list[i], &open, error);
        if (failed != 0) {
            return failed;
        }
    }
    table_tone(report->out, TONE_FAINT, report->colour);
    fprintf(report->out, "\n%s\n%s\n", words_say(report->language, WORD_LEGEND_BOUNDS),
            words_say(report->language, WORD_LEGEND_GAP));
    if (open) {
        fprintf(report->out, "%s: %s\n", report->label, words_say(report->language, WORD_OPEN_PERIOD));
    }
    table_tone_end(report->out, TONE_FAINT, report->colour);
    return 0;
}

static int add_row(void *context, const struct adoption_answer *answer)
{
    adoption_write(context, answer);
    return 0;
}

struct centre_rows {
    struct report *report;
    const struct indicator *indicator;
    struct rows rows;
};

static int add_centre(void *context, const struct registry_centre *centre, const struct verdict_row *verdict)
{
    struct centre_rows *centres = context;
    struct rows *rows = &centres->rows;
    rows_begin(rows);
    rows_text(rows, "id", centre->id);
    rows_text(rows, "name", centre->name);
    rows_text(rows, "indicator", centres->indicator->id);
    rows_boolean(rows, "reporting", verdict != NULL && verdict->reporting);
    rows_boolean(rows, "adopts", verdict != NULL && verdict->adopts);
    rows_json(rows, "conditions", "");
    conditions_add(rows->out, verdict != NULL ? verdict->conditions : "[]", centres->report->world->settings.small_cell,
                   centre->head_count);
    rows_end(rows);
    return 0;
}

static int add_centres(struct report *report, struct buffer *out, struct error *error)
{
    const struct indicators *indicators = &report->world->indicators;
    struct centre_rows centres = {.report = report};
    rows_open(&centres.rows, out, ROWS_JSON, NULL);
    for (size_t i = 0; report->leaf && i < indicators->count; i++) {
        centres.indicator = &indicators->list[i];
        int failed = report_each_centre(report, centres.indicator, add_centre, &centres, error);
        if (failed != 0) {
            return failed;
        }
    }
    return 0;
}

int report_print_rows(struct report *report, enum rows_format format, struct error *error)
{
    struct buffer out = {0};
    struct rows rows;
    struct adoption_question below = report->question;
    below.area = NULL;
    below.parent = report->area;
    if (format == ROWS_JSON) {
        buffer_print(&out, "{\"period\":\"%s\",\"area\":{\"code\":", report->label);
        rows_add_json_text(&out, report->area);
        buffer_add_text(&out, ",\"name\":");
        rows_add_json_text(&out, report->area_name);
        buffer_add_text(&out, "},\n\"rows\":[");
    }
    rows_open(&rows, &out, format, ADOPTION_COLUMNS);
    int failed = adoption_read(report->reader, &report->question, add_row, &rows, error);
    failed = failed != 0 ? failed : adoption_read(report->reader, &below, add_row, &rows, error);
    if (failed == 0 && format == ROWS_JSON) {
        buffer_add_text(&out, "],\n\"centres\":[");
        failed = add_centres(report, &out, error);
        buffer_add_text(&out, "]}\n");
    }
    if (failed == 0 && out.failed) {
        failed = error_set(error, ERROR_MEMORY, "out of memory");
    }
    if (failed == 0) {
        fwrite(out.bytes, 1, out.used, report->out);
    }
    buffer_free(&out);
    return failed;
}
