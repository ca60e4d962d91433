/* The begin of a state. */
#include "graph/input.h"

#include "wire/json.h"

static void put_attachment(struct json_writer *w, struct span attachment)
{
    struct json_walk walk = json_walk_object(attachment);
    struct span name, value;
    json_open(w, NULL, '{');
    while (json_walk_next(&walk, &name, &value)) {
        if (json_name_is(name, "data"))
            continue;
        json_key_raw(w, name);
        json_put_raw(w->buf, value);
    }
    json_close(w);
}

void input_write_attachments(struct span attachments, struct buf *out)
{
    struct json_walk walk = json_walk_array(attachments);
    struct span name, item;
    struct json_writer w = json_writer(out);
    json_open(&w, NULL, '[');
    while (attachments.ptr != NULL && json_walk_next(&walk, &name, &item))
        put_attachment(&w, item);
    json_close(&w);
}

static struct span text_or_none(const char *text)
{
    return text == NULL || text[0] == '\0' ? SPAN_NONE : span_of(text);
}

void input_write(const struct claimed *claimed, struct span message, struct buf *out)
{
    struct json_writer w = json_writer(out);
    json_open(&w, NULL, '{');
    json_member_str(&w, "message", message);
    json_key(&w, SPAN_LIT("attachments"));
    input_write_attachments(claimed->job.attachments, out);
    json_member_raw(&w, "metadata", claimed->job.metadata);
    json_member_str(&w, "chat_id", text_or_none(claimed->chat));
    json_member_str(&w, "generation_id", span_of(claimed->generation));
    json_member_str(&w, "user", text_or_none(claimed->user));
    json_close(&w);
}

void input_write_history(const struct llm_message *messages, size_t count, struct buf *out)
{
    struct json_writer w = json_writer(out);
    json_open(&w, NULL, '[');
    for (size_t i = 0; i < count; i++) {
        json_open(&w, NULL, '{');
        json_member_str(&w, "role", span_of(messages[i].role));
        json_member_str(&w, "content", messages[i].content);
        json_close(&w);
    }
    json_close(&w);
}
