/* What a claim reads before its first step, one after the other: the edition of the graphs, what
 * earlier claims kept, the versions that the generation is bound to, its log, its chat. */
#include "base/log.h"
#include "base/mem.h"
#include "bus/graphs.h"
#include "bus/log.h"
#include "graph/inner.h"
#include "graph/input.h"
#include "model/request.h"
#include "wire/limits.h"
#include <stdio.h>

static void fail_reading(struct walk *w, int status, const char *message)
{
    if (status == -ERR_UNAVAILABLE)
        walk_give_back(w);
    else
        walk_fail(w, ERR_INTERNAL, message);
}

static struct bus *bus_of(const struct walk *w)
{
    return worker_bus(w->graphs->worker);
}

/* The chat. */

static void take_history(struct walk *w)
{
    input_write_history(w->history.messages, w->history.count, &w->history_json);
    if (buf_error(&w->history_json) != 0)
        walk_fail(w, ERR_TOO_LARGE, "The chat's history is too large for a graph.");
    else
        walk_begin(w);
}

static void on_chat_read(int status, const struct chat_view *view, void *arg)
{
    struct walk *w = walk_of(arg);
    const struct conf *conf = worker_conf(w->graphs->worker);
    struct run *run = w->run;
    if (run_is_over(run)) {
        /* stopped meanwhile */
    } else if (status != 0) {
        fail_reading(w, status, "The chat's record is damaged.");
    } else {
        history_init(&w->history, view->messages, view->message_count,
                     (size_t)conf->limits_history_bytes);
        history_own(&w->history);
        take_history(w);
    }
    run_let_go(run);
}

static void read_chat(struct walk *w)
{
    const struct claimed *c = run_claimed(w->run);
    if (c->is_stateless) {
        w->message = input_take_messages(c->job.messages, &w->history);
        take_history(w);
        return;
    }
    run_hold(w->run);
    if (request_read_chat(w->graphs->worker, c, on_chat_read, w) == 0)
        return;
    run_let_go(w->run);
    walk_fail(w, ERR_INTERNAL, "The request in the record is damaged.");
}

/* The log. */

static void read_log(struct walk *w);

static int take_page(struct walk *w, const struct log_page *page)
{
    int rc = page->count == 0 ? -ERR_MALFORMED : 0;
    for (size_t i = 0; i < page->count && rc == 0; i++)
        rc = past_put(&w->past, page->events[i]);
    return rc;
}

static void on_page_read(int status, const struct log_page *page, void *arg)
{
    struct walk *w = walk_of(arg);
    struct run *run = w->run;
    if (run_is_over(run)) {
        /* stopped meanwhile */
    } else if (status != 0 || page == NULL || take_page(w, page) != 0) {
        fail_reading(w, status, "The log cannot be read.");
    } else {
        read_log(w);
    }
    run_let_go(run);
}

static void read_log(struct walk *w)
{
    const struct claimed *c = run_claimed(w->run);
    if (c->epoch <= 1 || w->past.seq >= c->length) { /* the first claim knows its log */
        read_chat(w);
        return;
    }
    run_hold(w->run);
    log_read(bus_of(w), c->tenant, c->generation, w->past.seq, LIMIT_READ_PAGE, on_page_read, w);
}

/* The graphs. */

static void find_graphs(struct walk *w);

static void fail_unknown(struct walk *w, const char *name)
{
    char message[256];
    (void)snprintf(message, sizeof message, "There is no graph \"%s\": no worker has it.",
                   name); /* it fits */
    walk_fail(w, ERR_NOT_FOUND, message);
}

static void fail_forgotten(struct walk *w)
{
    char message[256];
    (void)snprintf(message, sizeof message,
                   "The version of graph \"%s\" that this began with is not known any more.",
                   w->bound.graphs[w->reading_at].name); /* it fits */
    walk_fail(w, ERR_GONE, message);
}

/* Another worker's file; its expressions were checked before it was published. */
static int take_text(struct walk *w, struct span text)
{
    const struct bound_graph *b = &w->bound.graphs[w->reading_at];
    struct graph *graph = NULL;
    struct err err;
    if (graph_read(text, b->name, &graph, &err) != 0)
        return -ERR_MALFORMED;
    w->fetched = mem_grow(w->fetched, w->fetched_count + 1, sizeof(struct graph *));
    w->fetched[w->fetched_count++] = graph;
    return strcmp(graph->version, b->version) == 0 ? 0 : -ERR_MALFORMED;
}

static void on_text_read(int status, struct span text, void *arg)
{
    struct walk *w = walk_of(arg);
    struct run *run = w->run;
    if (run_is_over(run)) {
        /* stopped meanwhile */
    } else if (status != 0) {
        fail_reading(w, status, "The graph's text cannot be read.");
    } else if (text.ptr == NULL) {
        fail_forgotten(w);
    } else if (take_text(w, text) != 0) {
        walk_fail(w, ERR_INTERNAL, "The graph's text is damaged.");
    } else {
        find_graphs(w);
    }
    run_let_go(run);
}

/* Whether all that is named is bound: what was read may be an older program's, or damaged. */
static bool is_whole(const struct walk *w)
{
    const struct graph_node *sub;
    for (size_t i = 0; i < w->bound.count; i++) {
        struct graph_subs subs = {.graph = walk_graph(w, w->bound.graphs[i].name)};
        while ((sub = graph_subs_next(&subs)) != NULL)
            if (bound_find(&w->bound, sub->of.sub.graph) == NULL)
                return false;
    }
    return true;
}

static void find_graphs(struct walk *w)
{
    for (; w->reading_at < w->bound.count; w->reading_at++) {
        const struct bound_graph *b = &w->bound.graphs[w->reading_at];
        if (walk_graph(w, b->name) != NULL)
            continue;
        run_hold(w->run);
        graphs_text(bus_of(w), span_of(b->version), on_text_read, w);
        return;
    }
    w->graph = walk_graph(w, w->bound.graphs[0].name);
    if (is_whole(w))
        read_log(w);
    else
        walk_fail(w, ERR_INTERNAL, "A sub-graph of it is not known.");
}

/* Another worker has it, and said which graphs it reaches. */
static int bind_published(struct walk *w, struct span version, struct span about)
{
    int rc = bound_add(&w->bound, span_of(run_claimed(w->run)->graph), version);
    return rc != 0 ? rc : bound_add_uses(&w->bound, about);
}

static void on_found(int status, struct span version, struct span about, void *arg)
{
    struct walk *w = walk_of(arg);
    struct run *run = w->run;
    if (run_is_over(run)) {
        /* stopped meanwhile */
    } else if (status != 0) {
        fail_reading(w, status, "What workers said of the graph cannot be read.");
    } else if (version.ptr == NULL) {
        fail_unknown(w, run_claimed(run)->graph);
    } else if (bind_published(w, version, about) != 0) {
        walk_fail(w, ERR_INTERNAL, "What a worker said of the graph is damaged.");
    } else {
        find_graphs(w);
    }
    run_let_go(run);
}

/* The graph and all that it reaches, in the versions of the folder, which were checked together. */
static void bind_newest(struct walk *w, const struct graph *graph)
{
    const struct graph *all[GRAPH_REACH_MAX];
    size_t count = library_reach(edition_library(w->edition), graph, all);
    for (size_t i = 0; i < count; i++)
        CHECK(bound_add(&w->bound, span_of(all[i]->name), span_of(all[i]->version)) == 0);
}

static void bind_by_name(struct walk *w)
{
    struct span name = span_of(run_claimed(w->run)->graph);
    const struct library *library = edition_library(w->edition);
    const struct graph *graph = library == NULL ? NULL : library_find(library, name);
    if (graph != NULL) {
        bind_newest(w, graph);
        find_graphs(w);
        return;
    }
    run_hold(w->run);
    graphs_find(bus_of(w), name, on_found, w);
}

/* What an earlier claim, or the generation that asked, was bound to. */
static void bind(struct walk *w)
{
    struct span kept = kept_find(&w->kept, "graph");
    if (kept.ptr == NULL)
        kept = kept_find(&w->kept, "ask");
    if (kept.ptr == NULL)
        bind_by_name(w);
    else if (bound_read(kept, &w->bound) != 0)
        walk_fail(w, ERR_INTERNAL,
                  "What an earlier worker kept of it is damaged, or of a newer "
                  "version.");
    else
        find_graphs(w);
}

/* What was kept. */

static int take_steps(struct walk *w, const struct kept_step *steps, size_t count)
{
    int rc = 0;
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = kept_add(&w->kept, steps[i].field, steps[i].value);
    return rc;
}

static void on_steps_read(int status, const struct kept_step *steps, size_t count, void *arg)
{
    struct walk *w = walk_of(arg);
    struct run *run = w->run;
    if (run_is_over(run)) {
        /* stopped meanwhile */
    } else if (status != 0 || take_steps(w, steps, count) != 0) {
        fail_reading(w, status, "What earlier workers kept of it cannot be read.");
    } else {
        bind(w);
    }
    run_let_go(run);
}

static void read_steps(struct walk *w)
{
    const struct claimed *c = run_claimed(w->run);
    run_hold(w->run);
    graphs_steps(bus_of(w), c->tenant, c->generation, on_steps_read, w);
}

static void on_edition(void *arg)
{
    walk_read(walk_of(arg));
}

void walk_read(struct walk *w)
{
    w->wait.on_edition = on_edition;
    w->wait.arg = w;
    w->edition = shelf_take(w->graphs->shelf, &w->wait);
    if (w->edition != NULL)
        read_steps(w);
}
