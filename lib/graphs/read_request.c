/* A request of an http node or a tool. Scheme and host stand in the file as they are, so that
 * nothing that a user or a model wrote chooses whom to talk to. */
#include "base/num.h"
#include "graphs/read.h"

#include <strings.h>

static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};

void read_method(struct reading *r, const struct field *f, const struct node *value, void *to)
{
    if (!want_string(r, value, f->name))
        return;
    for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++)
        if (strcmp(value->text, methods[i]) == 0) {
            *(const char **)to = methods[i];
            return;
        }
    wrong(r, value->at, "'%.60s' is not a method; write GET, HEAD, POST, PUT, PATCH or DELETE",
          value->text);
}

void read_effect(struct reading *r, const struct field *f, const struct node *value, void *to)
{
    static const char *const words[] = {
        [EFFECT_NONE] = "none", [EFFECT_KEYED] = "keyed", [EFFECT_ONCE] = "once"};
    for (size_t i = 0; value->kind == NODE_TEXT && i < sizeof(words) / sizeof(*words); i++)
        if (strcmp(value->text, words[i]) == 0) {
            *(enum graph_effect *)to = (enum graph_effect)i;
            return;
        }
    wrong(r, value->at, "%s cannot be '%.60s'; write none, keyed or once", f->name,
          value->kind == NODE_TEXT ? value->text : "...");
}

/* The URL. */

/* What is wrong with "host", "host:port" or "[address]:port"; NULL: nothing. */
static const char *wrong_authority(struct span authority)
{
    static const char alphabet[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_[]:";
    if (memchr(authority.ptr, '@', authority.len) != NULL)
        return "no name or password may stand in a url; write them into headers, as secrets";
    for (size_t i = 0; i < authority.len; i++)
        if (authority.ptr[i] == '\0' || strchr(alphabet, authority.ptr[i]) == NULL)
            return "the url's host is not one; write https://host/path";
    const char *colon = memrchr(authority.ptr, ':', authority.len);
    const char *bracket = memchr(authority.ptr, ']', authority.len);
    size_t host = authority.len;
    if (colon != NULL && (bracket == NULL || colon > bracket)) {
        uint64_t port = 0;
        host = (size_t)(colon - authority.ptr);
        if (num_parse_u64(span_make(colon + 1, authority.len - host - 1), &port) != 0 || port < 1 ||
            port > 65535)
            return "the url's port is not one; write a number from 1 to 65535";
    }
    return host > 0 ? NULL : "the url has no host; write https://host/path";
}

static const char *wrong_start(struct span literal, bool is_whole)
{
    size_t scheme = span_starts_with(literal, "https://")  ? 8
                    : span_starts_with(literal, "http://") ? 7
                                                           : 0;
    if (scheme == 0)
        return "the url must begin with https:// or http://; write https://host/path";
    size_t end = scheme;
    while (end < literal.len && strchr("/?#", literal.ptr[end]) == NULL)
        end++;
    if (end == literal.len && !is_whole)
        return "the url's host must stand in the file; write https://host/ before the first {{ }}";
    return wrong_authority(span_make(literal.ptr + scheme, end - scheme));
}

static const char *wrong_bytes(const struct template *t)
{
    for (size_t i = 0; i < t->count; i++)
        for (const char *c = t->pieces[i].kind == PIECE_LITERAL ? t->pieces[i].text : "";
             *c != '\0'; c++)
            if (*c <= ' ' || *c > '~' || *c == '#')
                return *c == '#' ? "what is behind a # is never sent; write %23 or leave it out"
                                 : "a url has no blanks and only ASCII; write other bytes as %XX";
    return NULL;
}

void read_url(struct reading *r, const struct field *f, const struct node *value, void *to)
{
    read_template(r, f, value, to);
    if (value->kind != NODE_TEXT)
        return;
    const char *inside = strstr(value->text, "{{");
    size_t literal = inside == NULL ? strlen(value->text) : (size_t)(inside - value->text);
    const char *what = wrong_start(span_make(value->text, literal), inside == NULL);
    if (what == NULL)
        what = wrong_bytes(to);
    if (what != NULL)
        wrong(r, value->at, "%s", what);
}

/* Headers. */

/* Those that the request has anyway, or that would change what it is. */
static const char *const reserved[] = {
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "upgrade",
    "te",
    "trailer",
    "expect",
    "idempotency-key",
    "traceparent",
    "proxy-connection",
};

static bool is_header_name(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");
    return len > 0 && len <= GRAPH_NAME_MAX && name[len] == '\0';
}

static void check_header(struct reading *r, const struct node *headers, const struct node *header)
{
    if (!is_header_name(header->name))
        wrong(r, header->name_at, "'%.60s' is not a header's name; write letters, digits and -",
              header->name);
    for (size_t i = 0; i < sizeof(reserved) / sizeof(*reserved); i++)
        if (strcasecmp(header->name, reserved[i]) == 0)
            wrong(r, header->name_at, "the header %s is set by Sluice; leave it out", header->name);
    for (const struct node *before = headers->first; before != header; before = before->next)
        if (strcasecmp(header->name, before->name) == 0)
            wrong(r, header->name_at, "the header %.60s stands here twice; leave one out",
                  header->name);
}

static void check_header_value(struct reading *r, const struct node *header,
                               const struct template *t)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->pieces[i].kind == PIECE_LITERAL && strpbrk(t->pieces[i].text, "\r\n") != NULL)
            wrong(r, header->at, "a header is one line; write it without line ends");
}

void read_headers(struct reading *r, const struct field *f, const struct node *value, void *to)
{
    struct graph_request *request =
        (struct graph_request *)(void *)((char *)to - offsetof(struct graph_request, headers));
    if (!want_map(r, value, f->name))
        return;
    if (value->count > GRAPH_HEADERS_MAX) {
        wrong(r, value->at, "%zu headers; write at most %d", value->count, GRAPH_HEADERS_MAX);
        return;
    }
    request->headers = own_room(r->own, value->count, sizeof(*request->headers));
    for (const struct node *header = value->first; header != NULL; header = header->next) {
        struct graph_header *to_header = &request->headers[request->header_count++];
        check_header(r, value, header);
        to_header->name = own_text(r->own, span_of(header->name));
        read_template(r, f, header, &to_header->value);
        check_header_value(r, header, &to_header->value);
    }
}

/* The whole. */

void request_finish(struct reading *r, const struct node *owner, const struct node *map,
                    struct graph_request *request)
{
    if (request->method == NULL)
        request->method = "GET";
    bool is_read = strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
    if (node_member(owner, "effect") == NULL)
        request->effect = is_read ? EFFECT_NONE : EFFECT_KEYED;
    const struct node *body = node_member(map, "body");
    if (is_read && body != NULL)
        wrong(r, body->name_at, "a %s request has no body; write method: POST, or leave body out",
              request->method);
}
