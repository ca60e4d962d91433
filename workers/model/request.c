/* A request read for its model. */
#include "model/request.h"

#include "base/mem.h"
#include "base/num.h"
#include "model/estimate.h"
#include "wire/json.h"

enum {
    ROOM_FOR_REST = 4, /* messages are kept with more than the model sees: reasoning, metadata */
    MORE_ROOM = 64     /* for params written anew: a number may be longer than it was given */
};

struct span request_model(const struct conf *conf, const struct claimed *claimed)
{
    struct span chats = span_of(claimed->chat_model);
    if (claimed->job.model.len > 0)
        return claimed->job.model;
    return chats.len > 0 && conf_find_model(conf, chats) != NULL ? chats : SPAN_NONE;
}

struct span request_system(const struct claimed *claimed)
{
    struct span own = claimed->job.system;
    return own.ptr != NULL ? own : span_of(claimed->chat_system);
}

static bool has_image(struct span attachments)
{
    struct json_walk walk = json_walk_array(attachments);
    struct span name, item;
    while (json_walk_next(&walk, &name, &item))
        if (span_is(json_raw(item, "type"), "\"image\""))
            return true;
    return false;
}

static bool has_image_part(struct span messages)
{
    struct json_walk walk = json_walk_array(messages);
    struct span name, message, part;
    while (json_walk_next(&walk, &name, &message)) {
        struct json_walk parts = json_walk_array(json_raw(message, "content"));
        while (json_walk_next(&parts, &name, &part))
            if (json_raw(part, "image_url").ptr != NULL)
                return true;
    }
    return false;
}

bool request_has_images(const struct job *job)
{
    return has_image(job->attachments) || has_image_part(job->messages);
}

bool request_has_tools(const struct job *job)
{
    return job->params.len > 0 && json_raw(job->params, "tools").len > 0;
}

int64_t request_patience_ms(const struct conf *conf, const struct claimed *claimed)
{
    const char *kind = strchr(claimed->lane, '.');
    bool is_batch = kind != NULL && strcmp(kind, ".batch") == 0;
    return is_batch ? conf->queue_batch_timeout : conf->queue_interactive_timeout;
}

char *request_params_behind(struct span params, struct span prefill)
{
    struct span name, value;
    int64_t most, left;
    struct buf out;
    if (params.len == 0 || prefill.len == 0 ||
        num_parse_i64(json_raw(params, "max_tokens"), &most) != 0)
        return NULL;
    left = most - estimate_tokens(prefill);
    buf_init(&out, params.len + MORE_ROOM);
    struct json_walk walk = json_walk_object(params);
    struct json_writer w = json_writer(&out);
    json_open(&w, NULL, '{');
    while (json_walk_next(&walk, &name, &value)) {
        json_key_raw(&w, name);
        if (json_name_is(name, "max_tokens"))
            json_put_int(&out, left > 1 ? left : 1);
        else
            json_put_raw(&out, value);
    }
    json_close(&w);
    CHECK(buf_error(&out) == 0); /* it has become no longer */
    char *behind = buf_take(&out, NULL);
    buf_release(&out);
    return behind;
}

int request_read_chat(const struct worker *worker, const struct claimed *claimed, on_chat done,
                      void *arg)
{
    const struct conf *conf = worker_conf(worker);
    struct span replaced = claimed->job.replace_from;
    struct id before = {.text = ""};
    if (replaced.len > 0 && !id_is_valid(replaced))
        return -ERR_MALFORMED;
    if (replaced.len > 0)
        before = id_from(replaced);
    const struct chat_look look = {
        .tenant = claimed->tenant,
        .chat = claimed->chat,
        .limit = (size_t)conf->limits_history_messages,
        .max_bytes = ROOM_FOR_REST * (size_t)conf->limits_history_bytes,
        .before = before.text,
    };
    turn_read_chat(worker_bus(worker), &look, done, arg);
    return 0;
}
