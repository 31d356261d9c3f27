/*
 * `edutally journal erase`: lets segments go before their time. What may go is what the store has counted and power
 * loss cannot take back: so everything that waits is counted first, as after a start, and the database is brought to
 * disk.
 */
#include "journal_view.h"

#include "base/civil.h"
#include "commands/commands.h"
#include "engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The earliest time of reception of all that is left. */
static int find_earliest(void *context, const struct journal_segment *segment)
{
    int64_t *earliest_ms = context;
    if (segment->records > 0 && segment->from_ms < *earliest_ms) {
        *earliest_ms = segment->from_ms;
    }
    return 0;
}

static void tell(const struct journal_options *options, int64_t erased, int64_t segments, int64_t earliest_ms,
                 int64_t before_ms)
{
    char time[CIVIL_TIME_SIZE];
    if (options->json) {
        printf("{\"erased\":%lld,\"segments\":%lld", (long long)erased, (long long)segments);
        if (earliest_ms < INT64_MAX) {
            printf(",\"received_from\":\"%s\"", civil_format_time(earliest_ms, time));
        }
        puts("}");
        return;
    }
    printf("erased %lld segments, %lld are left\n", (long long)erased, (long long)segments);
    if (earliest_ms < before_ms) {
        printf("the earliest message that is left was received %s: it shares a segment with later ones, or lies\n"
               "behind one that is kept\n",
               civil_format_time(earliest_ms, time));
    }
}

static int erase(struct engine *engine, const struct journal_options *options, int64_t before_ms, struct error *error)
{
    int64_t erased, earliest_ms = INT64_MAX;
    int result = pipeline_finish(engine->pipeline, error);
    if (result == 0) {
        result = pipeline_tidy(engine->pipeline, error);
    }
    if (result != 0) {
        return result;
    }
    int64_t safe = pipeline_safe_position(engine->pipeline);
    if (safe < journal_end(engine->journal)) {
        return error_set(error, ERROR_BUSY,
                         "what is counted is safe on disk only up to position %lld of %lld, for somebody reads the "
                         "database: nothing was erased, try again",
                         (long long)safe, (long long)journal_end(engine->journal));
    }
    result = journal_erase(engine->journal, safe, before_ms, &erased, error);
    if (result == 0) {
        result = journal_survey(engine->journal, find_earliest, NULL, &earliest_ms, error);
    }
    if (result == 0) {
        tell(options, erased, counter_get(&engine->counters, COUNTER_journal_segments), earliest_ms, before_ms);
    }
    return result;
}

int journal_erase_before(const struct journal_options *options)
{
    int32_t day;
    struct error error = {0};
    if (civil_parse_date(options->before, strlen(options->before), &day) != 0) {
        fprintf(stderr, "edutally journal: --before %s is no date: write it as 2026-10-05\n", options->before);
        return EXIT_USAGE;
    }
    struct engine *engine = calloc(1, sizeof *engine);
    if (engine == NULL) {
        fprintf(stderr, "edutally journal: out of memory\n");
        return EXIT_FAILED;
    }
    int code = engine_open(engine, options->config, NULL, NULL);
    if (code == EXIT_DONE && erase(engine, options, zone_day_start_ms(engine->world.zone, day), &error) != 0) {
        fprintf(stderr, "edutally journal: %s\n", error.text);
        code = EXIT_FAILED;
    }
    engine_close(engine);
    free(engine);
    return code;
}
