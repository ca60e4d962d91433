/* The reply as it grows: parts, numbered in order of their start, whatever node they are of, and
 * the two forms in which it is kept at the end. Pure. Its size is limited by what the run lets
 * through.
 */
#ifndef SLUICE_WORKERS_GRAPH_REPLY_PARTS_H
#define SLUICE_WORKERS_GRAPH_REPLY_PARTS_H

#include "wire/event.h"
#include "wire/job.h"

struct reply_part {
    int64_t number;
    enum event_kind kind; /* DELTA REASONING REFUSAL; TOOL_CALL: of a call, without a text here */
    char *node;
    struct buf text;
    bool is_whole; /* read back from a log: a step that is over made it */
};

struct reply_parts {
    struct reply_part *items; /* in order of number */
    size_t count;
    size_t max_bytes; /* of one */
};

void reply_parts_init(struct reply_parts *p, size_t max_bytes);
void reply_parts_release(struct reply_parts *p);
/* A new part behind all others; its number. */
int64_t reply_parts_add(struct reply_parts *p, enum event_kind kind, struct span node);
/* The same, with the number that it had in the log; one that is there already changes nothing. */
void reply_parts_add_at(struct reply_parts *p, int64_t number, enum event_kind kind,
                        struct span node);
struct reply_part *reply_parts_find(const struct reply_parts *p, int64_t number); /* NULL: none */
void reply_parts_put(struct reply_parts *p, int64_t number, struct span text);
void reply_parts_drop(struct reply_parts *p, int64_t number);
/* The texts of a kind, in order of part, an empty line between. */
void reply_parts_text(const struct reply_parts *p, enum event_kind kind, struct buf *out);

/* What a committed message says of the turn; borrowed. */
struct reply_parts_facts {
    struct span id, generation, graph, model, finish_reason, steps; /* steps: JSON array */
    int64_t created_at_ms;
    struct usage usage;
};
/* The committed message, msgpack. Its content is the text, or, where there is none, the refusal. */
void reply_parts_put_message(const struct reply_parts *p, const struct reply_parts_facts *facts,
                             struct buf *out);
/* {text, reasoning, tool_calls}, null for what there is none of. */
void reply_parts_put_output(const struct reply_parts *p, struct buf *out);

#endif
