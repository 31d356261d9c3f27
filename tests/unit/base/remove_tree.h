/* Removes a test's temporary directory with all that is in it. 0, or -1 with errno set. */
#ifndef EDUTALLY_TESTS_BASE_REMOVE_TREE_H
#define EDUTALLY_TESTS_BASE_REMOVE_TREE_H

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static inline int remove_tree(const char *path)
{
    DIR *directory = opendir(path);
    int result = 0;
    if (directory == NULL) {
        return errno == ENOTDIR ? unlink(path) : -1;
    }
    for (const struct dirent *entry; result == 0 && (entry = readdir(directory)) != NULL;) {
        char child[4096];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        int length = snprintf(child, sizeof child, "%s/%s", path, entry->d_name);
        result = length < (int)sizeof child ? remove_tree(child) : -1;
    }
    closedir(directory);
    return result == 0 ? rmdir(path) : result;
}

#endif
