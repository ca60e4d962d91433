/* http: one request, and its answer as the step's result. */
#include "base/mem.h"
#include "graph/errand.h"
#include "graph/kinds.h"
#include <stdio.h>

enum { HTTP_MAGIC = 0x6b687470, RESULT_ROOM = 1024, NO_CONTENT = 204 };

struct http_step {
    uint32_t magic;
    struct step *step;
    struct errand *request;
};

static struct http_step *http_of(void *arg)
{
    struct http_step *h = arg;
    CHECK_MAGIC(h, HTTP_MAGIC);
    return h;
}

static bool is_expected(const struct graph_node *node, int status)
{
    for (size_t i = 0; i < node->of.http.expect_count; i++)
        if (node->of.http.expect[i] == status)
            return true;
    return node->of.http.expect_count == 0 && status >= 200 && status <= 299;
}

/* The body as the result has it: JSON, text, or null where there is none. -ERR_MALFORMED: it is not
 * what the node expects. */
static int put_body(struct json_writer *w, const struct graph_node *node,
                    const struct errand_answer *answer)
{
    struct span body = answer->body;
    bool wants_json = node->of.http.wants_json;
    bool is_none = body.len == 0 && (answer->status == NO_CONTENT ||
                                     strcmp(node->of.http.request.method, "HEAD") == 0);
    if (is_none) {
        json_member_null(w, "body");
        return 0;
    }
    if (wants_json ? json_check(body, NULL) != 0
                   : !span_is_utf8(body) || memchr(body.ptr, '\0', body.len) != NULL)
        return -ERR_MALFORMED;
    if (wants_json)
        json_member_raw(w, "body", body);
    else
        json_member_str(w, "body", body);
    return 0;
}

static void finish(struct http_step *h, const struct errand_answer *answer)
{
    const struct graph_node *node = step_node(h->step);
    struct buf result;
    buf_init(&result, answer->headers.len + JSON_ESCAPED * answer->body.len + RESULT_ROOM);
    struct json_writer w = json_writer(&result);
    json_open(&w, NULL, '{');
    json_member_int(&w, "status", answer->status);
    json_member_raw(&w, "headers", answer->headers);
    if (put_body(&w, node, answer) != 0) {
        step_fail(h->step, STEP_BAD_JSON, answer->status, -1,
                  node->of.http.wants_json ? "The answer is not JSON."
                                           : "The answer is not text in UTF-8.");
    } else {
        json_close(&w);
        step_done(h->step, buf_as_span(&result), NULL);
    }
    buf_release(&result);
}

static void on_answer(const struct errand_answer *answer, void *arg)
{
    struct http_step *h = http_of(arg);
    char message[64];
    if (is_expected(step_node(h->step), answer->status)) {
        finish(h, answer);
        return;
    }
    (void)snprintf(message, sizeof message, "The server answered %d.", answer->status);
    step_fail(h->step, STEP_HTTP_STATUS, answer->status, answer->retry_after_ms, message);
}

static void on_failed(const struct errand_failure *failure, void *arg)
{
    step_fail(http_of(arg)->step, failure->error, 0, -1, failure->message);
}

static void *begin(struct step *step)
{
    struct http_step *h = MEM_NEW(struct http_step);
    const struct errand_hooks hooks = {.on_answer = on_answer, .on_failed = on_failed, .arg = h};
    const struct errand_wants wants = {
        .step = step, .form = &step_node(step)->of.http.request, .values = step_values(step)};
    h->magic = HTTP_MAGIC;
    h->step = step;
    h->request = errand_new(&wants, &hooks);
    return h;
}

static void stop(void *kept)
{
    struct http_step *h = http_of(kept);
    errand_free(h->request);
    h->request = NULL;
}

static void release(void *kept)
{
    struct http_step *h = http_of(kept);
    errand_free(h->request);
    h->magic = 0;
    mem_free(h);
}

const struct step_kind kind_http = {.begin = begin, .stop = stop, .release = release};
