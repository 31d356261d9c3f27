/* What went wrong, where, and how to mend it. One error travels up to the command, which prints it once. */
#ifndef SIM_ERROR_H
#define SIM_ERROR_H

enum {
    ERROR_FAILED = -1, /* something outside did not work: a file, the broker */
    ERROR_USAGE = -2,  /* the command line */
    ERROR_CONFIG = -3, /* scenario, registry or taxonomy */
    ERROR_MEMORY = -4,
};

struct error {
    int code; /* 0 or one of ERROR_* */
    char text[512];
};

/* Fills `error` and returns `code`, so that a failure reads `return error_set(error, ERROR_CONFIG, "...")`. */
int error_set(struct error *error, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The process's exit code for an ERROR_* code: 0 done, 1 failed, 2 usage, 3 config. */
int error_exit_code(int code);

#endif
