/* A wchar_t is a code point here, as glibc has it. */
#include "edit_text.h"

#include "base/mem.h"
#include "base/utf8.h"

enum { REPLACEMENT = 0xfffd };

wchar_t *edit_text_wide(struct span utf8, size_t *len)
{
    wchar_t *chars = mem_new_array(utf8.len + 1, sizeof *chars);
    size_t count = 0;
    for (size_t at = 0; at < utf8.len;) {
        uint32_t code = 0;
        size_t bytes = utf8_next((const unsigned char *)utf8.ptr + at, utf8.len - at, &code);
        chars[count++] = bytes == 0 || code == 0 ? REPLACEMENT : (wchar_t)code;
        at += bytes == 0 ? 1 : bytes;
    }
    *len = count;
    return chars;
}

static size_t put_char(uint32_t code, char out[4])
{
    static const struct {
        uint32_t below;
        unsigned char lead;
    } forms[] = {{0x80, 0}, {0x800, 0xc0}, {0x10000, 0xe0}, {0x110000, 0xf0}};
    size_t len = 0;
    while (len < 3 && code >= forms[len].below)
        len++;
    for (size_t i = len; i > 0; i--, code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3f));
    out[0] = (char)(forms[len].lead | code);
    return len + 1;
}

void edit_text_utf8(const struct edit_text *text, struct buf *out)
{
    char bytes[4];
    for (size_t i = 0; i < text->len; i++)
        (void)buf_append(out, bytes, put_char((uint32_t)text->chars[i], bytes));
}

size_t edit_text_bytes(const wchar_t *chars, size_t len)
{
    char bytes[4];
    size_t sum = 0;
    for (size_t i = 0; i < len; i++)
        sum += put_char((uint32_t)chars[i], bytes);
    return sum;
}

static size_t line_begin(const struct edit_text *text, size_t at)
{
    while (at > 0 && text->chars[at - 1] != L'\n')
        at--;
    return at;
}

static size_t line_end(const struct edit_text *text, size_t at)
{
    while (at < text->len && text->chars[at] != L'\n')
        at++;
    return at;
}

size_t edit_text_line_begin(const struct edit_text *text)
{
    return line_begin(text, text->cursor);
}

size_t edit_text_line_end(const struct edit_text *text)
{
    return line_end(text, text->cursor);
}

/* As far into the line that begins there as the cursor is into its own. */
static size_t same_column(const struct edit_text *text, size_t begin)
{
    size_t column = text->cursor - line_begin(text, text->cursor), end = line_end(text, begin);
    return column < end - begin ? begin + column : end;
}

bool edit_text_above(const struct edit_text *text, size_t *cursor)
{
    size_t begin = line_begin(text, text->cursor);
    if (begin == 0)
        return false;
    *cursor = same_column(text, line_begin(text, begin - 1));
    return true;
}

bool edit_text_below(const struct edit_text *text, size_t *cursor)
{
    size_t end = line_end(text, text->cursor);
    if (end == text->len)
        return false;
    *cursor = same_column(text, end + 1);
    return true;
}
