/* Reading requests strictly: what is not understood is refused by name. */
#include "api/request.h"

#include "api/digest.h"

#include "base/num.h"
#include "wire/limits.h"

#include <stdio.h>

/* The scripts count in doubles, and so do browsers. */
static const int64_t SEQ_MAX = (INT64_C(1) << 53) - 1;

_Static_assert((int)LIMIT_IDEMPOTENCY_KEY <= (int)ID_MAX, "an idempotency key fits struct id");

static bool refuse(struct http_request *r, const char *param, const char *what)
{
    struct err err;
    (void)err_set(&err, ERR_BAD_REQUEST, param, "%s %s", param, what); /* answered here */
    http_reply_error(r, &err);
    return false;
}

struct who request_who(const struct api *api, struct http_request *r)
{
    CHECK(api->asking.request == r);
    return api->asking.who;
}

bool request_has_query(struct http_request *r, const char *const *names, size_t count)
{
    struct span unknown = SPAN_NONE;
    if (http_query_is_known(r, names, count, &unknown)) {
        return true;
    }
    struct err err;
    char name[sizeof err.param];
    (void)snprintf(name, sizeof name, "%.*s", SPAN_ARG(unknown));
    return refuse(r, name, "is not a query parameter of this route");
}

bool request_has_no_query(struct http_request *r)
{
    return request_has_query(r, NULL, 0);
}

bool request_path_id(struct http_request *r, const char *name, struct id *out)
{
    struct span text = http_param(r, name);
    if (!id_is_valid(text)) {
        return refuse(r, name, "must be 1 to 128 of A-Z a-z 0-9 _ . : - and not dots alone");
    }
    *out = id_from(text);
    return true;
}

bool request_path_tenant(struct http_request *r, char out[static ID_TENANT_MAX + 1])
{
    struct span text = http_param(r, "tenant");
    if (!id_is_tenant(text)) {
        return refuse(r, "tenant", "must be 1 to 64 of a-z 0-9 _ -");
    }
    (void)snprintf(out, ID_TENANT_MAX + 1, "%.*s", SPAN_ARG(text));
    return true;
}

bool request_query_id(struct http_request *r, const char *name, struct id *out)
{
    struct span text = http_query(r, name);
    if (text.ptr == NULL) {
        out->text[0] = '\0';
        return true;
    }
    if (!id_is_valid(text)) {
        return refuse(r, name, "must be 1 to 128 of A-Z a-z 0-9 _ . : - and not dots alone");
    }
    *out = id_from(text);
    return true;
}

/* A whole number within the bounds. */
static bool parse_int(struct span text, int64_t min, int64_t max, int64_t *out)
{
    uint64_t value = 0;
    if (num_parse_u64(text, &value) != 0 || value > INT64_MAX || (int64_t)value < min ||
        (int64_t)value > max) {
        return false;
    }
    *out = (int64_t)value;
    return true;
}

bool request_query_int(struct http_request *r, const char *name, int64_t min, int64_t max,
                       int64_t otherwise, int64_t *out)
{
    struct span text = http_query(r, name);
    if (text.ptr == NULL) {
        *out = otherwise;
        return true;
    }
    if (parse_int(text, min, max, out)) {
        return true;
    }
    char what[96];
    (void)snprintf(what, sizeof what, "must be a whole number from %lld to %lld", (long long)min,
                   (long long)max);
    return refuse(r, name, what);
}

bool request_json(struct http_request *r, struct span *out)
{
    struct span body = http_body(r);
    if (body.len > 0) {
        struct span type = http_header(r, "Content-Type");
        if (!span_is_nocase(span_trim(span_cut(&type, ';')), "application/json")) {
            http_reply_code(r, ERR_MEDIA_TYPE);
            return false;
        }
    }
    *out = body;
    return true;
}

bool request_idempotency_key(const struct api *api, struct http_request *r, struct id *out)
{
    struct span key = http_header(r, "Idempotency-Key");
    if (key.ptr == NULL) {
        out->text[0] = '\0';
        return true;
    }
    bool is_good = key.len > 0 && key.len <= LIMIT_IDEMPOTENCY_KEY;
    for (size_t i = 0; is_good && i < key.len; i++) {
        is_good = key.ptr[i] > ' ' && key.ptr[i] <= '~';
    }
    if (!is_good) {
        return refuse(r, "Idempotency-Key", "must be 1 to 128 printable characters");
    }
    const struct who who = request_who(api, r);
    const struct span parts[] = {span_of(who.user), span_of(who.chat.text), key};
    const struct digest own = digest_of(parts, 3);
    struct span text = who_is_narrow(&who) ? span_of(own.hex) : key;
    (void)snprintf(out->text, sizeof out->text, "%.*s", SPAN_ARG(text));
    return true;
}

bool request_cursor(struct http_request *r, int64_t *out)
{
    struct span text = http_header(r, "Last-Event-ID");
    const char *name = "Last-Event-ID";
    if (text.len == 0) {
        text = http_query(r, "after");
        name = "after";
    }
    if (text.ptr == NULL) {
        *out = -1;
        return true;
    }
    return parse_int(text, 0, SEQ_MAX, out) ||
           refuse(r, name, "must be a seq, a whole number from 0 to 2^53 - 1");
}
