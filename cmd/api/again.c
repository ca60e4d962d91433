/* A record read back as a body. */
#include "api/again.h"

#include "base/num.h"
#include "wire/job.h"

#include <stdio.h>

/* The old job becomes the body of the new one. */
static int take_job(struct again *again, struct body *body, const struct field *fields,
                    size_t count)
{
    struct job job;
    int rc = job_decode(field_find(fields, count, "request"), &job, &again->doc);
    if (rc != 0) {
        return rc;
    }
    struct span lane = field_find(fields, count, "lane");
    struct span user = field_find(fields, count, "user");
    (void)span_cut(&lane, '.');
    (void)snprintf(again->user, sizeof again->user, "%.*s", SPAN_ARG(user)); /* fits, as it did */
    again->prefill = job.prefill;
    *body = (struct body){
        .message = job.message,
        .messages = job.messages,
        .model = job.model,
        .graph = job.graph,
        .system = job.system,
        .params = job.params,
        .metadata = job.metadata,
        .attachments = job.attachments,
        .user = again->user[0] == '\0' ? SPAN_NONE : span_of(again->user),
        .replace_from = job.replace_from,
        .lane = body_word("lane", lane),
        .on_stop = body_word("on_stop", field_find(fields, count, "on_stop")),
        .upstream_on_stop = body_word("upstream_on_stop", job.upstream),
        .on_interrupt = body_word("on_interrupt", field_find(fields, count, "on_interrupt")),
        .if_busy = body_word("if_busy", SPAN_NONE),
    };
    return 0;
}

int again_take(struct again *again, struct start *s, const struct field *fields, size_t count)
{
    struct span chat = field_find(fields, count, "chat");
    struct span mode = field_find(fields, count, "mode");
    int64_t grace_ms = 0;
    if (take_job(again, &s->body, fields, count) != 0) {
        return -ERR_GONE;
    }
    if (id_is_valid(chat)) {
        s->chat = id_from(chat);
    }
    s->mode = span_is(mode, "none") ? BEGIN_NONE : span_is(mode, "new") ? BEGIN_NEW : BEGIN_ANY;
    s->may_exist = true; /* another turn may have made the chat */
    if (num_parse_i64(field_find(fields, count, "grace"), &grace_ms) == 0 &&
        s->form != ANSWER_ASYNC) {
        s->grace_ms = grace_ms;
    }
    return buf_span(&s->restore, field_find(fields, count, "restore"));
}

void again_release(struct again *again)
{
    mp_close(again->doc);
    again->doc = NULL;
}
