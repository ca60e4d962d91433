/* The life of a turn: begin, finish, settle, delete; and the records and chats as they are kept. */
#ifndef SLUICE_BUS_TURN_H
#define SLUICE_BUS_TURN_H

#include "bus/bus.h"
#include "bus/keys.h"

enum begin_mode { BEGIN_NEW, BEGIN_ANY, BEGIN_NONE }; /* none: stateless */
enum if_busy { IF_BUSY_REJECT, IF_BUSY_ENQUEUE, IF_BUSY_INTERRUPT };

/* Everything borrowed until begin's callback ran (the bus copies what it needs). */
struct begin {
    const char *tenant;
    const char *chat; /* "" for a stateless one without chat */
    const char *generation;
    enum lane lane;
    enum begin_mode mode;
    enum if_busy if_busy;
    struct span hash;            /* of the request: what makes a repeat the same */
    struct span idempotency_key; /* or SPAN_NONE */
    struct span user;            /* or SPAN_NONE */
    bool is_own; /* asked by this user alone: a chat or an id of another's is NOT_FOUND */
    const char *message_id; /* minted by the caller */
    const char *user_message_id;
    struct span request;      /* job_encode's bytes */
    struct span restore;      /* JSON text */
    struct span user_message; /* the committed form, msgpack */
    struct span title;        /* first 80 characters of the message */
    struct span metadata;     /* JSON text or SPAN_NONE */
    struct span model;        /* or SPAN_NONE */
    /* A graph's name. SPAN_NONE, and no model either: the script takes what the chat has parked (an
     * ask), then the graph of the chat's last committed turn, and moves the turn to the graph lane
     * of the same kind. */
    struct span graph;
    const char *on_stop;      /* "discard" "keep" "keep_seen" */
    const char *on_interrupt; /* "interrupted" "continue" "restart" */
    int64_t grace_ms;         /* on_disconnect: stop; 0: continue */
    bool grace_if_new;     /* the grace is a default: it counts only when the chat has no record */
    int64_t tenant_limit;  /* queued per tenant */
    int64_t waiting_limit; /* per chat */
    /* A message of the chat: when done (or stopped and kept), it and all after it give way to this
     * turn. Mode any only. Or SPAN_NONE. One that was not there any more when the turn's time came
     * ends it as failed, code conflict. */
    struct span replace_from;
    int64_t requests_per_minute, tokens_per_day; /* of the tenant; 0: no limit */
};

enum begin_outcome {
    BEGIN_QUEUED, /* state "failed": what it was to replace went with the turn that it interrupted
                   */
    BEGIN_WAITING,
    BEGIN_STOPPED,
    BEGIN_REPLAYED,
    BEGIN_CONFLICT,
    BEGIN_BUSY,
    BEGIN_FULL,
    BEGIN_EXISTS,
    BEGIN_GONE,
    BEGIN_LIMITED,    /* over the tenant's rate: answer.retry_after_ms */
    BEGIN_NO_MESSAGE, /* replace_from is not in the chat */
    BEGIN_NOT_FOUND   /* is_own, and it is another's */
};
struct begin_answer {
    enum begin_outcome outcome;
    struct id generation; /* the one to stream: a repeat by key names the first one's */
    struct id chat;       /* "" when stateless without chat */
    struct span state;    /* "queued" "running" "done" ...; valid during the callback */
    int64_t position;
    int64_t retry_after_ms; /* LIMITED */
};
typedef void (*on_begin)(int status, const struct begin_answer *answer, void *arg);
void turn_begin(struct bus *bus, const struct begin *begin, on_begin done, void *arg);

/* finish: state is "done", "failed" or "interrupted". `done` of a turn with replace_from whose
 * message is gone from the chat ends it as failed (code conflict) there and then: FINISH_OTHER with
 * state "failed", nothing is left to do but to settle. */
struct finish {
    const char *tenant, *generation, *token;
    const char *state;
    int64_t expected_seq; /* the log's length that the worker believes in */
    struct span reason;   /* failed, interrupted: the error's code; else SPAN_NONE */
    struct span error;    /* JSON text {code,message,retryable,provider_status?}; else SPAN_NONE */
    bool is_resumable;
    struct span finish_reason; /* done */
    struct span model;         /* the model's configured name */
    struct span system;        /* effective system, kept by the chat; or SPAN_NONE */
    struct span usage;         /* JSON text */
    const char *usage_source;
    struct span reply;  /* done: committed message, msgpack */
    struct span output; /* stateless: JSON text {text, reasoning, tool_calls} */
    struct span graph;  /* the graph's name, kept by the chat; SPAN_NONE: the record's, if any */
    /* done, of a graph that asks back: what the chat keeps for parked_ms to go on behind the
     * question. Any other `done` of the chat drops what was parked. */
    struct span resume; /* JSON text, of the event */
    struct span parked; /* opaque, at most LIMIT_PARKED bytes; SPAN_NONE: nothing */
    int64_t parked_ms;  /* more than 0, at most LIMIT_PARKED_DAYS */
};
enum finish_outcome { FINISH_MINE, FINISH_OTHER, FINISH_GONE, FINISH_BEHIND };
struct finish_answer {
    enum finish_outcome outcome;
    struct span state; /* what it is now */
    int64_t length;    /* BEHIND: the log's true length: append again from length + 1 */
};
/* -ERR_MALFORMED: the chat's keys are damaged and cannot take the turn: finish as failed. */
typedef void (*on_finish)(int status, const struct finish_answer *answer, void *arg);
void turn_finish(struct bus *bus, const struct finish *finish, on_finish done, void *arg);

struct settle {
    const char *tenant, *chat, *generation, *token;
    struct span usage;
    const char *usage_source;
};
/* -ERR_NOT_FOUND: no such record or token; -ERR_CONFLICT: it is not over yet. done may be NULL. */
typedef void (*on_status)(int status, void *arg);
void turn_settle(struct bus *bus, const struct settle *settle, on_status done, void *arg);

typedef void (*on_deleted)(int status, bool existed, void *arg);
void turn_delete(struct bus *bus, const char *tenant, const char *chat, on_deleted done, void *arg);

/* Title, metadata and graph of a chat with a record; SPAN_NONE leaves one as it is. -ERR_NOT_FOUND:
 * no record. */
struct chat_change {
    const char *tenant, *chat;
    struct span title;
    struct span metadata; /* JSON text */
    struct span graph;    /* its name; empty: none any more */
};
void turn_change_chat(struct bus *bus, const struct chat_change *change, on_status done, void *arg);

/* May a token that is for one user ("": any) and for one chat ("": any) know of this chat or, when
 * `generation` is not "", of this generation? */
enum whose { WHOSE_NOBODYS, WHOSE_MINE, WHOSE_OTHERS }; /* nobody's: it is not known at all */
struct whose_ask {
    const char *tenant, *chat, *generation, *user, *only_chat;
};
typedef void (*on_whose)(int status, enum whose whose, void *arg);
void turn_whose(struct bus *bus, const struct whose_ask *ask, on_whose done, void *arg);

/* A generation's record: the hash's fields as pairs (names and values valid during the callback);
 * count 0: there is none. */
struct field {
    struct span name;
    struct span value;
};
typedef void (*on_record)(int status, const struct field *fields, size_t count, void *arg);
void turn_read_record(struct bus *bus, const char *tenant, const char *generation, on_record done,
                      void *arg);
struct span field_find(const struct field *fields, size_t count,
                       const char *name); /* SPAN_NONE when absent */

/* How many of the same tenant and lane are before this one as things stand now (0 is next); -1 when
 * it does not wait (running, delayed, over). */
typedef void (*on_position)(int status, int64_t position, void *arg);
void turn_position(struct bus *bus, const char *tenant, const char *generation, on_position done,
                   void *arg);

/* A chat: record, active generation's record and a page of messages (msgpack, oldest first), in one
 * look. */
struct chat_view {
    const struct field *record;
    size_t record_count; /* 0: no record */
    const struct span *messages;
    size_t message_count;
    int64_t older;              /* messages before those */
    bool has_more;              /* there are some */
    const struct field *active; /* the active generation's record */
    size_t active_count;        /* 0: nothing runs */
    struct span active_generation;
};
typedef void (*on_chat)(int status, const struct chat_view *view, void *arg);
struct chat_look {
    const char *tenant, *chat;
    size_t limit;       /* messages */
    size_t max_bytes;   /* of them as they are kept, but one always comes; has_more tells */
    const char *before; /* a message's id, or "": the newest */
};
void turn_read_chat(struct bus *bus, const struct chat_look *look, on_chat done, void *arg);

/* The index, newest commit first; `after`: the last chat id of the page before or "". Rows' fields
 * as in the record, plus `active`. */
struct chat_row {
    struct span chat;
    const struct field *record;
    size_t record_count;
    struct span active; /* generation id or SPAN_NONE */
};
typedef void (*on_chats)(int status, const struct chat_row *rows, size_t count, bool has_more,
                         void *arg);
void turn_list_chats(struct bus *bus, const char *tenant, size_t limit, const char *after,
                     const char *user, on_chats done, void *arg);

#endif
