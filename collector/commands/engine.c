#include "engine.h"

#include "base/file.h"
#include "base/log.h"
#include "commands/commands.h"
#include "store/store.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum log_level level_of(const char *word)
{
    static const char *const words[] = {"error", "warning", "info", "debug"};
    for (int i = 0; i < 4; i++) {
        if (strcmp(words[i], word) == 0) {
            return (enum log_level)i;
        }
    }
    return LOG_INFO_LEVEL;
}

/* A secret is made where there is nothing yet that another one was used for. */
static int open_secret(struct engine *engine, const char *journal_directory, struct error *error)
{
    const struct settings *settings = &engine->world.settings;
    char database[4200];
    snprintf(database, sizeof database, "%s/edutally.db", settings->data_dir);
    bool is_new = access(database, F_OK) != 0 && access(journal_directory, F_OK) != 0;
    return secret_open(&engine->secret, settings->secret_file, is_new, error);
}

static int open_parts(struct engine *engine,
                      int (*publish)(void *context, const char *topic, const void *payload, size_t length),
                      void *publish_context, struct error *error)
{
    const struct settings *settings = &engine->world.settings;
    char directory[4096];
    if (snprintf(directory, sizeof directory, "%s/journal", settings->data_dir) >= (int)sizeof directory) {
        return error_set(error, ERROR_CONFIG, "data_dir is too long");
    }
    umask(027); /* what is at rest is for the owner and the group */
    int result = file_make_directory(settings->data_dir, error);
    if (result == 0) {
        result = file_lock(settings->data_dir, "lock", &engine->lock_fd, error);
    }
    if (result == 0) {
        result = open_secret(engine, directory, error);
    }
    if (result == 0) { /* before the journal, which would begin a segment with another secret's key */
        result = store_check_secret(settings->data_dir, engine->secret, error);
    }
    if (result == 0) {
        result = journal_open(&engine->journal, directory, settings->journal_segment_bytes, engine->secret,
                              &engine->counters, error);
    }
    if (result != 0) {
        return result;
    }
    const struct pipeline_parts parts = {
        .settings = settings,
        .registry = engine->world.registry,
        .indicators = &engine->world.indicators,
        .zone = engine->world.zone,
        .version = EDUTALLY_VERSION,
        .secret = engine->secret,
        .journal = engine->journal,
        .counters = &engine->counters,
        .publish = publish,
        .publish_context = publish_context,
    };
    return pipeline_open(&engine->pipeline, &parts, error);
}

int engine_open(struct engine *engine, const char *config_path,
                int (*publish)(void *context, const char *topic, const void *payload, size_t length),
                void *publish_context)
{
    struct error error = {0};
    *engine = (struct engine){.lock_fd = -1};
    counter_set(&engine->counters, COUNTER_start_time_ms, clock_wall_ms());
    int code = world_load_or_explain(&engine->world, config_path);
    if (code != EXIT_DONE) {
        return code;
    }
    log_set_level(level_of(engine->world.settings.log_level));
    int result = open_parts(engine, publish, publish_context, &error);
    if (result != 0) {
        fprintf(stderr, "edutally: %s\n", error.text);
    }
    return result == 0 ? EXIT_DONE : result == ERROR_CONFIG ? EXIT_CONFIG : EXIT_FAILED;
}

void engine_close(struct engine *engine)
{
    pipeline_close(&engine->pipeline);
    journal_close(&engine->journal);
    secret_free(&engine->secret);
    if (engine->lock_fd >= 0) {
        close(engine->lock_fd);
    }
    world_free(&engine->world);
}
