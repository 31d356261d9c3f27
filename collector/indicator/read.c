/* Values of a file that people edit: whatever is not as it should be becomes a fault with its line and a remedy. */
#include "internal.h"

#include <string.h>

void read_no_memory(struct reading *reading)
{
    reading->wrong = true;
    faults_no_memory(reading->faults, reading->file->path);
}

bool read_object(struct reading *reading, const cJSON *node, const char *what, const char *remedy)
{
    if (!cJSON_IsObject(node)) {
        READING_FAULT(reading, node, remedy, "%s is not an object", what);
        return false;
    }
    return true;
}

static bool is_known(const char *key, const char *const *keys)
{
    for (; *keys != NULL; keys++) {
        if (strcmp(key, *keys) == 0) {
            return true;
        }
    }
    return false;
}

static bool stood_before(const cJSON *object, const cJSON *member)
{
    for (const cJSON *item = object->child; item != member; item = item->next) {
        if (strcmp(item->string, member->string) == 0) {
            return true;
        }
    }
    return false;
}

bool read_keys(struct reading *reading, const cJSON *object, const char *what, const char *const *keys)
{
    char remedy[400];
    size_t count = 0;
    bool good = true;
    while (keys[count] != NULL) {
        count++;
    }
    for (const cJSON *item = object->child; item != NULL; item = item->next) {
        if (!is_known(item->string, keys)) {
            good = false;
            READING_FAULT(reading, item, words_suggest(item->string, keys, count, remedy, sizeof remedy),
                          "unknown key \"%.100s\" in %s", item->string, what);
        } else if (stood_before(object, item)) {
            good = false;
            READING_FAULT(reading, item, "keep one of them", "\"%s\" stands twice in %s", item->string, what);
        }
    }
    return good;
}

const cJSON *read_member(struct reading *reading, const cJSON *object, const char *key, const char *what,
                         const char *remedy)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (item == NULL) {
        READING_FAULT(reading, object, remedy, "%s has no \"%s\"", what, key);
    }
    return item;
}
