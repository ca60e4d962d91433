/* What a terminal sends and what it is sent. Keys: whatever the bytes, each call takes some of them
 * or asks for more, and the same keys come when more bytes come later. Replies: however they are
 * cut, the same comes out; nothing of them is a command of the terminal; without colours every
 * other character is as it was. The first byte of the input says where it is cut. */
#include "base/buf.h"
#include "base/utf8.h"
#include "fuzz.h"
#include "sluice/keys.h"
#include "sluice/style.h"

enum { ROOM = 8 * 1024 * 1024 };

static void put_keys(struct span *input, bool is_all, struct buf *out)
{
    for (size_t before = input->len;; before = input->len) {
        struct key key = keys_next(input, is_all);
        if (key.kind == KEY_NONE) {
            CHECK(input->len == before && (!is_all || before == 0));
            return;
        }
        CHECK(input->len < before && key.code <= 0x10ffff);
        CHECK(buf_printf(out, "%d %u\n", (int)key.kind, (unsigned)key.code) == 0);
    }
}

static void check_keys(struct span bytes, size_t cut)
{
    struct buf whole, cut_up;
    struct span all = bytes, some = span_make(bytes.ptr, cut);
    buf_init(&whole, ROOM);
    buf_init(&cut_up, ROOM);
    put_keys(&all, true, &whole);
    put_keys(&some, false, &cut_up);
    struct span rest = span_make(some.ptr, some.len + bytes.len - cut);
    put_keys(&rest, true, &cut_up);
    CHECK(span_equal(buf_as_span(&whole), buf_as_span(&cut_up)));
    buf_release(&whole);
    buf_release(&cut_up);
}

/* Our own sequences are ESC [ digits m. */
static size_t own_sequence(struct span text)
{
    size_t len = 2;
    if (text.len < 4 || text.ptr[0] != '\033' || text.ptr[1] != '[')
        return 0;
    while (len < text.len && text.ptr[len] >= '0' && text.ptr[len] <= '9')
        len++;
    return len < text.len && text.ptr[len] == 'm' ? len + 1 : 0;
}

static void check_harmless(struct span text, bool is_plain)
{
    while (text.len > 0) {
        size_t own = is_plain ? 0 : own_sequence(text);
        uint32_t code = 0;
        size_t len = own > 0 ? own : utf8_next((const unsigned char *)text.ptr, text.len, &code);
        CHECK(len > 0);
        CHECK(own > 0 || code == '\n' || code == '\t' || (code >= ' ' && code != 0x7f));
        CHECK(code < 0x80 || code >= 0xa0);
        text = span_make(text.ptr + len, text.len - len);
    }
}

static void put_style(struct span text, size_t cut, bool is_plain, struct buf *out)
{
    struct style style = style_new(is_plain);
    buf_init(out, ROOM);
    style_put(&style, span_make(text.ptr, cut), out);
    style_put(&style, span_make(text.ptr + cut, text.len - cut), out);
    style_end(&style, out);
    CHECK(buf_error(out) == 0);
    check_harmless(buf_as_span(out), is_plain);
}

/* Characters with nothing but harmless ones in place of what is not. */
static void put_clean(struct span text, struct buf *out)
{
    while (text.len > 0) {
        uint32_t code = 0;
        size_t len = utf8_next((const unsigned char *)text.ptr, text.len, &code);
        bool is_control =
            (code < ' ' && code != '\n' && code != '\t') || (code >= 0x7f && code < 0xa0);
        (void)buf_span(out, is_control ? SPAN_LIT("\xef\xbf\xbd") : span_make(text.ptr, len));
        text = span_make(text.ptr + len, text.len - len);
    }
}

static void check_style(struct span text, size_t cut)
{
    struct buf whole, cut_up, plain, clean;
    while (cut > 0 && cut < text.len && ((unsigned char)text.ptr[cut] & 0xc0) == 0x80)
        cut--; /* whole characters, as its header says */
    put_style(text, text.len, false, &whole);
    put_style(text, cut, false, &cut_up);
    CHECK(span_equal(buf_as_span(&whole), buf_as_span(&cut_up)));
    put_style(text, cut, true, &plain);
    buf_init(&clean, ROOM);
    put_clean(text, &clean);
    CHECK(span_equal(buf_as_span(&plain), buf_as_span(&clean)));
    buf_release(&whole);
    buf_release(&cut_up);
    buf_release(&plain);
    buf_release(&clean);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 64 * 1024)
        return 0;
    struct span bytes = span_make((const char *)data + 1, size - 1);
    size_t cut = data[0] % bytes.len;
    check_keys(bytes, cut);
    if (span_is_utf8(bytes))
        check_style(bytes, cut);
    return 0;
}
