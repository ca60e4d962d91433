/* The invariant: each call that does not return KEY_NONE takes at least one byte, and the bytes of
 * one key only. */
#include "keys.h"

#include "base/utf8.h"

enum { ESC = 0x1b, DEL = 0x7f, SEQUENCE_MAX = 32 };

/* By what is between ESC [ (or ESC O) and the end of the sequence, that included. */
static const struct {
    const char *text;
    enum key_kind kind;
} SEQUENCES[] = {
    {"A", KEY_UP},           {"B", KEY_DOWN},
    {"C", KEY_RIGHT},        {"D", KEY_LEFT},
    {"H", KEY_HOME},         {"F", KEY_END},
    {"1~", KEY_HOME},        {"7~", KEY_HOME},
    {"4~", KEY_END},         {"8~", KEY_END},
    {"3~", KEY_DELETE},      {"5~", KEY_PAGE_UP},
    {"6~", KEY_PAGE_DOWN},   {"1;5C", KEY_WORD_RIGHT},
    {"1;5D", KEY_WORD_LEFT}, {"1;3C", KEY_WORD_RIGHT},
    {"1;3D", KEY_WORD_LEFT}, {"200~", KEY_PASTE_BEGIN},
    {"201~", KEY_PASTE_END},
};

static struct key take(struct span *input, size_t len, enum key_kind kind, uint32_t code)
{
    *input = span_make(input->ptr + len, input->len - len);
    return (struct key){.kind = kind, .code = code};
}

static struct key control(struct span *input, unsigned char byte)
{
    switch (byte) {
    case '\r':
        return take(input, 1, KEY_ENTER, 0);
    case '\n':
        return take(input, 1, KEY_NEW_LINE, 0);
    case '\t':
        return take(input, 1, KEY_TAB, 0);
    case '\b':
    case DEL:
        return take(input, 1, KEY_BACKSPACE, 0);
    default:
        return take(input, 1, KEY_CONTROL, byte + 0x40u);
    }
}

static enum key_kind kind_of_sequence(struct span text)
{
    for (size_t i = 0; i < sizeof SEQUENCES / sizeof *SEQUENCES; i++)
        if (span_is(text, SEQUENCES[i].text))
            return SEQUENCES[i].kind;
    return KEY_OTHER;
}

/* ESC [ parameters final, or ESC O final (ECMA-48). */
static struct key sequence(struct span *input, bool is_all)
{
    size_t len = 2;
    while (len < input->len && len < SEQUENCE_MAX && input->ptr[len] >= 0x20 &&
           input->ptr[len] < 0x40)
        len++;
    if (len == input->len)
        return is_all ? take(input, len, KEY_OTHER, 0) : (struct key){.kind = KEY_NONE};
    if (input->ptr[len] < 0x40) /* too long, or broken off */
        return take(input, len, KEY_OTHER, 0);
    return take(input, len + 1, kind_of_sequence(span_make(input->ptr + 2, len - 1)), 0);
}

static struct key character(struct span *input, bool is_all)
{
    uint32_t code = 0;
    unsigned char lead = (unsigned char)*input->ptr;
    size_t want = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    size_t len = utf8_next((const unsigned char *)input->ptr, input->len, &code);
    if (len > 0)
        return take(input, len, KEY_TEXT, code);
    if (lead >= 0xc2 && lead < 0xf5 && input->len < want && !is_all)
        return (struct key){.kind = KEY_NONE};
    return take(input, 1, KEY_OTHER, 0);
}

static struct key escape(struct span *input, bool is_all)
{
    if (input->len == 1)
        return is_all ? take(input, 1, KEY_ESCAPE, 0) : (struct key){.kind = KEY_NONE};
    unsigned char next = (unsigned char)input->ptr[1];
    if (next == '[' || next == 'O')
        return sequence(input, is_all);
    if (next == ESC)
        return take(input, 1, KEY_ESCAPE, 0);
    if (next == '\r' || next == '\n')
        return take(input, 2, KEY_NEW_LINE, 0);
    return next < 0x80 ? take(input, 2, KEY_ALT, next) : take(input, 1, KEY_ESCAPE, 0);
}

struct key keys_next(struct span *input, bool is_all)
{
    if (input->len == 0)
        return (struct key){.kind = KEY_NONE};
    unsigned char byte = (unsigned char)*input->ptr;
    if (byte == ESC)
        return escape(input, is_all);
    if (byte < 0x20 || byte == DEL)
        return control(input, byte);
    return byte < 0x80 ? take(input, 1, KEY_TEXT, byte) : character(input, is_all);
}
