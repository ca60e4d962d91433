/* GET /v1/chats and /v1/chats/{chat_id}: what was committed, and what is being answered. */
#include "api/chat_view.h"
#include "api/handlers.h"
#include "api/pending.h"
#include "api/render.h"
#include "api/request.h"
#include "bus/turn.h"
#include "wire/event.h"
#include "wire/json.h"
#include "wire/limits.h"

#include <stdio.h>

enum { CHATS_PAGE = 50, CHAT_JSON_MAX = 16 * LIMIT_MP_BYTES };

/* A question about chats under way. */
struct chat_query {
    struct pending pending; /* first */
    struct id chat;
    struct buf json;
};

/* A committed message's members in the order that clients see; those that are optional are left out
 * when absent. */
static const struct {
    const char *name;
    bool is_optional;
} MESSAGE_MEMBERS[] = {
    {"id", false},           {"role", false},          {"content", false},
    {"created_at", false},   {"generation_id", false}, {"attachments", true},
    {"reasoning", true},     {"tool_calls", true},     {"model", true},
    {"finish_reason", true}, {"usage", true},          {"stopped", true},
    {"metadata", true},
};

static void free_query(struct pending *pending)
{
    buf_release(&((struct chat_query *)pending)->json);
}

static struct chat_query *new_query(struct api *api, struct http_request *request)
{
    struct chat_query *q = pending_new(api, request, sizeof *q, free_query);
    buf_init(&q->json, CHAT_JSON_MAX);
    return q;
}

static void put_message_member(struct json_writer *w, const char *name, bool is_optional,
                               const struct mp_value *value)
{
    if (value == NULL) {
        if (!is_optional) {
            json_member_null(w, name);
        }
    } else if (mp_is_int(value)) {
        json_member_int(w, name, mp_int(value, 0));
    } else if (!mp_is_str(value)) {
        json_member_bool(w, name, mp_bool(value, false));
    } else if (field_is_raw(span_of(name))) {
        json_member_raw(w, name, mp_str(value, SPAN_NONE));
    } else {
        json_member_str(w, name, mp_str(value, SPAN_NONE));
    }
}

static void put_message(struct json_writer *w, struct span bytes)
{
    struct mp_doc *doc = NULL;
    if (mp_open(bytes, &doc) != 0) {
        return;
    }
    json_open(w, NULL, '{');
    for (size_t i = 0; i < sizeof MESSAGE_MEMBERS / sizeof MESSAGE_MEMBERS[0]; i++) {
        put_message_member(w, MESSAGE_MEMBERS[i].name, MESSAGE_MEMBERS[i].is_optional,
                           mp_get(mp_root(doc), MESSAGE_MEMBERS[i].name));
    }
    json_close(w);
    mp_close(doc);
}

/* What is being answered, so that a reload can show the message. */
static void put_active(struct json_writer *w, const struct chat_view *view)
{
    if (view->active_count == 0) {
        json_member_null(w, "active");
        return;
    }
    struct span restore = field_find(view->active, view->active_count, "restore");
    struct json_doc *doc = NULL;
    struct span message = SPAN_NONE;
    struct span attachments = SPAN_NONE;
    if (json_parse(restore, &doc, NULL) == 0) {
        message = json_string(json_get(json_root(doc), "message"));
        attachments = json_raw(restore, "attachments");
    }
    json_open(w, "active", '{');
    json_member_str(w, "generation_id", view->active_generation);
    json_member_str(w, "state", field_find(view->active, view->active_count, "state"));
    json_member_str(w, "message", message);
    json_member_raw(w, "attachments", attachments);
    render_int(w, "created_at", field_find(view->active, view->active_count, "created_at"));
    json_close(w);
    json_free(doc);
}

static void on_chat_read(int status, const struct chat_view *view, void *arg)
{
    struct chat_query *q = pending_of(arg);
    if (pending_failed(&q->pending,
                       status == 0 && view->record_count == 0 ? -ERR_NOT_FOUND : status)) {
        return;
    }
    struct json_writer w = json_writer(&q->json);
    json_open(&w, NULL, '{');
    chat_view_put_head(&w, &q->chat, view);
    json_open(&w, "messages", '[');
    for (size_t i = 0; i < view->message_count; i++) {
        put_message(&w, view->messages[i]);
    }
    json_close(&w);
    render_text(&w, "next", span_of(chat_view_next(view).text));
    put_active(&w, view);
    json_close(&w);
    pending_reply_json(&q->pending, &q->json);
}

void get_chat(struct http_request *request, void *arg)
{
    static const char *const queries[] = {"limit", "before"};
    struct api *api = api_of(arg);
    struct id chat, before;
    int64_t limit = 0;
    if (!request_path_id(request, "chat_id", &chat) || !request_has_query(request, queries, 2) ||
        !request_query_int(request, "limit", 1, LIMIT_MESSAGES_PAGE, LIMIT_MESSAGES_PAGE, &limit) ||
        !request_query_id(request, "before", &before)) {
        return;
    }
    struct chat_query *q = new_query(api, request);
    q->chat = chat;
    const struct chat_look look = {q->pending.who.tenant, q->chat.text, (size_t)limit,
                                   LIMIT_MESSAGES_BYTES, before.text};
    turn_read_chat(api->bus, &look, on_chat_read, q);
}

static void put_row(struct json_writer *w, const struct chat_row *row)
{
    json_open(w, NULL, '{');
    json_member_str(w, "chat_id", row->chat);
    json_member_str(w, "title", field_find(row->record, row->record_count, "title"));
    render_text(w, "user", field_find(row->record, row->record_count, "user"));
    render_int(w, "created_at", field_find(row->record, row->record_count, "created_at"));
    render_int(w, "updated_at", field_find(row->record, row->record_count, "updated_at"));
    render_int(w, "message_count", field_find(row->record, row->record_count, "message_count"));
    render_text(w, "active", row->active);
    json_close(w);
}

static void on_chats_read(int status, const struct chat_row *rows, size_t count, bool has_more,
                          void *arg)
{
    struct chat_query *q = pending_of(arg);
    if (pending_failed(&q->pending, status)) {
        return;
    }
    struct json_writer w = json_writer(&q->json);
    json_open(&w, NULL, '{');
    json_open(&w, "data", '[');
    for (size_t i = 0; i < count; i++) {
        put_row(&w, &rows[i]);
    }
    json_close(&w);
    json_member_str(&w, "next", has_more && count > 0 ? rows[count - 1].chat : SPAN_NONE);
    json_close(&w);
    pending_reply_json(&q->pending, &q->json);
}

/* ?user=: a user's name; "" when absent. */
static bool query_user(struct http_request *request, char *out, size_t size)
{
    struct span user = http_query(request, "user");
    if (user.len > 0 && !id_is_user(user)) {
        struct err err;
        (void)err_set(&err, ERR_BAD_REQUEST, "user",
                      "user must be 1 to %d bytes without control characters", ID_USER_MAX);
        http_reply_error(request, &err);
        return false;
    }
    (void)snprintf(out, size, "%.*s", SPAN_ARG(user));
    return true;
}

void get_chats(struct http_request *request, void *arg)
{
    static const char *const queries[] = {"user", "after", "limit"};
    struct api *api = api_of(arg);
    char user[ID_USER_MAX + 1];
    struct id after;
    int64_t limit = 0;
    if (!request_has_query(request, queries, 3) ||
        !request_query_int(request, "limit", 1, LIMIT_CHATS_PAGE, CHATS_PAGE, &limit) ||
        !request_query_id(request, "after", &after) || !query_user(request, user, sizeof user)) {
        return;
    }
    const struct who who = request_who(api, request);
    struct span asked = user[0] == '\0' ? SPAN_NONE : span_of(user);
    struct err err;
    if (who_check_chat(&who, SPAN_NONE, &err) != 0 || who_take_user(&who, &asked, &err) != 0) {
        http_reply_error(request, &err);
        return;
    }
    struct chat_query *q = new_query(api, request);
    turn_list_chats(api->bus, q->pending.who.tenant, (size_t)limit, after.text,
                    asked.ptr == NULL ? "" : asked.ptr, on_chats_read, q);
}
