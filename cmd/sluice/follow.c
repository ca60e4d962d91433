/*     ASKING ─► READING ─► OVER        ASKING, READING ─► WAITING ─► ASKING (connection lost, or
 * silent) └──────────────────► OVER (nothing is there, or it was lost too often)
 */
#include "follow.h"

#include "client.h"

#include "base/log.h"
#include "base/mem.h"
#include "wire/event.h"
#include "wire/limits.h"

#include <limits.h>
#include <stdio.h>

enum {
    FOLLOW_MAGIC = 0x666f6c6c,
    RETRY_MS = 500,
    TRIES = 60,
    CONNECT_MS = 3000,
    SILENCE_MS = 3 * LIMIT_SSE_COMMENT_MS,
    BOARD_BYTES_MAX = 8 * 1024 * 1024
};

static const struct {
    const struct client_server *server;
    const char *before, *after; /* the id, in the address */
    size_t event_max;
    int tries;
    bool is_patient; /* also when nobody has answered yet */
    bool may_be_idle;
} KINDS[] = {
    [FOLLOW_GENERATION] = {&CLIENT_API, "/v1/generations/", "/stream", LIMIT_SSE_LINE, TRIES, false,
                           false},
    [FOLLOW_CHAT] = {&CLIENT_API, "/v1/chats/", "/stream", LIMIT_SSE_LINE, TRIES, false, false},
    [FOLLOW_MAYBE] = {&CLIENT_API, "/v1/chats/", "/stream", LIMIT_SSE_LINE, TRIES, false, true},
    [FOLLOW_TAKEN] = {&CLIENT_API, "/v1/generations/", "/stream", LIMIT_SSE_LINE, TRIES, true,
                      false},
    [FOLLOW_BOARD] = {&CLIENT_ADMIN, "/v1/admin/stream", "", BOARD_BYTES_MAX, INT_MAX, false,
                      false},
};

enum follow_state { FOLLOW_ASKING, FOLLOW_READING, FOLLOW_WAITING, FOLLOW_OVER, FOLLOW_STATES };

struct follow {
    uint32_t magic;
    enum follow_state state;
    struct loop *loop;
    struct fetcher *fetcher;
    struct fetch *fetch; /* under way, or NULL */
    struct timer timer;  /* the next try; the longest silence; once it is over, the last call */
    struct sse_reader reader;
    struct follow_hooks hooks;
    bool is_reader_ready, is_whole, is_lost, was_there;
    int http_status;
    int tries;
    char *url, *authorization;
    enum follow_kind kind;
    struct id id;
    char last_id[32];     /* of the last event seen */
    struct id generation; /* known once the first event came */
};

static void set_state(struct follow *f, enum follow_state state)
{
    static const bool legal[FOLLOW_STATES][FOLLOW_STATES] = {
        [FOLLOW_ASKING] = {[FOLLOW_READING] = true, [FOLLOW_WAITING] = true, [FOLLOW_OVER] = true},
        [FOLLOW_READING] = {[FOLLOW_WAITING] = true, [FOLLOW_OVER] = true},
        [FOLLOW_WAITING] = {[FOLLOW_ASKING] = true},
    };
    CHECK(legal[f->state][state]);
    log_event(LOG_DEBUG, "follow.state", "from=%d to=%d", (int)f->state, (int)state);
    f->state = state;
}

static void finish(struct follow *f, bool is_whole)
{
    set_state(f, FOLLOW_OVER);
    f->is_whole = is_whole;
    timer_start(&f->timer, 0);
}

static int on_event(const struct sse_event *event, void *arg)
{
    struct follow *f = arg;
    struct json_doc *doc = NULL;
    CHECK_MAGIC(f, FOLLOW_MAGIC);
    if (f->state == FOLLOW_OVER)
        return 0;
    if (json_parse(event->data, &doc, NULL) != 0)
        return -ERR_MALFORMED;
    struct span generation = json_string(json_get(json_root(doc), "generation_id"));
    f->tries = 0;
    if (event->id.len > 0 && event->id.len < sizeof f->last_id)
        (void)snprintf(f->last_id, sizeof f->last_id, "%.*s", SPAN_ARG(event->id));
    if (id_is_valid(generation))
        f->generation = id_from(generation);
    f->hooks.on_event(event, json_root(doc), f->hooks.arg);
    if (event_is_terminal(event_kind_of(event->type)))
        finish(f, true);
    json_free(doc);
    return 0;
}

static void on_head(struct fetch *fetch, int status, void *arg)
{
    struct follow *f = arg;
    (void)fetch;
    CHECK_MAGIC(f, FOLLOW_MAGIC);
    f->http_status = status;
    if (status != 200)
        return;
    set_state(f, FOLLOW_READING);
    f->was_there = true;
    timer_start(&f->timer, SILENCE_MS);
    if (f->is_lost && f->hooks.on_link != NULL)
        f->hooks.on_link(true, NULL, f->hooks.arg);
    f->is_lost = false;
}

static void give_up(struct follow *f, const char *why)
{
    client_say_unreachable(KINDS[f->kind].server, f->url, span_of(why));
    finish(f, false);
}

static void again(struct follow *f, const char *why)
{
    if (++f->tries > KINDS[f->kind].tries) {
        give_up(f, why);
        return;
    }
    set_state(f, FOLLOW_WAITING);
    timer_start(&f->timer, RETRY_MS);
    if (!f->is_lost && f->hooks.on_link != NULL)
        f->hooks.on_link(false, why, f->hooks.arg);
    f->is_lost = true;
}

static void drop(struct follow *f, struct fetch *fetch, const char *why)
{
    fetch_cancel(fetch);
    f->fetch = NULL;
    again(f, why);
}

static void on_body(struct fetch *fetch, struct span bytes, void *arg)
{
    struct follow *f = arg;
    CHECK_MAGIC(f, FOLLOW_MAGIC);
    if (f->state != FOLLOW_READING)
        return;
    timer_start(&f->timer, SILENCE_MS);
    if (sse_feed(&f->reader, bytes) != 0)
        drop(f, fetch, "it sent something that is no event");
}

static void on_done(struct fetch *fetch, int status, const char *detail, void *arg)
{
    static const struct {
        int status;
        const char *text;
    } ends[] = {{204, "nothing runs there"},
                {400, "that is no id"},
                {401, "the server wants a valid SLUICE_API_KEY"},
                {403, "the server wants the key of somebody who may see it, in SLUICE_API_KEY"},
                {404, "there is no such generation or chat"},
                {410, "its log is no longer kept"}};
    struct follow *f = arg;
    (void)fetch;
    CHECK_MAGIC(f, FOLLOW_MAGIC);
    f->fetch = NULL;
    if (f->state == FOLLOW_OVER)
        return;
    for (size_t i = 0; status == 0 && i < sizeof ends / sizeof *ends; i++)
        if (f->http_status == ends[i].status) {
            if (!(ends[i].status == 204 && KINDS[f->kind].may_be_idle))
                (void)fprintf(stderr, "sluice: %s\n", ends[i].text);
            finish(f, false);
            return;
        }
    if (status != 0 && !f->was_there && !KINDS[f->kind].is_patient)
        give_up(f, detail); /* it was never there: the address is wrong, most likely */
    else if (status != 0)
        again(f, detail);
    else
        again(f, f->http_status == 200 ? "it ended the stream" : "it is not ready");
}

/* Once its name is known the generation is read by it: the chat's active one may be another by now.
 */
static char *stream_url(const struct follow *f)
{
    enum follow_kind kind = f->generation.text[0] != '\0' ? FOLLOW_TAKEN : f->kind;
    return mem_printf("%s%s%s%s", f->url, KINDS[kind].before,
                      kind == f->kind ? f->id.text : f->generation.text, KINDS[kind].after);
}

static void ask(struct follow *f)
{
    struct fetch_header headers[3] = {{"Accept", "text/event-stream"}};
    struct err err = {.code = ERR_OK};
    size_t count = 1;
    if (f->is_reader_ready)
        sse_release(&f->reader);
    sse_init(&f->reader, KINDS[f->kind].event_max, on_event, f);
    f->is_reader_ready = true;
    if (f->last_id[0] != '\0')
        headers[count++] = (struct fetch_header){"Last-Event-ID", f->last_id};
    if (f->authorization != NULL)
        headers[count++] = (struct fetch_header){"Authorization", f->authorization};
    char *url = stream_url(f);
    int rc = fetch_start(
        f->fetcher,
        &(struct fetch_request){.method = "GET",
                                .url = url,
                                .headers = headers,
                                .header_count = count,
                                .connect_ms = CONNECT_MS},
        &(struct fetch_hooks){.on_head = on_head, .on_body = on_body, .on_done = on_done, .arg = f},
        &f->fetch, &err);
    mem_free(url);
    if (rc != 0)
        give_up(f, err.message);
}

static void on_timer(void *arg)
{
    struct follow *f = arg;
    CHECK_MAGIC(f, FOLLOW_MAGIC);
    if (f->state == FOLLOW_OVER) {
        f->hooks.on_over(f->is_whole, f->hooks.arg);
    } else if (f->state == FOLLOW_READING) {
        drop(f, f->fetch, "nothing came from it any more");
    } else {
        set_state(f, FOLLOW_ASKING);
        ask(f);
    }
}

struct follow *follow_start(struct loop *loop, struct fetcher *fetcher, enum follow_kind kind,
                            const char *id, const struct follow_hooks *hooks)
{
    struct follow *f = MEM_NEW(struct follow);
    f->magic = FOLLOW_MAGIC;
    f->loop = loop;
    f->fetcher = fetcher;
    f->hooks = *hooks;
    f->kind = kind;
    if (*id != '\0')
        f->id = id_from(span_of(id));
    f->url = client_server_url(KINDS[kind].server);
    f->authorization = client_authorization();
    timer_init(&f->timer, loop, on_timer, f);
    ask(f);
    return f;
}

void follow_free(struct follow *f)
{
    if (f == NULL)
        return;
    CHECK_MAGIC(f, FOLLOW_MAGIC);
    if (f->fetch != NULL)
        fetch_cancel(f->fetch);
    timer_release(&f->timer);
    if (f->is_reader_ready)
        sse_release(&f->reader);
    mem_free(f->url);
    mem_free(f->authorization);
    f->magic = 0;
    mem_free(f);
}
