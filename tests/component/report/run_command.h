/* Runs a command in a child process, as a shell would, and takes what it writes. */
#ifndef EDUTALLY_TESTS_RUN_COMMAND_H
#define EDUTALLY_TESTS_RUN_COMMAND_H

struct outcome {
    int code;
    char out[16384];
    char err[8192];
};

/* `line` is split at blanks; "CONFIG" in it becomes `config`. Texts longer than the outcome holds fail the test. */
void run_command(struct outcome *outcome, int (*command)(int argc, char **argv), const char *line, const char *config);

#endif
