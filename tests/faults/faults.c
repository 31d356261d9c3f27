/*
 * Each interposed function is the system call itself (syscall(2), so nothing of glibc is called twice) between two
 * questions: arrive() counts and says what becomes of the call, and depart() records what it did. One lock is held from
 * the one to the other: the record is then the order in which things happened, and the n-th call is one call. A library
 * that is loaded into a foreign program has nobody who could hand it a context, hence the one global.
 */
#define _GNU_SOURCE /* open64, pwrite64, ftruncate64: the names that SQLite calls */
#include "faults.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

_Static_assert(sizeof(long) == 8, "system calls take 64-bit offsets in one argument only on 64-bit machines");

enum { PARTS_MOST = 64, ACK_MOST = 65536, BAD_VALUE = 125, HIGH_FD = 200 };

enum moment { NEVER, BEFORE, MIDDLE, AFTER };

/* What becomes of a call. */
enum verdict { PASS, HALF, HALF_THEN_DIE, PASS_THEN_DIE, FAIL };

static struct {
    pthread_mutex_t lock;
    char directory[PATH_MAX];
    size_t directory_length; /* 0: not loaded for anything */
    const char *calls, *match, *switch_path;
    int log_fd, record_fd;
    long count;
    long die_at;
    enum moment die_when;
    long fail_at, fail_times;
    int fail_error; /* 0: SHORT */
    char ack[ACK_MOST];
} faults = {.lock = PTHREAD_MUTEX_INITIALIZER, .log_fd = -1, .record_fd = -1};

/* Setting up. */

static void refuse(const char *name, const char *value)
{
    fprintf(stderr, "libedutally_faults: cannot use %s=%s: faults.h says what it takes\n", name, value);
    _exit(BAD_VALUE);
}

/* What the test could not be told otherwise; going on would make it believe a record that is not whole. */
static void give_up(const char *what)
{
    fprintf(stderr, "libedutally_faults: %s\n", what);
    _exit(BAD_VALUE);
}

/* A number at the beginning of the text, and a space behind it. */
static const char *read_number(const char *name, const char *value, const char *text, long *number)
{
    char *end;
    errno = 0;
    *number = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != ' ' || *number < 0) {
        refuse(name, value);
    }
    return end + 1;
}

static void read_die(const char *value)
{
    static const char *const words[] = {"never", "before", "middle", "after"};
    const char *word = read_number("EDUTALLY_FAULTS_DIE", value, value, &faults.die_at);
    for (int i = BEFORE; i <= AFTER; i++) {
        if (strcmp(words[i], word) == 0) {
            faults.die_when = (enum moment)i;
            return;
        }
    }
    refuse("EDUTALLY_FAULTS_DIE", value);
}

static void read_fail(const char *value)
{
    static const struct {
        const char *word;
        int error;
    } words[] = {{"EIO", EIO}, {"ENOSPC", ENOSPC}, {"EINTR", EINTR}, {"SHORT", 0}};
    const char *word = read_number("EDUTALLY_FAULTS_FAIL", value, value, &faults.fail_at);
    word = read_number("EDUTALLY_FAULTS_FAIL", value, word, &faults.fail_times);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i].word, word) == 0) {
            faults.fail_error = words[i].error;
            return;
        }
    }
    refuse("EDUTALLY_FAULTS_FAIL", value);
}

/* Opened with a high number, so that the program gets the same descriptors as without us. */
static int open_appending(const char *name)
{
    const char *path = getenv(name);
    if (path == NULL) {
        return -1;
    }
    long low = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    int fd = low < 0 ? -1 : fcntl((int)low, F_DUPFD_CLOEXEC, HIGH_FD);
    if (fd < 0) {
        refuse(name, path);
    }
    close((int)low);
    return fd;
}

__attribute__((constructor)) static void set_up(void)
{
    const char *directory = getenv("EDUTALLY_FAULTS_DIR"), *die = getenv("EDUTALLY_FAULTS_DIE"),
               *fail = getenv("EDUTALLY_FAULTS_FAIL");
    if (directory == NULL) {
        return;
    }
    faults.directory_length = strlen(directory);
    if (directory[0] != '/' || faults.directory_length >= sizeof faults.directory) {
        refuse("EDUTALLY_FAULTS_DIR", directory);
    }
    memcpy(faults.directory, directory, faults.directory_length + 1);
    faults.calls = getenv("EDUTALLY_FAULTS_CALLS");
    faults.match = getenv("EDUTALLY_FAULTS_MATCH");
    faults.switch_path = getenv("EDUTALLY_FAULTS_SWITCH");
    if (die != NULL) {
        read_die(die);
    }
    if (fail != NULL) {
        read_fail(fail);
    }
    faults.log_fd = open_appending("EDUTALLY_FAULTS_LOG");
    faults.record_fd = open_appending("EDUTALLY_FAULTS_RECORD");
}

/* Which files count. */

static bool is_below(const char *path)
{
    return faults.directory_length > 0 && strncmp(path, faults.directory, faults.directory_length) == 0 &&
           (path[faults.directory_length] == '/' || path[faults.directory_length] == '\0');
}

/* Where the descriptor's file is; true if it lies below the directory. */
static bool find_path(int fd, char path[PATH_MAX])
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = faults.directory_length > 0 ? readlink(link, path, PATH_MAX - 1) : -1;
    path[length < 0 ? 0 : length] = '\0';
    return is_below(path);
}

/* As find_path, for a name given to open and the like. */
static bool make_path(int at, const char *name, char path[PATH_MAX])
{
    char base[PATH_MAX] = "";
    if (faults.directory_length == 0) {
        return false;
    }
    if (name[0] != '/' && at == AT_FDCWD) {
        if (getcwd(base, sizeof base) == NULL) {
            return false;
        }
    } else if (name[0] != '/') {
        find_path(at, base);
    }
    int length = snprintf(path, PATH_MAX, "%s%s%s", base, name[0] != '/' ? "/" : "", name);
    return length < PATH_MAX && is_below(path);
}

static bool is_listed(const char *call)
{
    size_t length = strlen(call);
    for (const char *at = faults.calls; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, call, length) == 0 && (at[length] == ',' || at[length] == '\0')) {
            return true;
        }
    }
    return faults.calls == NULL;
}

static bool counts(const char *call, const char *path)
{
    return is_listed(call) && (faults.match == NULL || strstr(path, faults.match) != NULL) &&
           (faults.switch_path == NULL || access(faults.switch_path, F_OK) == 0);
}

/* Dying and failing. */

static void die(void)
{
    kill(getpid(), SIGKILL);
    for (;;) {
        pause();
    }
}

static void log_call(const char *call, const char *path)
{
    char line[PATH_MAX + 64];
    if (faults.log_fd >= 0) {
        int length = snprintf(line, sizeof line, "%ld %s %s\n", faults.count, call, path);
        if (syscall(SYS_write, faults.log_fd, line, length) != length) {
            give_up("the log cannot be written");
        }
    }
}

/* Takes the lock and says what becomes of a call; `bytes` it would write, -1 if it is of another kind. */
static enum verdict arrive(const char *call, const char *path, ssize_t bytes)
{
    pthread_mutex_lock(&faults.lock);
    if (!counts(call, path)) {
        return PASS;
    }
    faults.count++;
    log_call(call, path);
    if (faults.count == faults.die_at) {
        if (faults.die_when == BEFORE || (faults.die_when == MIDDLE && bytes < 2)) {
            die();
        }
        return faults.die_when == MIDDLE ? HALF_THEN_DIE : PASS_THEN_DIE;
    }
    if (faults.fail_at > 0 && faults.count >= faults.fail_at &&
        (faults.fail_times == 0 || faults.count < faults.fail_at + faults.fail_times)) {
        return faults.fail_error != 0 ? FAIL : bytes > 1 ? HALF : PASS;
    }
    return PASS;
}

/* The end of every call: gives the lock back, or ends the process. The result of a call that failed is -1. */
static long depart(enum verdict verdict, long result, int error)
{
    if (verdict == HALF_THEN_DIE || verdict == PASS_THEN_DIE) {
        die();
    }
    pthread_mutex_unlock(&faults.lock);
    if (result < 0) {
        errno = error;
    }
    return result;
}

/* Recording. */

/* The first `bytes` of the parts, as parts. Returns their count. */
static int cut(struct iovec out[PARTS_MOST], const struct iovec *parts, int count, size_t bytes)
{
    int used = 0;
    for (int i = 0; i < count && bytes > 0 && used < PARTS_MOST; i++) {
        out[used] = parts[i];
        out[used].iov_len = parts[i].iov_len < bytes ? parts[i].iov_len : bytes;
        bytes -= out[used++].iov_len;
    }
    if (bytes > 0) {
        give_up("a writev of too many parts");
    }
    return used;
}

static void record(struct faults_entry entry, const char *path, size_t path_bytes, const struct iovec *parts, int count,
                   size_t bytes)
{
    struct iovec out[PARTS_MOST + 2];
    if (faults.record_fd < 0) {
        return;
    }
    entry.path_bytes = (uint32_t)path_bytes;
    entry.data_bytes = (uint32_t)bytes;
    out[0] = (struct iovec){.iov_base = &entry, .iov_len = sizeof entry};
    out[1] = (struct iovec){.iov_base = (void *)(uintptr_t)path, .iov_len = path_bytes};
    int used = 2 + cut(out + 2, parts, count, bytes);
    if (syscall(SYS_writev, faults.record_fd, out, used) != (long)(sizeof entry + path_bytes + bytes)) {
        give_up("the record cannot be written");
    }
}

/* `second`: a rename's new name, or NULL. */
static void record_name(enum faults_type type, const char *path, const char *second)
{
    struct stat status = {0};
    char both[2 * PATH_MAX];
    size_t length = strlen(path), other = second != NULL ? strlen(second) + 1 : 0;
    memcpy(both, path, length);
    if (second != NULL) {
        both[length] = '\0';
        memcpy(both + length + 1, second, other - 1);
    } else if (faults.record_fd >= 0 && lstat(path, &status) != 0) {
        status.st_ino = 0; /* it went */
    }
    record((struct faults_entry){.type = type, .inode = status.st_ino}, both, length + other, NULL, 0, 0);
}

static void record_file(enum faults_type type, int fd, int64_t offset, int error, const char *path,
                        const struct iovec *parts, int count, size_t bytes)
{
    struct stat status;
    if (faults.record_fd < 0) {
        return;
    }
    if (fstat(fd, &status) != 0) {
        give_up("a file cannot be looked at");
    }
    if (type == FAULTS_WRITE && offset < 0) { /* it was written where the file's own offset, or its end, stood */
        bool appends = (fcntl(fd, F_GETFL) & O_APPEND) != 0;
        offset = (appends ? (int64_t)status.st_size : (int64_t)lseek(fd, 0, SEEK_CUR)) - (int64_t)bytes;
    }
    const struct faults_entry entry = {
        .type = type, .error = (uint32_t)error, .inode = status.st_ino, .offset = offset};
    record(entry, path, strlen(path), parts, count, bytes);
}

static bool is_socket(const char *path)
{
    return strncmp(path, "socket:", 7) == 0;
}

/* Something goes to a socket: records it if it holds an end-to-end acknowledgement. */
static void watch_socket(const struct iovec *parts, int count)
{
    static const char mark[] = "\"upto\":";
    size_t used = 0;
    if (faults.record_fd < 0) {
        return;
    }
    pthread_mutex_lock(&faults.lock);
    for (int i = 0; i < count && used < ACK_MOST; i++) {
        size_t length = parts[i].iov_len < ACK_MOST - used ? parts[i].iov_len : ACK_MOST - used;
        memcpy(faults.ack + used, parts[i].iov_base, length);
        used += length;
    }
    if (memmem(faults.ack, used, mark, sizeof mark - 1) != NULL) {
        struct iovec all = {.iov_base = faults.ack, .iov_len = used};
        record((struct faults_entry){.type = FAULTS_ACK}, "", 0, &all, 1, used);
    }
    pthread_mutex_unlock(&faults.lock);
}

/* Writing. `offset` -1: where the file stands. */

static long really_put(int fd, const struct iovec *parts, int count, off_t offset)
{
    return offset < 0 ? syscall(SYS_writev, fd, parts, count)
                      : syscall(SYS_pwrite64, fd, parts[0].iov_base, parts[0].iov_len, offset);
}

static ssize_t put(const char *call, int fd, const struct iovec *parts, int count, off_t offset)
{
    char path[PATH_MAX];
    struct iovec some[PARTS_MOST];
    size_t bytes = 0;
    if (!find_path(fd, path)) {
        if (is_socket(path)) {
            watch_socket(parts, count);
        }
        return really_put(fd, parts, count, offset);
    }
    for (int i = 0; i < count; i++) {
        bytes += parts[i].iov_len;
    }
    enum verdict verdict = arrive(call, path, (ssize_t)bytes);
    if (verdict == FAIL) {
        return depart(verdict, -1, faults.fail_error);
    }
    int used = cut(some, parts, count, verdict == HALF || verdict == HALF_THEN_DIE ? bytes / 2 : bytes);
    long done = really_put(fd, some, used, offset);
    int error = errno;
    if (done > 0) {
        bool appends = (fcntl(fd, F_GETFL) & O_APPEND) != 0; /* then pwrite ignores its offset */
        record_file(FAULTS_WRITE, fd, appends ? -1 : offset, 0, path, some, used, (size_t)done);
    }
    return depart(verdict, done, error);
}

ssize_t write(int fd, const void *bytes, size_t count)
{
    struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = count};
    return put("write", fd, &part, 1, -1);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    return put("writev", fd, parts, count, -1);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset)
{
    struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = count};
    return put("pwrite", fd, &part, 1, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) __attribute__((alias("pwrite")));

ssize_t send(int fd, const void *bytes, size_t count, int flags)
{
    struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = count};
    watch_socket(&part, 1);
    return syscall(SYS_sendto, fd, bytes, count, flags, NULL, 0);
}

ssize_t sendto(int fd, const void *bytes, size_t count, int flags, __CONST_SOCKADDR_ARG to, socklen_t to_bytes)
{
    struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = count};
    watch_socket(&part, 1);
    return syscall(SYS_sendto, fd, bytes, count, flags, to.__sockaddr__, to_bytes);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    watch_socket(message->msg_iov, (int)message->msg_iovlen);
    return syscall(SYS_sendmsg, fd, message, flags);
}

/* Syncing and truncating. */

static int sync_file(const char *call, long number, int fd)
{
    char path[PATH_MAX];
    if (!find_path(fd, path)) {
        return (int)syscall(number, fd);
    }
    enum verdict verdict = arrive(call, path, -1);
    long result = verdict == FAIL ? -1 : syscall(number, fd);
    int error = verdict == FAIL ? faults.fail_error : errno;
    record_file(FAULTS_SYNC, fd, 0, result != 0 ? error : 0, path, NULL, 0, 0);
    return (int)depart(verdict, result, error);
}

int fsync(int fd)
{
    return sync_file("fsync", SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return sync_file("fdatasync", SYS_fdatasync, fd);
}

int ftruncate(int fd, off_t size)
{
    char path[PATH_MAX];
    if (!find_path(fd, path)) {
        return (int)syscall(SYS_ftruncate, fd, size);
    }
    enum verdict verdict = arrive("ftruncate", path, -1);
    long result = verdict == FAIL ? -1 : syscall(SYS_ftruncate, fd, size);
    int error = verdict == FAIL ? faults.fail_error : errno;
    if (result == 0) {
        record_file(FAULTS_TRUNCATE, fd, size, 0, path, NULL, 0, 0);
    }
    return (int)depart(verdict, result, error);
}

int ftruncate64(int fd, off64_t size) __attribute__((alias("ftruncate")));

/* Names. */

int renameat(int from_at, const char *from, int to_at, const char *to)
{
    char old[PATH_MAX], new[PATH_MAX];
    bool is_ours = make_path(from_at, from, old);
    if (!make_path(to_at, to, new) && !is_ours) {
        return (int)syscall(SYS_renameat, from_at, from, to_at, to);
    }
    enum verdict verdict = arrive("rename", new, -1);
    long result = verdict == FAIL ? -1 : syscall(SYS_renameat, from_at, from, to_at, to);
    int error = verdict == FAIL ? faults.fail_error : errno;
    if (result == 0) {
        record_name(FAULTS_RENAME, old, new);
    }
    return (int)depart(verdict, result, error);
}

int rename(const char *from, const char *to)
{
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int unlinkat(int at, const char *name, int flags)
{
    char path[PATH_MAX];
    if (!make_path(at, name, path)) {
        return (int)syscall(SYS_unlinkat, at, name, flags);
    }
    bool is_directory = (flags & AT_REMOVEDIR) != 0;
    enum verdict verdict = arrive(is_directory ? "rmdir" : "unlink", path, -1);
    long result = verdict == FAIL ? -1 : syscall(SYS_unlinkat, at, name, flags);
    int error = verdict == FAIL ? faults.fail_error : errno;
    if (result == 0) {
        record_name(is_directory ? FAULTS_RMDIR : FAULTS_UNLINK, path, NULL);
    }
    return (int)depart(verdict, result, error);
}

int unlink(const char *name)
{
    return unlinkat(AT_FDCWD, name, 0);
}

int rmdir(const char *name)
{
    return unlinkat(AT_FDCWD, name, AT_REMOVEDIR);
}

int mkdirat(int at, const char *name, mode_t mode)
{
    char path[PATH_MAX];
    if (!make_path(at, name, path)) {
        return (int)syscall(SYS_mkdirat, at, name, mode);
    }
    struct stat status;
    if (lstat(path, &status) == 0) { /* there already: changes nothing */
        errno = EEXIST;
        return -1;
    }
    enum verdict verdict = arrive("mkdir", path, -1);
    long result = verdict == FAIL ? -1 : syscall(SYS_mkdirat, at, name, mode);
    int error = verdict == FAIL ? faults.fail_error : errno;
    if (result == 0) {
        record_name(FAULTS_MKDIR, path, NULL);
    }
    return (int)depart(verdict, result, error);
}

int mkdir(const char *name, mode_t mode)
{
    return mkdirat(AT_FDCWD, name, mode);
}

static int open_file(int at, const char *name, int flags, mode_t mode)
{
    char path[PATH_MAX];
    struct stat status;
    if ((flags & (O_CREAT | O_TRUNC)) == 0 || (flags & O_TMPFILE) == O_TMPFILE || !make_path(at, name, path)) {
        return (int)syscall(SYS_openat, at, name, flags, mode);
    }
    bool is_there = stat(path, &status) == 0;
    if (is_there && ((flags & O_TRUNC) == 0 || status.st_size == 0)) {
        return (int)syscall(SYS_openat, at, name, flags, mode);
    }
    enum verdict verdict = arrive(is_there ? "ftruncate" : "create", path, -1);
    long fd = verdict == FAIL ? -1 : syscall(SYS_openat, at, name, flags, mode);
    int error = verdict == FAIL ? faults.fail_error : errno;
    if (fd >= 0) {
        record_file(is_there ? FAULTS_TRUNCATE : FAULTS_CREATE, (int)fd, 0, 0, path, NULL, 0, 0);
    }
    return (int)depart(verdict, fd, error);
}

int openat(int at, const char *name, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return open_file(at, name, flags, mode);
}

int open(const char *name, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return open_file(AT_FDCWD, name, flags, mode);
}

int openat64(int at, const char *name, int flags, ...) __attribute__((alias("openat")));

int open64(const char *name, int flags, ...) __attribute__((alias("open")));
