/* The SSE reader: whatever the bytes, it gives the same events and the same end when they are cut
 * anywhere; nothing that it gives is above its limit; and our writer's frames of those events are
 * read as the same events. The first byte of the input seeds the cuts. */
#include "base/err.h"
#include "fuzz.h"
#include "wire/sse.h"

enum { LIMIT = 256, ROOM = 8 * 1024 * 1024 };

struct journal {
    struct buf text;   /* type, id and data of each event, with lengths */
    struct buf frames; /* the same events, written by us */
};

static void note(struct buf *b, struct span s)
{
    CHECK(s.len <= LIMIT);
    CHECK(buf_printf(b, "%zu%c", s.len, s.ptr == NULL ? '-' : ':') == 0);
    CHECK(buf_span(b, s) == 0);
}

static int on_event(const struct sse_event *event, void *arg)
{
    struct journal *journal = arg;
    CHECK(event->data.ptr != NULL && (event->type.ptr == NULL || event->type.len > 0));
    note(&journal->text, event->type);
    note(&journal->text, event->data);
    /* The reader's own type is text without a NUL only by chance: our writer takes C strings. */
    if (event->type.ptr != NULL && memchr(event->type.ptr, '\0', event->type.len) != NULL)
        return 0;
    char type[LIMIT + 1] = {0};
    if (event->type.ptr != NULL)
        memcpy(type, event->type.ptr, event->type.len);
    sse_put_event(&journal->frames, event->id, type, event->data);
    CHECK(buf_error(&journal->frames) == 0);
    return 0;
}

static void open_journal(struct journal *journal)
{
    buf_init(&journal->text, ROOM);
    buf_init(&journal->frames, ROOM);
}

static void close_journal(struct journal *journal)
{
    buf_release(&journal->text);
    buf_release(&journal->frames);
}

/* Feeds `bytes` in pieces of 1 to 8 bytes, or whole when the seed is 0. */
static int feed(struct span bytes, uint8_t seed, struct journal *journal, bool *is_mid_event)
{
    struct sse_reader r;
    int rc = 0;
    uint32_t state = seed;
    sse_init(&r, LIMIT, on_event, journal);
    while (bytes.len > 0 && rc == 0) {
        state = state * 1103515245 + 12345;
        size_t len = seed == 0 ? bytes.len : 1 + (state >> 16) % 8;
        len = len < bytes.len ? len : bytes.len;
        rc = sse_feed(&r, span_make(bytes.ptr, len));
        bytes = span_make(bytes.ptr + len, bytes.len - len);
    }
    *is_mid_event = sse_is_mid_event(&r);
    sse_release(&r);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct span bytes = span_make((const char *)data + 1, size - 1);
    struct journal whole, cut, again;
    bool is_mid_event, is_mid_event_cut;
    open_journal(&whole);
    open_journal(&cut);
    open_journal(&again);
    int rc = feed(bytes, 0, &whole, &is_mid_event);
    CHECK(rc == 0 || rc == -ERR_TOO_LARGE);
    CHECK(feed(bytes, data[0] | 1, &cut, &is_mid_event_cut) == rc);
    CHECK(span_equal(buf_as_span(&whole.text), buf_as_span(&cut.text)));
    CHECK(rc != 0 || is_mid_event == is_mid_event_cut);
    /* Our lines say "data: " in front, which may carry a line over the limit. */
    rc = feed(buf_as_span(&whole.frames), 0, &again, &is_mid_event);
    CHECK(rc == -ERR_TOO_LARGE || (rc == 0 && !is_mid_event));
    CHECK(rc != 0 || span_equal(buf_as_span(&whole.frames), buf_as_span(&again.frames)));
    close_journal(&whole);
    close_journal(&cut);
    close_journal(&again);
    return 0;
}
