/*
 * One text for one meaning, so that a hash of it changes when the meaning does and only then: comments, white space,
 * the order of keys and the way in which a number is written do not count.
 */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void canonical_number(double value, struct buffer *out)
{
    char text[40];
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(text, sizeof text, "%.*g", precision, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    buffer_add_text(out, text);
}

static void print_string(const char *text, struct buffer *out)
{
    buffer_add(out, "\"", 1);
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\') {
            buffer_print(out, "\\%c", *at);
        } else if ((unsigned char)*at < 0x20) {
            buffer_print(out, "\\u%04x", (unsigned)*at);
        } else {
            buffer_add(out, at, 1);
        }
    }
    buffer_add(out, "\"", 1);
}

/* The member that follows `last` in the order of keys; members with one key follow in the order of the text. NULL:
 * none. Quadratic in the number of members, of which a checked rule has seven at most. */
static const cJSON *next_member(const cJSON *object, const cJSON *last)
{
    const cJSON *best = NULL;
    bool past_last = false;
    for (const cJSON *item = object->child; item != NULL; item = item->next) {
        int after = last == NULL ? 1 : strcmp(item->string, last->string);
        if ((after > 0 || (after == 0 && past_last)) && (best == NULL || strcmp(item->string, best->string) < 0)) {
            best = item;
        }
        past_last = past_last || item == last;
    }
    return best;
}

static void print_object(const cJSON *object, struct buffer *out)
{
    const char *before = "{";
    for (const cJSON *item = next_member(object, NULL); item != NULL; item = next_member(object, item)) {
        buffer_add(out, before, 1);
        before = ",";
        print_string(item->string, out);
        buffer_add(out, ":", 1);
        canonical_print(item, out);
    }
    buffer_add_text(out, object->child == NULL ? "{}" : "}");
}

static void print_array(const cJSON *array, struct buffer *out)
{
    buffer_add(out, "[", 1);
    for (const cJSON *item = array->child; item != NULL; item = item->next) {
        canonical_print(item, out);
        if (item->next != NULL) {
            buffer_add(out, ",", 1);
        }
    }
    buffer_add(out, "]", 1);
}

void canonical_print(const cJSON *node, struct buffer *out)
{
    if (cJSON_IsObject(node)) {
        print_object(node, out);
    } else if (cJSON_IsArray(node)) {
        print_array(node, out);
    } else if (cJSON_IsString(node)) {
        print_string(node->valuestring, out);
    } else if (cJSON_IsNumber(node)) {
        canonical_number(node->valuedouble, out);
    } else {
        buffer_add_text(out, cJSON_IsTrue(node) ? "true" : cJSON_IsFalse(node) ? "false" : "null");
    }
}
