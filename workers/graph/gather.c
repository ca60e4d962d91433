/* Children at once. Invariant: those before `next` were begun, and `running` of them run. */
#include "graph/gather.h"

#include "base/mem.h"
#include "graph/failing.h"

enum { GATHER_MAGIC = 0x67617468, MEMBER_BYTES = 64 };

struct gathered {
    const struct graph_node *node;
    char *key;
    char *item;   /* until it is begun */
    char *result; /* JSON text, when it is over */
    struct step *step;
};

struct gather {
    uint32_t magic;
    struct gather_wants wants;
    struct gathered *all;
    size_t added, next, running;
    size_t bytes, max_bytes; /* of results */
};

struct gather *gather_new(const struct gather_wants *wants)
{
    struct gather *g = MEM_NEW(struct gather);
    g->magic = GATHER_MAGIC;
    g->wants = *wants;
    g->all = mem_new_array(wants->count + 1, sizeof *g->all);
    g->max_bytes = (size_t)step_graph(wants->step)->limits.state_bytes;
    return g;
}

static void stop_running(struct gather *g)
{
    for (size_t i = 0; i < g->next; i++) {
        if (g->all[i].step != NULL)
            step_child_stop(g->all[i].step);
        g->all[i].step = NULL;
    }
    g->running = 0;
}

void gather_free(struct gather *g)
{
    if (g == NULL)
        return;
    CHECK_MAGIC(g, GATHER_MAGIC);
    stop_running(g);
    for (size_t i = 0; i < g->added; i++) {
        mem_free(g->all[i].key);
        mem_free(g->all[i].item);
        mem_free(g->all[i].result);
    }
    mem_free(g->all);
    g->magic = 0;
    mem_free(g);
}

void gather_add(struct gather *g, const struct graph_node *node, const char *key, struct span item)
{
    CHECK(g->added < g->wants.count);
    g->all[g->added++] =
        (struct gathered){.node = node, .key = mem_strdup(key), .item = span_dup_or_null(item)};
}

/* Its end. */

static void fail(struct gather *g, const struct failing *failing)
{
    stop_running(g);
    g->next = g->added; /* no other begins */
    step_fail(g->wants.step, failing->error, failing->status, failing->retry_after_ms,
              failing->message);
}

static void fail_too_large(struct gather *g)
{
    struct failing failing;
    failing_set(&failing, STEP_LIMIT_STATE, 0, -1, NULL);
    fail(g, &failing);
}

static void fail_by(struct gather *g, size_t index, struct span error)
{
    struct failing failing;
    CHECK(failing_read(error, &failing) == 0); /* the engine wrote it */
    failing_within(&failing, g->all[index].key);
    fail(g, &failing);
}

static void write_results(const struct gather *g, struct buf *out)
{
    struct json_writer w = json_writer(out);
    json_open(&w, NULL, g->wants.is_list ? '[' : '{');
    for (size_t i = 0; i < g->added; i++)
        json_member_raw(&w, g->wants.is_list ? NULL : g->all[i].key, span_of(g->all[i].result));
    json_close(&w);
}

static void finish(struct gather *g)
{
    struct buf out;
    buf_init(&out, g->bytes + MEMBER_BYTES * (g->added + 1));
    write_results(g, &out);
    CHECK(buf_error(&out) == 0);
    step_done(g->wants.step, buf_as_span(&out), NULL);
    buf_release(&out);
}

/* One of them. */

/* False: all of them together are too large. */
static bool take_result(struct gather *g, size_t index, struct span result)
{
    if (result.len > g->max_bytes - g->bytes)
        return false;
    g->bytes += result.len;
    g->all[index].result = span_dup(result);
    return true;
}

static bool take_error(struct gather *g, size_t index, struct span error)
{
    struct buf out;
    buf_init(&out, error.len + MEMBER_BYTES);
    struct json_writer w = json_writer(&out);
    json_open(&w, NULL, '{');
    json_member_raw(&w, "error", error);
    json_close(&w);
    bool fits = take_result(g, index, buf_as_span(&out));
    buf_release(&out);
    return fits;
}

static void go_on(struct gather *g);

static void on_child_over(size_t index, struct span result, struct span error, void *arg)
{
    struct gather *g = arg;
    CHECK_MAGIC(g, GATHER_MAGIC);
    g->all[index].step = NULL;
    g->running--;
    if (result.ptr == NULL && g->wants.is_fast)
        fail_by(g, index, error);
    else if (result.ptr != NULL ? take_result(g, index, result) : take_error(g, index, error))
        go_on(g);
    else
        fail_too_large(g);
}

static void go_on(struct gather *g)
{
    while (g->running < g->wants.at_once && g->next < g->added) {
        size_t index = g->next++;
        struct gathered *one = &g->all[index];
        g->running++;
        one->step = step_child(g->wants.step, one->node, one->key, index, span_of(one->item),
                               on_child_over, g);
        mem_free(one->item);
        one->item = NULL;
    }
    if (g->running == 0 && g->next == g->added)
        finish(g);
}

void gather_start(struct gather *g)
{
    CHECK(g->added == g->wants.count);
    go_on(g);
}
