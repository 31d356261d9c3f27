/*
 * How bytes are accounted for: the library (0.9.75) hands out strings that lie in its read buffer as they came, from
 * the method on. Between two of them there is what the grammar puts there: a blank in the first line, a colon and
 * blanks before a value, CR LF at the end of each line. A greater distance hides something: a NUL and what followed it,
 * a folded line, a line passed over. A smaller one was a bare LF. The library skips only blanks and tabs between colon
 * and value, so there any distance will do. What remains is a NUL in place of the CR before an LF: it looks like CR LF,
 * and hides nothing.
 *
 * Only distances are worked out; nothing is read but the strings. A version of the library that lays them out
 * differently makes each request a 400, which no test of the server survives.
 */
#include "head.h"

#include <string.h>
#include <strings.h>

static void refuse(struct head *head, unsigned status, const char *fault)
{
    if (head->status == 0) {
        head->status = status;
        head->fault = fault;
    }
}

static void expect(struct head *head, const char *text)
{
    if ((uintptr_t)text != head->next) {
        refuse(head, 400,
               "its head holds what cannot be read in one way only: a NUL byte, a folded line, a line that does not "
               "end in CR LF, or more than one blank in the first line");
    }
}

/* RFC 9110, 5.6.2. */
static bool is_token(const char *text)
{
    static const char good[] = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    return text[0] != '\0' && text[strspn(text, good)] == '\0';
}

/* RFC 9110, 5.5. */
static bool has_control(const char *text)
{
    for (; *text != '\0'; text++) {
        if (((unsigned char)*text < 0x20 && *text != '\t') || *text == 0x7f) {
            return true;
        }
    }
    return false;
}

static void once(struct head *head, bool *before, const char *fault)
{
    if (*before) {
        refuse(head, 400, fault);
    }
    *before = true;
}

/* Any header that announces a body. */
static void look_for_body(struct head *head, const char *name, const char *value)
{
    bool is_length = strcasecmp(name, "Content-Length") == 0;
    bool is_zero = value[0] != '\0' && value[strspn(value, "0")] == '\0';
    if (is_length) {
        once(head, &head->length, "it has two Content-Length headers");
    }
    if ((is_length && !is_zero) || strcasecmp(name, "Transfer-Encoding") == 0) {
        refuse(head, 413, "no route takes a body: ask without one");
    }
}

void head_begin(struct head *head, const char *method, const char *target, size_t target_length, const char *version)
{
    *head = (struct head){.begin = (uintptr_t)method, .needs_host = strcmp(version, "HTTP/1.0") != 0};
    head->next = head->begin + strlen(method) + 1;
    expect(head, target);
    head->next = (uintptr_t)target + target_length + 1;
    expect(head, version);
    head->next = (uintptr_t)version + strlen(version) + 2;
}

void head_add(struct head *head, const char *name, const char *value)
{
    expect(head, name);
    if (value == NULL || (uintptr_t)value <= (uintptr_t)name + strlen(name)) {
        refuse(head, 400, "it has a header without a value of its own");
        return;
    }
    head->next = (uintptr_t)value + strlen(value) + 2;
    if (!is_token(name)) {
        refuse(head, 400, "the name of a header holds what no name may: a blank before the colon, perhaps");
    }
    if (has_control(value)) {
        refuse(head, 400, "a header holds a control character");
    }
    if (strcasecmp(name, "Host") == 0) {
        once(head, &head->host, "it has two Host headers");
    }
    look_for_body(head, name, value);
}

unsigned head_end(struct head *head, size_t bytes)
{
    head->next += 2;
    if (head->next != head->begin + bytes) {
        expect(head, NULL);
    }
    if (head->needs_host && !head->host) {
        refuse(head, 400, "it has no Host header");
    }
    return head->status;
}
