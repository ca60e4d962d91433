/* The begin of a state. */
#include "graph/input.h"

#include "base/mem.h"
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

/* A stateless request. */

static const char *role_of(const struct json *message)
{
    static const char *const roles[] = {"user", "assistant", "system"};
    struct span role = json_string(json_get(message, "role"));
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++)
        if (span_is(role, roles[i]))
            return roles[i];
    return NULL; /* results of tools: an expression has no use for them */
}

/* Content is text, or a list of parts, of which those of text count. Owned. */
static char *text_of(const struct json *content, size_t max_bytes)
{
    struct buf text;
    buf_init(&text, max_bytes);
    (void)buf_span(&text, json_string(content)); /* no longer than what it was read from */
    for (size_t i = 0; json_type(content) == JSON_ARRAY && i < json_count(content); i++)
        (void)buf_span(&text, json_string(json_get(json_at(content, i), "text")));
    return buf_take(&text, NULL);
}

static size_t last_of_user(const struct json *messages)
{
    size_t last = json_count(messages);
    while (last > 0 && !span_is(json_string(json_get(json_at(messages, last - 1), "role")), "user"))
        last--;
    return last; /* behind it; 0: there is none */
}

char *input_take_messages(struct span messages, struct history *history)
{
    struct json_doc *doc = NULL;
    struct err err;
    if (json_parse(messages, &doc, &err) != 0)
        return mem_strdup("");
    const struct json *list = json_root(doc);
    size_t count = last_of_user(list), kept = 0;
    struct llm_message *all = mem_new_array(count + 1, sizeof *all);
    char **texts = mem_new_array(count + 1, sizeof *texts);
    for (size_t i = 0; i < count; i++) {
        const struct json *message = json_at(list, i);
        texts[i] = text_of(json_get(message, "content"), messages.len + 1);
        all[kept] = (struct llm_message){.role = role_of(message), .content = span_of(texts[i])};
        if (all[kept].role != NULL && i + 1 < count)
            kept++;
    }
    history_share(history, all, kept);
    history_own(history);
    char *last = mem_strdup(count == 0 ? "" : texts[count - 1]);
    for (size_t i = 0; i < count; i++)
        mem_free(texts[i]);
    mem_free(texts);
    mem_free(all);
    json_free(doc);
    return last;
}
