/* A generation's output put together from the events of its log: text, reasoning and tool calls.
 * Pure: bytes in, JSON out. Parts stand in the order of their number, parallel ones apart by an
 * empty line (as the stop script commits them); a reset voids what came after its `after`.
 * Calls that a graph's agents make are not the output's. */
#ifndef SLUICE_API_OUTPUT_H
#define SLUICE_API_OUTPUT_H

#include "wire/json.h"

struct output_piece;

struct output {
    struct buf text; /* of all pieces, one behind the other */
    struct output_piece *pieces;
    size_t count, room;
};

void output_init(struct output *o, size_t max_bytes);
void output_release(struct output *o);
/* Takes one event's bytes; those without output, and malformed ones, are passed by. */
void output_add(struct output *o, struct span event);
/* Appends the text alone; false when there is none. */
bool output_text(struct output *o, struct buf *text);
/* Adds the member `output`: {text, reasoning, tool_calls: [{call_id, name, arguments}]}, each null
 * when there is none. */
void output_put(struct output *o, struct json_writer *w);

#endif
