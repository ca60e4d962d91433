/* The check that stands before msgpack-c, and the token reader that it is made of. Invariant: no
 * count or length is believed before it was compared with the bytes that are left, and nothing is
 * allocated. */
#include "base/err.h"
#include "wire/limits.h"
#include "wire/mp.h"
#include "wire/mp_token.h"

/* What a lead byte announces: the type, and how many bytes of a big-endian number follow (the
 * value, length or count); with no such bytes the number is in the lead byte itself. */
enum lead_form {
    LEAD_BAD,
    LEAD_NIL,
    LEAD_BOOL,
    LEAD_UINT,
    LEAD_SINT,
    LEAD_FLOAT,
    LEAD_STR,
    LEAD_ARRAY,
    LEAD_MAP
};

struct lead {
    enum lead_form form;
    uint8_t width;
    uint8_t value;
};

/* Lead bytes 0xc0 to 0xdf. Absent rows: 0xc1 is reserved, extension types are not ours. */
static const struct lead wide_leads[32] = {
    [0x00] = {LEAD_NIL, 0, 0},   [0x02] = {LEAD_BOOL, 0, 0},  [0x03] = {LEAD_BOOL, 0, 1},
    [0x04] = {LEAD_STR, 1, 0},   [0x05] = {LEAD_STR, 2, 0},   [0x06] = {LEAD_STR, 4, 0},
    [0x0a] = {LEAD_FLOAT, 4, 0}, [0x0b] = {LEAD_FLOAT, 8, 0}, [0x0c] = {LEAD_UINT, 1, 0},
    [0x0d] = {LEAD_UINT, 2, 0},  [0x0e] = {LEAD_UINT, 4, 0},  [0x0f] = {LEAD_UINT, 8, 0},
    [0x10] = {LEAD_SINT, 1, 0},  [0x11] = {LEAD_SINT, 2, 0},  [0x12] = {LEAD_SINT, 4, 0},
    [0x13] = {LEAD_SINT, 8, 0},  [0x19] = {LEAD_STR, 1, 0},   [0x1a] = {LEAD_STR, 2, 0},
    [0x1b] = {LEAD_STR, 4, 0},   [0x1c] = {LEAD_ARRAY, 2, 0}, [0x1d] = {LEAD_ARRAY, 4, 0},
    [0x1e] = {LEAD_MAP, 2, 0},   [0x1f] = {LEAD_MAP, 4, 0},
};

static struct lead lead_of(uint8_t byte)
{
    if (byte < 0x80)
        return (struct lead){LEAD_UINT, 0, byte};
    if (byte < 0x90)
        return (struct lead){LEAD_MAP, 0, byte & 0x0f};
    if (byte < 0xa0)
        return (struct lead){LEAD_ARRAY, 0, byte & 0x0f};
    if (byte < 0xc0)
        return (struct lead){LEAD_STR, 0, byte & 0x1f};
    if (byte < 0xe0)
        return wide_leads[byte & 0x1f];
    return (struct lead){LEAD_SINT, 0, byte};
}

static uint64_t big_endian(const char *ptr, size_t width)
{
    uint64_t value = 0;
    for (size_t i = 0; i < width; i++)
        value = value << 8 | (uint8_t)ptr[i];
    return value;
}

/* Two's complement of `width` bytes; a negative lead byte (width 0) is its own value. */
static int64_t sign_extend(uint64_t value, size_t width)
{
    unsigned shift = 64 - 8 * (unsigned)(width == 0 ? 1 : width);
    return (int64_t)(value << shift) >> shift;
}

/* Fills `t` from the lead and its number; `left` are the bytes behind them. */
static bool token_fill(struct mp_token *t, struct lead lead, uint64_t number, size_t left)
{
    switch (lead.form) {
    case LEAD_NIL:
        t->type = MP_NIL;
        return true;
    case LEAD_BOOL:
        t->type = MP_BOOL;
        t->number = (int64_t)number;
        return true;
    case LEAD_UINT:
        t->type = number <= INT64_MAX ? MP_INT : MP_OTHER;
        t->number = number <= INT64_MAX ? (int64_t)number : 0;
        return true;
    case LEAD_SINT:
        t->type = MP_INT;
        t->number = sign_extend(number, lead.width);
        return true;
    case LEAD_FLOAT:
        t->type = MP_OTHER;
        return true;
    case LEAD_STR:
        t->type = MP_STR;
        t->text.len = (size_t)number;
        return number <= left;
    case LEAD_ARRAY:
        t->type = MP_ARRAY;
        t->count = (uint32_t)number;
        return number <= left;
    case LEAD_MAP:
        t->type = MP_MAP;
        t->count = (uint32_t)number;
        return number <= left / 2;
    case LEAD_BAD:
    default:
        return false;
    }
}

bool mp_token_next(struct span *rest, struct mp_token *out)
{
    if (rest->len == 0)
        return false;
    struct lead lead = lead_of((uint8_t)rest->ptr[0]);
    if (rest->len - 1 < lead.width)
        return false;
    uint64_t number = lead.width == 0 ? lead.value : big_endian(rest->ptr + 1, lead.width);
    struct span behind = span_make(rest->ptr + 1 + lead.width, rest->len - 1 - lead.width);
    struct mp_token token = {0};
    if (!token_fill(&token, lead, number, behind.len))
        return false;
    if (token.type == MP_STR) {
        token.text.ptr = behind.ptr;
        behind = span_make(behind.ptr + token.text.len, behind.len - token.text.len);
    }
    *rest = behind;
    *out = token;
    return true;
}

int mp_check(struct span bytes)
{
    if (bytes.len > LIMIT_MP_BYTES)
        return -ERR_MALFORMED;
    uint32_t open[LIMIT_MP_DEPTH]; /* per open container: values still to come */
    size_t depth = 0, nodes = 0;
    do {
        struct mp_token t;
        if (++nodes > LIMIT_MP_NODES || !mp_token_next(&bytes, &t))
            return -ERR_MALFORMED;
        if (depth > 0)
            open[depth - 1]--;
        if (t.type == MP_ARRAY || t.type == MP_MAP) {
            if (depth == LIMIT_MP_DEPTH)
                return -ERR_MALFORMED;
            open[depth++] = t.type == MP_MAP ? 2 * t.count : t.count;
        }
        while (depth > 0 && open[depth - 1] == 0)
            depth--;
    } while (depth > 0);
    return bytes.len == 0 ? 0 : -ERR_MALFORMED;
}
