/* messages: the conversation of a stateless generation. Checked item by item, then passed on as the
 * text that was sent. */
#include "api/body_checks.h"
#include "wire/limits.h"

#include <stdarg.h>
#include <stdio.h>

/* What a role may carry besides content. */
struct role {
    const char *name;
    bool may_call;     /* tool_calls, and then content may be null */
    bool answers_call; /* tool_call_id, which it must have */
};

static const struct role ROLES[] = {
    {"system", false, false},   {"developer", false, false}, {"user", false, false},
    {"assistant", true, false}, {"tool", false, true},
};

/* One message under check: its path for messages and its members. */
struct item {
    struct body_parse *parse;
    char path[32];
    const struct role *role;
    const struct json *content, *tool_calls, *tool_call_id;
};

__attribute__((format(printf, 3, 4))) static int refuse(const struct item *item, const char *member,
                                                        const char *format, ...);

static int refuse(const struct item *item, const char *member, const char *format, ...)
{
    char param[sizeof item->parse->err->param];
    char text[128];
    va_list args;
    (void)snprintf(param, sizeof param, "%s%s%s", item->path, member[0] == '\0' ? "" : ".", member);
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return err_set(item->parse->err, ERR_BAD_REQUEST, param, "%s %s", param, text);
}

static const struct role *find_role(struct span name)
{
    for (size_t i = 0; i < sizeof ROLES / sizeof ROLES[0]; i++) {
        if (span_is(name, ROLES[i].name)) {
            return &ROLES[i];
        }
    }
    return NULL;
}

/* Takes the members apart; a name that no message has is refused. */
static int take_members(struct item *item, const struct json *message)
{
    const struct json *role = NULL;
    const struct {
        const char *name;
        const struct json **place;
    } members[] = {{"role", &role},
                   {"content", &item->content},
                   {"tool_calls", &item->tool_calls},
                   {"tool_call_id", &item->tool_call_id}};
    size_t count = json_count(message);
    if (count > 4) {
        return refuse(item, "", "has more than role, content, tool_calls and tool_call_id");
    }
    for (size_t i = 0; i < count; i++) {
        const struct json *member = json_at(message, i);
        size_t at = 0;
        while (at < 4 && strcmp(members[at].name, json_name(member)) != 0) {
            at++;
        }
        if (at == 4) {
            return refuse(item, json_name(member), "is no field of a message");
        }
        if (*members[at].place != NULL) {
            return refuse(item, json_name(member), "stands there twice");
        }
        *members[at].place = member;
    }
    item->role = find_role(json_string(role));
    return item->role != NULL
               ? 0
               : refuse(item, "role", "must be system, developer, user, assistant or tool");
}

static int check_parts(const struct item *item)
{
    size_t count = json_count(item->content);
    if (count == 0 || count > LIMIT_PARTS) {
        return refuse(item, "content", "must be text or 1 to %d parts", LIMIT_PARTS);
    }
    for (size_t i = 0; i < count; i++) {
        bool is_image = false;
        const char *wrong = body_part_wrong(json_at(item->content, i), item->role->name, &is_image);
        if (wrong != NULL) {
            return refuse(item, "content", "%s", wrong);
        }
        item->parse->body->has_image = item->parse->body->has_image || is_image;
    }
    return 0;
}

static int check_content(const struct item *item)
{
    switch (json_type(item->content)) {
    case JSON_STRING:
        return 0;
    case JSON_ARRAY:
        return check_parts(item);
    case JSON_NULL:
        return json_count(item->tool_calls) > 0 ? 0 : refuse(item, "content", "is missing");
    case JSON_BOOL:
    case JSON_NUMBER:
    case JSON_OBJECT:
        break;
    }
    return refuse(item, "content", "must be text");
}

static bool is_tool_call(const struct json *call)
{
    const struct json *function = json_get(call, "function");
    return json_string(json_get(call, "id")).ptr != NULL &&
           json_string(json_get(function, "name")).ptr != NULL &&
           json_string(json_get(function, "arguments")).ptr != NULL;
}

static int check_tool_calls(const struct item *item)
{
    if (item->tool_calls == NULL) {
        return 0;
    }
    if (!item->role->may_call) {
        return refuse(item, "tool_calls", "belongs to an assistant's message");
    }
    if (json_type(item->tool_calls) != JSON_ARRAY) {
        return refuse(item, "tool_calls", "must be an array");
    }
    size_t count = json_count(item->tool_calls);
    if (count == 0 || count > LIMIT_TOOLS) {
        return refuse(item, "tool_calls", "must be 1 to %d calls", LIMIT_TOOLS);
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_tool_call(json_at(item->tool_calls, i))) {
            return refuse(item, "tool_calls", "must be [{id, type, function: {name, arguments}}]");
        }
    }
    return 0;
}

static int check_tool_call_id(const struct item *item)
{
    if (!item->role->answers_call) {
        return item->tool_call_id == NULL
                   ? 0
                   : refuse(item, "tool_call_id", "belongs to a tool's message");
    }
    return json_string(item->tool_call_id).len > 0
               ? 0
               : refuse(item, "tool_call_id", "must name the call that this answers");
}

static int check_message(struct body_parse *p, size_t index, const struct json *message)
{
    struct item item = {.parse = p};
    (void)snprintf(item.path, sizeof item.path, "messages[%zu]", index);
    if (json_type(message) != JSON_OBJECT) {
        return refuse(&item, "", "must be an object");
    }
    int rc = take_members(&item, message);
    if (rc == 0) {
        rc = check_tool_calls(&item);
    }
    if (rc == 0) {
        rc = check_tool_call_id(&item);
    }
    if (rc == 0) {
        rc = check_content(&item);
    }
    if (rc == 0 && strcmp(item.role->name, "user") == 0) {
        p->body->message = json_string(item.content);
        p->body->has_user_message = true;
    }
    return rc;
}

int body_check_messages(struct body_parse *p, const struct json *value)
{
    if (json_type(value) != JSON_ARRAY) {
        return body_wants(p->err, "messages", "an array", value);
    }
    size_t count = json_count(value);
    if (count == 0 || count > LIMIT_MESSAGES) {
        return err_set(p->err, ERR_BAD_REQUEST, "messages", "messages must be 1 to %d",
                       LIMIT_MESSAGES);
    }
    for (size_t i = 0; i < count; i++) {
        int rc = check_message(p, i, json_at(value, i));
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}
