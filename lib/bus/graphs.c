/* What is said of graphs in Redis, and the checkpoints of one generation as they are kept. */
#include "bus/graphs.h"

#include "base/mem.h"
#include "bus/bus_inner.h"
#include "wire/limits.h"

enum {
    PART_BYTES = 1024 * 1024, /* of a publication, per call: Redis does nothing else meanwhile */
    VERSION_LEN = 64          /* SHA-256 in hex */
};
#define DAY_MS INT64_C(86400000)

static bool is_version(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!((s.ptr[i] >= '0' && s.ptr[i] <= '9') || (s.ptr[i] >= 'a' && s.ptr[i] <= 'f')))
            return false;
    return s.len == VERSION_LEN;
}

static bool may_be_said(const struct published *p)
{
    return id_is_valid(p->name) && is_version(p->version) && p->text.len <= LIMIT_GRAPH_TEXT &&
           p->about.len <= LIMIT_GRAPH_ABOUT;
}

static struct call *publication(struct bus *bus)
{
    struct call *call = call_new(bus, SCRIPT_PUBLISH, 1);
    call_key(call, key_plain("graphs"));
    call_text(call, KEY_PREFIX);
    call_int(call, DAY_MS);
    call_int(call, (LIMIT_PARKED_DAYS + 1) * DAY_MS);
    return call;
}

static void answer_published(struct call *call, int status, const struct reply *reply)
{
    (void)reply;
    ((on_published)call->done)(status, call->arg);
}

bool graphs_publish(struct bus *bus, const struct published *graphs, size_t count,
                    on_published done, void *arg)
{
    struct call *call = NULL;
    size_t bytes = 0;
    if (!bus_is_up(bus))
        return false;
    for (size_t i = 0; i < count && i < LIMIT_GRAPHS; i++) {
        const struct published *p = &graphs[i];
        if (!may_be_said(p))
            continue;
        if (bytes >= PART_BYTES) {
            call_send(call, NULL, NULL, NULL); /* the last one's answer is everyone's */
            call = NULL;
            bytes = 0;
        }
        if (call == NULL)
            call = publication(bus);
        call_arg(call, p->name);
        call_arg(call, p->version);
        call_arg(call, p->about);
        call_arg(call, p->text);
        bytes += p->text.len + p->about.len;
    }
    if (call == NULL)
        return false;
    call_send(call, answer_published, (call_done)done, arg);
    return true;
}

/* An array of strings as rows of `width`; NULL when it is anything else. */
static struct span *read_rows(const struct reply *r, size_t width, size_t max, size_t *count)
{
    size_t n = reply_count(r);
    if (reply_type(r) != REPLY_ARRAY || n % width != 0 || n / width > max)
        return NULL;
    struct span *rows = mem_new_array(n, sizeof *rows);
    for (size_t i = 0; i < n; i++) {
        rows[i] = reply_str(reply_at(r, i));
        if (rows[i].ptr == NULL) {
            mem_free(rows);
            return NULL;
        }
    }
    *count = n / width;
    return rows;
}

static void answer_graphs(struct call *call, int status, const struct reply *reply)
{
    on_graphs done = (on_graphs)call->done;
    size_t count = 0;
    struct span *rows = NULL;
    if (status == 0 && (rows = read_rows(reply, 3, SIZE_MAX, &count)) == NULL)
        status = -ERR_INTERNAL;
    struct graph_row *graphs = mem_new_array(count, sizeof *graphs);
    for (size_t i = 0; rows != NULL && i < count; i++)
        graphs[i] = (struct graph_row){rows[i * 3], rows[i * 3 + 1], rows[i * 3 + 2]};
    done(status, graphs, count, call->arg);
    mem_free(graphs);
    mem_free(rows);
}

void graphs_list(struct bus *bus, on_graphs done, void *arg)
{
    struct call *call = call_new(bus, SCRIPT_GRAPHS, 1);
    call_key(call, key_plain("graphs"));
    call_text(call, KEY_PREFIX);
    call_send(call, answer_graphs, (call_done)done, arg);
}

/* "<until> <version> <about>", as the script writes it: the graph is there as long as that is. */
static void answer_graph(struct call *call, int status, const struct reply *reply)
{
    on_graph done = (on_graph)call->done;
    struct span about = SPAN_NONE, version = SPAN_NONE;
    if (status == 0 && reply_type(reply) != REPLY_NIL) {
        about = reply_str(reply);
        (void)span_cut(&about, ' ');
        version = span_cut(&about, ' ');
        if (!is_version(version) || about.ptr == NULL)
            status = -ERR_INTERNAL;
    }
    done(status, version, about, call->arg);
}

void graphs_find(struct bus *bus, struct span name, on_graph done, void *arg)
{
    struct call *call = call_new_plain(bus, "HGET");
    call_key(call, key_plain("graphs"));
    call_arg(call, name);
    call_send(call, answer_graph, (call_done)done, arg);
}

static void answer_text(struct call *call, int status, const struct reply *reply)
{
    on_graph_text done = (on_graph_text)call->done;
    bool is_there = status == 0 && reply_type(reply) != REPLY_NIL;
    struct span text = is_there ? reply_str(reply) : SPAN_NONE;
    if (is_there && text.ptr == NULL)
        status = -ERR_INTERNAL;
    done(status, text, call->arg);
}

void graphs_text(struct bus *bus, struct span version, on_graph_text done, void *arg)
{
    char name[VERSION_LEN + 1] = ""; /* of what is no version nothing is known */
    struct call *call = call_new_plain(bus, "GET");
    if (is_version(version))
        memcpy(name, version.ptr, VERSION_LEN);
    call_key(call, key_graph(name));
    call_send(call, answer_text, (call_done)done, arg);
}

static void answer_steps(struct call *call, int status, const struct reply *reply)
{
    on_steps done = (on_steps)call->done;
    size_t count = 0;
    struct span *rows = NULL;
    if (status == 0 && (rows = read_rows(reply, 2, LIMIT_CHECKPOINTS, &count)) == NULL)
        status = -ERR_INTERNAL;
    struct kept_step *steps = mem_new_array(count, sizeof *steps);
    for (size_t i = 0; rows != NULL && i < count; i++)
        steps[i] = (struct kept_step){rows[i * 2], rows[i * 2 + 1]};
    done(status, steps, count, call->arg);
    mem_free(steps);
    mem_free(rows);
}

void graphs_steps(struct bus *bus, const char *tenant, const char *generation, on_steps done,
                  void *arg)
{
    struct call *call = call_new_plain(bus, "HGETALL");
    call_key(call, key_steps(tenant, generation));
    call_send(call, answer_steps, (call_done)done, arg);
}
