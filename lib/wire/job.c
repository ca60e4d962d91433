/* The job in a generation's record, and usage as JSON. */
#include "wire/job.h"
#include "base/err.h"
#include "wire/json.h"

struct text_field {
    const char *key;
    size_t offset;
};

static const struct text_field text_fields[] = {
    {"message", offsetof(struct job, message)},
    {"messages", offsetof(struct job, messages)},
    {"attachments", offsetof(struct job, attachments)},
    {"model", offsetof(struct job, model)},
    {"graph", offsetof(struct job, graph)},
    {"system", offsetof(struct job, system)},
    {"params", offsetof(struct job, params)},
    {"metadata", offsetof(struct job, metadata)},
    {"upstream", offsetof(struct job, upstream)},
    {"traceparent", offsetof(struct job, traceparent)},
    {"replace_from", offsetof(struct job, replace_from)},
    {"prefill", offsetof(struct job, prefill)},
};
enum { TEXT_FIELDS = sizeof(text_fields) / sizeof(text_fields[0]) };

void job_encode(struct buf *b, const struct job *job)
{
    struct mp_fields fields = mp_fields_begin(b);
    mp_field_int(&fields, "v", JOB_VERSION);
    mp_field_bool(&fields, "stateless", job->is_stateless);
    for (size_t i = 0; i < TEXT_FIELDS; i++) {
        const char *at = (const char *)job + text_fields[i].offset;
        mp_field_str(&fields, text_fields[i].key, *(const struct span *)(const void *)at);
    }
    mp_fields_end(&fields);
}

static int read_text_field(const struct mp_value *map, const struct text_field *field,
                           struct job *out)
{
    const struct mp_value *value = mp_get(map, field->key);
    if (value != NULL && !mp_is_str(value))
        return -ERR_MALFORMED;
    char *at = (char *)out + field->offset;
    *(struct span *)(void *)at = mp_str(value, SPAN_NONE);
    return 0;
}

static int read_job(const struct mp_value *map, struct job *out)
{
    out->version = mp_int(mp_get(map, "v"), 0);
    if (out->version < 1)
        return -ERR_MALFORMED;
    if (out->version > JOB_VERSION)
        return -ERR_NOT_SUPPORTED;
    out->is_stateless = mp_bool(mp_get(map, "stateless"), false);
    for (size_t i = 0; i < TEXT_FIELDS; i++) {
        int rc = read_text_field(map, &text_fields[i], out);
        if (rc != 0)
            return rc;
    }
    return 0;
}

int job_decode(struct span bytes, struct job *out, struct mp_doc **doc)
{
    struct mp_doc *opened;
    struct job job = {0};
    int rc = mp_open_copy(bytes, &opened);
    if (rc != 0)
        return rc;
    rc = read_job(mp_root(opened), &job);
    if (rc != 0) {
        mp_close(opened);
        return rc;
    }
    *out = job;
    *doc = opened;
    return 0;
}

struct usage usage_unknown(void)
{
    return (struct usage){-1, -1, -1, -1, USAGE_UNKNOWN, false};
}

struct usage usage_none(void)
{
    return (struct usage){0, 0, 0, 0, USAGE_NONE, true};
}

const char *usage_source_name(enum usage_source source)
{
    static const char *const names[] = {[USAGE_UNKNOWN] = "unknown",
                                        [USAGE_ESTIMATED] = "estimated",
                                        [USAGE_PROVIDER] = "provider",
                                        [USAGE_NONE] = "none"};
    CHECK((size_t)source < sizeof(names) / sizeof(names[0]));
    return names[source];
}

static void put_tokens(struct json_writer *w, const char *name, int64_t tokens)
{
    if (tokens < 0)
        json_member_null(w, name);
    else
        json_member_int(w, name, tokens);
}

void usage_put_json(struct buf *b, const struct usage *usage)
{
    struct json_writer w = json_writer(b);
    json_open(&w, NULL, '{');
    put_tokens(&w, "input", usage->input);
    put_tokens(&w, "output", usage->output);
    put_tokens(&w, "cached", usage->cached);
    put_tokens(&w, "reasoning", usage->reasoning);
    json_member_str(&w, "source", span_of(usage_source_name(usage->source)));
    json_member_bool(&w, "settled", usage->is_settled);
    json_close(&w);
}

void usage_field(struct mp_fields *f, const char *key, const struct usage *usage)
{
    mp_put_key(f->buf, key);
    struct mp_fields u = mp_fields_begin(f->buf);
    mp_field_int(&u, "input", usage->input);
    mp_field_int(&u, "output", usage->output);
    mp_field_int(&u, "cached", usage->cached);
    mp_field_int(&u, "reasoning", usage->reasoning);
    mp_field_int(&u, "source", usage->source);
    mp_fields_end(&u);
    f->count++;
}

struct usage usage_read(const struct mp_value *map)
{
    struct usage usage = usage_unknown();
    int64_t source = mp_int(mp_get(map, "source"), USAGE_UNKNOWN);
    if (source <= USAGE_UNKNOWN || source > USAGE_NONE)
        return usage;
    usage.source = (enum usage_source)source;
    usage.input = mp_int(mp_get(map, "input"), -1);
    usage.output = mp_int(mp_get(map, "output"), -1);
    usage.cached = mp_int(mp_get(map, "cached"), -1);
    usage.reasoning = mp_int(mp_get(map, "reasoning"), -1);
    return usage;
}
