/* The state as texts. */
#include "graph/state.h"

#include "base/mem.h"
#include "wire/json.h"

enum { MEMBER_BYTES = 64 }; /* of a member's name and its signs */

void state_init(struct state *s, struct span input, struct span history, size_t max_bytes)
{
    *s = (struct state){.input = span_dup(input), .history = history, .max_bytes = max_bytes};
}

void state_release(struct state *s)
{
    for (size_t i = 0; i < s->count; i++) {
        mem_free(s->outs[i].node);
        mem_free(s->outs[i].json);
    }
    mem_free(s->outs);
    mem_free(s->input);
    mem_free(s->error);
    *s = (struct state){.input = NULL};
}

static struct state_out *find(const struct state *s, const char *node)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->outs[i].node, node) == 0)
            return &s->outs[i];
    return NULL;
}

static struct state_out *add(struct state *s, const char *node)
{
    s->outs = mem_grow(s->outs, s->count + 1, sizeof *s->outs); /* one per node of the graph */
    struct state_out *out = &s->outs[s->count++];
    *out = (struct state_out){.node = mem_strdup(node)};
    return out;
}

int state_put(struct state *s, const char *node, struct span json)
{
    struct state_out *out = find(s, node);
    size_t bytes = s->bytes - (out == NULL ? 0 : out->len);
    if (json.len > s->max_bytes || bytes > s->max_bytes - json.len)
        return -ERR_TOO_LARGE;
    if (out == NULL)
        out = add(s, node);
    mem_free(out->json);
    out->json = span_dup(json);
    out->len = json.len;
    s->bytes = bytes + json.len;
    return 0;
}

void state_set_error(struct state *s, struct span json)
{
    mem_free(s->error);
    s->error = span_dup_or_null(json);
}

struct span state_out(const struct state *s, const char *node)
{
    const struct state_out *out = find(s, node);
    return out == NULL ? SPAN_NONE : span_make(out->json, out->len);
}

size_t state_bytes(const struct state *s, const struct state_member *more, size_t count)
{
    size_t bytes = strlen(s->input) + s->history.len + s->bytes + (4 + s->count) * MEMBER_BYTES;
    bytes += s->error == NULL ? 0 : strlen(s->error);
    for (size_t i = 0; i < count; i++)
        bytes += more[i].json.len + MEMBER_BYTES;
    return bytes;
}

void state_write(const struct state *s, bool with_history, const struct state_member *more,
                 size_t count, struct buf *out)
{
    struct json_writer w = json_writer(out);
    json_open(&w, NULL, '{');
    json_member_raw(&w, "input", span_of(s->input));
    if (with_history)
        json_member_raw(&w, "history", s->history);
    json_open(&w, "out", '{');
    for (size_t i = 0; i < s->count; i++)
        json_member_raw(&w, s->outs[i].node, span_make(s->outs[i].json, s->outs[i].len));
    json_close(&w);
    json_member_raw(&w, "error", span_of(s->error));
    for (size_t i = 0; i < count; i++)
        if (more[i].json.ptr != NULL)
            json_member_raw(&w, more[i].name, more[i].json);
    json_close(&w);
}
