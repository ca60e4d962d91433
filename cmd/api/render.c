/* From fields of records to members of answers. */
#include "api/render.h"

#include "base/num.h"
#include "wire/job.h"

void render_text(struct json_writer *w, const char *name, struct span text)
{
    json_member_str(w, name, text.len == 0 ? SPAN_NONE : text);
}

void render_int(struct json_writer *w, const char *name, struct span text)
{
    int64_t value = 0;
    if (num_parse_i64(text, &value) == 0) {
        json_member_int(w, name, value);
    } else {
        json_member_null(w, name);
    }
}

void render_raw(struct json_writer *w, const char *name, struct span json)
{
    json_member_raw(w, name, json.len == 0 ? SPAN_NONE : json);
}

void render_usage(struct json_writer *w, struct span json)
{
    struct buf text;
    struct usage unknown = usage_unknown();
    buf_init(&text, 1024);
    usage_put_json(&text, &unknown);
    json_member_raw(w, "usage", json.len > 0 ? json : buf_as_span(&text));
    buf_release(&text);
}
