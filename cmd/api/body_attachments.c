/* attachments: what comes with a message. Checked item by item, then kept as the text that was
 * sent. */
#include "api/body_checks.h"
#include "wire/base64.h"
#include "wire/limits.h"

#include <stdio.h>

/* One attachment under check. */
struct attachment {
    struct err *err;
    char path[40];
    struct span type, media_type, name, url, data; /* SPAN_NONE where absent */
};

struct kind {
    const char *name;
    bool (*has_media)(struct span media_type);
    const char *wanted; /* completes "media_type must be ..." */
    bool is_image;
    bool may_be_url;
};

static int refuse(const struct attachment *a, const char *member, const char *what)
{
    char param[sizeof a->err->param];
    (void)snprintf(param, sizeof param, "%s%s%s", a->path, member[0] == '\0' ? "" : ".", member);
    return err_set(a->err, ERR_BAD_REQUEST, param, "%s %s", param, what);
}

static bool is_one_of(struct span text, const char *const *words)
{
    while (*words != NULL && !span_is(text, *words)) {
        words++;
    }
    return *words != NULL;
}

bool body_is_image_media(struct span media_type)
{
    static const char *const known[] = {"image/png", "image/jpeg", "image/gif", "image/webp", NULL};
    return is_one_of(media_type, known);
}

/* text/<name> as RFC 6838 spells names, and a few that are text all the same. */
static bool is_text_media(struct span media_type)
{
    static const char *const known[] = {"application/json", "application/xml", "application/yaml",
                                        NULL};
    static const char others[] = "!#$&-^_.+";
    if (!span_starts_with(media_type, "text/")) {
        return is_one_of(media_type, known);
    }
    for (size_t i = 5; i < media_type.len; i++) {
        char c = media_type.ptr[i];
        bool is_alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_alnum && strchr(others, c) == NULL) {
            return false;
        }
    }
    return media_type.len > 5 && media_type.len <= LIMIT_MEDIA_TYPE;
}

static const struct kind KINDS[] = {
    {"image", body_is_image_media, "image/png, image/jpeg, image/gif or image/webp", true, true},
    {"text", is_text_media, "text/..., application/json, application/xml or application/yaml",
     false, false},
};

static const struct kind *find_kind(struct span type)
{
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++) {
        if (span_is(type, KINDS[i].name)) {
            return &KINDS[i];
        }
    }
    return NULL;
}

static int take_members(struct attachment *a, const struct json *value)
{
    const struct {
        const char *name;
        struct span *place;
    } members[] = {{"type", &a->type},
                   {"media_type", &a->media_type},
                   {"name", &a->name},
                   {"url", &a->url},
                   {"data", &a->data}};
    enum { COUNT = sizeof members / sizeof members[0] };
    if (json_count(value) > COUNT) {
        return refuse(a, "", "has more than type, media_type, name, url and data");
    }
    for (size_t i = 0; i < json_count(value); i++) {
        const struct json *member = json_at(value, i);
        size_t at = 0;
        while (at < COUNT && strcmp(members[at].name, json_name(member)) != 0) {
            at++;
        }
        if (at == COUNT) {
            return refuse(a, json_name(member), "is no field of an attachment");
        }
        if (members[at].place->ptr != NULL) {
            return refuse(a, json_name(member), "stands there twice");
        }
        *members[at].place = json_string(member);
        if (members[at].place->ptr == NULL) {
            return refuse(a, json_name(member), "must be a string");
        }
    }
    return 0;
}

bool body_is_web_url(struct span url)
{
    size_t scheme = span_starts_with(url, "https://")  ? 8
                    : span_starts_with(url, "http://") ? 7
                                                       : 0;
    if (scheme == 0 || url.len == scheme || url.len > LIMIT_ATTACHMENT_URL ||
        strchr("/?#:@", url.ptr[scheme]) != NULL) {
        return false;
    }
    for (size_t i = scheme; i < url.len; i++) {
        if (url.ptr[i] <= ' ' || url.ptr[i] > '~' || strchr("\"<>\\^`{|}", url.ptr[i]) != NULL) {
            return false;
        }
    }
    return true;
}

/* What Base64 text stands for must be there, and text must be text. */
static int check_data(const struct attachment *a, bool is_text)
{
    struct buf bytes;
    buf_init(&bytes, a->data.len + 1);
    int rc = base64_decode(&bytes, a->data);
    if (rc != 0) {
        rc = refuse(a, "data", "is no Base64");
    } else if (bytes.len == 0) {
        rc = refuse(a, "data", "is empty");
    } else if (is_text &&
               (!span_is_utf8(buf_as_span(&bytes)) || memchr(bytes.ptr, '\0', bytes.len) != NULL)) {
        rc = refuse(a, "data", "must be UTF-8 without U+0000 once decoded");
    }
    buf_release(&bytes);
    return rc;
}

static int check_content(const struct attachment *a, const struct kind *kind)
{
    if ((a->url.ptr == NULL) == (a->data.ptr == NULL)) {
        return refuse(a, "", "must have either url or data");
    }
    if (a->data.ptr != NULL) {
        return check_data(a, !kind->is_image);
    }
    if (!kind->may_be_url) { /* no provider fetches it, and neither does this server */
        return refuse(a, "url", "can only name an image; a text comes as data");
    }
    return body_is_web_url(a->url) ? 0 : refuse(a, "url", "must be an http or https URL");
}

static int check_attachment(struct body_parse *p, size_t index, const struct json *value)
{
    struct attachment a = {.err = p->err};
    (void)snprintf(a.path, sizeof a.path, "attachments[%zu]", index);
    if (json_type(value) != JSON_OBJECT) {
        return refuse(&a, "", "must be an object");
    }
    int rc = take_members(&a, value);
    if (rc != 0) {
        return rc;
    }
    const struct kind *kind = find_kind(a.type);
    if (kind == NULL) {
        return refuse(&a, "type", "must be image or text");
    }
    if (!kind->has_media(a.media_type)) {
        char what[128];
        (void)snprintf(what, sizeof what, "must be %s", kind->wanted);
        return refuse(&a, "media_type", what);
    }
    if (a.name.len > LIMIT_ATTACHMENT_NAME) {
        return refuse(&a, "name", "is too long");
    }
    p->body->has_image = p->body->has_image || kind->is_image;
    return check_content(&a, kind);
}

int body_check_attachments(struct body_parse *p, const struct json *value)
{
    if (json_type(value) != JSON_ARRAY) {
        return body_wants(p->err, "attachments", "an array", value);
    }
    if (json_count(value) > LIMIT_ATTACHMENTS) {
        return err_set(p->err, ERR_BAD_REQUEST, "attachments", "attachments may be at most %d",
                       LIMIT_ATTACHMENTS);
    }
    for (size_t i = 0; i < json_count(value); i++) {
        int rc = check_attachment(p, i, json_at(value, i));
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}
