/* Files: whole reads with a bound, replacement that survives power loss, and the lock of a data directory. */
#ifndef EDUTALLY_BASE_FILE_H
#define EDUTALLY_BASE_FILE_H

#include "base/buffer.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/* Appends the file's bytes to `out`. ERROR_IO; ERROR_LIMIT past `most` bytes; ERROR_MEMORY. */
int file_read(const char *path, size_t most, struct buffer *out, struct error *error);

/* Reads a secret: the file's bytes without trailing line ends. As file_read; ERROR_CONFIG if empty. */
int file_read_secret(const char *path, struct buffer *out, struct error *error);

/* Writes `count` bytes to `path` with `mode`: new file, fsync, rename, fsync of the directory. Either the old content
 * or the new one is there after a crash. ERROR_IO. */
int file_replace(const char *path, const void *bytes, size_t count, unsigned mode, struct error *error);

/* The same with owner, group and mode of the open file `like`, as far as this process may give them. */
int file_replace_like(const char *path, const void *bytes, size_t count, int like, struct error *error);

/* Writes all bytes, through short writes and EINTR. ERROR_IO with errno set. */
int file_write_all(int fd, const void *bytes, size_t count);

/* Writes a file's own bytes over themselves and syncs it. After a sync failed, the kernel holds pages that it takes for
 * written and that are not; only what is written anew gets to the disk. While it runs nobody else writes the file. No
 * such file is fine. ERROR_IO. */
int file_write_again(const char *path, struct error *error);

/* Makes a directory and its parents (mode 0750 for those it makes), so that they survive power loss. ERROR_IO. */
int file_make_directory(const char *path, struct error *error);

/* Syncs a directory, so that names made or removed in it survive power loss. ERROR_IO. */
int file_sync_directory(const char *path, struct error *error);

/* Takes the lock file `name` in `directory` for the life of the process; `*fd` holds it. ERROR_BUSY when another
 * process has it (its id is in the text), ERROR_IO. */
int file_lock(const char *directory, const char *name, int *fd, struct error *error);

/* `directory` of `base_file` joined with `path`; an absolute `path` stays. Caller frees; NULL when out of memory. */
char *file_path_beside(const char *base_file, const char *path);

/* Milliseconds since 1970 (wall clock) and since some start (never steps back). */
int64_t clock_wall_ms(void);
int64_t clock_steady_ms(void);

#endif
