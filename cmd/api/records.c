/* GET /v1/generations/{id}: the record. Its output comes from the log while that is kept, else from
 * the record (stateless) or from the committed message. Asked one after the other: record, position
 * (queued only), log pages, message. */
#include "api/handlers.h"
#include "api/output.h"
#include "api/pending.h"
#include "api/render.h"
#include "api/request.h"
#include "base/num.h"
#include "bus/log.h"
#include "bus/turn.h"
#include "wire/job.h"
#include "wire/limits.h"

enum { RECORD_JSON_MAX = 4 * LIMIT_MP_BYTES };

struct lookup {
    struct pending pending; /* first */
    struct id generation, chat, message_id;
    struct buf json;
    struct json_writer w;
    struct output output;
    int64_t seq;  /* of the last event; -1: the log will say */
    int64_t read; /* events read so far */
    bool is_committed;
};

typedef void (*renderer)(struct json_writer *w, const char *name, struct span value);

/* Members that are fields of the record as they are. */
static const struct {
    const char *member, *field;
    renderer render;
} MEMBERS[] = {
    {"state", "state", render_text},
    {"reason", "reason", render_text},
    {"epoch", "epoch", render_int},
    {"model", "model", render_text},
    {"finish_reason", "finish_reason", render_text},
    {"error", "error", render_raw},
    {"metadata", "metadata", render_raw},
    {"created_at", "created_at", render_int},
    {"started_at", "started_at", render_int},
    {"first_token_at", "first_token_at", render_int},
    {"ended_at", "ended_at", render_int},
};

static void free_lookup(struct pending *pending)
{
    struct lookup *l = (struct lookup *)pending;
    buf_release(&l->json);
    output_release(&l->output);
}

/* The request as it was taken: the job's fields that the client gave. */
static void put_request(struct json_writer *w, struct span bytes)
{
    struct job job;
    struct mp_doc *doc = NULL;
    if (job_decode(bytes, &job, &doc) != 0) {
        json_member_null(w, "request");
        return;
    }
    json_open(w, "request", '{');
    const struct {
        const char *name;
        renderer render;
        struct span value;
    } parts[] = {
        {"message", render_text, job.message},        {"messages", render_raw, job.messages},
        {"attachments", render_raw, job.attachments}, {"model", render_text, job.model},
        {"system", render_text, job.system},          {"params", render_raw, job.params},
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (parts[i].value.ptr != NULL) {
            parts[i].render(w, parts[i].name, parts[i].value);
        }
    }
    json_close(w);
    mp_close(doc);
}

static struct id id_or_none(struct span text)
{
    return id_is_valid(text) ? id_from(text) : (struct id){.text = ""};
}

static void put_record(struct lookup *l, const struct field *fields, size_t count)
{
    struct json_writer *w = &l->w;
    struct span attempt = field_find(fields, count, "attempt");
    json_open(w, NULL, '{');
    json_member_str(w, "generation_id", span_of(l->generation.text));
    json_member_str(w, "chat_id", l->chat.text[0] == '\0' ? SPAN_NONE : span_of(l->chat.text));
    for (size_t i = 0; i < sizeof MEMBERS / sizeof MEMBERS[0]; i++) {
        MEMBERS[i].render(w, MEMBERS[i].member, field_find(fields, count, MEMBERS[i].field));
    }
    render_int(w, "attempt", attempt.len > 0 ? attempt : field_find(fields, count, "epoch"));
    put_request(w, field_find(fields, count, "request"));
    render_usage(w, field_find(fields, count, "usage"));
    render_raw(w, "restore", l->is_committed ? SPAN_NONE : field_find(fields, count, "restore"));
}

static void finish(struct lookup *l)
{
    if (l->seq >= 0) {
        json_member_int(&l->w, "seq", l->seq);
    } else {
        json_member_null(&l->w, "seq");
    }
    json_close(&l->w);
    pending_reply_json(&l->pending, &l->json);
}

static bool put_from_message(struct lookup *l, struct span bytes)
{
    struct mp_doc *doc = NULL;
    if (mp_open(bytes, &doc) != 0) {
        return false;
    }
    const struct mp_value *message = mp_root(doc);
    bool is_it = span_is(mp_str(mp_get(message, "id"), SPAN_NONE), l->message_id.text);
    if (is_it) {
        json_open(&l->w, "output", '{');
        json_member_str(&l->w, "text", mp_str(mp_get(message, "content"), SPAN_NONE));
        json_member_str(&l->w, "reasoning", mp_str(mp_get(message, "reasoning"), SPAN_NONE));
        json_member_raw(&l->w, "tool_calls", mp_str(mp_get(message, "tool_calls"), SPAN_NONE));
        json_close(&l->w);
    }
    mp_close(doc);
    return is_it;
}

static void on_chat_read(int status, const struct chat_view *view, void *arg)
{
    struct lookup *l = pending_of(arg);
    if (pending_failed(&l->pending, status)) {
        return;
    }
    bool is_found = false;
    for (size_t i = view->message_count; i > 0 && !is_found; i--) {
        is_found = put_from_message(l, view->messages[i - 1]);
    }
    if (!is_found) {
        json_member_null(&l->w, "output");
    }
    finish(l);
}

static void on_log(int status, const struct log_page *page, void *arg);

static void read_log(struct lookup *l)
{
    log_read(l->pending.api->bus, l->pending.who.tenant, l->generation.text, l->read,
             LIMIT_READ_PAGE, on_log, l);
}

static void on_log(int status, const struct log_page *page, void *arg)
{
    struct lookup *l = pending_of(arg);
    if (pending_failed(&l->pending, status)) {
        return;
    }
    if (page == NULL || (page->is_gone && l->read == 0)) {
        if (l->is_committed && l->chat.text[0] != '\0') {
            turn_read_chat(l->pending.api->bus, l->pending.who.tenant, l->chat.text,
                           LIMIT_MESSAGES_PAGE, "", on_chat_read, l);
        } else {
            json_member_null(&l->w, "output");
            finish(l);
        }
        return;
    }
    for (size_t i = 0; i < page->count; i++) {
        output_add(&l->output, page->events[i]);
    }
    l->read += (int64_t)page->count;
    if (page->count > 0 && l->read < page->length) {
        read_log(l);
        return;
    }
    l->seq = l->seq < 0 ? page->length : l->seq;
    output_put(&l->output, &l->w);
    finish(l);
}

static void on_queue_position(int status, int64_t position, void *arg)
{
    struct lookup *l = pending_of(arg);
    if (pending_failed(&l->pending, status)) {
        return;
    }
    if (position >= 0) {
        json_member_int(&l->w, "position", position);
    } else {
        json_member_null(&l->w, "position");
    }
    read_log(l);
}

static void on_record_read(int status, const struct field *fields, size_t count, void *arg)
{
    struct lookup *l = pending_of(arg);
    if (pending_failed(&l->pending, status != 0 ? status : count == 0 ? -ERR_NOT_FOUND : 0)) {
        return;
    }
    struct span output = field_find(fields, count, "output");
    l->chat = id_or_none(field_find(fields, count, "chat"));
    l->message_id = id_or_none(field_find(fields, count, "message_id"));
    l->is_committed = span_is(field_find(fields, count, "committed"), "1");
    if (num_parse_i64(field_find(fields, count, "seq"), &l->seq) != 0) {
        l->seq = -1;
    }
    put_record(l, fields, count);
    if (output.len > 0) {
        json_member_raw(&l->w, "output", output);
        finish(l);
    } else if (span_is(field_find(fields, count, "state"), "queued")) {
        turn_position(l->pending.api->bus, l->pending.who.tenant, l->generation.text,
                      on_queue_position, l);
    } else {
        read_log(l);
    }
}

void get_generation(struct http_request *request, void *arg)
{
    struct api *api = api_of(arg);
    struct id generation;
    if (!request_path_id(request, "generation_id", &generation) || !request_has_no_query(request)) {
        return;
    }
    struct lookup *l = pending_new(api, request, sizeof *l, free_lookup);
    l->generation = generation;
    buf_init(&l->json, RECORD_JSON_MAX);
    output_init(&l->output, 2 * (size_t)api->conf->limits_output);
    l->w = json_writer(&l->json);
    turn_read_record(api->bus, l->pending.who.tenant, generation.text, on_record_read, l);
}
