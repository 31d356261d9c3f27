/* `edutally journal list` and `verify`: one survey of all segments, told as a table, as damages, or as JSON. */
#include "journal_view.h"

#include "base/civil.h"
#include "base/error.h"
#include "commands/commands.h"
#include "commands/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { WIDTH = 100, COLUMNS = 7 };

struct survey {
    struct journal_view view;
    const struct journal_options *options;
    struct table table;
    bool is_verify;
    int64_t segments, records, bytes, damages, damaged_bytes, erased, other_secret, tail_bytes;
};

static const char *state_of(const struct journal_segment *segment)
{
    switch (segment->condition) {
    case JOURNAL_DAMAGED:
        return "damaged";
    case JOURNAL_ERASED:
        return "erased";
    case JOURNAL_OTHER_SECRET:
        return "other secret";
    case JOURNAL_WHOLE:
        break;
    }
    return segment->header_copies < 2 ? "damaged" : segment->is_last ? "open" : "whole";
}

static void add_number(struct table *table, int64_t number)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)number);
    table_add(table, TONE_PLAIN, text);
}

static void add_row(struct survey *survey, const struct journal_segment *segment)
{
    struct table *table = &survey->table;
    char from[40] = "–", to[40] = "–";
    if (segment->records > 0) {
        journal_local_time(&survey->view, segment->from_ms, from, sizeof from);
        journal_local_time(&survey->view, segment->to_ms, to, sizeof to);
    }
    const char *state = state_of(segment);
    add_number(table, segment->first);
    add_number(table, segment->next);
    add_number(table, segment->records);
    table_add(table, TONE_PLAIN, from);
    table_add(table, TONE_PLAIN, to);
    add_number(table, segment->file_bytes);
    table_add(table,
              state[0] == 'o' && segment->condition == JOURNAL_WHOLE ? TONE_STRONG
              : state[0] == 'w'                                      ? TONE_GOOD
              : state[0] == 'e'                                      ? TONE_FAINT
                                                                     : TONE_BAD,
              state);
}

static int print_segment(const struct journal_segment *segment)
{
    char time[CIVIL_TIME_SIZE];
    cJSON *object = cJSON_CreateObject();
    cJSON_AddNumberToObject(object, "segment", (double)segment->first);
    cJSON_AddNumberToObject(object, "next", (double)segment->next);
    cJSON_AddNumberToObject(object, "records", (double)segment->records);
    if (segment->records > 0) {
        cJSON_AddStringToObject(object, "received_from", civil_format_time(segment->from_ms, time));
        cJSON_AddStringToObject(object, "received_to", civil_format_time(segment->to_ms, time));
    }
    cJSON_AddStringToObject(object, "begun", civil_format_time(segment->made_ms, time));
    cJSON_AddNumberToObject(object, "bytes", (double)segment->file_bytes);
    cJSON_AddNumberToObject(object, "format", segment->format);
    cJSON_AddStringToObject(object, "state", state_of(segment));
    cJSON_AddNumberToObject(object, "damages", (double)segment->damages);
    cJSON_AddNumberToObject(object, "damaged_bytes", (double)segment->damaged_bytes);
    return journal_print_json(object);
}

static int print_damage(const struct survey *survey, int64_t segment, int64_t position, int64_t bytes, const char *what)
{
    if (!survey->options->json) {
        printf("segment %lld, position %lld, %lld bytes: %s\n", (long long)segment, (long long)position,
               (long long)bytes, what);
        return 0;
    }
    cJSON *object = cJSON_CreateObject();
    cJSON_AddNumberToObject(object, "segment", (double)segment);
    cJSON_AddNumberToObject(object, "position", (double)position);
    cJSON_AddNumberToObject(object, "bytes", (double)bytes);
    cJSON_AddStringToObject(object, "what", what);
    return journal_print_json(object);
}

static int take_damage(void *context, const struct journal_damage *damage)
{
    struct survey *survey = context;
    return survey->is_verify ? print_damage(survey, damage->segment, damage->position, damage->bytes, damage->what) : 0;
}

/* What is wrong with a segment as a whole. */
static int tell_condition(struct survey *survey, const struct journal_segment *segment)
{
    int64_t bytes = segment->file_bytes;
    if (segment->condition == JOURNAL_OTHER_SECRET) {
        return print_damage(survey, segment->first, segment->first, bytes,
                            "sealed with another secret: restore the secret that it was made with");
    }
    if (segment->header_copies == 1 && segment->format == 2) {
        survey->damages++;
        survey->damaged_bytes += 4096;
        return print_damage(survey, segment->first, segment->first, 4096,
                            "one of the two copies of its header: the next start mends it from the other");
    }
    return 0;
}

static int take_segment(void *context, const struct journal_segment *segment)
{
    struct survey *survey = context;
    survey->segments++;
    survey->records += segment->records;
    survey->bytes += segment->file_bytes;
    survey->damages += segment->damages;
    survey->damaged_bytes += segment->damaged_bytes;
    survey->erased += segment->condition == JOURNAL_ERASED;
    survey->other_secret += segment->condition == JOURNAL_OTHER_SECRET;
    survey->tail_bytes += segment->tail_bytes;
    if (survey->is_verify) {
        return tell_condition(survey, segment);
    }
    if (survey->options->json) {
        return print_segment(segment);
    }
    add_row(survey, segment);
    return 0;
}

static int finish_list(struct survey *survey)
{
    if (survey->options->json) {
        return EXIT_DONE;
    }
    const char *no_colour = getenv("NO_COLOR");
    bool colour = isatty(STDOUT_FILENO) && (no_colour == NULL || *no_colour == '\0');
    table_print(&survey->table, stdout, WIDTH, colour);
    printf("%lld segments, %lld messages, %lld bytes; times of %s\n", (long long)survey->segments,
           (long long)survey->records, (long long)survey->bytes, survey->view.settings.time_zone);
    return survey->table.failed ? EXIT_FAILED : EXIT_DONE;
}

static int finish_verify(const struct survey *survey)
{
    bool is_well = survey->damages == 0 && survey->other_secret == 0;
    if (survey->options->json) {
        printf("{\"segments\":%lld,\"records\":%lld,\"damages\":%lld,\"damaged_bytes\":%lld,\"erased\":%lld,"
               "\"other_secret\":%lld,\"tail_bytes\":%lld}\n",
               (long long)survey->segments, (long long)survey->records, (long long)survey->damages,
               (long long)survey->damaged_bytes, (long long)survey->erased, (long long)survey->other_secret,
               (long long)survey->tail_bytes);
        return is_well ? EXIT_DONE : EXIT_FAILED;
    }
    if (survey->erased > 0) {
        printf("%lld segments whose key was erased are still there: the next start, or `journal erase`, goes on\n",
               (long long)survey->erased);
    }
    if (survey->tail_bytes > 0) {
        printf("%lld bytes behind the last message: one that is being written, or that a crash cut off; then the "
               "next start removes them\n",
               (long long)survey->tail_bytes);
    }
    printf("%lld segments, %lld messages: ", (long long)survey->segments, (long long)survey->records);
    if (is_well) {
        puts("all well");
    } else {
        printf("%lld damaged places, %lld bytes; %lld segments of another secret\n", (long long)survey->damages,
               (long long)survey->damaged_bytes, (long long)survey->other_secret);
    }
    return is_well ? EXIT_DONE : EXIT_FAILED;
}

static int run_survey(const struct journal_options *options, bool is_verify)
{
    static const char *const headings[COLUMNS] = {"from",          "next",  "messages", "first received",
                                                  "last received", "bytes", "state"};
    struct survey survey = {.options = options, .is_verify = is_verify};
    struct error error = {0};
    int code = journal_view_open(&survey.view, options->config);
    if (code == EXIT_DONE) {
        table_open(&survey.table, headings, COLUMNS);
        if (journal_survey(survey.view.journal, take_segment, take_damage, &survey, &error) != 0) {
            fprintf(stderr, "edutally journal: %s\n", error.text[0] != '\0' ? error.text : "out of memory");
            code = EXIT_FAILED;
        } else {
            code = is_verify ? finish_verify(&survey) : finish_list(&survey);
        }
        table_close(&survey.table);
    }
    journal_view_close(&survey.view);
    return code;
}

int journal_list(const struct journal_options *options)
{
    return run_survey(options, false);
}

int journal_verify(const struct journal_options *options)
{
    return run_survey(options, true);
}
