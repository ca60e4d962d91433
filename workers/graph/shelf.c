/* Editions of the folder of graphs. Invariant: at most one is being checked; what was asked for
 * meanwhile is read once that is known. */
#include "graph/shelf.h"

#include "base/log.h"
#include "base/mem.h"
#include "bus/graphs.h"
#include "graph/steps.h"
#include "graphs/check.h"
#include "wire/json.h"
#include "wire/limits.h"

enum {
    SHELF_MAGIC = 0x7368656c,
    OTHER_EVENTS = 4 /* in the log of a graph: queued, started, a text, its end */
};

struct edition {
    struct library *library; /* NULL: there is no folder */
    size_t holds;
};

struct shelf {
    uint32_t magic;
    struct worker *worker;
    struct jq *jq;
    struct edition *current;   /* NULL until the first one is checked */
    struct edition *next;      /* being checked */
    struct graph_check *check; /* of the graph under way, or NULL */
    size_t checked;            /* graphs of `next` that are */
    bool is_wrong;             /* something was found in one of them */
    bool is_owed;              /* another reading was asked for meanwhile */
    bool is_said;              /* what the folder has was once published, as far as can be */
    TAILQ_HEAD(shelf_waits, shelf_wait) waits;
};

static struct edition *edition_new(struct library *library)
{
    struct edition *e = MEM_NEW(struct edition);
    e->library = library;
    e->holds = 1;
    return e;
}

void edition_let_go(struct edition *edition)
{
    if (edition == NULL || --edition->holds > 0)
        return;
    library_free(edition->library);
    mem_free(edition);
}

const struct library *edition_library(const struct edition *edition)
{
    return edition->library;
}

struct edition *shelf_take(struct shelf *shelf, struct shelf_wait *wait)
{
    CHECK_MAGIC(shelf, SHELF_MAGIC);
    if (shelf->current != NULL) {
        shelf->current->holds++;
        return shelf->current;
    }
    CHECK(!wait->is_on);
    wait->is_on = true;
    TAILQ_INSERT_TAIL(&shelf->waits, wait, link);
    return NULL;
}

void shelf_wait_stop(struct shelf *shelf, struct shelf_wait *wait)
{
    if (wait->is_on)
        TAILQ_REMOVE(&shelf->waits, wait, link);
    wait->is_on = false;
}

/* Publishing. */

/* Another worker, whose folder does not have it, runs these very versions. */
static void put_uses(struct json_writer *w, const struct library *library,
                     const struct graph *graph)
{
    const struct graph *all[GRAPH_REACH_MAX];
    size_t count = library_reach(library, graph, all);
    json_open(w, "uses", '[');
    for (size_t i = 1; i < count; i++) {
        json_open(w, NULL, '{');
        json_member_str(w, "id", span_of(all[i]->name));
        json_member_str(w, "version", span_of(all[i]->version));
        json_close(w);
    }
    json_close(w);
}

static void put_about(struct buf *out, const struct library *library, const struct graph *graph)
{
    struct json_writer w = json_writer(out);
    json_open(&w, NULL, '{');
    json_member_str(&w, "start", span_of(graph->start));
    json_open(&w, "nodes", '[');
    for (size_t i = 0; i < graph->node_count; i++) {
        const struct graph_node *node = &graph->nodes[i];
        json_open(&w, NULL, '{');
        json_member_str(&w, "id", span_of(node->id));
        json_member_str(&w, "kind", span_of(graph_kind_name(node->kind)));
        json_member_bool(&w, "visible", node->is_visible);
        json_close(&w);
    }
    json_close(&w);
    json_open(&w, "tools", '[');
    for (size_t i = 0; i < graph->tool_count; i++)
        json_member_str(&w, NULL, span_of(graph->tools[i].id));
    json_close(&w);
    put_uses(&w, library, graph);
    json_close(&w);
}

static void on_said(int status, void *arg)
{
    struct shelf *shelf = arg;
    CHECK_MAGIC(shelf, SHELF_MAGIC);
    (void)status; /* it is said again soon */
    shelf->is_said = true;
    worker_prepared(shelf->worker);
}

/* Whoever hears that the worker is ready may name its graphs: the first publication is waited
 * for. */
static bool publish(struct shelf *shelf)
{
    CHECK_MAGIC(shelf, SHELF_MAGIC);
    const struct library *library = shelf->current == NULL ? NULL : shelf->current->library;
    size_t count = library == NULL ? 0 : library_count(library);
    if (count == 0)
        return false;
    struct published *rows = mem_new_array(count, sizeof *rows);
    struct buf *abouts = mem_new_array(count, sizeof *abouts);
    for (size_t i = 0; i < count; i++) {
        const struct graph *graph = library_at(library, i);
        buf_init(&abouts[i], LIMIT_GRAPH_ABOUT);
        put_about(&abouts[i], library, graph);
        rows[i] = (struct published){
            span_of(graph->name), span_of(graph->version), span_make(graph->text, graph->text_len),
            buf_error(&abouts[i]) == 0 ? buf_as_span(&abouts[i]) : SPAN_LIT("{}")};
    }
    bool is_sent = graphs_publish(worker_bus(shelf->worker), rows, count, on_said, shelf);
    if (is_sent && !shelf->is_said)
        worker_prepare(shelf->worker);
    for (size_t i = 0; i < count; i++)
        buf_release(&abouts[i]);
    mem_free(abouts);
    mem_free(rows);
    return is_sent;
}

void shelf_publish(struct shelf *shelf)
{
    (void)publish(shelf); /* while Redis is away; the next announcement says it */
}

/* Reading and checking. */

static void on_wrong(const char *message, void *arg)
{
    (void)arg;
    log_event(LOG_ERROR, "graph.wrong", "at=%s", message);
}

/* All of its steps' events shall have room in a log: what the file allows is not refused late. */
static int check_steps(const struct graph *graph, int64_t max_events, struct err *err)
{
    int64_t most = (max_events - OTHER_EVENTS) / STEP_EVENTS;
    int64_t wanted = STEP_EVENTS * graph->limits.steps + OTHER_EVENTS;
    if (graph->limits.steps <= most)
        return 0;
    return err_set(err, ERR_CONFIG, NULL,
                   "%s:%d:%d: limits.steps is %lld, and limits.events, %lld in the configuration, "
                   "has room for %lld; write at most that, or let limits.events be %lld",
                   graph->file, graph->limits.steps_at.line, graph->limits.steps_at.column,
                   (long long)graph->limits.steps, (long long)max_events, (long long)most,
                   (long long)wanted);
}

/* Against the configuration: each mistake is logged, `err` has the first. */
static int check_limits(const struct library *library, const struct conf *conf, struct err *err)
{
    int result = 0;
    for (size_t i = 0; i < library_count(library); i++) {
        struct err one;
        int rc = check_steps(library_at(library, i), conf->limits_events, &one);
        if (rc != 0)
            on_wrong(one.message, NULL);
        if (rc != 0 && result == 0)
            *err = one;
        if (rc != 0)
            result = rc;
    }
    return result;
}

static int read_folder(struct shelf *shelf, struct err *err)
{
    const char *folder = worker_conf(shelf->worker)->graph_folder;
    struct library *library = NULL;
    if (folder[0] == '\0') {
        log_event(LOG_WARN, "graph.no_folder", "hint=graph.folder");
    } else {
        int rc = library_read(folder, on_wrong, NULL, &library, err);
        if (rc == 0)
            rc = check_limits(library, worker_conf(shelf->worker), err);
        if (rc != 0) {
            library_free(library);
            return rc;
        }
    }
    shelf->next = edition_new(library);
    shelf->is_wrong = false;
    shelf->checked = 0;
    return 0;
}

static void tell_waiting(struct shelf *shelf)
{
    struct shelf_wait *wait;
    while ((wait = TAILQ_FIRST(&shelf->waits)) != NULL) {
        shelf_wait_stop(shelf, wait);
        wait->on_edition(wait->arg);
    }
}

static void take_next(struct shelf *shelf)
{
    size_t count = shelf->next->library == NULL ? 0 : library_count(shelf->next->library);
    edition_let_go(shelf->current);
    shelf->current = shelf->next;
    shelf->next = NULL;
    log_event(LOG_INFO, "graph.read", "graphs=%zu", count);
    if (!publish(shelf))
        worker_prepared(shelf->worker);
    tell_waiting(shelf);
}

static void drop_next(struct shelf *shelf)
{
    edition_let_go(shelf->next);
    shelf->next = NULL;
    if (shelf->current == NULL)
        worker_end(shelf->worker, "an expression of a graph is wrong: see the log");
    else
        log_event(LOG_ERROR, "graph.kept", "why=the folder is wrong");
}

static void was_checked(struct shelf *shelf)
{
    if (shelf->is_wrong)
        drop_next(shelf);
    else
        take_next(shelf);
    if (shelf->is_owed)
        shelf_reload(shelf);
}

static void check_next(struct shelf *shelf);

static void on_checked(int status, const char *message, void *arg)
{
    struct shelf *shelf = arg;
    CHECK_MAGIC(shelf, SHELF_MAGIC);
    shelf->check = NULL;
    if (status != 0) {
        shelf->is_wrong = true;
        on_wrong(message != NULL ? message : "sluice-jq cannot be started", NULL);
    }
    shelf->checked++;
    check_next(shelf);
}

/* One graph after the other: there is one check to give up when the process ends. */
static void check_next(struct shelf *shelf)
{
    const struct library *library = shelf->next->library;
    if (library == NULL || shelf->checked == library_count(library))
        was_checked(shelf);
    else
        shelf->check =
            graph_check(shelf->jq, library_at(library, shelf->checked), on_checked, shelf);
}

void shelf_reload(struct shelf *shelf)
{
    struct err err;
    CHECK_MAGIC(shelf, SHELF_MAGIC);
    shelf->is_owed = shelf->next != NULL;
    if (shelf->is_owed)
        return;
    if (read_folder(shelf, &err) == 0)
        check_next(shelf);
    else
        log_event(LOG_ERROR, "graph.kept", "why=%s", err.message);
}

struct shelf *shelf_new(struct worker *worker, struct jq *jq, struct err *err)
{
    struct shelf *shelf = MEM_NEW(struct shelf);
    shelf->magic = SHELF_MAGIC;
    shelf->worker = worker;
    shelf->jq = jq;
    TAILQ_INIT(&shelf->waits);
    worker_prepare(worker);
    if (read_folder(shelf, err) == 0) {
        check_next(shelf);
        return shelf;
    }
    shelf_free(shelf);
    return NULL;
}

void shelf_free(struct shelf *shelf)
{
    if (shelf == NULL)
        return;
    CHECK_MAGIC(shelf, SHELF_MAGIC);
    CHECK(TAILQ_EMPTY(&shelf->waits));
    graph_check_cancel(shelf->check);
    edition_let_go(shelf->current);
    edition_let_go(shelf->next);
    shelf->magic = 0;
    mem_free(shelf);
}
