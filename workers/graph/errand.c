/* A graph's request from its templates to its answer. Invariant: what has `effect: once` and may
 * have reached its server is never sent again, by no try and after no crash. */
#include "graph/errand.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "graph/filled.h"
#include <stdio.h>

enum {
    REQUEST_MAGIC = 0x72657175,
    CONNECT_MS = 10 * 1000,
    HEADERS_MAX = 512 * 1024, /* as JSON: fetch keeps 64 KiB, a byte is six at most */
    FIELDS_MAX = 256          /* that are looked at: each is looked for among the others */
};
static const char MARK_SENT[] = "sent", MARK_UNSENT[] = "unsent";

struct errand {
    uint32_t magic;
    struct step *step;
    struct errand_hooks hooks;
    struct filled filled;
    enum graph_effect effect;
    size_t max_bytes;
    bool is_cut;
    char *mark;           /* the checkpoint's name: "t1/c0/sent" */
    struct run_wait wait; /* until nobody had stopped the generation */
    struct fetch_guard *guard;
    struct fetch *fetch;
    bool may_have_gone; /* a connection stood and the request went out */
    int status;
    int64_t retry_after_ms;
    struct buf headers, body;
    struct errand_failure failure; /* told, or to be told when `soon` comes */
    struct timer soon;
};

static struct errand *errand_of(void *arg)
{
    struct errand *r = arg;
    CHECK_MAGIC(r, REQUEST_MAGIC);
    return r;
}

static void close_fetch(struct errand *r)
{
    if (r->fetch == NULL)
        return;
    fetch_cancel(r->fetch);
    r->fetch = NULL;
    metric_add(METRIC_GRAPH_OPEN, -1);
}

/* Ends. */

static void note_failure(struct errand *r, enum step_error error, const char *message)
{
    r->failure.error = error;
    (void)snprintf(r->failure.message, sizeof r->failure.message, "%s",
                   message); /* cut if it must */
    if (error == STEP_DENIED_HOST)
        metric_add(METRIC_GRAPH_DENIED, 1);
}

static void tell_failure(struct errand *r, enum step_error error, const char *message)
{
    note_failure(r, error, message);
    r->hooks.on_failed(&r->failure, r->hooks.arg);
}

static void fail_soon(struct errand *r, enum step_error error, const char *message)
{
    note_failure(r, error, message);
    timer_start(&r->soon, 0);
}

static void on_soon(void *arg)
{
    struct errand *r = errand_of(arg);
    r->hooks.on_failed(&r->failure, r->hooks.arg);
}

static void tell_answer(struct errand *r, bool was_cut)
{
    const struct errand_answer answer = {.status = r->status,
                                         .headers = buf_as_span(&r->headers),
                                         .body = r->body.len == 0 ? SPAN_LIT("")
                                                                  : buf_as_span(&r->body),
                                         .was_cut = was_cut,
                                         .retry_after_ms = r->retry_after_ms};
    r->hooks.on_answer(&answer, r->hooks.arg);
}

/* The transfer's hooks. */

static void log_moment(const struct errand *r, const char *event)
{
    log_event(LOG_DEBUG, event, "gen=%s step=%s us=%lld", step_claimed(r->step)->generation,
              step_path(r->step), (long long)clock_mono_us());
}

static void on_connected(struct fetch *fetch, void *arg)
{
    struct errand *r = errand_of(arg);
    (void)fetch;
    log_moment(r, "errand.leave");
    r->may_have_gone = true;
}

/* One field; what comes more than once is one, its values joined as HTTP says, and was written with
 * the first of its name. */
static void put_field(struct json_writer *w, const struct fetch *fetch, struct span field)
{
    struct span rest = SPAN_NONE, other, value;
    struct buf joined;
    bool is_first = true, is_written = false;
    char *name = span_dup(field);
    for (char *c = name; *c != '\0'; c++)
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
    buf_init(&joined, HEADERS_MAX);
    for (int i = 0; i < FIELDS_MAX && !is_written; i++) {
        if (!fetch_next_header(fetch, &rest, &other, &value))
            break;
        if (!span_is_nocase(other, name))
            continue;
        is_written = is_first && other.ptr != field.ptr;
        (void)buf_text(&joined, is_first ? "" : ", "); /* no longer than fetch's own limit */
        (void)buf_span(&joined, value);
        is_first = false;
    }
    if (!is_written && strcmp(name, "set-cookie") != 0)
        json_member_str(w, name, joined.len == 0 ? SPAN_LIT("") : buf_as_span(&joined));
    buf_release(&joined);
    mem_free(name);
}

static void read_headers(struct errand *r, const struct fetch *fetch)
{
    struct json_writer w = json_writer(&r->headers);
    struct span rest = SPAN_NONE, name, value;
    json_open(&w, NULL, '{');
    for (int i = 0; i < FIELDS_MAX && fetch_next_header(fetch, &rest, &name, &value); i++)
        put_field(&w, fetch, name);
    json_close(&w);
}

static void on_head(struct fetch *fetch, int status, void *arg)
{
    struct errand *r = errand_of(arg);
    r->status = status;
    r->retry_after_ms = fetch_retry_after_ms(fetch);
    read_headers(r, fetch);
}

static void on_body(struct fetch *fetch, struct span bytes, void *arg)
{
    struct errand *r = errand_of(arg);
    (void)fetch;
    size_t room = r->max_bytes - r->body.len;
    (void)buf_append(&r->body, bytes.ptr, bytes.len < room ? bytes.len : room); /* there is room */
    if (bytes.len <= room)
        return;
    close_fetch(r); /* the rest is of no use to anybody */
    if (r->is_cut)
        tell_answer(r, true);
    else
        tell_failure(r, STEP_TOO_LARGE, "The answer is larger than max_bytes.");
}

static const struct {
    int status;
    enum step_error error;
    const char *message; /* NULL: what the transfer says */
} ends[] = {
    {-ERR_TIMEOUT_CONNECT, STEP_CONNECT, "The server could not be reached in time."},
    {-ERR_TIMEOUT_TOTAL, STEP_TIMEOUT, "The answer did not come in time."},
    {-ERR_PROVIDER_TRUNCATED, STEP_CONNECT, "The answer was cut off."},
    {-ERR_FORBIDDEN, STEP_DENIED_HOST, NULL},
};

/* "crm.example:8443", as the file has it. Where graph.hosts says that it is, the transfer's own
 * words may tell: they are for the log. */
static struct span host_of(const struct errand *r)
{
    struct span url = span_of(r->filled.url);
    size_t begin = (size_t)(strstr(url.ptr, "://") - url.ptr) + strlen("://");
    return span_make(url.ptr + begin, strcspn(url.ptr + begin, "/?#"));
}

static void log_failure(const struct errand *r, enum step_error error, const char *detail)
{
    log_event(LOG_INFO, "graph.request", "gen=%s step=%s error=%s detail=%s",
              step_claimed(r->step)->generation, step_path(r->step), step_error_name(error),
              detail);
}

static void fail_as(struct errand *r, int status, const char *detail)
{
    enum step_error error = STEP_CONNECT;
    const char *message = detail;
    char away[sizeof r->failure.message];
    if (status == -ERR_PROVIDER_ERROR && !r->may_have_gone) {
        (void)snprintf(away, sizeof away, "No connection to %.*s could be made.",
                       SPAN_ARG(host_of(r))); /* cut if it must */
        message = away;
    }
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (ends[i].status == status) {
            error = ends[i].error;
            message = ends[i].message == NULL ? detail : ends[i].message;
        }
    log_failure(r, error, detail);
    if (r->effect == EFFECT_ONCE && r->may_have_gone) {
        tell_failure(r, STEP_EFFECT_UNKNOWN,
                     "The request was sent and no answer came: whether it had its effect is not "
                     "known.");
        return;
    }
    if (r->effect == EFFECT_ONCE) /* it never left: another try may send it */
        step_keep(r->step, r->mark, SPAN_LIT(MARK_UNSENT), NULL, NULL);
    tell_failure(r, error, message);
}

static void on_done(struct fetch *fetch, int status, const char *detail, void *arg)
{
    struct errand *r = errand_of(arg);
    (void)fetch;
    r->fetch = NULL; /* it frees itself */
    metric_add(METRIC_GRAPH_OPEN, -1);
    if (status == 0)
        tell_answer(r, false);
    else
        fail_as(r, status, detail);
}

/* Sending. */

static void send_now(struct errand *r)
{
    static const struct fetch_hooks hooks = {
        .on_connected = on_connected, .on_head = on_head, .on_body = on_body, .on_done = on_done};
    struct fetch_hooks mine = hooks;
    struct worker *worker = step_graphs(r->step)->worker;
    int64_t timeout_ms = r->filled.timeout_ms;
    const struct fetch_request request = {
        .method = r->filled.method,
        .url = r->filled.url,
        .headers = r->filled.headers,
        .header_count = r->filled.header_count,
        .body = r->filled.body,
        .connect_ms = timeout_ms < CONNECT_MS ? timeout_ms : CONNECT_MS,
        .total_ms = timeout_ms,
        .is_sent_once = r->effect == EFFECT_ONCE,
        .guard = r->guard,
    };
    struct err err;
    log_moment(r, "errand.begin");
    mine.arg = r;
    int rc = fetch_start(worker_fetcher(worker), &request, &mine, &r->fetch, &err);
    if (rc == 0) {
        metric_add(METRIC_GRAPH_REQUESTS, 1);
        metric_add(METRIC_GRAPH_OPEN, 1);
        return;
    }
    r->fetch = NULL;
    fail_soon(r, strcmp(err.param, "url") == 0 ? STEP_DENIED_HOST : STEP_BAD_EXPRESSION,
              err.message);
}

static void on_logged(void *arg)
{
    send_now(errand_of(arg));
}

static void start(struct errand *r)
{
    struct span kept = step_kept(r->step, r->mark);
    if (r->effect != EFFECT_ONCE)
        step_await_log(r->step, &r->wait);
    else if (span_is(kept, MARK_SENT))
        fail_soon(r, STEP_EFFECT_UNKNOWN,
                  "It was sent before, and is not sent again: whether it had its effect is not "
                  "known.");
    else
        step_keep(r->step, r->mark, SPAN_LIT(MARK_SENT), on_logged, r);
}

/* "generation:3", "acme/generation:3/t1/c0": a generation's id is its tenant's own, and another's
 * may have the same; that of the tenant `default` stands without it, as no id holds a slash. */
static char *key_of(const struct errand_wants *wants)
{
    const struct claimed *c = step_claimed(wants->step);
    bool is_default = strcmp(c->tenant, "default") == 0;
    return mem_printf("%s%s%s:%s%s%s", is_default ? "" : c->tenant, is_default ? "" : "/",
                      c->generation, step_path(wants->step), wants->within == NULL ? "" : "/",
                      wants->within == NULL ? "" : wants->within);
}

struct errand *errand_new(const struct errand_wants *wants, const struct errand_hooks *hooks)
{
    struct errand *r = MEM_NEW(struct errand);
    struct worker *worker = step_graphs(wants->step)->worker;
    const struct conf *conf = worker_conf(worker);
    struct err err;
    r->magic = REQUEST_MAGIC;
    r->step = wants->step;
    r->hooks = *hooks;
    r->effect = wants->form->effect;
    r->max_bytes = (size_t)wants->form->max_bytes;
    r->is_cut = wants->is_cut;
    r->retry_after_ms = -1;
    r->wait = (struct run_wait){.on_logged = on_logged, .arg = r};
    r->mark = wants->within == NULL ? mem_strdup("sent") : mem_printf("%s/sent", wants->within);
    buf_init(&r->headers, HEADERS_MAX);
    buf_init(&r->body, r->max_bytes);
    timer_init(&r->soon, worker_loop(worker), on_soon, r);
    r->guard = fetch_guard_new(&(struct fetch_rules){.hosts = conf->graph_hosts.items,
                                                     .host_count = conf->graph_hosts.count,
                                                     .networks = conf->graph_networks.items,
                                                     .network_count = conf->graph_networks.count});
    char *key = key_of(wants);
    if (fill_request(&r->filled, wants->form, wants->values, key, &err) != 0)
        fail_soon(r, err.code == ERR_TOO_LARGE ? STEP_TOO_LARGE : STEP_BAD_EXPRESSION, err.message);
    else
        start(r);
    mem_free(key);
    return r;
}

void errand_free(struct errand *r)
{
    if (r == NULL)
        return;
    CHECK_MAGIC(r, REQUEST_MAGIC);
    run_wait_stop(&r->wait);
    close_fetch(r);
    fetch_guard_free(r->guard);
    filled_release(&r->filled);
    buf_release(&r->headers);
    buf_release(&r->body);
    timer_release(&r->soon);
    mem_free(r->mark);
    r->magic = 0;
    mem_free(r);
}
