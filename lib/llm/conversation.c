/* The request's conversation. Pure. Invariant: whatever was read is freed by conversation_release,
 * also after a failure. */
#include "llm/conversation.h"
#include "base/mem.h"

static enum role role_of(struct span name)
{
    static const struct {
        const char *name;
        enum role role;
    } roles[] = {{"system", ROLE_SYSTEM},
                 {"developer", ROLE_SYSTEM},
                 {"assistant", ROLE_ASSISTANT},
                 {"tool", ROLE_TOOL}};
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
        if (span_is(name, roles[i].name))
            return roles[i].role;
    return ROLE_USER;
}

static struct message *add(struct conversation *c, enum role role)
{
    c->messages = mem_grow(c->messages, c->count + 1, sizeof(*c->messages));
    struct message *message = &c->messages[c->count++];
    *message = (struct message){.role = role};
    return message;
}

static void add_text(struct conversation *c, enum role role, struct span text)
{
    if (text.len > 0)
        parts_add_text(&add(c, role)->parts, text);
}

/* Calls in OpenAI's form. */
static void read_calls(struct message *message, const struct json *list)
{
    size_t count = json_type(list) == JSON_ARRAY ? json_count(list) : 0;
    if (count == 0)
        return;
    message->calls = mem_new_array(count, sizeof(*message->calls));
    for (size_t i = 0; i < count; i++) {
        const struct json *function = json_get(json_at(list, i), "function");
        message->calls[message->call_count++] =
            (struct message_call){.id = json_string(json_get(json_at(list, i), "id")),
                                  .name = json_string(json_get(function, "name")),
                                  .arguments = json_string(json_get(function, "arguments"))};
    }
}

static int read_message(struct conversation *c, const struct llm_message *message, struct err *err)
{
    struct message *added = add(c, role_of(span_of(message->role)));
    added->call_id = message->tool_call_id;
    int result = parts_add_json(&added->parts, message->reasoning, err);
    if (result == 0)
        result = parts_add_attachments(&added->parts, message->attachments, err);
    parts_add_text(&added->parts, message->content);
    if (result == 0 && message->tool_calls.len > 0) {
        result = json_parse(message->tool_calls, &added->calls_doc, err);
        if (result == 0)
            read_calls(added, json_root(added->calls_doc));
    }
    return result;
}

static size_t last_of_user(const struct json *list)
{
    for (size_t i = json_count(list); i > 0; i--)
        if (span_is(json_string(json_get(json_at(list, i - 1), "role")), "user"))
            return i - 1;
    return json_count(list);
}

static int read_raw(struct conversation *c, const struct llm_request *request, struct err *err)
{
    int result = json_parse(request->raw_messages, &c->doc, err);
    const struct json *list = result == 0 ? json_root(c->doc) : NULL;
    size_t attached = last_of_user(list);
    for (size_t i = 0; i < json_count(list) && result == 0; i++) {
        const struct json *message = json_at(list, i);
        struct message *added = add(c, role_of(json_string(json_get(message, "role"))));
        added->call_id = json_string(json_get(message, "tool_call_id"));
        read_calls(added, json_get(message, "tool_calls"));
        if (i == attached)
            result = parts_add_attachments(&added->parts, request->raw_attachments, err);
        if (result == 0)
            result = parts_add_content(&added->parts, json_get(message, "content"), err);
    }
    return result;
}

int conversation_read(struct conversation *c, const struct llm_request *request, struct err *err)
{
    int result = 0;
    *c = (struct conversation){.messages = NULL};
    add_text(c, ROLE_SYSTEM, request->system);
    if (request->raw_messages.len > 0)
        result = read_raw(c, request, err);
    else
        for (size_t i = 0; i < request->message_count && result == 0; i++)
            result = read_message(c, &request->messages[i], err);
    add_text(c, ROLE_ASSISTANT, request->prefill);
    return result;
}

void conversation_release(struct conversation *c)
{
    for (size_t i = 0; i < c->count; i++) {
        parts_release(&c->messages[i].parts);
        mem_free(c->messages[i].calls);
        json_free(c->messages[i].calls_doc);
    }
    mem_free(c->messages);
    json_free(c->doc);
    *c = (struct conversation){.messages = NULL};
}

bool conversation_has_prefill(const struct conversation *c)
{
    const struct message *last = c->count == 0 ? NULL : &c->messages[c->count - 1];
    return last != NULL && last->role == ROLE_ASSISTANT && last->call_count == 0;
}

struct span conversation_tool(const struct conversation *c, size_t before, struct span call_id)
{
    for (size_t i = before; i > 0; i--) {
        const struct message *message = &c->messages[i - 1];
        for (size_t j = 0; j < message->call_count; j++)
            if (span_equal(message->calls[j].id, call_id))
                return message->calls[j].name;
    }
    return SPAN_NONE;
}

void message_put_text(struct buf *b, const struct message *message)
{
    size_t before = b->len;
    for (size_t i = 0; i < message->parts.count; i++) {
        if (message->parts.each[i].kind != PART_TEXT)
            continue;
        if (b->len > before)
            (void)buf_text(b, "\n\n"); /* the caller looks at buf_error */
        (void)buf_span(b, message->parts.each[i].text);
    }
}

bool message_has(const struct message *message, enum part_kind kind)
{
    for (size_t i = 0; i < message->parts.count; i++)
        if (message->parts.each[i].kind == kind)
            return true;
    return false;
}

void message_put_arguments(struct buf *b, struct span arguments)
{
    struct span text = span_trim(arguments);
    if (text.len == 0) {
        (void)buf_text(b, "{}"); /* the caller looks at buf_error, here and below */
        return;
    }
    if (text.ptr[0] == '{' && json_check(text, NULL) == 0) {
        json_put_raw(b, text);
        return;
    }
    struct json_writer w = json_writer(b);
    json_open(&w, NULL, '{');
    json_member_str(&w, "arguments", arguments);
    json_close(&w);
}
