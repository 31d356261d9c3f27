#include "deployment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const deployment_names[FILES] = {"collector.jsonc", "areas.csv", "centres.csv", "taxonomy.jsonc",
                                             "indicators.jsonc"};

const char *const deployment_sound[FILES] = {
    "{\"realms\": [\"46\"], \"time_zone\": \"Asia/Ho_Chi_Minh\", \"data_dir\": \"data\",\n"
    " \"registry\": {\"centres\": \"centres.csv\", \"areas\": \"areas.csv\"},\n"
    " \"taxonomy\": \"taxonomy.jsonc\", \"indicators\": \"indicators.jsonc\"}\n",

    "code,name,level,parent,valid_from,valid_to,successor\n"
    "46,Province,province,,,,\n"
    "1,West,commune,46,,2025-07-01,2\n"
    "2,East,commune,46,,,\n",

    "id,name,type,area,head_count,opened,closed\n"
    "a,School A,primary,1,100,,\n"
    "b,School B,primary,2,200,2000-09-05,\n"
    "c,Centre C,community_learning_centre,2,20,,2026-01-01\n",

    "{\"types\": {\"lesson.*\": \"teaching\", \"gradebook.*\": \"management\"},\n"
    " \"xapi\": {\"http://adlnet.gov/expapi/verbs/completed\": \"lesson.completed\"}}\n",

    "{\"indicators\": [{\"id\": \"schools\", \"name\": {\"vi\": \"Trường\", \"en\": \"Schools\"}, \"source\": "
    "\"Plan\",\n"
    "  \"centre_types\": [\"primary\"], \"period\": \"month\",\n"
    "  \"targets\": [{\"from\": \"2024-05-02\", \"value\": 0.6}],\n"
    "  \"rule\": {\"activity\": \"teaching\", \"active_days\": {\"min\": 8}}}]}\n",
};

void deployment_write(const struct deployment *deployment, enum which which, const char *text)
{
    const char *path = deployment->paths[which];
    if (text == NULL) {
        unlink(path);
        return;
    }
    FILE *file = fopen(path, "w");
    if (file == NULL || fwrite(text, 1, strlen(text), file) != strlen(text) || fclose(file) != 0) {
        perror(path);
        abort();
    }
}

int deployment_set_up(void **state)
{
    struct deployment *deployment = calloc(1, sizeof *deployment);
    snprintf(deployment->directory, sizeof deployment->directory, "/tmp/edutally-check-XXXXXX");
    if (mkdtemp(deployment->directory) == NULL) {
        return -1;
    }
    for (enum which which = 0; which < FILES; which++) {
        snprintf(deployment->paths[which], sizeof deployment->paths[which], "%s/%s", deployment->directory,
                 deployment_names[which]);
        deployment_write(deployment, which, deployment_sound[which]);
    }
    *state = deployment;
    return 0;
}

int deployment_tear_down(void **state)
{
    struct deployment *deployment = *state;
    for (enum which which = 0; which < FILES; which++) {
        unlink(deployment->paths[which]);
    }
    rmdir(deployment->directory);
    free(deployment);
    return 0;
}
