/* A generation's events for people: the reply's text, its parts one after the other, and lines
 * about what happens beside it: steps, tool calls, sources. Where that goes is its owner's: a sink.
 */
#ifndef SLUICE_CMD_SHOW_H
#define SLUICE_CMD_SHOW_H

#include "wire/json.h"
#include "wire/sse.h"

struct show;

struct show_sink {
    void (*text)(struct span text, void *arg);      /* of the reply; never empty */
    void (*reasoning)(struct span text, void *arg); /* before a part's text; NULL: not wanted */
    void (*line)(struct span line, void *arg);      /* without a line end; no control characters */
    void *arg;
};

struct show *show_new(const struct show_sink *sink);
void show_free(struct show *show); /* NULL is a no-op */
/* An event of the stream; with the terminal one comes what is left of the text. */
void show_event(struct show *show, const struct sse_event *event, const struct json *data);

/* Appends what ended it, in a line without its end: "done: stop". */
void show_put_end(struct span type, const struct json *data, struct buf *out);
/* Appends a text of anybody's in one line without control characters, cut behind a while. */
void show_put_short(struct span text, struct buf *out);

#endif
