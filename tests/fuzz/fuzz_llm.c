/* The readers of providers' streams: whatever the bytes, they say the same when the stream is cut
 * anywhere; pieces are of parts that began and not empty but for a signature; a whole tool call is
 * what its fragments were, in order; a failure has a name. The first byte of the input chooses the
 * format, the second seeds the cuts. */
#include "base/err.h"
#include "base/mem.h"
#include "fuzz.h"
#include "llm/format.h"
#include "wire/lines.h"
#include "wire/sse.h"

enum { ROOM = 32 * 1024 * 1024, FRAME_BYTES = 64 * 1024, CALLS = 128 };

struct journal {
    struct buf said;
    struct buf fragments[CALLS]; /* of the tool calls, in order */
    int64_t parts[CALLS];
    size_t call_count;
    struct llm_reading reading;
    const struct llm_format *format;
    void *reader;
};

static struct buf *fragments_of(struct journal *j, int64_t part)
{
    CHECK(part >= 0 && part < j->reading.parts);
    for (size_t i = 0; i < j->call_count; i++)
        if (j->parts[i] == part)
            return &j->fragments[i];
    CHECK(j->call_count < CALLS);
    j->parts[j->call_count] = part;
    buf_init(&j->fragments[j->call_count], ROOM);
    return &j->fragments[j->call_count++];
}

static void on_piece(const struct piece *piece, void *arg)
{
    struct journal *j = arg;
    CHECK(piece->part >= 0 && piece->part < j->reading.parts && piece->text.ptr != NULL);
    CHECK(piece->text.len > 0 || (piece->kind == EVENT_REASONING && piece->signature.len > 0));
    CHECK(span_is_utf8(piece->text) && span_is_utf8(piece->signature));
    (void)buf_printf(&j->said, "%d %d %.*s %.*s|", (int)piece->kind, (int)piece->part,
                     SPAN_ARG(piece->text), SPAN_ARG(piece->signature));
}

static void on_call(const struct call_piece *call, void *arg)
{
    struct journal *j = arg;
    struct buf *fragments = fragments_of(j, call->part);
    CHECK(call->call_id.len > 0 && call->arguments.ptr != NULL && span_is_utf8(call->arguments));
    if (call->kind == EVENT_TOOL_CALL)
        CHECK(span_equal(buf_as_span(fragments), call->arguments));
    else
        CHECK(buf_span(fragments, call->arguments) == 0);
    (void)buf_printf(&j->said, "%d %d %.*s %.*s|", (int)call->kind, (int)call->part,
                     SPAN_ARG(call->name), SPAN_ARG(call->arguments)); /* ids may be minted */
}

static int on_line(struct span data, void *arg)
{
    struct journal *j = arg;
    int rc = j->format->read(j->reader, data);
    CHECK(rc <= 0 || (rc == LLM_FINAL && j->reading.finish_reason != NULL));
    CHECK(rc >= 0 || j->reading.failure.code == rc);
    CHECK(rc >= 0 || span_is_utf8(span_of(j->reading.failure.message)));
    return rc;
}

static int on_event(const struct sse_event *event, void *arg)
{
    return on_line(event->data, arg);
}

/* Feeds `bytes` in pieces of 1 to 16 bytes, or whole when the seed is 0. */
static int feed(struct journal *j, struct span bytes, uint8_t seed)
{
    struct sse_reader sse;
    struct line_reader lines;
    int rc = 0;
    uint32_t state = seed;
    sse_init(&sse, FRAME_BYTES, on_event, j);
    lines_init(&lines, FRAME_BYTES, on_line, j);
    while (bytes.len > 0 && rc == 0) {
        state = state * 1103515245 + 12345;
        size_t len = seed == 0 ? bytes.len : 1 + (state >> 16) % 16;
        len = len < bytes.len ? len : bytes.len;
        struct span piece = span_make(bytes.ptr, len);
        rc =
            j->format->framing == FRAMING_LINES ? lines_feed(&lines, piece) : sse_feed(&sse, piece);
        bytes = span_make(bytes.ptr + len, bytes.len - len);
    }
    if (rc == 0)
        rc = lines_end(&lines);
    sse_release(&sse);
    lines_release(&lines);
    return rc;
}

static int read_whole(struct journal *j, const struct llm_format *format, struct span bytes,
                      uint8_t seed)
{
    const struct llm_hooks hooks = {.on_piece = on_piece, .on_call = on_call, .arg = j};
    j->format = format;
    j->reading = (struct llm_reading){
        .hooks = &hooks, .has_output = true, .usage = usage_unknown()}; /* no timers here */
    buf_init(&j->said, ROOM);
    j->reader = format->reader_new(&j->reading);
    int rc = feed(j, bytes, seed);
    format->reader_free(j->reader);
    for (size_t i = 0; i < j->call_count; i++)
        buf_release(&j->fragments[i]);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct llm_format *const formats[] = {&llm_openai, &llm_anthropic, &llm_ollama};
    if (size < 2)
        return 0;
    const struct llm_format *format = formats[data[0] % 3];
    struct span bytes = span_make((const char *)data + 2, size - 2);
    struct journal *whole = MEM_NEW(struct journal);
    struct journal *cut = MEM_NEW(struct journal);
    int rc = read_whole(whole, format, bytes, 0);
    CHECK(read_whole(cut, format, bytes, data[1] | 1) == rc);
    CHECK(span_equal(buf_as_span(&whole->said), buf_as_span(&cut->said)));
    CHECK(whole->reading.usage.input == cut->reading.usage.input &&
          whole->reading.usage.output == cut->reading.usage.output);
    buf_release(&whole->said);
    buf_release(&cut->said);
    mem_free(whole);
    mem_free(cut);
    return 0;
}
