/* One reader. The invariant: what was written to the stream is a prefix of the log from the cursor,
 * so its client can resume anywhere. */
#include "api/reader.h"

#include "api/audience.h"
#include "api/frames.h"
#include "api/record.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "wire/event.h"
#include "wire/limits.h"
#include "wire/sse.h"

enum { READER_MAGIC = 0x52454144, RETRY_MS = 1000 };

enum reader_state {
    READER_OPENING,
    READER_STREAMING,
    READER_HELD,
    READER_WAITING,
    READER_GONE,
    READER_STATES
};

struct reader {
    uint32_t magic;
    struct api *api;
    enum reader_state state;
    struct who who;
    struct http_request *request; /* OPENING and WAITING */
    struct http_stream *stream;   /* STREAMING and HELD */
    struct feed *feed;            /* until the terminal event */
    struct seat seat;
    struct id generation;
    struct id chat;
    int64_t after;  /* -1: none */
    uint64_t print; /* of the key that asked; 0: none */
    bool wants_record;
    struct timer timer; /* OPENING: patience; STREAMING: the next comment */
};

static const char *const STATE_NAMES[READER_STATES] = {"opening", "streaming", "held", "waiting",
                                                       "gone"};

static void set_state(struct reader *reader, enum reader_state state, const char *reason)
{
    static const bool legal[READER_STATES][READER_STATES] = {
        [READER_OPENING] =
            {[READER_STREAMING] = true, [READER_WAITING] = true, [READER_GONE] = true},
        [READER_STREAMING] = {[READER_HELD] = true, [READER_GONE] = true},
        [READER_HELD] = {[READER_GONE] = true},
        [READER_WAITING] = {[READER_GONE] = true},
    };
    CHECK(legal[reader->state][state]);
    log_event(LOG_DEBUG, "reader.state", "gen=%s from=%s to=%s reason=%s seq=%lld",
              reader->generation.text, STATE_NAMES[reader->state], STATE_NAMES[state], reason,
              reader->feed == NULL ? -1LL : (long long)feed_seq(reader->feed));
    reader->state = state;
}

static void free_reader(void *arg)
{
    struct reader *reader = arg;
    CHECK_MAGIC(reader, READER_MAGIC);
    reader->magic = 0;
    mem_free(reader);
}

static void close_feed(struct reader *reader)
{
    if (reader->feed != NULL) {
        feed_close(reader->feed);
        reader->feed = NULL;
    }
}

/* Leaves everything but the request or stream, which the caller ends. */
static void leave(struct reader *reader, const char *reason)
{
    set_state(reader, READER_GONE, reason);
    close_feed(reader);
    audience_leave(&reader->seat);
    timer_release(&reader->timer);
    loop_defer(reader->api->loop, free_reader, reader);
}

/* The request was not streamed: takes it out of the reader for an answer. */
static struct http_request *take_request(struct reader *reader)
{
    struct http_request *request = reader->request;
    reader->request = NULL;
    http_set_user(request, NULL, NULL);
    return request;
}

static void add_headers(struct reader *reader)
{
    http_add_header(reader->request, "Sluice-Generation-Id", span_of(reader->generation.text));
    if (reader->chat.text[0] != '\0') {
        http_add_header(reader->request, "Sluice-Chat-Id", span_of(reader->chat.text));
    }
}

static void refuse(struct reader *reader, int code)
{
    if (reader->state == READER_WAITING) { /* it is there, and asking again will find it */
        add_headers(reader);
    }
    leave(reader, err_name(code));
    http_reply_code(take_request(reader), code);
}

static void abort_stream(struct reader *reader, const char *reason)
{
    leave(reader, reason);
    http_stream_abort(reader->stream);
}

void reader_close(struct reader *reader, const char *reason)
{
    if (reader->state == READER_OPENING || reader->state == READER_WAITING) {
        refuse(reader, ERR_UNAVAILABLE);
        return;
    }
    leave(reader, reason);
    http_stream_close(reader->stream);
}

uint64_t reader_print(const struct reader *reader)
{
    return reader->print;
}

size_t reader_behind(const struct reader *reader)
{
    return reader->state == READER_HELD ? http_stream_pending(reader->stream) : 0;
}

void reader_let_go(struct reader *reader)
{
    if (reader->state != READER_HELD) {
        return;
    }
    if (http_stream_pending(reader->stream) == 0) {
        reader_close(reader, "ended");
    } else {
        abort_stream(reader, "behind");
    }
}

static void on_request_gone(void *user)
{
    struct reader *reader = user;
    CHECK_MAGIC(reader, READER_MAGIC);
    reader->request = NULL;
    leave(reader, "client");
}

static void on_stream_gone(void *arg, const char *reason)
{
    struct reader *reader = arg;
    CHECK_MAGIC(reader, READER_MAGIC);
    reader->stream = NULL;
    leave(reader, reason);
}

static void on_stream_writable(void *arg)
{
    struct reader *reader = arg;
    CHECK_MAGIC(reader, READER_MAGIC);
    if (reader->feed != NULL) {
        feed_resume(reader->feed);
    }
}

static void write_scratch(struct reader *reader)
{
    struct buf *scratch = &reader->api->scratch;
    if (scratch->len > 0) {
        http_stream_write(reader->stream, buf_as_span(scratch));
    }
    if (reader->feed != NULL && http_stream_is_full(reader->stream)) {
        feed_pause(reader->feed);
    }
}

static void begin_stream(struct reader *reader)
{
    const struct http_stream_hooks hooks = {
        .on_gone = on_stream_gone, .on_writable = on_stream_writable, .arg = reader};
    struct buf *scratch = &reader->api->scratch;
    set_state(reader, READER_STREAMING, "open");
    add_headers(reader);
    reader->stream = http_stream_begin(take_request(reader), NULL, &hooks);
    buf_reset(scratch);
    sse_put_retry(scratch, RETRY_MS);
    sse_put_comment(scratch, "ok");
    write_scratch(reader);
    timer_start(&reader->timer, LIMIT_SSE_COMMENT_MS);
}

static void begin_waiting(struct reader *reader)
{
    timer_stop(&reader->timer);
    if (http_await_leaving(reader->request)) {
        set_state(reader, READER_WAITING, "open");
    } else {
        refuse(reader, ERR_CANCELLED);
    }
}

/* WAITING: it is over, or its log is not there any more: the record says what became of it. */
static void answer_with_record(struct reader *reader)
{
    add_headers(reader);
    struct http_request *request = take_request(reader);
    leave(reader, "ended");
    record_answer(reader->api, &reader->who, request, &reader->generation);
}

/* OPENING: Redis did not answer in time. STREAMING: the quarter of a minute is over. */
static void on_timer(void *arg)
{
    struct reader *reader = arg;
    CHECK_MAGIC(reader, READER_MAGIC);
    if (reader->state == READER_OPENING) {
        refuse(reader, ERR_UNAVAILABLE);
        return;
    }
    if (!http_stream_is_full(reader->stream)) {
        buf_reset(&reader->api->scratch);
        sse_put_comment(&reader->api->scratch, "wait");
        write_scratch(reader);
    }
    timer_start(&reader->timer, LIMIT_SSE_COMMENT_MS);
}

/* The terminal event is written, or the feed has nothing more. */
static void end_stream(struct reader *reader)
{
    if (!audience_is_held(&reader->seat)) {
        reader_close(reader, "ended");
        return;
    }
    set_state(reader, READER_HELD, "ended");
    close_feed(reader);
}

static bool is_over(struct span state)
{
    return !span_is(state, "queued") && !span_is(state, "running");
}

static void on_feed_open(struct span state, struct span chat, int64_t length, void *arg)
{
    struct reader *reader = arg;
    CHECK_MAGIC(reader, READER_MAGIC);
    if (reader->chat.text[0] == '\0' && chat.len > 0) {
        reader->chat = id_from(chat);
        audience_set_chat(&reader->seat, reader->chat.text);
    }
    if (span_is(state, "queued")) {
        audience_is_queued(&reader->seat);
    }
    if (reader->state != READER_OPENING) {
        return;
    }
    if (reader->wants_record) {
        begin_waiting(reader);
    } else if (is_over(state) && reader->after >= length) {
        struct http_request *request = take_request(reader);
        leave(reader, "no_more");
        http_reply(request, 204, NULL, SPAN_NONE);
    } else if (http_method(reader->request) == HTTP_HEAD) {
        add_headers(reader);
        struct http_request *request = take_request(reader);
        leave(reader, "head");
        http_reply(request, 200, "text/event-stream", SPAN_NONE);
    } else {
        begin_stream(reader);
    }
}

static void write_event(struct reader *reader, struct span event, int64_t seq)
{
    struct buf *scratch = &reader->api->scratch;
    buf_reset(scratch);
    int rc = event_to_sse(scratch, event, reader->generation.text, reader->chat.text);
    if (rc != 0) {
        log_event(LOG_WARN, "reader.bad_event", "gen=%s seq=%lld code=%s", reader->generation.text,
                  (long long)seq, err_name(rc));
        buf_reset(scratch);
    }
    write_scratch(reader);
}

static void on_feed_event(struct span event, int64_t seq, bool is_terminal, void *arg)
{
    struct reader *reader = arg;
    CHECK_MAGIC(reader, READER_MAGIC);
    audience_saw(&reader->seat, event);
    if (reader->state != READER_WAITING) {
        write_event(reader, event, seq);
    }
    if (is_terminal && reader->state == READER_WAITING) {
        answer_with_record(reader);
    } else if (is_terminal) {
        end_stream(reader);
    }
}

static struct frame frame_of(const struct reader *reader)
{
    return (struct frame){
        .generation = reader->generation.text, .chat = reader->chat.text, .at_ms = clock_wall_ms()};
}

bool reader_tell_position(struct reader *reader, int64_t position)
{
    if (reader->state != READER_STREAMING || http_stream_is_full(reader->stream)) {
        return false;
    }
    struct frame frame = frame_of(reader);
    buf_reset(&reader->api->scratch);
    frame_put_position(&reader->api->scratch, &frame, position);
    write_scratch(reader);
    return true;
}

static void on_feed_rewound(int64_t after, void *arg)
{
    struct reader *reader = arg;
    CHECK_MAGIC(reader, READER_MAGIC);
    log_event(LOG_WARN, "reader.rewound", "gen=%s after=%lld", reader->generation.text,
              (long long)after);
    if (reader->state != READER_STREAMING) {
        return;
    }
    struct frame frame = frame_of(reader);
    buf_reset(&reader->api->scratch);
    frame_put_rewound(&reader->api->scratch, &frame, after);
    write_scratch(reader);
}

static void on_feed_end(int status, void *arg)
{
    struct reader *reader = arg;
    CHECK_MAGIC(reader, READER_MAGIC);
    if (reader->state == READER_OPENING) {
        refuse(reader, status == 0 ? ERR_GONE : status);
    } else if (reader->state == READER_WAITING) {
        answer_with_record(reader);
    } else if (status == -ERR_CANCELLED) {
        abort_stream(reader, "behind"); /* it was paused when a stop was answered */
    } else if (status == 0) {
        end_stream(reader);
    } else {
        reader_close(reader, err_name(status));
    }
}

void reader_open(struct api *api, struct http_request *request, const struct reader_ask *ask)
{
    struct reader *reader = MEM_NEW(struct reader);
    const struct feed_hooks hooks = {.on_event = on_feed_event,
                                     .on_rewound = on_feed_rewound,
                                     .on_end = on_feed_end,
                                     .on_open = on_feed_open,
                                     .arg = reader};
    reader->magic = READER_MAGIC;
    reader->api = api;
    reader->who = ask->who;
    reader->wants_record = ask->wants_record;
    reader->request = request;
    reader->generation = ask->generation;
    reader->chat = ask->chat;
    reader->after = ask->after;
    reader->print = ask->who.print;
    reader->seat.reader = reader;
    timer_init(&reader->timer, api->loop, on_timer, reader);
    http_set_user(request, reader, on_request_gone);
    audience_join(api, ask->who.tenant, reader->generation.text, &reader->seat);
    audience_set_chat(&reader->seat, reader->chat.text);
    reader->feed = feed_open(api->hub, ask->who.tenant, reader->generation.text,
                             ask->after < 0 ? 0 : ask->after, &hooks);
    if (ask->is_accepted && ask->wants_record) {
        begin_waiting(reader);
    } else if (ask->is_accepted) {
        begin_stream(reader);
    } else {
        timer_start(&reader->timer, API_OPEN_MS);
    }
}
