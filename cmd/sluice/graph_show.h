/* A graph's events for people: the reply's text on standard output, its parts one after the other;
 * steps, tool calls and the end on standard error, as they come. */
#ifndef SLUICE_CMD_GRAPH_SHOW_H
#define SLUICE_CMD_GRAPH_SHOW_H

#include "wire/json.h"
#include "wire/sse.h"

struct graph_show;

struct graph_show *graph_show_new(void);
void graph_show_free(struct graph_show *show); /* NULL is a no-op */
/* An event of the stream; the terminal one puts out what is left of the text and a line end. */
void graph_show_event(struct graph_show *show, const struct sse_event *event,
                      const struct json *data);

#endif
