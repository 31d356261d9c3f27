/* Standard output and error go into files without a name: no pipe can fill up. */
#include "run_command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { MOST_WORDS = 24 };

static int split(char *line, const char *config, char *words[MOST_WORDS + 1], char *config_copy, size_t size)
{
    int count = 0;
    char *rest = NULL;
    snprintf(config_copy, size, "%s", config);
    for (char *word = strtok_r(line, " ", &rest); word != NULL && count < MOST_WORDS;
         word = strtok_r(NULL, " ", &rest)) {
        words[count++] = strcmp(word, "CONFIG") == 0 ? config_copy : word;
    }
    words[count] = NULL;
    return count;
}

static void read_back(FILE *file, char *text, size_t size)
{
    rewind(file);
    size_t count = fread(text, 1, size, file);
    assert_true(count < size);
    text[count] = '\0';
    fclose(file);
}

void run_command(struct outcome *outcome, int (*command)(int argc, char **argv), const char *line, const char *config)
{
    char copy[1024], config_copy[256];
    char *words[MOST_WORDS + 1];
    FILE *out = tmpfile(), *err = tmpfile();
    assert_non_null(out);
    assert_non_null(err);
    snprintf(copy, sizeof copy, "%s", line);
    int count = split(copy, config, words, config_copy, sizeof config_copy);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(fileno(out), STDOUT_FILENO);
        dup2(fileno(err), STDERR_FILENO);
        setenv("LANG", "C", 1);
        unsetenv("LC_ALL");
        unsetenv("LC_MESSAGES");
        int code = command(count, words);
        fflush(NULL);
        _exit(code);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    outcome->code = WEXITSTATUS(status);
    read_back(out, outcome->out, sizeof outcome->out);
    read_back(err, outcome->err, sizeof outcome->err);
}
