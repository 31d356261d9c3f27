/*
 * Whether the head of a request (its first line and its headers) reads the same to everybody. Pure.
 *
 * libmicrohttpd reads more than RFC 9112 allows, and its strings end at the first NUL whatever followed: where a proxy
 * in front reads the rest, the two see different requests. So each name and value is checked, and each byte of the head
 * is accounted for.
 */
#ifndef EDUTALLY_API_HEAD_H
#define EDUTALLY_API_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct head {
    uintptr_t begin; /* the method's address */
    uintptr_t next;  /* where what comes next has to begin */
    bool needs_host;
    bool host, length; /* there was a Host, a Content-Length */
    unsigned status;   /* 0: nothing is wrong so far */
    const char *fault; /* what is, without quotes in it */
};

/* The library's own strings, and not copies: where they lie is looked at. `target` had `target_length` bytes before the
 * library took it apart. */
void head_begin(struct head *head, const char *method, const char *target, size_t target_length, const char *version);
/* The headers in their order. */
void head_add(struct head *head, const char *name, const char *value);
/* There are no more; the head had `bytes` bytes, from the method to the empty line. 0, or the status of the refusal. */
unsigned head_end(struct head *head, size_t bytes);

#endif
