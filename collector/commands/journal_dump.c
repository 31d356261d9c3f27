/*
 * `edutally journal dump`: the messages, for people or as the lines that `edutally ingest` reads. Messages hold the
 * keys of users as they came, and whatever else somebody put into them; so what could name a person is blotted out
 * unless
 * --raw asks for it (base/mask.h: shown is only what is known to name nobody, in malformed messages too). Such a line
 * says "masked":true, and ingest refuses it.
 */
#include "journal_view.h"

#include "base/buffer.h"
#include "base/civil.h"
#include "base/log.h"
#include "base/mask.h"
#include "base/utf8.h"
#include "commands/commands.h"

#include <stdio.h>

enum { SHOWN = 100 };

/* As they came, but for bytes that a terminal takes for orders. */
static void show_raw(const char *bytes, size_t count, struct buffer *out)
{
    for (size_t i = 0; i < count && i < SHOWN; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        buffer_add(out, byte < 0x20 || byte == 0x7f ? "?" : &bytes[i], 1);
    }
}

static int print_text(const struct journal_record *record, bool raw)
{
    char when[CIVIL_TIME_SIZE], topic[300];
    struct buffer shown = {0}, name = {0};
    buffer_add(&name, record->topic, record->topic_length);
    if (raw) {
        show_raw(record->payload, record->payload_length, &shown);
    } else {
        mask_message(record->payload, record->payload_length, SHOWN, NULL, NULL, &shown);
    }
    bool failed = shown.failed || name.failed;
    if (!failed) {
        printf("%lld  %s  %s  %zu bytes\n    %s%s\n", (long long)record->position,
               civil_format_time(record->received_ms, when),
               log_safe(name.bytes == NULL ? "" : name.bytes, topic, sizeof topic), record->payload_length,
               shown.bytes == NULL ? "" : shown.bytes, record->payload_length > SHOWN ? "…" : "");
    }
    buffer_free(&shown);
    buffer_free(&name);
    return failed ? ERROR_MEMORY : 0;
}

/* Bytes as a JSON string if they are text without NUL, else as hexadecimal digits under another name. */
static void add_bytes(cJSON *object, const char *name, const char *name_hex, const char *bytes, size_t count)
{
    struct buffer text = {0};
    bool is_text = utf8_is_text(bytes, count);
    buffer_add(&text, bytes, is_text ? count : 0);
    for (size_t i = 0; !is_text && i < count; i++) {
        buffer_print(&text, "%02x", (unsigned char)bytes[i]);
    }
    if (!text.failed) {
        cJSON_AddStringToObject(object, is_text ? name : name_hex, text.bytes == NULL ? "" : text.bytes);
    }
    buffer_free(&text);
}

static int print_line(const struct journal_record *record, bool raw)
{
    char when[CIVIL_TIME_SIZE];
    struct buffer masked = {0};
    cJSON *object = cJSON_CreateObject();
    cJSON_AddNumberToObject(object, "position", (double)record->position);
    cJSON_AddStringToObject(object, "received", civil_format_time(record->received_ms, when));
    add_bytes(object, "topic", "topic_hex", record->topic, record->topic_length);
    if (raw) {
        add_bytes(object, "payload", "payload_hex", record->payload, record->payload_length);
    } else {
        mask_message(record->payload, record->payload_length, record->payload_length, NULL, NULL, &masked);
        cJSON_AddStringToObject(object, "payload", masked.failed || masked.bytes == NULL ? "" : masked.bytes);
        cJSON_AddBoolToObject(object, "masked", true);
    }
    bool is_whole = !masked.failed && cJSON_GetArraySize(object) == (raw ? 4 : 5);
    buffer_free(&masked);
    if (!is_whole) {
        cJSON_Delete(object);
        return ERROR_MEMORY;
    }
    return journal_print_json(object);
}

static int dump_records(const struct journal_view *view, const struct journal_options *options, struct error *error)
{
    struct journal_reader *reader = NULL;
    struct journal_record record;
    int result = journal_reader_open(&reader, view->journal, options->from, error);
    for (int64_t printed = 0; result == 0 && (options->limit < 0 || printed < options->limit); printed++) {
        result = journal_read(reader, &record, error);
        if (result == 1) {
            result = options->json ? print_line(&record, options->raw) : print_text(&record, options->raw);
            if (result != 0) {
                error_set(error, result, "out of memory");
            }
        } else if (result == 0) {
            break;
        }
    }
    journal_reader_close(&reader);
    return result;
}

int journal_dump(const struct journal_options *options)
{
    struct journal_view view;
    struct error error = {0};
    int code = journal_view_open(&view, options->config);
    if (code == EXIT_DONE && dump_records(&view, options, &error) != 0) {
        fprintf(stderr, "edutally journal: %s\n", error.text);
        code = EXIT_FAILED;
    }
    journal_view_close(&view);
    return code;
}
