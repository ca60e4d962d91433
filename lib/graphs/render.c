/* Templates and values filled in. What a value is, is never looked at for more of {{ }}: what a
 * user or a model wrote is text. */
#include "graphs/render.h"
#include "wire/json.h"

/* Puts one expression's or secret's text. */
typedef int (*put_text)(struct buf *out, struct span text, struct err *err);

static int put_plain(struct buf *out, struct span text, struct err *err)
{
    (void)err;
    return buf_span(out, text);
}

static int put_encoded(struct buf *out, struct span text, struct err *err)
{
    static const char unreserved[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
    static const char digits[] = "0123456789ABCDEF";
    (void)err;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c != '\0' && strchr(unreserved, c) != NULL) {
            (void)buf_byte(out, (char)c); /* looked at once, at the end */
            continue;
        }
        const char escape[] = {'%', digits[c >> 4], digits[c & 15]};
        (void)buf_append(out, escape, sizeof(escape));
    }
    return buf_error(out);
}

static int put_header(struct buf *out, struct span text, struct err *err)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return err_set(err, ERR_BAD_REQUEST, NULL,
                           "a value for a header has a line end or another control character");
    }
    return buf_span(out, text);
}

static int put_string_of(struct span json, put_text put, struct buf *out, struct err *err)
{
    struct json_doc *doc = NULL;
    int result = json_parse(json, &doc, err);
    if (result == 0)
        result = put(out, json_string(json_root(doc)), err);
    json_free(doc);
    return result;
}

static struct span value_of(const struct render *r, const struct expr *expr)
{
    struct span json = r->values[expr->index];
    CHECK(json.ptr != NULL && json.len > 0);
    return json;
}

static int put_piece(const struct render *r, const struct template_piece *piece, put_text put,
                     struct buf *out, struct err *err)
{
    if (piece->kind == PIECE_LITERAL)
        return buf_text(out, piece->text);
    if (piece->kind == PIECE_SECRET) {
        const char *secret = r->secret(piece->text, r->arg);
        return secret != NULL ? put(out, span_of(secret), err)
                              : err_set(err, ERR_BAD_REQUEST, NULL,
                                        "the secret '%s' is not configured; write it into the list "
                                        "secrets",
                                        piece->text);
    }
    struct span json = value_of(r, piece->expr);
    if (span_is(json, "null"))
        return 0;
    return json.ptr[0] == '"' ? put_string_of(json, put, out, err) : put(out, json, err);
}

static int render_with(const struct render *r, const struct template *t, put_text put,
                       struct buf *out, struct err *err)
{
    int result = 0;
    for (size_t i = 0; i < t->count && result == 0; i++)
        result = put_piece(r, &t->pieces[i], put, out, err);
    return result != 0 ? result : buf_error(out);
}

int render_text(const struct render *r, const struct template *t, struct buf *out, struct err *err)
{
    return render_with(r, t, put_plain, out, err);
}

int render_header(const struct render *r, const struct template *t, struct buf *out,
                  struct err *err)
{
    return render_with(r, t, put_header, out, err);
}

/* "." or "..": whoever takes the path apart would go up with it. */
static bool has_dot_segment(struct span url)
{
    struct span path = span_cut(&url, '?');
    while (path.ptr != NULL) {
        struct span segment = span_cut(&path, '/');
        if (span_is(segment, ".") || span_is(segment, ".."))
            return true;
    }
    return false;
}

int render_url(const struct render *r, const struct template *t, struct buf *out, struct err *err)
{
    size_t before = out->len;
    int result = render_with(r, t, put_encoded, out, err);
    if (result == 0 && has_dot_segment(span_make(out->ptr + before, out->len - before)))
        return err_set(err, ERR_BAD_REQUEST, NULL,
                       "a part of the url's path became '.' or '..'; that would be another path");
    return result;
}

/* Values. */

static int put_template(const struct render *r, const struct value *v, struct json_writer *w,
                        struct err *err)
{
    struct buf text;
    const struct template *t = &v->text;
    if (t->count == 1 && t->pieces[0].kind == PIECE_EXPR) {
        json_member_raw(w, v->name, value_of(r, t->pieces[0].expr));
        return 0;
    }
    buf_init(&text, w->buf->max);
    int result = render_text(r, t, &text, err);
    if (result == 0)
        json_member_str(w, v->name, text.len == 0 ? SPAN_LIT("") : buf_as_span(&text));
    buf_release(&text);
    return result;
}

/* Recursion ends with the file's depth, YAML_DEPTH_MAX. */
static int put_value(const struct render *r, const struct value *v, struct json_writer *w,
                     struct err *err)
{
    int result = 0;
    if (v->kind == VALUE_TEMPLATE)
        return put_template(r, v, w, err);
    if (v->kind == VALUE_JSON) {
        json_member_raw(w, v->name, span_of(v->json));
        return 0;
    }
    json_open(w, v->name, v->kind == VALUE_LIST ? '[' : '{');
    for (size_t i = 0; i < v->count && result == 0; i++)
        result = put_value(r, &v->items[i], w, err);
    json_close(w);
    return result;
}

int render_json(const struct render *r, const struct value *v, struct buf *out, struct err *err)
{
    struct json_writer w = json_writer(out);
    int result = put_value(r, v, &w, err);
    return result != 0 ? result : buf_error(out);
}
