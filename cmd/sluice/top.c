/* sluice top: the operator's stream as a picture that stays, and a stop for what is selected. */
#include "client.h"
#include "command.h"
#include "follow.h"
#include "screen.h"
#include "show.h"
#include "top_draw.h"

#include "base/id.h"
#include "base/mem.h"
#include "loop/watch.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

enum { TOP_MAGIC = 0x746f7021, PICTURE_MAX = 4 * 1024 * 1024, SIGNALS = 2, COLUMNS = 120 };

static const char HELP[] =
    "usage: sluice top [--once]\n\n"
    "Queues by lane and tenant, workers, what runs, how fast, what failed and what died, once a "
    "second.\n"
    "Up and Down select what runs, s stops it, q leaves. --once prints one picture.\n"
    "SLUICE_ADMIN_URL names the admin listener (http://127.0.0.1:8081).\n";
static const char KEYS[] = "Up Down select   s stop   q leave";

struct top {
    uint32_t magic;
    struct loop *loop;
    struct fetcher *fetcher;
    struct follow *follow;
    struct screen *screen; /* from the first look on */
    struct watch *signals[SIGNALS];
    char *server, *authorization;
    struct json_doc *overview, *dead;
    int64_t dead_count;         /* for which `dead` was asked */
    struct exchange *dead_call; /* under way, or NULL */
    struct exchange *stop_call;
    size_t index;       /* of the selected one among what runs */
    struct id selected; /* empty: nothing runs */
    char *note;
    bool is_asking; /* whether the selected one is to be stopped */
    int exit_status;
};

/* The picture. */

static void show(struct top *t)
{
    struct buf out;
    struct top_picture picture = {.overview = json_root(t->overview),
                                  .dead = t->dead == NULL ? NULL : json_root(t->dead),
                                  .server = t->server,
                                  .note = t->note != NULL ? t->note : KEYS,
                                  .selected = t->index,
                                  .has_colour = screen_has_colour()};
    screen_size(&picture.columns, &picture.rows);
    buf_init(&out, PICTURE_MAX);
    top_draw(&picture, &out);
    screen_show(t->screen, buf_as_span(&out));
    buf_release(&out);
}

/* Takes the text; NULL: the keys again. */
static void note(struct top *t, char *text)
{
    mem_free(t->note);
    t->note = text;
    if (t->screen != NULL)
        show(t);
}

static const struct json *running(const struct top *t)
{
    return t->overview == NULL ? NULL : json_get(json_root(t->overview), "running");
}

static void select_index(struct top *t, size_t index)
{
    size_t count = json_count(running(t));
    t->index = count == 0 ? 0 : index < count ? index : count - 1;
    struct span id = json_string(json_get(json_at(running(t), t->index), "generation_id"));
    t->selected = id_is_valid(id) ? id_from(id) : (struct id){.text = ""};
}

/* The one that was selected, wherever it is now; else what is in its place. */
static void select_again(struct top *t)
{
    for (size_t i = 0; i < json_count(running(t)); i++)
        if (span_is(json_string(json_get(json_at(running(t), i), "generation_id")),
                    t->selected.text)) {
            t->index = i;
            return;
        }
    t->is_asking = false;
    select_index(t, t->index);
}

/* Calls. */

static struct exchange *call(struct top *t, const char *method, char *path, client_on_answer done)
{
    char *url = mem_printf("%s%s", t->server, path);
    bool is_post = strcmp(method, "POST") == 0;
    struct exchange *started =
        client_start(t->loop, t->fetcher,
                     &(struct client_call){.method = method,
                                           .url = url,
                                           .authorization = t->authorization,
                                           .body = is_post ? SPAN_LIT("{}") : SPAN_NONE,
                                           .connect_ms = 3000,
                                           .total_ms = 10000},
                     done, t);
    mem_free(url);
    mem_free(path);
    return started;
}

static void on_dead(int status, struct span body, void *arg)
{
    struct top *t = arg;
    struct json_doc *doc = NULL;
    CHECK_MAGIC(t, TOP_MAGIC);
    t->dead_call = NULL;
    if (status != 200 || json_parse(body, &doc, NULL) != 0) {
        t->dead_count = -1; /* with the next look */
        return;
    }
    json_free(t->dead);
    t->dead = doc;
    if (t->screen != NULL)
        show(t);
}

static void ask_dead(struct top *t)
{
    int64_t count = 0;
    (void)json_int(json_get(json_root(t->overview), "dead"), &count); /* none, then */
    if (count == t->dead_count || t->dead_call != NULL)
        return;
    t->dead_count = count;
    t->dead_call = call(t, "GET", mem_printf("/v1/admin/dead?limit=20"), on_dead);
}

static void on_stopped(int status, struct span body, void *arg)
{
    struct top *t = arg;
    struct json_doc *doc = NULL;
    CHECK_MAGIC(t, TOP_MAGIC);
    t->stop_call = NULL;
    if (status < 0 || json_parse(body, &doc, NULL) != 0) {
        note(t, mem_printf("not stopped: %.*s", SPAN_ARG(body)));
        return;
    }
    const struct json *root = json_root(doc);
    struct span why = json_string(json_get(json_get(root, "error"), "message"));
    struct span outcome = json_string(json_get(root, "outcome"));
    struct span generation = json_string(json_get(root, "generation_id"));
    note(t, status == 200 ? mem_printf("%.*s %.*s", SPAN_ARG(outcome), SPAN_ARG(generation))
                          : mem_printf("not stopped: %.*s", SPAN_ARG(why)));
    json_free(doc);
}

/* Keys. */

static void leave(struct top *t)
{
    loop_stop(t->loop);
}

static void go_up(struct top *t)
{
    select_index(t, t->index > 0 ? t->index - 1 : 0);
}

static void go_down(struct top *t)
{
    select_index(t, t->index + 1);
}

static void go_first(struct top *t)
{
    select_index(t, 0);
}

static void go_last(struct top *t)
{
    select_index(t, SIZE_MAX);
}

static void ask_whether(struct top *t)
{
    if (t->selected.text[0] == '\0' || t->stop_call != NULL)
        return;
    t->is_asking = true;
    t->note = mem_printf("stop %s? y or n", t->selected.text);
}

static void stop(struct top *t)
{
    struct span tenant = json_string(json_get(json_at(running(t), t->index), "tenant"));
    t->note = mem_printf("stopping %s ...", t->selected.text);
    t->stop_call = call(t, "POST",
                        mem_printf("/v1/admin/tenants/%.*s/generations/%s/stop", SPAN_ARG(tenant),
                                   t->selected.text),
                        on_stopped);
}

static const struct {
    enum key_kind kind;
    uint32_t code;
    void (*act)(struct top *t);
} ACTIONS[] = {{KEY_TEXT, 'q', leave},  {KEY_CONTROL, 'C', leave}, {KEY_UP, 0, go_up},
               {KEY_TEXT, 'k', go_up},  {KEY_DOWN, 0, go_down},    {KEY_TEXT, 'j', go_down},
               {KEY_HOME, 0, go_first}, {KEY_END, 0, go_last},     {KEY_TEXT, 's', ask_whether}};

static void on_key(struct key key, void *arg)
{
    struct top *t = arg;
    CHECK_MAGIC(t, TOP_MAGIC);
    bool was_asking = t->is_asking;
    t->is_asking = false;
    note(t, NULL);
    if (was_asking && key.kind == KEY_TEXT && key.code == 'y')
        stop(t);
    for (size_t i = 0; i < sizeof ACTIONS / sizeof *ACTIONS; i++)
        if (ACTIONS[i].kind == key.kind && ACTIONS[i].code == key.code)
            ACTIONS[i].act(t);
    show(t);
}

static void on_size(void *arg)
{
    struct top *t = arg;
    CHECK_MAGIC(t, TOP_MAGIC);
    show(t);
}

static void on_gone(void *arg)
{
    struct top *t = arg;
    CHECK_MAGIC(t, TOP_MAGIC);
    leave(t);
}

/* The stream. */

static void on_event(const struct sse_event *event, const struct json *data, void *arg)
{
    struct top *t = arg;
    struct json_doc *doc = NULL;
    (void)data;
    CHECK_MAGIC(t, TOP_MAGIC);
    if (!span_is(event->type, "overview") || json_parse(event->data, &doc, NULL) != 0)
        return;
    json_free(t->overview);
    t->overview = doc;
    select_again(t);
    if (t->screen == NULL)
        t->screen = screen_new(
            t->loop, &(struct screen_hooks){
                         .on_key = on_key, .on_size = on_size, .on_gone = on_gone, .arg = t});
    if (t->screen == NULL) {
        leave(t);
        return;
    }
    ask_dead(t);
    show(t);
}

static void on_over(bool is_whole, void *arg)
{
    struct top *t = arg;
    (void)is_whole; /* it never is */
    CHECK_MAGIC(t, TOP_MAGIC);
    t->exit_status = EXIT_FAILED;
    leave(t);
}

static void on_link(bool is_up, const char *why, void *arg)
{
    struct top *t = arg;
    CHECK_MAGIC(t, TOP_MAGIC);
    note(t, is_up ? NULL : mem_printf("the connection is lost (%s); trying again", why));
}

static void release(struct top *t)
{
    for (size_t i = 0; i < SIGNALS; i++)
        watch_free(t->signals[i]);
    follow_free(t->follow);
    client_cancel(t->dead_call);
    client_cancel(t->stop_call);
    fetcher_free(t->fetcher);
    screen_free(t->screen);
    loop_free(t->loop);
    json_free(t->overview);
    json_free(t->dead);
    mem_free(t->server);
    mem_free(t->authorization);
    mem_free(t->note);
    t->magic = 0;
}

static int watch(void)
{
    struct top t = {.magic = TOP_MAGIC, .loop = loop_new(), .dead_count = -1};
    t.fetcher = fetcher_new(t.loop);
    t.server = client_server_url(&CLIENT_ADMIN);
    t.authorization = client_authorization();
    t.signals[0] = watch_signal(t.loop, SIGTERM, on_gone, &t);
    t.signals[1] = watch_signal(t.loop, SIGHUP, on_gone, &t);
    t.follow =
        follow_start(t.loop, t.fetcher, FOLLOW_BOARD, "",
                     &(struct follow_hooks){
                         .on_event = on_event, .on_over = on_over, .on_link = on_link, .arg = &t});
    loop_run(t.loop);
    release(&t);
    return t.exit_status;
}

/* One picture. */

static bool get(const char *server, const char *path, struct json_doc **out)
{
    struct buf answer;
    char *url = mem_printf("%s%s", server, path), *authorization = client_authorization();
    buf_init(&answer, CLIENT_BODY_MAX);
    int status = client_ask(&(struct client_call){.method = "GET",
                                                  .url = url,
                                                  .authorization = authorization,
                                                  .connect_ms = 3000,
                                                  .total_ms = 10000},
                            &answer);
    bool is_there = client_is_answer(&CLIENT_ADMIN, server, status, buf_as_span(&answer), out);
    buf_release(&answer);
    mem_free(url);
    mem_free(authorization);
    return is_there;
}

static int print_once(void)
{
    struct json_doc *overview = NULL, *dead = NULL;
    char *server = client_server_url(&CLIENT_ADMIN);
    int exit_status = EXIT_FAILED;
    if (get(server, "/v1/admin/overview", &overview) &&
        get(server, "/v1/admin/dead?limit=20", &dead)) {
        struct buf out;
        struct top_picture picture = {.overview = json_root(overview),
                                      .dead = json_root(dead),
                                      .server = server,
                                      .note = "",
                                      .selected = SIZE_MAX,
                                      .has_colour = screen_has_colour()};
        size_t rows = 0;
        screen_size(&picture.columns, &rows);
        if (isatty(STDOUT_FILENO) != 1)
            picture.columns = COLUMNS;
        buf_init(&out, PICTURE_MAX);
        top_draw(&picture, &out);
        bool is_out = fwrite(out.ptr, 1, out.len, stdout) == out.len && fflush(stdout) == 0;
        exit_status = is_out ? EXIT_OK : EXIT_FAILED;
        buf_release(&out);
    }
    json_free(overview);
    json_free(dead);
    mem_free(server);
    return exit_status;
}

int command_top(int argc, char **argv)
{
    static const struct option options[] = {
        {"once", no_argument, NULL, 'o'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    bool is_once = false;
    for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        if (c == 'h')
            return fputs(HELP, stdout) < 0 ? EXIT_FAILED : EXIT_OK;
        if (c != 'o')
            return command_misused(HELP);
        is_once = true;
    }
    if (argc != optind)
        return command_misused(HELP);
    if (is_once)
        return print_once();
    if (isatty(STDIN_FILENO) != 1 || isatty(STDOUT_FILENO) != 1) {
        (void)fputs("sluice: this is no terminal; --once prints one picture\n", stderr);
        return EXIT_USAGE;
    }
    return watch();
}
