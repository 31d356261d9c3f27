#include "base/jsonc.h"

#include "base/buffer.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json_arena.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST_FILE = 16 * 1024 * 1024 };

/* Just past the string literal that begins at `i` (a quote). */
static size_t skip_string(const char *text, size_t length, size_t i)
{
    for (i++; i < length && text[i] != '"'; i++) {
        if (text[i] == '\\') {
            i++;
        }
    }
    return i < length ? i + 1 : length;
}

/* Just past the comment that begins at `i`; 0 if it is not closed. */
static size_t blank_comment(char *text, size_t length, size_t i)
{
    bool line = text[i + 1] == '/';
    size_t from = i;
    i += 2;
    while (i < length && !(line ? text[i] == '\n' : (text[i - 1] == '*' && text[i] == '/' && i >= from + 3))) {
        i++;
    }
    if (!line && i == length) {
        return 0;
    }
    size_t to = line ? i : i + 1;
    for (size_t k = from; k < to; k++) {
        if (text[k] != '\n') {
            text[k] = ' ';
        }
    }
    return to;
}

/* `length`, or where a comment begins that is not closed. */
static size_t blank_comments(char *text, size_t length)
{
    for (size_t i = 0; i < length;) {
        if (text[i] == '"') {
            i = skip_string(text, length, i);
        } else if (text[i] == '/' && i + 1 < length && (text[i + 1] == '/' || text[i + 1] == '*')) {
            size_t next = blank_comment(text, length, i);
            if (next == 0) {
                return i;
            }
            i = next;
        } else {
            i++;
        }
    }
    return length;
}

static unsigned line_of(const char *text, size_t offset)
{
    unsigned line = 1;
    for (size_t i = 0; i < offset; i++) {
        line += text[i] == '\n';
    }
    return line;
}

int jsonc_parse(struct jsonc *file, const char *name, const char *text, size_t length, struct faults *faults)
{
    *file = (struct jsonc){.path = strdup(name), .text = malloc(length + 1), .length = length};
    if (file->path == NULL || file->text == NULL) {
        faults_no_memory(faults, name);
        return ERROR_MEMORY;
    }
    memcpy(file->text, text, length);
    file->text[length] = '\0';
    size_t open = blank_comments(file->text, length);
    if (open < length) {
        faults_add(faults, name, line_of(file->text, open), "end it with */", "a comment is not closed");
        return ERROR_CONFIG;
    }
    size_t start = length >= 3 && memcmp(file->text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    const char *end = file->text;
    json_arena_lacked_memory();
    file->root = cJSON_ParseWithLengthOpts(file->text + start, length - start + 1, &end, true);
    if (file->root != NULL && end != file->text + length) { /* cJSON takes a NUL within the text for its end */
        cJSON_Delete(file->root);
        file->root = NULL;
    }
    if (file->root == NULL && json_arena_lacked_memory()) {
        faults_no_memory(faults, name);
        return ERROR_MEMORY;
    }
    if (file->root == NULL) {
        size_t offset = end >= file->text && end <= file->text + length ? (size_t)(end - file->text) : length;
        faults_add(faults, name, line_of(file->text, offset),
                   "look for a missing or extra comma, quote or bracket at or just before this line", "not valid JSON");
        return ERROR_CONFIG;
    }
    return 0;
}

int jsonc_load(struct jsonc *file, const char *path, struct faults *faults)
{
    struct error error = {0};
    struct buffer content = {0};
    *file = (struct jsonc){0};
    int result = file_read(path, LARGEST_FILE, &content, &error);
    if (result == ERROR_MEMORY) {
        faults_no_memory(faults, path);
    } else if (result != 0) {
        faults_add(faults, path, 0, "check the path and the permissions of the file", "%s", error.text);
        result = ERROR_CONFIG;
    } else {
        result = jsonc_parse(file, path, content.bytes != NULL ? content.bytes : "", content.used, faults);
    }
    buffer_free(&content);
    return result;
}

void jsonc_free(struct jsonc *file)
{
    cJSON_Delete(file->root);
    free(file->text);
    free(file->path);
    *file = (struct jsonc){0};
}

/* Counts nodes in document order until `wanted`; true once found. `*count` is then its number. */
static bool number_of(const cJSON *node, const cJSON *wanted, size_t *count)
{
    for (; node != NULL; node = node->next) {
        if (node == wanted) {
            return true;
        }
        (*count)++;
        if (node->child != NULL && number_of(node->child, wanted, count)) {
            return true;
        }
    }
    return false;
}

static bool is_key(const char *text, size_t length, size_t after)
{
    while (after < length && isspace((unsigned char)text[after])) {
        after++;
    }
    return after < length && text[after] == ':';
}

/* The offset of the value number `number`: cJSON keeps document order, so the n-th node is the n-th value in the text.
 */
static size_t offset_of_value(const char *text, size_t length, size_t number)
{
    size_t seen = 0;
    for (size_t i = 0; i < length;) {
        size_t next = i + 1;
        bool value = false;
        if (text[i] == '"') {
            next = skip_string(text, length, i);
            value = !is_key(text, length, next);
        } else if (text[i] == '{' || text[i] == '[') {
            value = true;
        } else if (isalnum((unsigned char)text[i]) || text[i] == '-') {
            value = true;
            while (next < length && (isalnum((unsigned char)text[next]) || strchr("+-.", text[next]) != NULL)) {
                next++;
            }
        }
        if (value && seen++ == number) {
            return i;
        }
        i = next;
    }
    return length;
}

unsigned jsonc_line(const struct jsonc *file, const cJSON *node)
{
    size_t number = 0;
    if (node == NULL || !number_of(file->root, node, &number)) {
        return 0;
    }
    return line_of(file->text, offset_of_value(file->text, file->length, number));
}
