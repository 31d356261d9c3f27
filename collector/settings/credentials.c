/*
 * Where a path of the config leads: beside the config file, as a rule. A path `secrets/NAME` is also the name of a
 * credential: the unit has LoadCredential=secrets:/etc/edutally/secrets, so systemd, as root, reads that folder and
 * puts a copy of each file, in memory that is never swapped, into $CREDENTIALS_DIRECTORY as `secrets_NAME`
 * (systemd.exec(5)). The copy is taken where we may not read the file itself, which can then be root's alone. Where we
 * may, the file is better: the copy is as old as the process, and a changed password or a token that was taken away
 * must count.
 */
#include "internal.h"

#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The path of the copy, or NULL: there is none, or no memory for its name. */
static char *handed_over(const char *path)
{
    static const char folder[] = "secrets/";
    const char *directory = getenv("CREDENTIALS_DIRECTORY");
    const char *name = path + sizeof folder - 1;
    if (directory == NULL || strncmp(path, folder, sizeof folder - 1) != 0 || strchr(name, '/') != NULL) {
        return NULL;
    }
    size_t size = strlen(directory) + sizeof "/secrets_" + strlen(name);
    char *copy = malloc(size);
    if (copy == NULL) {
        return NULL;
    }
    snprintf(copy, size, "%s/secrets_%s", directory, name);
    if (access(copy, R_OK) != 0) {
        free(copy);
        return NULL;
    }
    return copy;
}

char *setting_path(const char *config_path, const char *path)
{
    char *file = file_path_beside(config_path, path);
    if (file == NULL || access(file, R_OK) == 0) {
        return file;
    }
    char *copy = handed_over(path);
    if (copy == NULL) {
        return file;
    }
    free(file);
    return copy;
}
