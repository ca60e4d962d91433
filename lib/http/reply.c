/* Owns: how an answer looks on the wire. */
#include "http/inner.h"

#include "base/clock.h"
#include "http/grammar.h"
#include "wire/json.h"
#include "wire/limits.h"

#include <time.h>

enum { ERROR_MAX = 4096 };

static const struct {
    int status;
    const char *phrase;
} PHRASES[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {505, "HTTP Version Not Supported"},
};

static const char *phrase_of(int status)
{
    for (size_t i = 0; i < sizeof PHRASES / sizeof *PHRASES; i++)
        if (PHRASES[i].status == status)
            return PHRASES[i].phrase;
    return "Status";
}

/* IMF-fixdate, made once a second. */
static const char *date_now(void)
{
    static char text[40];
    static int64_t made_for = -1;
    time_t now = (time_t)(clock_wall_ms() / 1000);
    if (made_for != now) {
        struct tm utc;
        (void)gmtime_r(&now, &utc);
        (void)strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &utc); /* fits */
        made_for = now;
    }
    return text;
}

static bool has_body(int status)
{
    return status != 204 && status != 304;
}

void reply_put_head(struct buf *out, int status, const char *content_type, const struct conn *c)
{
    (void)buf_printf(out, "HTTP/1.1 %d %s\r\nDate: %s\r\n", status, phrase_of(status), date_now());
    if (content_type != NULL)
        (void)buf_printf(out, "Content-Type: %s\r\n", content_type);
    (void)buf_text(out, "X-Content-Type-Options: nosniff\r\n");
    if (!c->keeps_alive)
        (void)buf_text(out, "Connection: close\r\n");
    else if (parser_minor(c->parser) == 0) /* RFC 9112 9.3: it closes unless it is told */
        (void)buf_text(out, "Connection: keep-alive\r\n");
}

static void send_whole(struct conn *c, struct span extra, int status, const char *content_type,
                       struct span body, bool is_head)
{
    struct buf out;
    buf_init(&out, HTTP_HEAD_MAX * 2 + body.len);
    reply_put_head(&out, status, has_body(status) ? content_type : NULL, c);
    (void)buf_span(&out, extra);
    if (has_body(status))
        (void)buf_printf(&out, "Content-Length: %zu\r\n", body.len);
    (void)buf_text(&out, "\r\n");
    if (has_body(status) && !is_head && body.len > 0)
        (void)buf_span(&out, body);
    CHECK(buf_error(&out) == 0);
    conn_send(c, buf_as_span(&out));
    buf_release(&out);
}

void http_add_header(struct http_request *r, const char *name, struct span value)
{
    CHECK(grammar_is_token(span_of(name)) && grammar_is_field_value(value));
    CHECK(buf_printf(&r->extra, "%s: %.*s\r\n", name, SPAN_ARG(value)) == 0);
}

void http_reply(struct http_request *r, int status, const char *content_type, struct span body)
{
    struct conn *c = r->conn;
    CHECK(c->state == CONN_HANDLING);
    c->keeps_alive = c->keeps_alive && !c->server->is_draining;
    send_whole(c, buf_as_span(&r->extra), status, content_type, body, r->is_head);
    conn_answered(c);
}

void http_reply_json(struct http_request *r, int status, struct span json)
{
    http_reply(r, status, "application/json", json);
}

static const char *message_of(const struct err *err)
{
    return err->message[0] != '\0' ? err->message : err_message((int)err->code);
}

static void put_error(const struct http_server *server, struct buf *b, int status,
                      const struct err *err)
{
    if (server->options.put_error != NULL) {
        server->options.put_error(b, status, err);
        return;
    }
    struct json_writer w = json_writer(b);
    json_open(&w, NULL, '{');
    json_open(&w, "error", '{');
    json_member_str(&w, "code", span_of(err_name((int)err->code)));
    json_member_str(&w, "message", span_of(message_of(err)));
    if (err->param[0] != '\0')
        json_member_str(&w, "param", span_of(err->param));
    json_member_bool(&w, "retryable", err_is_retryable((int)err->code));
    json_close(&w);
    json_close(&w);
}

static bool has_header(const struct http_request *r, const char *name)
{
    struct span all = buf_as_span(&r->extra);
    while (all.ptr != NULL) {
        struct span line = span_cut(&all, '\n');
        if (span_is_nocase(span_cut(&line, ':'), name))
            return true;
    }
    return false;
}

void reply_error(struct http_request *r, int status, const struct err *err)
{
    struct buf body;
    buf_init(&body, ERROR_MAX);
    put_error(r->conn->server, &body, status, err);
    if ((status == 503 || status == 429) && !has_header(r, "Retry-After"))
        http_add_header(r, "Retry-After", SPAN_LIT("1"));
    http_reply_json(r, status, buf_as_span(&body));
    buf_release(&body);
}

void http_reply_error(struct http_request *r, const struct err *err)
{
    reply_error(r, err_status((int)err->code), err);
}

void http_reply_code(struct http_request *r, int code)
{
    struct err err = {.code = ERR_OK};
    (void)err_set(&err, (enum err_code)(code < 0 ? -code : code), NULL, NULL);
    http_reply_error(r, &err);
}

void reply_plain_error(struct conn *c, int status, const char *text)
{
    struct buf body;
    struct err err = {.code = ERR_OK};
    enum err_code code = status == 413   ? ERR_TOO_LARGE
                         : status == 429 ? ERR_RATE_LIMITED
                         : status == 503 ? ERR_UNAVAILABLE
                                         : ERR_BAD_REQUEST;
    (void)err_set(&err, code, NULL, "%s", text);
    buf_init(&body, ERROR_MAX);
    put_error(c->server, &body, status, &err);
    send_whole(c, status == 503 || status == 429 ? SPAN_LIT("Retry-After: 1\r\n") : SPAN_LIT(""),
               status, "application/json", buf_as_span(&body), false);
    buf_release(&body);
}
