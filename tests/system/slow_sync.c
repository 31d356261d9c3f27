/*
 * For LD_PRELOAD: a disk whose fsync and fdatasync take as many milliseconds more as the first line of the file
 * EDUTALLY_TEST_SLOW_SYNC says at that moment. A test makes a disk slow, and quick again, by writing the file.
 */
#define _GNU_SOURCE /* RTLD_NEXT */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int fsync(int fd);
int fdatasync(int fd);

static void be_slow(void)
{
    char text[16] = "";
    const char *path = getenv("EDUTALLY_TEST_SLOW_SYNC");
    int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    ssize_t got = read(fd, text, sizeof text - 1);
    close(fd);
    long ms = got > 0 ? strtol(text, NULL, 10) : 0;
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

static int then(const char *name, int fd)
{
    int (*real)(int) = NULL;
    *(void **)&real = dlsym(RTLD_NEXT, name); /* as POSIX has it: ISO C has no cast from data to code */
    be_slow();
    return real(fd);
}

int fsync(int fd)
{
    return then("fsync", fd);
}

int fdatasync(int fd)
{
    return then("fdatasync", fd);
}
