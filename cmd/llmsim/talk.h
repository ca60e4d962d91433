/* A conversation as a request tells it, whatever the format: what is asked, by whom, and what has
 * been called for so far. Pure; everything borrows from the request. */
#ifndef SLUICE_LLMSIM_TALK_H
#define SLUICE_LLMSIM_TALK_H

#include "wire/json.h"

enum { TALK_CALLS_MAX = 32 };

struct talk_call {
    struct span id, name;
    struct span result; /* SPAN_NONE until its result is there */
};

struct talk {
    struct span system;    /* the first system text */
    struct span user;      /* the last text of a user */
    struct span prefill;   /* the text of the last message when it is the assistant's */
    bool has_tool_results; /* the last message tells what a tool call came to */
    int64_t calls_before;  /* tool calls of the whole conversation */
    struct talk_call calls[TALK_CALLS_MAX]; /* the first ones behind the last text of a user */
    size_t call_count;
};

/* `request`: its root; it has at least one message. */
struct talk talk_read(const struct json *request);
/* A message's text; the first or the last of its parts' when its content is an array. */
struct span talk_text(const struct json *message, bool is_last);

/* A tool that the request offers. */
struct talk_tool {
    struct span name, description;
    const struct json *parameters; /* JSON Schema; NULL: none */
};
size_t talk_tool_count(const struct json *request); /* 0 when it may call none */
struct talk_tool talk_tool_at(const struct json *request, size_t index);

/* Whether the answer must be JSON by the request's parameters, and the schema for it (NULL: none).
 */
bool talk_wants_json(const struct json *request, const struct json **schema);

#endif
