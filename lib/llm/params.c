/* The params of a request. Pure. */
#include "llm/params.h"

int params_open(struct params *p, struct span text, struct err *err)
{
    *p = (struct params){.doc = NULL, .extra = SPAN_NONE};
    if (text.len == 0)
        return 0;
    int result = json_parse(text, &p->doc, err);
    if (result != 0)
        return result;
    p->root = json_root(p->doc);
    if (json_type(json_get(p->root, "extra")) == JSON_OBJECT)
        p->extra = json_raw(json_text(p->doc), "extra");
    return 0;
}

void params_close(struct params *p)
{
    json_free(p->doc);
    *p = (struct params){.doc = NULL, .extra = SPAN_NONE};
}

const struct json *params_get(const struct params *p, const char *name)
{
    return json_get(p->root, name);
}

struct span params_raw(const struct params *p, const char *name)
{
    return p->root == NULL ? SPAN_NONE : json_raw(json_text(p->doc), name);
}

bool params_has_extra(const struct params *p, const char *name)
{
    return p->extra.ptr != NULL && json_raw(p->extra, name).ptr != NULL;
}

bool params_is_ours(struct span name, const char *const *ours)
{
    for (; *ours != NULL; ours++)
        if (json_name_is(name, *ours))
            return true;
    return false;
}

void params_put_extra(struct json_writer *w, struct span extra, const char *const *ours)
{
    struct json_walk walk = json_walk_object(extra);
    struct span name;
    struct span value;
    while (extra.ptr != NULL && json_walk_next(&walk, &name, &value)) {
        if (params_is_ours(name, ours))
            continue;
        json_key_raw(w, name);
        (void)buf_span(w->buf, value); /* the caller looks at buf_error */
    }
}

void params_put_stop(struct json_writer *w, const char *name, const struct params *p)
{
    const struct json *stop = params_get(p, "stop");
    if (json_type(stop) == JSON_STRING) {
        json_open(w, name, '[');
        json_member_str(w, NULL, json_string(stop));
        json_close(w);
    } else if (json_count(stop) > 0) {
        json_member_raw(w, name, params_raw(p, "stop"));
    }
}

struct params_format params_format(const struct params *p)
{
    const struct json *format = params_get(p, "response_format");
    struct span type = json_string(json_get(format, "type"));
    struct span outer = params_raw(p, "response_format");
    if (format == NULL || span_is(type, "text"))
        return (struct params_format){.kind = FORMAT_TEXT};
    if (span_is(type, "json_object"))
        return (struct params_format){.kind = FORMAT_OBJECT};
    struct span inner = json_raw(outer, "json_schema");
    struct span schema = inner.ptr == NULL ? SPAN_NONE : json_raw(inner, "schema");
    if (!span_is(type, "json_schema") || schema.ptr == NULL)
        return (struct params_format){.kind = FORMAT_OTHER};
    return (struct params_format){.kind = FORMAT_SCHEMA, .schema = schema};
}
