/* The binding as bytes: {v, graphs: [name, version, ...], and when it is parked: node, input,
 * error, out: {node: JSON text}}. */
#include "graph/bound.h"

#include "base/mem.h"
#include "wire/json.h"
#include "wire/mp.h"

enum { VERSION = 1 };

void bound_init(struct bound *b)
{
    *b = (struct bound){.graphs = NULL};
}

void bound_release(struct bound *b)
{
    for (size_t i = 0; i < b->count; i++) {
        mem_free(b->graphs[i].name);
        mem_free(b->graphs[i].version);
    }
    mem_free(b->graphs);
    bound_init(b);
}

const struct bound_graph *bound_find(const struct bound *b, const char *name)
{
    for (size_t i = 0; i < b->count; i++)
        if (strcmp(b->graphs[i].name, name) == 0)
            return &b->graphs[i];
    return NULL;
}

int bound_add(struct bound *b, struct span name, struct span version)
{
    if (b->count == BOUND_MAX)
        return -ERR_TOO_LARGE;
    b->graphs = mem_grow(b->graphs, b->count + 1, sizeof *b->graphs);
    struct bound_graph *g = &b->graphs[b->count];
    *g = (struct bound_graph){span_dup(name), span_dup(version)};
    if (bound_find(b, g->name) == NULL) {
        b->count++;
        return 0;
    }
    mem_free(g->name);
    mem_free(g->version);
    return 0;
}

static void put_graphs(const struct bound *b, struct mp_fields *f)
{
    mp_put_key(f->buf, "graphs");
    mp_put_array(f->buf, (uint32_t)(2 * b->count));
    for (size_t i = 0; i < b->count; i++) {
        mp_put_str(f->buf, span_of(b->graphs[i].name));
        mp_put_str(f->buf, span_of(b->graphs[i].version));
    }
    f->count++;
}

void bound_write(const struct bound *b, struct buf *out)
{
    struct mp_fields f = mp_fields_begin(out);
    mp_field_int(&f, "v", VERSION);
    put_graphs(b, &f);
    mp_fields_end(&f);
}

static bool is_name(struct span name)
{
    return name.ptr != NULL && name.len > 0 && name.len <= GRAPH_ID_MAX;
}

static int add_checked(struct bound *b, struct span name, struct span version)
{
    return is_name(name) && version.len == GRAPH_VERSION ? bound_add(b, name, version)
                                                         : -ERR_MALFORMED;
}

int bound_add_uses(struct bound *b, struct span about)
{
    struct json_doc *doc = NULL;
    int rc = json_parse(about, &doc, NULL) == 0 ? 0 : -ERR_MALFORMED;
    const struct json *uses = rc == 0 ? json_get(json_root(doc), "uses") : NULL;
    for (size_t i = 0; i < json_count(uses) && rc == 0; i++)
        rc = add_checked(b, json_string(json_get(json_at(uses, i), "id")),
                         json_string(json_get(json_at(uses, i), "version")));
    json_free(doc);
    return rc;
}

static int read_graphs(const struct mp_value *list, struct bound *out)
{
    int rc = mp_count(list) == 0 || mp_count(list) % 2 != 0 ? -ERR_MALFORMED : 0;
    for (size_t i = 0; i + 1 < mp_count(list) && rc == 0; i += 2)
        rc = add_checked(out, mp_str(mp_at(list, i), SPAN_NONE),
                         mp_str(mp_at(list, i + 1), SPAN_NONE));
    return rc;
}

static int open_map(struct span bytes, struct mp_doc **doc)
{
    if (mp_open(bytes, doc) != 0)
        return -ERR_MALFORMED;
    int64_t version = mp_int(mp_get(mp_root(*doc), "v"), 0);
    int rc = 0;
    if (version > VERSION)
        rc = -ERR_NOT_SUPPORTED;
    else if (version < 1)
        rc = -ERR_MALFORMED;
    if (rc != 0)
        mp_close(*doc);
    return rc;
}

int bound_read(struct span bytes, struct bound *out)
{
    struct mp_doc *doc = NULL;
    int rc = open_map(bytes, &doc);
    if (rc != 0)
        return rc;
    rc = read_graphs(mp_get(mp_root(doc), "graphs"), out);
    mp_close(doc);
    return rc;
}

void parked_write(const struct bound *b, const struct state *state, const char *node,
                  struct buf *out)
{
    struct mp_fields f = mp_fields_begin(out);
    mp_field_int(&f, "v", VERSION);
    put_graphs(b, &f);
    mp_field_str(&f, "node", span_of(node));
    mp_field_str(&f, "input", span_of(state->input));
    mp_field_str(&f, "error", span_of(state->error));
    mp_put_key(out, "out");
    mp_put_map(out, (uint32_t)state->count);
    for (size_t i = 0; i < state->count; i++) {
        mp_put_str(out, span_of(state->outs[i].node));
        mp_put_str(out, span_make(state->outs[i].json, state->outs[i].len));
    }
    f.count++;
    mp_fields_end(&f);
}

static int read_outs(const struct mp_value *map, struct state *state)
{
    int rc = 0;
    for (size_t i = 0; mp_is_map(map) && i < mp_count(map) && rc == 0; i++) {
        const struct mp_value *key, *value;
        mp_pair(map, i, &key, &value);
        struct span node = mp_str(key, SPAN_NONE), json = mp_str(value, SPAN_NONE);
        char id[GRAPH_ID_MAX + 1];
        if (!is_name(node) || json.len == 0)
            return -ERR_MALFORMED;
        memcpy(id, node.ptr, node.len);
        id[node.len] = '\0';
        rc = state_put(state, id, json);
    }
    return rc;
}

int parked_read(struct span bytes, struct bound *out, struct span history, size_t max_bytes,
                struct state *state, char **node)
{
    struct mp_doc *doc = NULL;
    int rc = open_map(bytes, &doc);
    if (rc != 0)
        return rc;
    const struct mp_value *map = mp_root(doc);
    struct span at = mp_str(mp_get(map, "node"), SPAN_NONE);
    struct span input = mp_str(mp_get(map, "input"), SPAN_NONE);
    rc = is_name(at) && input.len > 0 ? read_graphs(mp_get(map, "graphs"), out) : -ERR_MALFORMED;
    if (rc == 0) {
        state_init(state, input, history, max_bytes);
        state_set_error(state, mp_str(mp_get(map, "error"), SPAN_NONE));
        rc = read_outs(mp_get(map, "out"), state);
        if (rc == 0)
            *node = span_dup(at);
        else
            state_release(state);
    }
    mp_close(doc);
    return rc;
}
