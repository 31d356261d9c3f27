/*
 * Widths are columns of a terminal and not bytes: Vietnamese letters take two or three bytes each, a mark that stands
 * on the letter before it takes no column, East Asian letters and pictures take two (Unicode Standard Annex 11, in
 * ranges).
 */
#include "table.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void table_open(struct table *table, const char *const *headings, size_t columns)
{
    *table = (struct table){.headings = headings, .columns = columns};
}

void table_add(struct table *table, enum table_tone tone, const char *text)
{
    if (table->count == table->size && !table->failed) {
        size_t size = table->size == 0 ? 128 : table->size * 2;
        struct table_cell *cells = realloc(table->cells, size * sizeof *cells);
        table->failed = cells == NULL;
        table->cells = cells != NULL ? cells : table->cells;
        table->size = cells != NULL ? size : table->size;
    }
    char *copy = table->failed ? NULL : strdup(text);
    if (copy == NULL) {
        table->failed = true;
        return;
    }
    table->cells[table->count++] = (struct table_cell){copy, tone};
}

void table_close(struct table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        free(table->cells[i].text);
    }
    free(table->cells);
    *table = (struct table){0};
}

/* Decodes a character; its bytes. A byte that begins none stands for itself. */
static size_t decode(const unsigned char *text, uint32_t *character)
{
    static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    size_t length = text[0] < 0xc0 ? 1 : text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;
    *character = text[0] & masks[length];
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            *character = text[0];
            return 1;
        }
        *character = *character << 6 | (text[i] & 0x3f);
    }
    return length;
}

static size_t columns_of(uint32_t character)
{
    static const struct {
        uint32_t from, to;
        size_t columns;
    } ranges[] = {
        {0x0000, 0x001f, 0},   {0x007f, 0x009f, 0},   {0x0300, 0x036f, 0}, {0x1100, 0x115f, 2}, {0x200b, 0x200f, 0},
        {0x20d0, 0x20ff, 0},   {0x2e80, 0x303e, 2},   {0x3041, 0xa4cf, 2}, {0xac00, 0xd7a3, 2}, {0xf900, 0xfaff, 2},
        {0xfe00, 0xfe0f, 0},   {0xfe20, 0xfe2f, 0},   {0xfe30, 0xfe6f, 2}, {0xff00, 0xff60, 2}, {0xffe0, 0xffe6, 2},
        {0x1f300, 0x1faff, 2}, {0x20000, 0x3fffd, 2},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        if (character >= ranges[i].from && character <= ranges[i].to) {
            return ranges[i].columns;
        }
    }
    return 1;
}

/* The text behind its next character, and that one's width; NULL at the end. */
static const char *next_character(const char *text, size_t *width)
{
    uint32_t character;
    size_t length = decode((const unsigned char *)text, &character);
    *width = columns_of(character);
    return *text == '\0' ? NULL : text + length;
}

size_t table_width(const char *text)
{
    size_t sum = 0, width;
    for (const char *at = text; (at = next_character(at, &width)) != NULL;) {
        sum += width;
    }
    return sum;
}

void table_print_cut(FILE *out, const char *text, size_t width, bool pad)
{
    size_t whole = table_width(text), used = 0, one;
    size_t room = whole > width && width > 0 ? width - 1 : width;
    const char *at = text, *next;
    while ((next = next_character(at, &one)) != NULL && used + one <= room) {
        fwrite(at, 1, (size_t)(next - at), out);
        used += one;
        at = next;
    }
    if (whole > width && width > 0) {
        fputs("…", out);
        used++;
    }
    for (; pad && used < width; used++) {
        fputc(' ', out);
    }
}

void table_tone(FILE *out, enum table_tone tone, bool colour)
{
    static const char *const codes[] = {
        [TONE_PLAIN] = "", [TONE_GOOD] = "32", [TONE_BAD] = "31", [TONE_FAINT] = "2", [TONE_STRONG] = "1"};
    if (colour && tone != TONE_PLAIN) {
        fprintf(out, "\033[%sm", codes[tone]);
    }
}

void table_tone_end(FILE *out, enum table_tone tone, bool colour)
{
    if (colour && tone != TONE_PLAIN) {
        fputs("\033[0m", out);
    }
}

/* Every column as wide as its widest cell, two blanks between them; one where the line is too long, and if it still is,
 * the first column gives way. The number of blanks. */
static size_t find_widths(const struct table *table, size_t width, size_t widths[TABLE_MAX_COLUMNS])
{
    size_t others = 0, least = 8;
    for (size_t column = 0; column < table->columns; column++) {
        widths[column] = table_width(table->headings[column]);
        for (size_t i = column; i < table->count; i += table->columns) {
            size_t cell = table_width(table->cells[i].text);
            widths[column] = cell > widths[column] ? cell : widths[column];
        }
        others += column > 0 ? widths[column] : 0;
    }
    size_t gap = widths[0] + others + 2 * (table->columns - 1) <= width ? 2 : 1;
    others += gap * (table->columns - 1);
    size_t room = width > others + least ? width - others : least;
    widths[0] = widths[0] > room ? room : widths[0];
    return gap;
}

/* `before` blanks, then the text, aligned left if it stands first in its line. */
static void print_cell(FILE *out, const char *text, enum table_tone tone, size_t before, size_t width, bool colour)
{
    size_t used = table_width(text);
    if (before > 0) {
        fprintf(out, "%*s", (int)(before + (width > used ? width - used : 0)), "");
    }
    table_tone(out, tone, colour);
    table_print_cut(out, text, width, before == 0);
    table_tone_end(out, tone, colour);
}

void table_print(const struct table *table, FILE *out, size_t width, bool colour)
{
    size_t widths[TABLE_MAX_COLUMNS] = {0};
    if (table->columns == 0) {
        return;
    }
    size_t gap = find_widths(table, width, widths);
    for (size_t column = 0; column < table->columns; column++) {
        print_cell(out, table->headings[column], TONE_FAINT, column > 0 ? gap : 0, widths[column], colour);
    }
    fputc('\n', out);
    for (size_t i = 0; i < table->count; i++) {
        size_t column = i % table->columns;
        const struct table_cell *cell = &table->cells[i];
        print_cell(out, cell->text, cell->tone, column > 0 ? gap : 0, widths[column], colour);
        if (column + 1 == table->columns) {
            fputc('\n', out);
        }
    }
}

void table_print_wrapped(FILE *out, const char *text, size_t indent, size_t width)
{
    size_t used = 0;
    for (const char *at = text + strspn(text, " "); *at != '\0'; at += strspn(at, " ")) {
        size_t length = strcspn(at, " \n");
        char word[256];
        snprintf(word, sizeof word, "%.*s", (int)length, at);
        size_t columns = table_width(word);
        bool breaks = used > 0 && used + 1 + columns > width;
        if (used == 0 || breaks) {
            fprintf(out, "%s%*s", breaks ? "\n" : "", (int)indent, "");
            used = indent;
        } else {
            fputc(' ', out);
            used++;
        }
        fputs(word, out);
        used += columns;
        at += length;
        if (*at == '\n') {
            fputc('\n', out);
            used = 0;
            at++;
        }
    }
    if (used > 0) {
        fputc('\n', out);
    }
}
