/* Owns: one exchange each, freed when it has completed or was cancelled. */
#include "client.h"

#include "words.h"

#include "base/buf.h"
#include "base/id.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXCHANGE_MAGIC = 0x65786368 };

struct exchange {
    uint32_t magic;
    int http_status;
    int failure; /* decided before or while the answer came: 0 or negative */
    char detail[256];
    struct buf body;
    struct fetch *fetch;
    client_on_answer done;
    void *arg;
};

const struct client_server CLIENT_API = {"SLUICE_URL", "http://127.0.0.1:8080", "server"};
const struct client_server CLIENT_ADMIN = {"SLUICE_ADMIN_URL", "http://127.0.0.1:8081",
                                           "admin listener"};

char *client_server_url(const struct client_server *server)
{
    const char *url = getenv(server->variable);
    struct span s = span_of(url == NULL || *url == '\0' ? server->otherwise : url);
    while (s.len > 0 && s.ptr[s.len - 1] == '/')
        s.len--;
    return span_dup(s);
}

bool client_is_id(const char *argument)
{
    bool is_id = id_is_valid(span_of(argument));
    if (!is_id)
        (void)fprintf(stderr, "sluice: %s is not an id\n", argument);
    return is_id;
}

void client_say_unreachable(const struct client_server *server, const char *url, struct span why)
{
    (void)fprintf(stderr, "sluice: %s: %.*s; %s names the %s\n", url, SPAN_ARG(why),
                  server->variable, server->what);
}

bool client_is_answer(const struct client_server *server, const char *url, int status,
                      struct span body, struct json_doc **out)
{
    struct json_doc *doc = NULL;
    if (status < 0) {
        client_say_unreachable(server, url, body);
        return false;
    }
    if (json_parse(body, &doc, NULL) != 0) {
        (void)fprintf(stderr, "sluice: the server answered %d with something that is not JSON\n",
                      status);
        return false;
    }
    if (status >= 300) {
        struct span why = json_string(json_get(json_get(json_root(doc), "error"), "message"));
        (void)fputs("sluice: ", stderr);
        words_print(stderr, why);
        (void)fputc('\n', stderr);
        json_free(doc);
        return false;
    }
    *out = doc;
    return true;
}

char *client_authorization(void)
{
    const char *key = getenv("SLUICE_API_KEY");
    return key == NULL || *key == '\0' ? NULL : mem_printf("Bearer %s", key);
}

static void conclude(void *arg)
{
    struct exchange *x = arg;
    CHECK_MAGIC(x, EXCHANGE_MAGIC);
    if (x->done != NULL && x->failure != 0)
        x->done(x->failure, span_of(x->detail), x->arg);
    else if (x->done != NULL) /* not cancelled */
        x->done(x->http_status, buf_as_span(&x->body), x->arg);
    buf_release(&x->body);
    x->magic = 0;
    mem_free(x);
}

static void fail(struct exchange *x, int code, const char *detail)
{
    x->failure = code;
    size_t len = strnlen(detail, sizeof x->detail - 1);
    memcpy(x->detail, detail, len);
    x->detail[len] = '\0';
}

static void on_head(struct fetch *fetch, int status, void *arg)
{
    struct exchange *x = arg;
    (void)fetch;
    CHECK_MAGIC(x, EXCHANGE_MAGIC);
    x->http_status = status;
}

static void on_body(struct fetch *fetch, struct span bytes, void *arg)
{
    struct exchange *x = arg;
    (void)fetch;
    CHECK_MAGIC(x, EXCHANGE_MAGIC);
    if (buf_span(&x->body, bytes) != 0 && x->failure == 0)
        fail(x, -ERR_TOO_LARGE, "the answer is too large");
}

static void on_done(struct fetch *fetch, int status, const char *detail, void *arg)
{
    struct exchange *x = arg;
    (void)fetch;
    CHECK_MAGIC(x, EXCHANGE_MAGIC);
    if (status != 0)
        fail(x, status, detail != NULL && *detail != '\0' ? detail : err_message(status));
    conclude(x);
}

struct exchange *client_start(struct loop *loop, struct fetcher *fetcher,
                              const struct client_call *call, client_on_answer done, void *arg)
{
    struct exchange *x = MEM_NEW(struct exchange);
    struct fetch_header headers[4] = {{"Accept", "application/json"}};
    size_t count = 1;
    struct err err = {.code = ERR_OK};
    x->magic = EXCHANGE_MAGIC;
    x->done = done;
    x->arg = arg;
    buf_init(&x->body, CLIENT_BODY_MAX);
    if (call->authorization != NULL)
        headers[count++] = (struct fetch_header){"Authorization", call->authorization};
    if (call->body.ptr != NULL)
        headers[count++] = (struct fetch_header){"Content-Type", "application/json"};
    if (call->wants_async)
        headers[count++] = (struct fetch_header){"Prefer", "respond-async"};
    const struct fetch_request request = {
        .method = call->method,
        .url = call->url,
        .headers = headers,
        .header_count = count,
        .body = call->body,
        .connect_ms = call->connect_ms,
        .total_ms = call->total_ms,
    };
    int rc = fetch_start(
        fetcher, &request,
        &(struct fetch_hooks){.on_head = on_head, .on_body = on_body, .on_done = on_done, .arg = x},
        &x->fetch, &err);
    if (rc != 0) {
        fail(x, rc, err.message);
        loop_defer(loop, conclude, x);
    }
    return x;
}

void client_cancel(struct exchange *x)
{
    if (x == NULL)
        return;
    CHECK_MAGIC(x, EXCHANGE_MAGIC);
    x->done = NULL;
    if (x->fetch == NULL)
        return; /* conclude is on its way */
    fetch_cancel(x->fetch);
    conclude(x);
}

struct one_answer {
    struct loop *loop;
    struct buf *out;
    int status;
};

static void on_one_answer(int status, struct span body, void *arg)
{
    struct one_answer *one = arg;
    one->status = status;
    (void)buf_span(one->out, body); /* its maximum is the exchange's */
    loop_stop(one->loop);
}

int client_ask(const struct client_call *call, struct buf *out)
{
    struct one_answer one = {.loop = loop_new(), .out = out};
    struct fetcher *fetcher = fetcher_new(one.loop);
    (void)client_start(one.loop, fetcher, call, on_one_answer, &one); /* gone with its answer */
    loop_run(one.loop);
    fetcher_free(fetcher);
    loop_free(one.loop);
    return one.status;
}
