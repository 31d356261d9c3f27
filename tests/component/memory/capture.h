/* What a command of edutally, or anything else, writes to standard output and standard error. */
#ifndef EDUTALLY_TESTS_MEMORY_CAPTURE_H
#define EDUTALLY_TESTS_MEMORY_CAPTURE_H

struct capture {
    int code;
    int out_fd, err_fd;
    char *out, *err; /* NUL ended, from capture_read on; freed by capture_free */
};

/* Runs `command` with the words of `line`; the word CONFIG is replaced by `config`. */
void capture_command(struct capture *capture, int (*command)(int argc, char **argv), const char *line,
                     const char *config);
/* Reads back what was printed: allocates, and so is a step of its own. */
void capture_read(struct capture *capture);
void capture_free(struct capture *capture);

#endif
