/*
 * `edutally token`: makes, lists and removes the bearer tokens of the HTTP interface. A token is shown once; the file
 * keeps its SHA-256. Lines that are not touched stay as they are, remarks too. Two of these commands at once wait for
 * each other on a lock of the file, so that neither undoes what the other did.
 */
#include "api/tokens.h"
#include "base/civil.h"
#include "base/file.h"
#include "commands/commands.h"
#include "commands/world.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MODE = 0640, LOCK_TRIES = 100 };

struct options {
    const char *what, *config, *name, *scope;
    bool help;
};

static void explain(FILE *out)
{
    fputs("Usage: edutally token new --scope read|admin --name NAME --config FILE\n"
          "       edutally token list --config FILE\n"
          "       edutally token remove NAME --config FILE\n\n"
          "Who may ask the HTTP interface, in the file that http.tokens_file names. `new` prints\n"
          "the token once, and only its SHA-256 is kept: who loses it gets another. A running\n"
          "collector heeds the change when it reloads (systemctl reload edutally, SIGHUP).\n\n"
          "  --scope  read: figures, the page, metrics; admin: also what was rejected\n"
          "  --name   1 to 64 characters of A-Z a-z 0-9 . _ -; one for each who asks, so that\n"
          "           one can be removed without the others\n\n"
          "Exit: 0 done, 1 failed, 2 usage, 3 config\n",
          out);
}

/* NULL: nothing is. `extra`: the first word that nobody asked for. */
static const char *what_is_wrong(const struct options *options, const char *extra)
{
    bool adds = strcmp(options->what, "new") == 0, removes = strcmp(options->what, "remove") == 0;
    if (options->what[0] == '\0') {
        return "say what to do: new, list or remove";
    }
    if (!adds && !removes && strcmp(options->what, "list") != 0) {
        return "it knows new, list and remove, and nothing else";
    }
    if (options->config == NULL) {
        return "--config FILE is missing";
    }
    if ((adds || removes) && options->name == NULL) {
        return adds ? "--name NAME is missing" : "whose token? `edutally token remove NAME`";
    }
    if (adds != (options->scope != NULL)) {
        return adds ? "--scope read or --scope admin is missing" : "--scope is for `edutally token new`";
    }
    if (extra != NULL || (options->name != NULL && !adds && !removes)) {
        return "there are too many words; names go with --name for new, and after remove";
    }
    return NULL;
}

static int read_options(int argc, char **argv, struct options *options)
{
    static const struct option names[] = {{"config", required_argument, NULL, 'c'},
                                          {"name", required_argument, NULL, 'n'},
                                          {"scope", required_argument, NULL, 's'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    optind = 1;
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, ":c:n:s:h", names, NULL)) != -1;) {
        switch (option) {
        case 'c':
            options->config = optarg;
            break;
        case 'n':
            options->name = optarg;
            break;
        case 's':
            options->scope = optarg;
            break;
        case 'h':
            options->help = true;
            break;
        default:
            fprintf(stderr, "edutally token: %s '%s'\n", option == ':' ? "a value is missing after" : "unknown option",
                    argv[optind - 1]);
            return EXIT_USAGE;
        }
    }
    options->what = optind < argc ? argv[optind++] : "";
    if (strcmp(options->what, "remove") == 0 && optind < argc && options->name == NULL) {
        options->name = argv[optind++];
    }
    const char *wrong = options->help ? NULL : what_is_wrong(options, optind < argc ? argv[optind] : NULL);
    if (wrong != NULL) {
        fprintf(stderr, "edutally token: %s\n", wrong);
        return EXIT_USAGE;
    }
    return EXIT_DONE;
}

/* A new file belongs to the group of its folder: /etc/edutally/secrets is the service's to read. */
static int open_file(const char *path, struct error *error)
{
    struct stat folder_status;
    char *folder = file_path_beside(path, ".");
    int fd = open(path, O_RDWR | O_CLOEXEC);
    bool is_new = fd < 0 && errno == ENOENT;
    if (is_new) {
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
    }
    if (fd < 0) {
        error_errno(error, "cannot open %s", path);
    } else if (folder == NULL || (is_new && (stat(folder, &folder_status) != 0 || fchmod(fd, FILE_MODE) != 0 ||
                                             (fchown(fd, (uid_t)-1, folder_status.st_gid) != 0 && errno != EPERM)))) {
        error_errno(error, "cannot give %s to the group of its folder", path);
        close(fd);
        fd = ERROR_IO;
    }
    free(folder);
    return fd < 0 ? ERROR_IO : fd;
}

/* The locked file, held by a descriptor; it is replaced by a new one on each change, so the lock may be one of a file
 * that has just gone. */
static int lock_file(const char *path, struct error *error)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    struct stat held, named;
    for (int i = 0; i < LOCK_TRIES; i++) {
        int fd = open_file(path, error);
        if (fd < 0) {
            return fd;
        }
        if (fcntl(fd, F_SETLKW, &whole) != 0 || fstat(fd, &held) != 0) {
            close(fd);
            return error_errno(error, "cannot lock %s", path);
        }
        if (stat(path, &named) == 0 && named.st_ino == held.st_ino && named.st_dev == held.st_dev) {
            return fd;
        }
        close(fd);
    }
    return error_set(error, ERROR_BUSY, "%s is changed by somebody else all the time", path);
}

/* The bytes and, checked, what they say. Through the descriptor that is there: closing another one of the same file
 * would give up the lock (POSIX, fcntl). */
static int read_file(const char *path, int fd, struct buffer *text, struct tokens *tokens, struct error *error)
{
    char piece[4096];
    ssize_t got;
    while ((got = pread(fd, piece, sizeof piece, (off_t)text->used)) != 0) {
        if (got < 0 && errno != EINTR) {
            return error_errno(error, "cannot read %s", path);
        }
        buffer_add(text, piece, got > 0 ? (size_t)got : 0);
        if (text->failed || text->used > TOKENS_FILE_BYTES) {
            return error_set(error, ERROR_LIMIT, "%s is too large to be a file of tokens", path);
        }
    }
    return tokens_parse(tokens, path, text->bytes, text->used, error);
}

static int replace_file(const char *path, int fd, const struct buffer *text, struct error *error)
{
    return text->failed ? error_set(error, ERROR_MEMORY, "out of memory")
                        : file_replace_like(path, text->bytes, text->used, fd, error);
}

static int add(const struct options *options, const char *path, int fd, struct error *error)
{
    struct buffer text = {0};
    struct tokens tokens = {0};
    struct token token = {.scope = token_scope_of(options->scope)};
    char shown[TOKEN_TEXT_SIZE], today[CIVIL_DATE_SIZE];
    int result = read_file(path, fd, &text, &tokens, error);
    if (result == 0 && tokens_named(&tokens, options->name) != NULL) {
        result = error_set(error, ERROR_INPUT, "there is a token of the name %s: remove it first, or take another name",
                           options->name);
    }
    if (result == 0 && tokens.count == TOKENS_MOST) {
        result = error_set(error, ERROR_LIMIT, "%s holds %d tokens, and no more will fit", path, TOKENS_MOST);
    }
    if (result == 0) {
        result = token_make(shown, token.hash, error);
    }
    if (result == 0) {
        snprintf(token.name, sizeof token.name, "%s", options->name);
        civil_format_date((int32_t)(clock_wall_ms() / 86400000), today);
        snprintf(token.made, sizeof token.made, "%.10s", today);
        buffer_add_text(&text, text.used > 0 && text.bytes[text.used - 1] != '\n' ? "\n" : "");
        token_print(&token, &text);
        result = replace_file(path, fd, &text, error);
    }
    if (result == 0) {
        printf("%s\n", shown);
        fprintf(stderr, "shown this once; %s keeps its hash. A running collector takes it when it reloads\n", path);
    }
    tokens_free(&tokens);
    buffer_free(&text);
    return result;
}

/* Whether this line of a sound file is the token `name`'s: its second word. */
static bool is_line_of(const char *line, size_t length, const char *name)
{
    struct tokens one = {0};
    bool found = tokens_parse(&one, "", line, length, NULL) == 0 && tokens_named(&one, name) != NULL;
    tokens_free(&one);
    return found;
}

static int take_away(const struct options *options, const char *path, int fd, struct error *error)
{
    struct buffer text = {0}, kept = {0};
    struct tokens tokens = {0};
    int result = read_file(path, fd, &text, &tokens, error);
    if (result == 0 && tokens_named(&tokens, options->name) == NULL) {
        result = error_set(error, ERROR_MISSING, "%s has no token of the name %s; `edutally token list` shows them",
                           path, options->name);
    }
    for (size_t at = 0; result == 0 && at < text.used;) {
        const char *end = memchr(text.bytes + at, '\n', text.used - at);
        size_t length = end != NULL ? (size_t)(end - text.bytes) + 1 - at : text.used - at;
        if (!is_line_of(text.bytes + at, length, options->name)) {
            buffer_add(&kept, text.bytes + at, length);
        }
        at += length;
    }
    if (result == 0) {
        result = replace_file(path, fd, &kept, error);
    }
    if (result == 0) {
        fprintf(stderr, "removed; a running collector refuses it from its next reload on\n");
    }
    tokens_free(&tokens);
    buffer_free(&kept);
    buffer_free(&text);
    return result;
}

/* Where the folder or the file is not ours to read, "it is not there" would be a guess, and "make it" bad advice. */
static bool may_read(const char *path, struct error *error)
{
    if (access(path, R_OK) == 0 || errno != EACCES) {
        return true;
    }
    error_set(error, ERROR_IO, "%.200s may not be read by this user: run it with sudo, or as the daemon's user", path);
    return false;
}

static int list(const char *path, struct error *error)
{
    struct tokens tokens = {0};
    int result = tokens_load(&tokens, path, error);
    for (size_t i = 0; i < tokens.count; i++) {
        const struct token *token = &tokens.list[i];
        printf("%-5s  %-10s  %s\n", token_scope_word(token->scope), token->made[0] != '\0' ? token->made : "-",
               token->name);
    }
    tokens_free(&tokens);
    return result;
}

static int carry_out(const struct options *options, const struct settings *settings, struct error *error)
{
    const char *path = settings->http_tokens_file;
    if (path == NULL) {
        return error_set(error, ERROR_CONFIG,
                         "%.100s names no file for tokens: add \"tokens_file\": \"secrets/tokens\" to \"http\"",
                         settings->path);
    }
    if (strcmp(options->what, "list") == 0) {
        return may_read(path, error) ? list(path, error) : ERROR_IO;
    }
    int fd = lock_file(path, error);
    if (fd < 0) {
        return fd;
    }
    int result = options->scope != NULL ? add(options, path, fd, error) : take_away(options, path, fd, error);
    close(fd);
    return result;
}

static int load_settings(struct settings *settings, const char *config)
{
    struct faults faults = {0};
    int result = settings_load(settings, config, &faults);
    if (result != 0) {
        world_explain(&faults);
    }
    faults_clear(&faults);
    return result;
}

int command_token(int argc, char **argv)
{
    struct options options = {0};
    struct settings settings = {0};
    struct error error = {0};
    int code = read_options(argc, argv, &options);
    if (code != EXIT_DONE || options.help) {
        if (code != EXIT_DONE) {
            fputc('\n', stderr);
        }
        explain(code == EXIT_DONE ? stdout : stderr);
        return code;
    }
    if (options.name != NULL && !token_name_is_good(options.name)) {
        fprintf(stderr, "edutally token: a name is 1 to 64 characters of A-Z a-z 0-9 . _ -\n");
        return EXIT_USAGE;
    }
    if (options.scope != NULL && token_scope_of(options.scope) == TOKEN_NOBODY) {
        fprintf(stderr, "edutally token: the scope is read or admin, not '%s'\n", options.scope);
        return EXIT_USAGE;
    }
    int result = load_settings(&settings, options.config);
    if (result == 0) {
        result = carry_out(&options, &settings, &error);
        if (result != 0) {
            fprintf(stderr, "edutally token: %s\n", error.text);
        }
    }
    settings_free(&settings);
    return result == 0 ? EXIT_DONE : result == ERROR_CONFIG ? EXIT_CONFIG : EXIT_FAILED;
}
