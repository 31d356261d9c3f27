#define _GNU_SOURCE /* memfd_create */
#include "capture.h"

#include "each_allocation.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MOST_WORDS = 24 };

static char *read_whole(int fd)
{
    off_t size = lseek(fd, 0, SEEK_END);
    char *text = malloc((size_t)size + 1);
    PROMISE(text != NULL && pread(fd, text, (size_t)size, 0) == size, "cannot read back what was printed");
    text[size] = '\0';
    close(fd);
    return text;
}

void capture_command(struct capture *capture, int (*command)(int argc, char **argv), const char *line,
                     const char *config)
{
    char copy[512], *words[MOST_WORDS + 1], *rest = NULL;
    char config_copy[160];
    int count = 0;
    snprintf(copy, sizeof copy, "%s", line);
    snprintf(config_copy, sizeof config_copy, "%s", config);
    for (char *word = strtok_r(copy, " ", &rest); word != NULL && count < MOST_WORDS;
         word = strtok_r(NULL, " ", &rest)) {
        words[count++] = strcmp(word, "CONFIG") == 0 ? config_copy : word;
    }
    words[count] = NULL;
    *capture = (struct capture){.out_fd = memfd_create("out", 0), .err_fd = memfd_create("err", 0)};
    fflush(NULL);
    int kept_out = dup(STDOUT_FILENO), kept_err = dup(STDERR_FILENO);
    dup2(capture->out_fd, STDOUT_FILENO);
    dup2(capture->err_fd, STDERR_FILENO);
    optind = 0; /* the C library's way to begin anew */
    capture->code = command(count, words);
    fflush(NULL);
    dup2(kept_out, STDOUT_FILENO);
    dup2(kept_err, STDERR_FILENO);
    close(kept_out);
    close(kept_err);
}

void capture_read(struct capture *capture)
{
    capture->out = read_whole(capture->out_fd);
    capture->err = read_whole(capture->err_fd);
}

void capture_free(struct capture *capture)
{
    free(capture->out);
    free(capture->err);
}
