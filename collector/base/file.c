#define _GNU_SOURCE /* flock */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int file_read(const char *path, size_t most, struct buffer *out, struct error *error)
{
    int result = 0;
    char chunk[65536];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return error_errno(error, "cannot open %s", path);
    }
    for (;;) {
        ssize_t got = read(fd, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            result = error_errno(error, "cannot read %s", path);
            break;
        }
        if (got == 0) {
            break;
        }
        if ((size_t)got > most - out->used) {
            result = error_set(error, ERROR_LIMIT, "%s is larger than %zu bytes", path, most);
            break;
        }
        buffer_add(out, chunk, (size_t)got);
    }
    if (out->failed) {
        result = error_set(error, ERROR_MEMORY, "out of memory reading %s", path);
    }
    close(fd);
    return result;
}

int file_read_secret(const char *path, struct buffer *out, struct error *error)
{
    int result = file_read(path, 4096, out, error);
    if (result != 0) {
        return result;
    }
    while (out->used > 0 && (out->bytes[out->used - 1] == '\n' || out->bytes[out->used - 1] == '\r')) {
        out->bytes[--out->used] = '\0';
    }
    if (out->used == 0) {
        return error_set(error, ERROR_CONFIG, "%s is empty: put the secret on its first line", path);
    }
    return 0;
}

int file_write_all(int fd, const void *bytes, size_t count)
{
    const char *next = bytes;
    while (count > 0) {
        ssize_t done = write(fd, next, count);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done < 0) {
            return ERROR_IO;
        }
        next += done;
        count -= (size_t)done;
    }
    return 0;
}

/* The folder part of a path, "." where there is none. */
static void directory_of(const char *path, char *out, size_t size)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        snprintf(out, size, ".");
    } else {
        snprintf(out, size, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    }
}

/* Who may not give a file away keeps it. */
static int make_like(int fd, int like)
{
    struct stat status;
    if (fstat(like, &status) != 0) {
        return ERROR_IO;
    }
    if (fchown(fd, status.st_uid, status.st_gid) != 0 && fchown(fd, (uid_t)-1, status.st_gid) != 0 && errno != EPERM) {
        return ERROR_IO;
    }
    return fchmod(fd, status.st_mode & 07777) == 0 ? 0 : ERROR_IO;
}

/* `like` is -1, or a file whose owner, group and mode the new one gets. */
static int replace(const char *path, const void *bytes, size_t count, unsigned mode, int like, struct error *error)
{
    char temporary[4096], directory[4096];
    if (snprintf(temporary, sizeof temporary, "%s.new", path) >= (int)sizeof temporary) {
        return error_set(error, ERROR_IO, "path too long: %s", path);
    }
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, (mode_t)mode);
    if (fd < 0) {
        return error_errno(error, "cannot make %s", temporary);
    }
    int failed = (like >= 0 && make_like(fd, like) != 0) || file_write_all(fd, bytes, count) != 0 || fsync(fd) != 0;
    if (failed) {
        error_errno(error, "cannot write %s", temporary);
    }
    if (close(fd) != 0 && !failed) {
        failed = 1;
        error_errno(error, "cannot close %s", temporary);
    }
    if (!failed && rename(temporary, path) != 0) {
        failed = 1;
        error_errno(error, "cannot rename %s to %s", temporary, path);
    }
    if (failed) {
        unlink(temporary);
        return ERROR_IO;
    }
    directory_of(path, directory, sizeof directory);
    return file_sync_directory(directory, error);
}

int file_replace(const char *path, const void *bytes, size_t count, unsigned mode, struct error *error)
{
    return replace(path, bytes, count, mode, -1, error);
}

int file_replace_like(const char *path, const void *bytes, size_t count, int like, struct error *error)
{
    return replace(path, bytes, count, 0600, like, error);
}

int file_write_again(const char *path, struct error *error)
{
    char chunk[65536];
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? 0 : error_errno(error, "cannot open %s", path);
    }
    int result = 0;
    off_t at = 0;
    for (ssize_t done = 1; done != 0 && result == 0; at += done > 0 ? done : 0) {
        done = pread(fd, chunk, sizeof chunk, at);
        if (done > 0) {
            done = pwrite(fd, chunk, (size_t)done, at); /* what a short one left is read again */
        }
        if (done < 0 && errno != EINTR) {
            result = error_errno(error, "cannot write %s anew", path);
        }
    }
    if (result == 0 && at > 0 && fdatasync(fd) != 0) {
        result = error_errno(error, "cannot sync %s", path);
    }
    close(fd);
    return result;
}

int file_make_directory(const char *path, struct error *error)
{
    char partial[4096], parent[4096];
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof partial) {
        return error_set(error, ERROR_IO, "not a usable directory path: '%s'", path);
    }
    memcpy(partial, path, length + 1);
    for (size_t i = 1; i <= length; i++) {
        if (partial[i] != '/' && partial[i] != '\0') {
            continue;
        }
        char kept = partial[i];
        partial[i] = '\0';
        bool is_new = mkdir(partial, 0750) == 0;
        if (!is_new && errno != EEXIST) {
            return error_errno(error, "cannot make the directory %s", partial);
        }
        directory_of(partial, parent, sizeof parent);
        /* The last one in any case: a process that died may have made it and not come to the sync. */
        if (is_new || (i == length && access(parent, R_OK) == 0)) {
            int result = file_sync_directory(parent, error);
            if (result != 0) {
                return result;
            }
        }
        partial[i] = kept;
    }
    return 0;
}

int file_sync_directory(const char *path, struct error *error)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return error_errno(error, "cannot open the directory %s", path);
    }
    int result = fsync(fd) == 0 ? 0 : error_errno(error, "cannot sync the directory %s", path);
    close(fd);
    return result;
}

int file_lock(const char *directory, const char *name, int *out, struct error *error)
{
    char path[4096], holder[32] = "";
    if (snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path) {
        return error_set(error, ERROR_IO, "path too long: %s/%s", directory, name);
    }
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0) {
        return error_errno(error, "cannot open %s", path);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        ssize_t got = errno == EWOULDBLOCK ? read(fd, holder, sizeof holder - 1) : -1;
        close(fd);
        if (got < 0) {
            return error_errno(error, "cannot lock %s", path);
        }
        return error_set(error, ERROR_BUSY,
                         "%s is in use by process %ld: stop it first, or give this one a data_dir of its own",
                         directory, strtol(holder, NULL, 10));
    }
    int length = snprintf(holder, sizeof holder, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, holder, (size_t)length, 0) != length) {
        int result = error_errno(error, "cannot write %s", path);
        close(fd);
        return result;
    }
    *out = fd;
    return 0;
}

char *file_path_beside(const char *base_file, const char *path)
{
    const char *slash = strrchr(base_file, '/');
    if (path[0] == '/' || slash == NULL) {
        return strdup(path);
    }
    size_t head = (size_t)(slash - base_file) + 1, tail = strlen(path) + 1;
    char *joined = malloc(head + tail);
    if (joined != NULL) {
        memcpy(joined, base_file, head);
        memcpy(joined + head, path, tail);
    }
    return joined;
}

static int64_t clock_ms(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_wall_ms(void)
{
    return clock_ms(CLOCK_REALTIME);
}

int64_t clock_steady_ms(void)
{
    return clock_ms(CLOCK_MONOTONIC);
}
