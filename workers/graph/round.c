/* Turns of agents, and their bytes. */
#include "graph/round.h"
#include "base/err.h"
#include "base/mem.h"
#include "wire/json.h"
#include "wire/limits.h"

enum { CALL_ROOM = 128 };

void round_release(struct round *r)
{
    for (size_t i = 0; i < r->call_count; i++) {
        mem_free(r->calls[i].id);
        mem_free(r->calls[i].name);
        mem_free(r->calls[i].arguments);
        mem_free(r->calls[i].result);
    }
    mem_free(r->calls);
    mem_free(r->calls_json);
    mem_free(r->text);
    mem_free(r->reasoning);
    mem_free(r->model);
    mem_free(r->finish_reason);
    *r = (struct round){.text = NULL};
}

static void put_call(struct json_writer *w, const struct round_call *call)
{
    json_open(w, NULL, '{');
    json_member_str(w, "id", span_of(call->id));
    json_member_str(w, "type", SPAN_LIT("function"));
    json_open(w, "function", '{');
    json_member_str(w, "name", span_of(call->name));
    json_member_str(w, "arguments", span_of(call->arguments));
    json_close(w);
    json_close(w);
}

void round_complete(struct round *r)
{
    size_t bytes = CALL_ROOM, len;
    struct buf text;
    if (r->call_count == 0)
        return;
    for (size_t i = 0; i < r->call_count; i++)
        bytes += CALL_ROOM + strlen(r->calls[i].id) + strlen(r->calls[i].name) +
                 strlen(r->calls[i].arguments);
    buf_init(&text, JSON_ESCAPED * bytes);
    struct json_writer w = json_writer(&text);
    json_open(&w, NULL, '[');
    for (size_t i = 0; i < r->call_count; i++)
        put_call(&w, &r->calls[i]);
    json_close(&w);
    CHECK(buf_error(&text) == 0);
    r->calls_json = buf_take(&text, &len);
    buf_release(&text);
}

bool round_has_all_results(const struct round *r)
{
    for (size_t i = 0; i < r->call_count; i++)
        if (r->calls[i].result == NULL)
            return false;
    return true;
}

/* As bytes. */

static void put_calls(struct mp_fields *f, const struct round *r)
{
    mp_put_key(f->buf, "calls");
    mp_put_array(f->buf, (uint32_t)r->call_count);
    for (size_t i = 0; i < r->call_count; i++) {
        mp_put_array(f->buf, 3);
        mp_put_str(f->buf, span_of(r->calls[i].id));
        mp_put_str(f->buf, span_of(r->calls[i].name));
        mp_put_str(f->buf, span_of(r->calls[i].arguments));
    }
    f->count++;
}

void round_write(const struct round *r, struct buf *out)
{
    struct mp_fields f = mp_fields_begin(out);
    mp_field_int(&f, "v", ROUND_VERSION);
    mp_field_str(&f, "text", span_of(r->text));
    mp_field_str(&f, "reasoning", span_of(r->reasoning));
    mp_field_str(&f, "model", span_of(r->model));
    mp_field_str(&f, "finish_reason", span_of(r->finish_reason));
    mp_field_int(&f, "next_part", r->next_part);
    usage_field(&f, "usage", &r->usage);
    put_calls(&f, r);
    mp_fields_end(&f);
}

static int read_calls(const struct mp_value *list, struct round *out)
{
    size_t count = mp_count(list);
    if (count > LIMIT_TOOLS)
        return -ERR_MALFORMED;
    out->calls = mem_new_array(count, sizeof *out->calls);
    for (size_t i = 0; i < count; i++) {
        const struct mp_value *call = mp_at(list, i);
        struct span id = mp_str(mp_at(call, 0), SPAN_NONE),
                    name = mp_str(mp_at(call, 1), SPAN_NONE),
                    arguments = mp_str(mp_at(call, 2), SPAN_NONE);
        if (id.ptr == NULL || name.ptr == NULL || arguments.ptr == NULL)
            return -ERR_MALFORMED;
        out->calls[out->call_count++] =
            (struct round_call){span_dup(id), span_dup(name), span_dup(arguments), NULL, false};
    }
    return 0;
}

static bool is_sound(const struct round *r)
{
    return r->text != NULL && r->model != NULL && r->finish_reason != NULL && r->next_part >= 0 &&
           (r->reasoning == NULL || json_check(span_of(r->reasoning), NULL) == 0);
}

int round_read(struct span bytes, struct round *out)
{
    struct mp_doc *doc = NULL;
    struct round r = {.text = NULL};
    if (mp_open(bytes, &doc) != 0)
        return -ERR_MALFORMED;
    const struct mp_value *map = mp_root(doc);
    int64_t version = mp_int(mp_get(map, "v"), 0);
    int rc = version > ROUND_VERSION ? -ERR_NOT_SUPPORTED : version < 1 ? -ERR_MALFORMED : 0;
    r.text = mp_dup_str(mp_get(map, "text"));
    r.reasoning = mp_dup_str(mp_get(map, "reasoning"));
    r.model = mp_dup_str(mp_get(map, "model"));
    r.finish_reason = mp_dup_str(mp_get(map, "finish_reason"));
    r.next_part = mp_int(mp_get(map, "next_part"), -1);
    r.usage = usage_read(mp_get(map, "usage"));
    if (rc == 0)
        rc = read_calls(mp_get(map, "calls"), &r);
    if (rc == 0 && !is_sound(&r))
        rc = -ERR_MALFORMED;
    mp_close(doc);
    if (rc != 0) {
        round_release(&r);
        return rc;
    }
    round_complete(&r);
    *out = r;
    return 0;
}

void round_write_result(const struct round_call *call, struct buf *out)
{
    struct mp_fields f = mp_fields_begin(out);
    mp_field_int(&f, "v", ROUND_VERSION);
    mp_field_str(&f, "result", span_of(call->result));
    mp_field_bool(&f, "is_error", call->is_error);
    mp_fields_end(&f);
}

int round_read_result(struct span bytes, struct round_call *call)
{
    struct mp_doc *doc = NULL;
    if (mp_open(bytes, &doc) != 0)
        return -ERR_MALFORMED;
    const struct mp_value *map = mp_root(doc);
    int64_t version = mp_int(mp_get(map, "v"), 0);
    char *result = mp_dup_str(mp_get(map, "result"));
    int rc = version > ROUND_VERSION         ? -ERR_NOT_SUPPORTED
             : version < 1 || result == NULL ? -ERR_MALFORMED
                                             : 0;
    if (rc == 0) {
        mem_free(call->result);
        call->result = result;
        call->is_error = mp_bool(mp_get(map, "is_error"), false);
    } else {
        mem_free(result);
    }
    mp_close(doc);
    return rc;
}
