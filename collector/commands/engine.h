/* What the commands that count share: the world, the data directory's lock, the journal and the pipeline. */
#ifndef EDUTALLY_COMMANDS_ENGINE_H
#define EDUTALLY_COMMANDS_ENGINE_H

#include "base/counters.h"
#include "base/secret.h"
#include "commands/world.h"
#include "journal/journal.h"
#include "pipeline/pipeline.h"

struct engine {
    struct world world;
    int lock_fd;
    struct counters counters;
    struct secret *secret;
    struct journal *journal;
    struct pipeline *pipeline;
};

/* Loads the world (explaining its faults), takes the lock, opens journal and pipeline. `publish` as in pipeline_parts,
 * or NULL. Returns an exit code, having said on standard error what failed; close in any case. `engine` must not move.
 */
int engine_open(struct engine *engine, const char *config_path,
                int (*publish)(void *context, const char *topic, const void *payload, size_t length),
                void *publish_context);
void engine_close(struct engine *engine);

#endif
