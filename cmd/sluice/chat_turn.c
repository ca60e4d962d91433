/* A turn: sent, read, stopped. Nothing but the edit line prints where it stands, unless it is
 * hidden. */
#include "chat_inner.h"

#include "command.h"
#include "show.h"

#include "base/mem.h"
#include "wire/event.h"

enum {
    AGAIN_MS = 500, /* between tries */
    TRIES = 60,
    BODY_MAX = 4 * 1024 * 1024,
    END_MAX = 4096
};

void chat_set_state(struct chat *c, enum chat_state state)
{
    static const bool legal[CHAT_STATES][CHAT_STATES] = {
        [CHAT_LOADING] = {[CHAT_EDITING] = true,
                          [CHAT_POSTING] = true,
                          [CHAT_STREAMING] = true,
                          [CHAT_OVER] = true},
        [CHAT_EDITING] = {[CHAT_POSTING] = true, [CHAT_OVER] = true},
        [CHAT_POSTING] = {[CHAT_STREAMING] = true,
                          [CHAT_EDITING] = true,
                          [CHAT_STOPPING] = true,
                          [CHAT_OVER] = true},
        [CHAT_STREAMING] = {[CHAT_EDITING] = true, [CHAT_STOPPING] = true, [CHAT_OVER] = true},
        [CHAT_STOPPING] = {[CHAT_EDITING] = true, [CHAT_HOLDING] = true, [CHAT_OVER] = true},
        [CHAT_HOLDING] = {[CHAT_POSTING] = true, [CHAT_STOPPING] = true, [CHAT_OVER] = true},
    };
    CHECK(legal[c->state][state]);
    c->state = state;
}

void chat_finish(struct chat *c, int exit_status)
{
    if (c->state == CHAT_OVER)
        return;
    chat_cancel(c);
    chat_set_state(c, CHAT_OVER);
    c->exit_status = exit_status;
    loop_stop(c->loop);
}

/* Asking. */

void chat_ask(struct chat *c, const char *method, char *path, struct span body,
              client_on_answer done)
{
    char *url = mem_printf("%s%s", c->server, path);
    bool is_message = c->state == CHAT_POSTING;
    CHECK(c->asked == NULL);
    c->asked = client_start(c->loop, c->fetcher,
                            &(struct client_call){.method = method,
                                                  .url = url,
                                                  .authorization = c->authorization,
                                                  .body = body,
                                                  .wants_async = is_message,
                                                  .connect_ms = 3000,
                                                  .total_ms = 10000},
                            done, c);
    mem_free(url);
    mem_free(path);
}

void chat_cancel(struct chat *c)
{
    client_cancel(c->asked);
    c->asked = NULL;
    timer_stop(&c->again);
    c->tries = 0;
}

/* Around what is printed while the edit line may be there. */
static void hide_line(struct chat *c)
{
    if (c->edit != NULL)
        edit_hide(c->edit);
}

static void show_line(struct chat *c)
{
    if (c->edit != NULL)
        edit_show(c->edit);
}

static void tell(struct chat *c, const char *text)
{
    hide_line(c);
    chat_view_error(c->view, "%s", text);
    show_line(c);
}

/* The end of a turn: the line again, with what is to be on it. */
void chat_end_turn(struct chat *c, struct span text)
{
    if (c->edit == NULL) {
        chat_finish(c, c->is_done ? EXIT_OK : EXIT_FAILED);
        return;
    }
    chat_set_state(c, CHAT_EDITING);
    chat_view_gap(c->view);
    edit_open(c->edit, text);
}

/* Stopping. */

/* Whatever the stop came to. */
static void settle(struct chat *c)
{
    chat_cancel(c);
    if (c->is_leaving || c->edit == NULL) {
        chat_finish(c, EXIT_FAILED);
    } else if (c->state == CHAT_HOLDING) {
        char *message = c->message;
        c->message = NULL;
        chat_send(c, span_of(message));
        mem_free(message);
    } else {
        chat_set_state(c, CHAT_EDITING);
    }
}

static void on_record(int status, struct span body, void *arg)
{
    struct chat *c = arg;
    struct json_doc *doc = NULL;
    CHECK_MAGIC(c, CHAT_MAGIC);
    c->asked = NULL;
    struct span text = SPAN_NONE;
    if (status == 200 && json_parse(body, &doc, NULL) == 0)
        text = json_string(json_get(json_get(json_root(doc), "output"), "text"));
    c->is_saved = true;
    if (c->state == CHAT_STOPPING && c->edit != NULL && edit_is_open(c->edit) &&
        !edit_is_touched(c->edit))
        edit_replace(c->edit, SPAN_NONE);
    hide_line(c);
    chat_view_note(c->view, "It was complete before the stop; the message is in the chat:");
    chat_view_reply(c->view, text);
    chat_view_gap(c->view);
    show_line(c);
    json_free(doc);
    settle(c);
}

static void ask_stop(struct chat *c);

static void on_stopped(int status, struct span body, void *arg)
{
    struct chat *c = arg;
    struct json_doc *doc = NULL;
    CHECK_MAGIC(c, CHAT_MAGIC);
    c->asked = NULL;
    if ((status < 0 || status == 503) && c->tries++ < TRIES) {
        if (c->tries == 1)
            tell(c, "The server is not told yet; trying again");
        timer_start(&c->again, AGAIN_MS);
        return;
    }
    if (status < 0 || json_parse(body, &doc, NULL) != 0) {
        tell(c, "The server could not be told to stop");
        settle(c);
        return;
    }
    struct span why = json_string(json_get(json_get(json_root(doc), "error"), "message"));
    bool is_done = span_is(json_string(json_get(json_root(doc), "outcome")), "already_done");
    hide_line(c);
    if (status >= 300)
        chat_view_error(c->view, "%.*s", SPAN_ARG(why));
    else if (c->options->wants_usage && !is_done)
        chat_view_usage(c->view, json_get(json_root(doc), "usage"));
    show_line(c);
    json_free(doc);
    if (is_done && c->edit != NULL && !c->is_leaving)
        chat_ask(c, "GET", mem_printf("/v1/generations/%s", c->generation.text), SPAN_NONE,
                 on_record);
    else
        settle(c);
}

static void ask_stop(struct chat *c)
{
    chat_ask(c, "POST", mem_printf("/v1/generations/%s/stop", c->generation.text), SPAN_LIT("{}"),
             on_stopped);
}

/* The reply is gone at once, whatever the server says later. */
void chat_stop(struct chat *c)
{
    chat_cancel(c);
    follow_free(c->follow);
    c->follow = NULL;
    chat_view_cut(c->view);
    chat_view_note(c->view, "stopped");
    chat_view_gap(c->view);
    chat_set_state(c, CHAT_STOPPING);
    ask_stop(c);
}

/* Sending and reading. */

static void on_unread(void *arg)
{
    struct chat *c = arg;
    CHECK_MAGIC(c, CHAT_MAGIC);
    chat_leave(c);
}

static void on_event(const struct sse_event *event, const struct json *data, void *arg)
{
    struct chat *c = arg;
    CHECK_MAGIC(c, CHAT_MAGIC);
    chat_view_event(c->view, event, data);
    if (!chat_view_is_read(c->view))
        loop_defer(c->loop, on_unread, c); /* a reader is not freed in its own call */
    if (!event_is_terminal(event_kind_of(event->type)))
        return;
    struct span given = json_string(json_get(json_get(data, "restore"), "message"));
    c->is_done = span_is(event->type, "done");
    c->is_saved = c->is_saved || c->is_done;
    if (c->is_done)
        c->is_asked = span_is(json_string(json_get(data, "finish_reason")), "ask");
    mem_free(c->restored);
    c->restored = given.ptr == NULL ? NULL : span_dup(given);
    if (!c->is_done) {
        struct buf end;
        buf_init(&end, END_MAX);
        show_put_end(event->type, data, &end);
        chat_view_error(c->view, "%.*s", SPAN_ARG(buf_as_span(&end)));
        buf_release(&end);
    }
    if (c->options->wants_usage)
        chat_view_usage(c->view, json_get(data, "usage"));
}

static void on_over(bool is_whole, void *arg)
{
    struct chat *c = arg;
    CHECK_MAGIC(c, CHAT_MAGIC);
    follow_free(c->follow);
    c->follow = NULL;
    if (!is_whole)
        chat_view_cut(c->view); /* why is said already */
    chat_end_turn(c,
                  c->is_done ? SPAN_NONE : span_of(c->restored != NULL ? c->restored : c->message));
}

static void on_link(bool is_up, const char *why, void *arg)
{
    struct chat *c = arg;
    CHECK_MAGIC(c, CHAT_MAGIC);
    if (is_up)
        chat_view_note(c->view, "... the connection is there again");
    else
        chat_view_error(c->view, "... the connection is lost (%s); taking it up again", why);
}

void chat_read(struct chat *c)
{
    chat_set_state(c, CHAT_STREAMING);
    c->is_done = false;
    mem_free(c->restored);
    c->restored = NULL;
    chat_view_begin(c->view);
    c->follow =
        follow_start(c->loop, c->fetcher, FOLLOW_TAKEN, c->generation.text,
                     &(struct follow_hooks){
                         .on_event = on_event, .on_over = on_over, .on_link = on_link, .arg = c});
}

static void on_posted(int status, struct span body, void *arg)
{
    struct chat *c = arg;
    struct json_doc *doc = NULL;
    CHECK_MAGIC(c, CHAT_MAGIC);
    c->asked = NULL;
    bool is_away = (status < 0 && c->has_answered) || status == 503;
    if (is_away && c->tries++ < TRIES) {
        if (c->tries == 1)
            chat_view_note(c->view, "The server is away; trying again");
        timer_start(&c->again, AGAIN_MS);
        return;
    }
    if (client_is_answer(&CLIENT_API, c->server, status, body, &doc)) {
        json_free(doc);
        c->has_answered = true;
        chat_read(c);
        return;
    }
    chat_end_turn(c, span_of(c->message));
}

static void put_body(const struct chat *c, struct buf *body)
{
    const struct chat_options *o = c->options;
    const struct {
        const char *name, *value;
    } rows[] = {{"message", c->message},
                {"generation_id", c->generation.text},
                /* What names one of these is no answer to a graph's question. */
                {"model", c->is_asked ? NULL : o->model},
                {"graph", c->is_asked ? NULL : o->graph},
                {"system", c->is_asked ? NULL : o->system},
                {"user", o->user},
                /* A connection that is lost is no stop; Ctrl-C is. */
                {"on_disconnect", "continue"}};
    struct json_writer w = json_writer(body);
    json_open(&w, NULL, '{');
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].value != NULL)
            json_member_str(&w, rows[i].name, span_of(rows[i].value));
    json_close(&w);
}

static void post(struct chat *c)
{
    struct buf body;
    buf_init(&body, BODY_MAX);
    put_body(c, &body);
    chat_ask(c, "POST", mem_printf("/v1/chats/%s/messages", c->options->chat.text),
             buf_as_span(&body), on_posted);
    buf_release(&body);
}

void chat_send(struct chat *c, struct span message)
{
    mem_free(c->message);
    c->message = span_dup(message);
    c->generation = id_mint("gen");
    c->tries = 0;
    chat_set_state(c, CHAT_POSTING);
    post(c);
}

void chat_try_again(struct chat *c)
{
    if (c->state == CHAT_POSTING)
        post(c);
    else
        ask_stop(c);
}
