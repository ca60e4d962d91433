/* The parts of a stateless message's content: a table of types and what each may hold. A format
 * that lacks one of them leaves it out or refuses it; here is only looked at its shape. */
#include "api/body_checks.h"
#include "wire/base64.h"

struct part_type {
    const char *name;
    const char *role; /* whose messages may hold it; NULL: everyone's */
    const char *(*wrong)(const struct json *part);
    bool is_image;
};

static bool has_only(const struct json *object, const char *const *names)
{
    for (size_t i = 0; i < json_count(object); i++) {
        const char *const *name = names;
        while (*name != NULL && strcmp(*name, json_name(json_at(object, i))) != 0) {
            name++;
        }
        if (*name == NULL) {
            return false;
        }
    }
    return true;
}

static const char *text_wrong(const struct json *part)
{
    bool is_right = json_type(json_get(part, "text")) == JSON_STRING && json_count(part) == 2;
    return is_right ? NULL : "has a text part that is not {type, text}";
}

/* "data:image/png;base64,..." */
static bool is_data_url(struct span url)
{
    struct span head = span_cut(&url, ',');
    struct buf bytes;
    if (!span_starts_with(head, "data:") || url.len == 0) {
        return false;
    }
    head = span_make(head.ptr + 5, head.len - 5);
    struct span media_type = span_cut(&head, ';');
    buf_init(&bytes, url.len);
    bool is_right = body_is_image_media(media_type) && span_is(head, "base64") &&
                    base64_decode(&bytes, url) == 0;
    buf_release(&bytes);
    return is_right;
}

static const char *image_wrong(const struct json *part)
{
    const struct json *image = json_get(part, "image_url");
    const struct json *detail = json_get(image, "detail");
    struct span url = json_string(json_get(image, "url"));
    if (json_type(image) != JSON_OBJECT || json_count(part) != 2 ||
        !has_only(image, (const char *const[]){"url", "detail", NULL}) ||
        (detail != NULL && json_type(detail) != JSON_STRING)) {
        return "has an image that is not {type, image_url: {url, detail?}}";
    }
    return body_is_web_url(url) || is_data_url(url)
               ? NULL
               : "has an image whose url is neither http(s) nor data:image/...;base64,...";
}

static const char *reasoning_wrong(const struct json *part)
{
    const struct json *signature = json_get(part, "signature");
    bool is_right = json_type(json_get(part, "text")) == JSON_STRING &&
                    (signature == NULL || json_type(signature) == JSON_STRING) &&
                    has_only(part, (const char *const[]){"type", "text", "signature", NULL});
    return is_right ? NULL : "has a reasoning part that is not {type, text, signature?}";
}

static const struct part_type TYPES[] = {
    {"text", NULL, text_wrong, false},
    {"image_url", "user", image_wrong, true},
    {"reasoning", "assistant", reasoning_wrong, false},
};

const char *body_part_wrong(const struct json *part, const char *role, bool *is_image)
{
    struct span type = json_string(json_get(part, "type"));
    for (size_t i = 0; i < sizeof TYPES / sizeof TYPES[0]; i++) {
        if (!span_is(type, TYPES[i].name)) {
            continue;
        }
        if (TYPES[i].role != NULL && strcmp(TYPES[i].role, role) != 0) {
            return TYPES[i].is_image ? "has an image, which only a user's message may hold"
                                     : "has reasoning, which only an assistant's message may hold";
        }
        *is_image = TYPES[i].is_image;
        return TYPES[i].wrong(part);
    }
    return "must be text or parts of the types text, image_url and reasoning";
}
