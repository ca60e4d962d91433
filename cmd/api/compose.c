/* From a checked body to the bytes of a turn. */
#include "api/compose.h"

#include "wire/job.h"
#include "wire/mp.h"

void compose_restore(struct buf *out, const struct body *body)
{
    struct json_writer w = json_writer(out);
    json_open(&w, NULL, '{');
    json_member_str(&w, "message", body->message);
    json_member_raw(&w, "attachments",
                    body->attachments.ptr == NULL ? SPAN_LIT("[]") : body->attachments);
    json_member_raw(&w, "metadata", body->metadata);
    json_close(&w);
}

void compose_user_message(struct buf *out, const struct body *body, const char *message_id,
                          const char *generation_id, int64_t created_at_ms)
{
    struct mp_fields f = mp_fields_begin(out);
    mp_field_int(&f, "v", 1);
    mp_field_str(&f, "id", span_of(message_id));
    mp_field_str(&f, "role", SPAN_LIT("user"));
    mp_field_str(&f, "content", body->message);
    mp_field_int(&f, "created_at", created_at_ms);
    mp_field_str(&f, "generation_id", span_of(generation_id));
    mp_field_str(&f, "attachments", body->attachments);
    mp_field_str(&f, "metadata", body->metadata);
    mp_fields_end(&f);
}

void compose_job(struct buf *out, const struct body *body, bool is_stateless, struct span prefill)
{
    struct job job = {
        .version = JOB_VERSION,
        .is_stateless = is_stateless,
        .message = is_stateless ? SPAN_NONE : body->message,
        .messages = body->messages,
        .attachments = body->attachments,
        .model = body->model,
        .graph = body->graph,
        .system = body->system,
        .params = body->params,
        .metadata = body->metadata,
        .upstream = span_of(body->upstream_on_stop),
        .replace_from = body->replace_from,
        .prefill = prefill,
    };
    job_encode(out, &job);
}

struct span compose_title(struct span message)
{
    size_t chars = 0;
    size_t at = 0;
    while (at < message.len) {
        bool starts_char = ((unsigned char)message.ptr[at] & 0xc0) != 0x80;
        if (starts_char && chars++ == COMPOSE_TITLE_CHARS) {
            break;
        }
        at++;
    }
    return span_make(message.ptr, at);
}
