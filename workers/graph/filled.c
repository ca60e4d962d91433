/* From a request's form to what goes out. Invariant: what was filled in is owned, and freed by
 * filled_release also after a failure. */
#include "graph/filled.h"
#include "base/mem.h"
#include "wire/json.h"

enum { OURS = 2 /* Content-Type, Idempotency-Key */ };

/* What was rendered, with `rc`, as a text of its own. Releases the buffer. */
static int take(int rc, struct buf *text, const char *what, char **out, struct err *err)
{
    size_t len;
    if (rc == -ERR_TOO_LARGE || (rc == 0 && buf_error(text) != 0))
        rc = err_set(err, ERR_TOO_LARGE, what, "The request's %s is larger than %zu bytes.", what,
                     text->max);
    if (rc == 0)
        *out = buf_take(text, &len);
    buf_release(text);
    return rc;
}

static int fill_url(struct filled *f, const struct graph_request *form, const struct render *values,
                    struct err *err)
{
    struct buf text;
    buf_init(&text, FILLED_URL_MAX);
    return take(render_url(values, &form->url, &text, err), &text, "url", &f->url, err);
}

static const char *find_header(const struct filled *f, const char *name)
{
    for (size_t i = 0; i < f->header_count; i++)
        if (span_is_nocase(span_of(f->headers[i].name), name))
            return f->headers[i].value;
    return NULL;
}

static void add_header(struct filled *f, const char *name, char *value)
{
    f->values[f->header_count] = value;
    f->headers[f->header_count++] = (struct fetch_header){name, value};
}

static int fill_headers(struct filled *f, const struct graph_request *form,
                        const struct render *values, struct err *err)
{
    f->headers = mem_new_array(form->header_count + OURS, sizeof *f->headers);
    f->values = mem_new_array(form->header_count + OURS, sizeof *f->values);
    for (size_t i = 0; i < form->header_count; i++) {
        struct buf text;
        char *value = NULL;
        buf_init(&text, FILLED_HEADER_MAX);
        int rc = take(render_header(values, &form->headers[i].value, &text, err), &text, "header",
                      &value, err);
        if (rc != 0)
            return rc;
        add_header(f, form->headers[i].name, value);
    }
    return 0;
}

/* A JSON string whose header says that it is none goes out without its quotes. */
static void unquote(struct filled *f)
{
    const char *type = find_header(f, "content-type");
    struct json_doc *doc = NULL;
    if (type == NULL || strstr(type, "json") != NULL || f->body.ptr[0] != '"' ||
        json_parse(f->body, &doc, NULL) != 0)
        return;
    char *text = span_dup(json_string(json_root(doc)));
    mem_free(f->body_text);
    f->body_text = text;
    f->body = span_of(text); /* JSON here holds no NUL */
    json_free(doc);
}

static int fill_body(struct filled *f, const struct graph_request *form,
                     const struct render *values, struct err *err)
{
    struct buf text;
    if (form->body == NULL)
        return 0;
    buf_init(&text, FILLED_BODY_MAX);
    int rc = take(render_json(values, form->body, &text, err), &text, "body", &f->body_text, err);
    if (rc != 0)
        return rc;
    f->body = span_of(f->body_text);
    unquote(f);
    if (find_header(f, "content-type") == NULL)
        add_header(f, "Content-Type", mem_strdup("application/json"));
    return 0;
}

int fill_request(struct filled *filled, const struct graph_request *form,
                 const struct render *values, const char *key, struct err *err)
{
    *filled =
        (struct filled){.method = form->method, .timeout_ms = form->timeout_ms, .body = SPAN_NONE};
    int rc = fill_url(filled, form, values, err);
    if (rc == 0)
        rc = fill_headers(filled, form, values, err);
    if (rc == 0)
        rc = fill_body(filled, form, values, err);
    if (rc == 0) /* the file has none of that name: it is refused there */
        add_header(filled, "Idempotency-Key", mem_strdup(key));
    return rc;
}

void filled_release(struct filled *filled)
{
    mem_free(filled->url);
    mem_free(filled->body_text);
    for (size_t i = 0; i < filled->header_count; i++)
        mem_free(filled->values[i]);
    mem_free(filled->values);
    mem_free(filled->headers);
    *filled = (struct filled){.url = NULL};
}
