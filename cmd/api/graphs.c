/* GET /v1/graphs, and whether a request may name one: what workers have published. */
#include "api/graphs.h"

#include "api/handlers.h"
#include "api/request.h"
#include "bus/graphs.h"
#include "wire/json.h"

enum { GRAPHS_JSON_MAX = 4 * 1024 * 1024 };

/* id, version, and what its worker says about it: {start, nodes, tools}; which others it uses is
 * said to workers. */
static void put_graph(struct json_writer *w, const struct graph_row *row)
{
    struct json_walk walk = json_walk_object(row->about);
    struct span name, value;
    json_open(w, NULL, '{');
    json_member_str(w, "id", row->name);
    json_member_str(w, "version", row->version);
    while (json_check(row->about, NULL) == 0 && json_walk_next(&walk, &name, &value)) {
        if (json_name_is(name, "uses")) {
            continue;
        }
        json_key_raw(w, name);
        json_put_raw(w->buf, value);
    }
    json_close(w);
}

static void on_listed(int status, const struct graph_row *rows, size_t count, void *arg)
{
    struct pending *p = pending_of(arg);
    if (pending_failed(p, status)) {
        return;
    }
    struct buf json;
    buf_init(&json, GRAPHS_JSON_MAX);
    struct json_writer w = json_writer(&json);
    json_open(&w, NULL, '{');
    json_open(&w, "data", '[');
    for (size_t i = 0; i < count; i++) {
        put_graph(&w, &rows[i]);
    }
    json_close(&w);
    json_close(&w);
    pending_reply_json(p, &json);
    buf_release(&json);
}

void get_graphs(struct http_request *request, void *arg)
{
    struct api *api = api_of(arg);
    if (request_has_no_query(request)) {
        struct pending *p = pending_new(api, request, sizeof *p, NULL);
        graphs_list(api->bus, on_listed, p);
    }
}

static void on_looked_for(int status, const struct graph_row *rows, size_t count, void *arg)
{
    struct start *s = pending_of(arg);
    bool is_there = false;
    if (pending_failed(&s->pending, status)) {
        return;
    }
    for (size_t i = 0; i < count && !is_there; i++) {
        is_there = span_equal(rows[i].name, s->body.graph);
    }
    if (is_there) {
        start_begin(s);
        return;
    }
    struct err err;
    (void)err_set(&err, ERR_BAD_REQUEST, "graph", "no worker has a graph of that name");
    pending_reply_error(&s->pending, &err);
}

void graphs_begin(struct start *s)
{
    graphs_list(s->pending.api->bus, on_looked_for, s);
}
