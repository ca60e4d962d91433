/* What the user does, and the beginning and end of a chat. */
#include "chat_inner.h"

#include "command.h"

#include "base/mem.h"

#include <signal.h>
#include <stdio.h>

enum {
    LEAVE_MS = 2000, /* for the answer to a stop, when nobody waits any more */
    PAST = 6         /* messages of the chat that are shown */
};

/* Leaving. */

static void on_patience(void *arg)
{
    struct chat *c = arg;
    CHECK_MAGIC(c, CHAT_MAGIC);
    chat_finish(c, EXIT_FAILED);
}

void chat_leave(struct chat *c)
{
    if (c->state == CHAT_OVER || c->is_leaving)
        return;
    c->is_leaving = true;
    if (c->edit != NULL)
        edit_close(c->edit);
    if (c->state == CHAT_POSTING || c->state == CHAT_STREAMING)
        chat_stop(c);
    if (c->state == CHAT_LOADING || c->state == CHAT_EDITING)
        chat_finish(c, c->edit != NULL ? EXIT_OK : EXIT_FAILED);
    else
        timer_start(&c->patience, LEAVE_MS);
}

/* A line in use is emptied, an empty one is left. */
static void interrupt_line(struct chat *c)
{
    char *text = edit_text(c->edit);
    bool is_empty = *text == '\0';
    if (!is_empty)
        edit_remember(c->edit, span_of(text));
    mem_free(text);
    if (is_empty) {
        chat_leave(c);
        return;
    }
    edit_hide(c->edit);
    chat_view_note(c->view, "Ctrl-C again leaves; the key up has the message");
    edit_replace(c->edit, SPAN_NONE);
}

static void on_interrupt(void *arg)
{
    struct chat *c = arg;
    CHECK_MAGIC(c, CHAT_MAGIC);
    if (c->edit == NULL || c->state == CHAT_LOADING) {
        if (c->is_leaving)
            chat_finish(c, EXIT_FAILED); /* twice: now */
        else
            chat_leave(c);
    } else if (c->state == CHAT_POSTING || c->state == CHAT_STREAMING) {
        chat_stop(c);
        edit_discard(c->edit);
        edit_open(c->edit, span_of(c->message));
    } else if (c->state == CHAT_HOLDING) {
        chat_set_state(c, CHAT_STOPPING);
        edit_discard(c->edit);
        edit_open(c->edit, span_of(c->message));
    } else if (edit_is_open(c->edit)) {
        interrupt_line(c);
    }
}

static void on_end(void *arg)
{
    struct chat *c = arg;
    CHECK_MAGIC(c, CHAT_MAGIC);
    chat_leave(c);
}

/* The line. */

static void on_text(struct span text, void *arg)
{
    struct chat *c = arg;
    CHECK_MAGIC(c, CHAT_MAGIC);
    bool is_blank = strspn(text.ptr, " \t\n") == text.len;
    if (is_blank) {
        edit_open(c->edit, SPAN_NONE);
        return;
    }
    edit_remember(c->edit, text);
    if (c->state == CHAT_EDITING) {
        chat_send(c, text);
        return;
    }
    chat_set_state(c, CHAT_HOLDING); /* the stop's answer comes first */
    mem_free(c->message);
    c->message = span_dup(text);
}

/* The beginning. */

static void greet(struct chat *c)
{
    chat_view_note(c->view, "%s", c->server);
    chat_view_note(c->view, "Enter sends, Ctrl-J begins a new line, Ctrl-C stops the reply, Ctrl-D "
                            "leaves.");
}

static void show_past(struct chat *c, const struct json *record)
{
    const struct json *messages = json_get(record, "messages"), *next = json_get(record, "next");
    chat_view_note(c->view, "%.*s", SPAN_ARG(json_string(json_get(record, "title"))));
    if (json_type(next) != JSON_NULL)
        chat_view_note(c->view, "...");
    for (size_t i = 0; i < json_count(messages); i++) {
        const struct json *message = json_at(messages, i);
        struct span content = json_string(json_get(message, "content"));
        chat_view_gap(c->view);
        if (span_is(json_string(json_get(message, "role")), "user"))
            chat_view_message(c->view, content);
        else
            chat_view_reply(c->view, content);
        c->is_asked = span_is(json_string(json_get(message, "finish_reason")), "ask");
    }
}

/* A turn that is being answered is taken up, and can be stopped like one of ours. */
static void take_up(struct chat *c, struct span generation, struct span message)
{
    if (!id_is_valid(generation)) {
        chat_end_turn(c, SPAN_NONE);
        return;
    }
    c->generation = id_from(generation);
    c->message = span_dup(message.ptr == NULL ? SPAN_LIT("") : message);
    chat_view_gap(c->view);
    chat_view_message(c->view, span_of(c->message));
    chat_read(c);
}

/* A chat without a record may be in its first turn: its stream tells the turn's id, the turn's own
 * record the message. */

static void ask_chat(struct chat *c);

static void on_first(int status, struct span body, void *arg)
{
    struct chat *c = arg;
    struct json_doc *doc = NULL;
    CHECK_MAGIC(c, CHAT_MAGIC);
    c->asked = NULL;
    if (!client_is_answer(&CLIENT_API, c->server, status, body, &doc)) {
        chat_finish(c, EXIT_FAILED);
        return;
    }
    c->has_answered = true;
    take_up(c, json_string(json_get(json_root(doc), "generation_id")),
            json_string(json_get(json_get(json_root(doc), "request"), "message")));
    json_free(doc);
}

static void on_looked(void *arg)
{
    struct chat *c = arg;
    CHECK_MAGIC(c, CHAT_MAGIC);
    if (c->state != CHAT_LOADING || c->asked != NULL)
        return; /* left meanwhile, or looked at already */
    follow_free(c->follow);
    c->follow = NULL;
    if (c->generation.text[0] == '\0')
        ask_chat(c); /* its first turn may have been over just now */
    else
        chat_ask(c, "GET", mem_printf("/v1/generations/%s", c->generation.text), SPAN_NONE,
                 on_first);
}

static void on_first_event(const struct sse_event *event, const struct json *data, void *arg)
{
    struct chat *c = arg;
    struct span generation = json_string(json_get(data, "generation_id"));
    (void)event;
    CHECK_MAGIC(c, CHAT_MAGIC);
    if (c->generation.text[0] != '\0' || !id_is_valid(generation))
        return;
    c->generation = id_from(generation);
    loop_defer(c->loop, on_looked, c); /* a reader is not freed in its own call */
}

static void on_first_over(bool is_whole, void *arg)
{
    (void)is_whole; /* its end comes again, for who reads it then */
    on_looked(arg);
}

static void on_chat(int status, struct span body, void *arg)
{
    struct chat *c = arg;
    struct json_doc *doc = NULL;
    CHECK_MAGIC(c, CHAT_MAGIC);
    c->asked = NULL;
    if (status == 404 && !c->has_looked) {
        c->has_looked = true;
        c->follow = follow_start(
            c->loop, c->fetcher, FOLLOW_MAYBE, c->options->chat.text,
            &(struct follow_hooks){.on_event = on_first_event, .on_over = on_first_over, .arg = c});
        return;
    }
    if (status == 404) {
        chat_end_turn(c, SPAN_NONE); /* a new one, under that id */
        return;
    }
    if (!client_is_answer(&CLIENT_API, c->server, status, body, &doc)) {
        chat_finish(c, EXIT_FAILED);
        return;
    }
    const struct json *active = json_get(json_root(doc), "active");
    c->has_answered = c->is_saved = true;
    show_past(c, json_root(doc));
    take_up(c, json_string(json_get(active, "generation_id")),
            json_string(json_get(active, "message")));
    json_free(doc);
}

static void ask_chat(struct chat *c)
{
    chat_ask(c, "GET", mem_printf("/v1/chats/%s?limit=%d", c->options->chat.text, PAST), SPAN_NONE,
             on_chat);
}

static void begin(struct chat *c, const char *message)
{
    if (message != NULL) {
        chat_send(c, span_of(message));
        return;
    }
    greet(c);
    if (c->options->is_new)
        chat_end_turn(c, SPAN_NONE);
    else
        ask_chat(c);
}

/* Life. */

static void on_again(void *arg)
{
    struct chat *c = arg;
    CHECK_MAGIC(c, CHAT_MAGIC);
    chat_try_again(c);
}

static void watch_signals(struct chat *c)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    CHECK(sigaction(SIGPIPE, &ignore, NULL) == 0);
    c->signals[0] = watch_signal(c->loop, SIGINT, on_interrupt, c);
    c->signals[1] = watch_signal(c->loop, SIGTERM, on_end, c);
    c->signals[2] = watch_signal(c->loop, SIGHUP, on_end, c);
}

static void release(struct chat *c)
{
    for (size_t i = 0; i < CHAT_SIGNALS; i++)
        watch_free(c->signals[i]);
    chat_cancel(c);
    follow_free(c->follow);
    fetcher_free(c->fetcher);
    edit_free(c->edit);
    chat_view_free(c->view);
    timer_release(&c->again);
    timer_release(&c->patience);
    loop_free(c->loop);
    mem_free(c->server);
    mem_free(c->authorization);
    mem_free(c->message);
    mem_free(c->restored);
    c->magic = 0;
}

int chat_run(const struct chat_options *options, const char *message)
{
    struct chat c = {.magic = CHAT_MAGIC, .options = options, .loop = loop_new()};
    c.fetcher = fetcher_new(c.loop);
    c.view = chat_view_new(message == NULL);
    c.server = client_server_url(&CLIENT_API);
    c.authorization = client_authorization();
    timer_init(&c.again, c.loop, on_again, &c);
    timer_init(&c.patience, c.loop, on_patience, &c);
    watch_signals(&c);
    if (message == NULL)
        c.edit = edit_new(c.loop, chat_view_prompt(c.view),
                          &(struct edit_hooks){.on_text = on_text, .on_leave = on_end, .arg = &c});
    if (message == NULL && c.edit == NULL) {
        chat_view_error(c.view, "this terminal cannot be used");
        c.exit_status = EXIT_FAILED;
    } else {
        begin(&c, message);
        loop_run(c.loop);
    }
    if (c.edit != NULL && c.is_saved)
        chat_view_note(c.view, "sluice chat --chat %s goes on here", options->chat.text);
    release(&c);
    return c.exit_status;
}
