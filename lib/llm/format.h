/* Private to lib/llm: what a wire format gives (struct llm_format), what it says while it reads a
 * stream (struct llm_reading), and how failures are named (failure.c). A format knows neither
 * sockets nor timers; the life cycle (llm.c, stream.c) knows no wire format. */
#ifndef SLUICE_LLM_FORMAT_H
#define SLUICE_LLM_FORMAT_H

#include "llm/llm.h"
#include "wire/json.h"

/* A stream as read so far. Owned by the call; formats fill it. */
struct llm_reading {
    const struct llm_hooks *hooks;
    bool is_over;    /* cancelled, perhaps in a hook: a format returns at once, and says no more */
    bool has_output; /* a piece or a tool call came */
    int64_t parts;   /* started so far */
    const char *finish_reason; /* static; NULL until said */
    struct usage usage;
    struct llm_failure failure; /* filled before a format returns an error */
};

enum { LLM_FINAL = 1 }; /* the final frame: the answer is complete */

enum llm_framing {
    FRAMING_SSE,  /* events; their data are read */
    FRAMING_LINES /* a JSON text per line */
};

struct llm_format {
    const char *name;
    const char *path; /* behind base_url */
    const char *key_header;
    const char *key_prefix;
    struct fetch_header header; /* one more; its name is NULL where there is none */
    const char *content_type;   /* of the stream */
    enum llm_framing framing;
    /* 0, or -ERR_NOT_SUPPORTED with `err` set for what the format cannot express. A body that is
     * too large shows in buf_error. */
    MUST_USE int (*write_request)(struct buf *body, const struct llm_model *model,
                                  const struct llm_request *request, struct err *err);
    void *(*reader_new)(struct llm_reading *reading); /* borrows the reading */
    /* The data of one frame: 0, LLM_FINAL, or a negative code with the reading's failure filled. */
    MUST_USE int (*read)(void *reader, struct span data);
    void (*reader_free)(void *reader); /* NULL is a no-op */
};

extern const struct llm_format llm_openai, llm_anthropic, llm_ollama;

/* <format>_request.c */
MUST_USE int openai_write_request(struct buf *body, const struct llm_model *model,
                                  const struct llm_request *request, struct err *err);
MUST_USE int anthropic_write_request(struct buf *body, const struct llm_model *model,
                                     const struct llm_request *request, struct err *err);
MUST_USE int ollama_write_request(struct buf *body, const struct llm_model *model,
                                  const struct llm_request *request, struct err *err);

/* stream.c: hand on what was read, unless the call is over. */
void llm_say_piece(struct llm_reading *reading, const struct piece *piece);
void llm_say_call(struct llm_reading *reading, const struct call_piece *call);

/* reading.c: what readers share. */
enum { LLM_NO_PART = -1 };
/* A piece of `*part`, which gets its number with its first text (LLM_NO_PART before); empty text
 * says nothing. */
void llm_say_text(struct llm_reading *reading, enum event_kind kind, int64_t *part,
                  struct span text);
/* A provider's word for why it ended, in ours: rows up to one without `said`, which is for any
 * other. */
struct llm_reason {
    const char *said, *meant;
};
const char *llm_reason(const struct llm_reason *reasons, struct span said);
int64_t llm_tokens(const struct json *object, const char *name); /* -1: not told */
/* The data of a frame, which must be an object; owned. Negative with the reading's failure filled.
 */
MUST_USE int llm_parse(struct llm_reading *reading, struct span data, struct json_doc **out);

/* failure.c. All leave `usage` and `provider_status` alone. */
/* Code, retryability and message (cut, control characters as spaces; NULL: the table's); returns
 * the negative code. */
__attribute__((format(printf, 3, 4))) int failure_set(struct llm_failure *failure, int code,
                                                      const char *format, ...);
/* An answer with an HTTP status other than 200: body as far as it was read. */
void failure_from_answer(struct llm_failure *failure, int status, struct span body);
/* An error inside a stream, `root` being the event's object: its negative code, or 0 when it is
 * none. */
MUST_USE int failure_from_event(struct llm_failure *failure, const struct json *root);
/* Replaces every `key` in the message by "***". */
void failure_hide(struct llm_failure *failure, const char *key);

#endif
