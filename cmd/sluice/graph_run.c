/* sluice graph run: a message for a graph, its steps and its reply while they come. When the graph
 * asks back the answer is read from standard input and sent; Ctrl-C stops what runs.
 *
 *     POSTING ─► FOLLOWING ─► ASKED ─► POSTING      STOPPING: Ctrl-C in POSTING or FOLLOWING
 *         └──────────┴──────────┴─► OVER             └─► OVER
 */
#include "client.h"
#include "command.h"
#include "follow.h"
#include "graph_show.h"

#include "base/mem.h"
#include "loop/process.h"

#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

enum {
    GRAPH_RUN_MAGIC = 0x67727221,
    LOOK_MS = 50, /* how often standard input is looked at */
    ANSWER_MAX = 256 * 1024,
    BODY_MAX = 2 * 1024 * 1024
};

static const char HELP[] =
    "usage: sluice graph run [--chat CHAT_ID] NAME MESSAGE\n"
    "       sluice graph run --chat CHAT_ID --answer MESSAGE\n\n"
    "Sends a message to a graph; prints its reply on standard output, its steps on standard "
    "error.\n"
    "When the graph asks back, the answer is a line of standard input; --answer sends one later.\n"
    "Ctrl-C stops it. Exit status 0 when it ended as done, 1 otherwise.\n";

enum state { POSTING, FOLLOWING, ASKED, STOPPING, OVER, STATES };

struct graph_run {
    uint32_t magic;
    enum state state;
    struct loop *loop;
    struct process *process;
    struct fetcher *fetcher;
    struct follow *follow;
    struct graph_show *show;
    struct timer look; /* at standard input, while it is asked */
    struct buf typed;  /* read, and not sent yet */
    char *server, *authorization;
    const char *graph; /* NULL: what the chat has */
    struct id chat, generation;
    bool is_new; /* the chat */
    bool is_asking, is_done;
    int calls; /* under way: they are waited for */
    int exit_status;
};

static void set_state(struct graph_run *r, enum state state)
{
    static const bool legal[STATES][STATES] = {
        [POSTING] = {[FOLLOWING] = true, [STOPPING] = true, [OVER] = true},
        [FOLLOWING] = {[ASKED] = true, [STOPPING] = true, [OVER] = true},
        [ASKED] = {[POSTING] = true, [OVER] = true},
        [STOPPING] = {[OVER] = true},
    };
    CHECK(legal[r->state][state]);
    r->state = state;
}

static void finish(struct graph_run *r, int exit_status)
{
    set_state(r, OVER);
    r->exit_status = exit_status;
    if (r->calls == 0)
        loop_stop(r->loop);
}

/* Whether what a call came to is still of interest in that state. */
static bool take_call(struct graph_run *r, enum state state)
{
    r->calls--;
    if (r->state == OVER && r->calls == 0)
        loop_stop(r->loop);
    return r->state == state;
}

/* Asking back. */

static void post(struct graph_run *r, struct span message);

static void prompt(void)
{
    if (isatty(STDIN_FILENO) == 1)
        (void)fputs("> ", stderr);
}

static void leave_asked(struct graph_run *r)
{
    (void)fprintf(stderr, "It waits for an answer: sluice graph run --chat %s --answer MESSAGE\n",
                  r->chat.text);
    finish(r, EXIT_OK);
}

/* The first line that is not empty; at the end of input what is there counts as one. Owned; NULL:
 * there is none yet. */
static char *take_line(struct graph_run *r, bool is_end)
{
    while (r->typed.len > 0) {
        struct span rest = buf_as_span(&r->typed);
        const char *line_end = memchr(rest.ptr, '\n', rest.len);
        if (line_end == NULL && !is_end)
            return NULL;
        size_t len = line_end == NULL ? rest.len : (size_t)(line_end - rest.ptr);
        char *line = len == 0 ? NULL : span_dup(span_make(rest.ptr, len));
        buf_consume(&r->typed, line_end == NULL ? len : len + 1);
        if (line != NULL)
            return line;
        prompt();
    }
    return NULL;
}

static bool send_typed(struct graph_run *r, bool is_end)
{
    char *line = take_line(r, is_end);
    if (line == NULL)
        return false;
    set_state(r, POSTING);
    post(r, span_of(line));
    mem_free(line);
    return true;
}

static void on_look(void *arg)
{
    struct graph_run *r = arg;
    char bytes[4096];
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    CHECK_MAGIC(r, GRAPH_RUN_MAGIC);
    if (r->state != ASKED || send_typed(r, false))
        return;
    ssize_t n = poll(&in, 1, 0) > 0 ? read(STDIN_FILENO, bytes, sizeof bytes) : -1;
    bool is_end = n == 0;
    if (n > 0 && buf_append(&r->typed, bytes, (size_t)n) != 0) {
        (void)fputs("sluice: the answer is too long\n", stderr);
        finish(r, EXIT_FAILED);
    } else if (!send_typed(r, is_end) && is_end) {
        leave_asked(r);
    } else if (r->state == ASKED) {
        timer_start(&r->look, LOOK_MS);
    }
}

/* Following. */

static void on_event(const struct sse_event *event, const struct json *data, void *arg)
{
    struct graph_run *r = arg;
    CHECK_MAGIC(r, GRAPH_RUN_MAGIC);
    graph_show_event(r->show, event, data);
    r->is_done = span_is(event->type, "done");
    r->is_asking = r->is_done && span_is(json_string(json_get(data, "finish_reason")), "ask");
}

static void on_over(bool is_whole, void *arg)
{
    struct graph_run *r = arg;
    CHECK_MAGIC(r, GRAPH_RUN_MAGIC);
    follow_free(r->follow);
    r->follow = NULL;
    if (r->state == STOPPING)
        return; /* the stop's answer ends it */
    if (!is_whole || !r->is_asking) {
        finish(r, is_whole && r->is_done ? EXIT_OK : EXIT_FAILED);
        return;
    }
    set_state(r, ASKED);
    prompt();
    timer_start(&r->look, 0);
}

static void on_posted(int status, struct span body, void *arg)
{
    struct graph_run *r = arg;
    struct json_doc *doc = NULL;
    CHECK_MAGIC(r, GRAPH_RUN_MAGIC);
    if (!take_call(r, POSTING))
        return;
    if (!client_is_answer(&CLIENT_API, r->server, status, body, &doc)) {
        finish(r, EXIT_FAILED);
        return;
    }
    json_free(doc);
    graph_show_free(r->show);
    r->show = graph_show_new();
    set_state(r, FOLLOWING);
    r->follow =
        follow_start(r->loop, r->fetcher, FOLLOW_GENERATION, r->generation.text,
                     &(struct follow_hooks){.on_event = on_event, .on_over = on_over, .arg = r});
}

static void put_body(struct graph_run *r, struct span message, struct buf *body)
{
    struct json_writer w = json_writer(body);
    json_open(&w, NULL, '{');
    json_member_str(&w, "message", message);
    json_member_str(&w, "generation_id", span_of(r->generation.text));
    json_member_str(&w, "on_disconnect", SPAN_LIT("stop")); /* when this program is killed */
    if (r->is_new)
        json_member_str(&w, "chat_id", span_of(r->chat.text));
    if (r->graph != NULL)
        json_member_str(&w, "graph", span_of(r->graph));
    json_close(&w);
}

static void call(struct graph_run *r, const char *url, struct span body, client_on_answer done)
{
    r->calls++;
    (void)client_start(r->loop, r->fetcher,
                       &(struct client_call){.method = "POST",
                                             .url = url,
                                             .authorization = r->authorization,
                                             .body = body,
                                             .wants_async = done == on_posted,
                                             .connect_ms = 3000,
                                             .total_ms = 10000},
                       done, r);
}

static void post(struct graph_run *r, struct span message)
{
    struct buf body;
    char *url = r->is_new ? mem_printf("%s/v1/chats", r->server)
                          : mem_printf("%s/v1/chats/%s/messages", r->server, r->chat.text);
    r->generation = id_mint("gen");
    buf_init(&body, BODY_MAX);
    put_body(r, message, &body);
    (void)fprintf(stderr, "chat %s, generation %s\n", r->chat.text, r->generation.text);
    call(r, url, buf_as_span(&body), on_posted);
    r->is_new = false;
    r->graph = NULL; /* what follows is an answer */
    buf_release(&body);
    mem_free(url);
}

/* Stopping. */

static void on_stopped(int status, struct span body, void *arg)
{
    struct graph_run *r = arg;
    struct json_doc *doc = NULL;
    CHECK_MAGIC(r, GRAPH_RUN_MAGIC);
    if (!take_call(r, STOPPING))
        return;
    if (client_is_answer(&CLIENT_API, r->server, status, body, &doc)) {
        const struct json *answer = json_root(doc);
        struct span message = json_string(json_get(json_get(answer, "restore"), "message"));
        (void)fprintf(stderr, "%.*s%s%.*s\n", SPAN_ARG(json_string(json_get(answer, "outcome"))),
                      message.ptr != NULL ? "; given back: " : "", SPAN_ARG(message));
        json_free(doc);
    }
    finish(r, EXIT_FAILED);
}

static void on_drain(void *arg)
{
    struct graph_run *r = arg;
    CHECK_MAGIC(r, GRAPH_RUN_MAGIC);
    if (r->state == ASKED) {
        leave_asked(r);
    } else if (r->state == POSTING || r->state == FOLLOWING) {
        char *url = mem_printf("%s/v1/generations/%s/stop", r->server, r->generation.text);
        set_state(r, STOPPING);
        call(r, url, SPAN_LIT("{}"), on_stopped);
        mem_free(url);
    }
}

static int run(const char *graph, const char *chat, const char *message)
{
    struct graph_run r = {.magic = GRAPH_RUN_MAGIC,
                          .loop = loop_new(),
                          .graph = graph,
                          .chat = chat == NULL ? id_mint("chat") : id_from(span_of(chat)),
                          .is_new = chat == NULL,
                          .exit_status = EXIT_FAILED};
    r.process = process_new(r.loop, &(struct process_hooks){.on_drain = on_drain, .arg = &r});
    r.fetcher = fetcher_new(r.loop);
    r.server = client_server_url(&CLIENT_API);
    r.authorization = client_authorization();
    buf_init(&r.typed, ANSWER_MAX);
    timer_init(&r.look, r.loop, on_look, &r);
    post(&r, span_of(message));
    loop_run(r.loop);
    timer_release(&r.look);
    follow_free(r.follow);
    fetcher_free(r.fetcher);
    process_free(r.process);
    loop_free(r.loop);
    graph_show_free(r.show);
    buf_release(&r.typed);
    mem_free(r.server);
    mem_free(r.authorization);
    return r.exit_status;
}

int command_graph_run(int argc, char **argv)
{
    static const struct option options[] = {{"chat", required_argument, NULL, 'c'},
                                            {"answer", required_argument, NULL, 'a'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const char *chat = NULL, *answer = NULL;
    for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        if (c == 'h')
            return fputs(HELP, stdout) < 0 ? EXIT_FAILED : EXIT_OK;
        if (c == 'c')
            chat = optarg;
        else if (c == 'a')
            answer = optarg;
        else
            return command_misused(HELP);
    }
    if (argc - optind != (answer == NULL ? 2 : 0) || (answer != NULL && chat == NULL))
        return command_misused(HELP);
    if (chat != NULL && !client_is_id(chat))
        return EXIT_USAGE;
    return answer != NULL ? run(NULL, chat, answer) : run(argv[optind], chat, argv[optind + 1]);
}
