/* A provider's wire format as a table of functions that append to a buffer: one file per format
 * (openai.c, anthropic.c, ollama.c), pure. An answer is `open`, then its parts in order (reasoning,
 * then text or a tool call), each `part_begin`, pieces, `part_end`, then `finish`; a fault stops
 * anywhere between. Which part is open is the caller's business (answer.c). */
#ifndef SLUICE_LLMSIM_FORMAT_H
#define SLUICE_LLMSIM_FORMAT_H

#include "base/buf.h"
#include "wire/json.h"

enum part { PART_NONE, PART_REASONING, PART_TEXT, PART_TOOL };

enum finish { FINISH_STOP, FINISH_LENGTH, FINISH_TOOL, FINISH_COUNT };

/* What a request asks for besides its messages. */
struct asked {
    struct span model;
    bool wants_stream;
    bool wants_usage;   /* OpenAI's stream_options.include_usage; the others always tell it */
    int64_t max_tokens; /* -1: none */
};

/* A tool call. In the frames of one that is open, whole or cut by max_tokens; its id is its number
 * in the conversation. Borrowed. */
enum { CALLS_MAX = 8 };
struct call {
    const char *name;
    struct span arguments; /* JSON, all of it even when it is cut */
    bool is_cut;
};

/* One answer, as its frames name it. */
struct frame {
    const char *id; /* of the answer: chatcmpl_..., msg_... */
    struct span model;
    struct call call;     /* that is open */
    int64_t call_index;   /* of that, from 0 */
    int64_t calls_before; /* in the conversation, before this answer's */
    int64_t at_ms;        /* when it began */
    int64_t input_tokens;
    bool wants_usage; /* OpenAI: every chunk has a usage member, null but in the last */
    bool tells_usage;
    int64_t index;    /* of the part that is open, from 0 */
    uint64_t thought; /* a hash of the reasoning so far, for its signature */
};

struct spent {
    int64_t output, reasoning; /* tokens; reasoning is among output's */
    int64_t took_ms;
};

/* A whole answer. It has text or calls; of one that is cut, `arguments` is what was said. */
struct whole {
    struct span reasoning; /* SPAN_NONE: none */
    struct span text;
    enum finish finish;
    struct spent spent;
    const struct call *calls;
    size_t call_count;
};

struct failure {
    int status;
    bool is_spending; /* the account's money is used up */
    const char *message;
    const char *param; /* NULL or "": none */
};

struct format {
    const char *name; /* as in the journal */
    const char *id_prefix;
    const char *stream_type;        /* content type */
    const char *request_id_header;  /* names the journal's row in the answer; NULL: none */
    const char *needs_header;       /* without it a request is refused; NULL: none */
    const char *const *not_a_param; /* members that the journal's params leave out; NULL ends */
    /* Reads the switches of a request, `model` apart. 0 or -ERR_BAD_REQUEST. */
    MUST_USE int (*look)(const struct json *root, struct asked *asked, struct err *err);
    void (*open)(struct buf *b, const struct frame *f);
    void (*part_begin)(struct buf *b, const struct frame *f, enum part part);
    void (*piece)(struct buf *b, const struct frame *f, enum part part, struct span text);
    void (*part_end)(struct buf *b, const struct frame *f, enum part part);
    void (*finish)(struct buf *b, const struct frame *f, enum finish finish,
                   const struct spent *spent);
    const char *error_frame;   /* an error in mid-stream */
    const char *garbage_frame; /* neither JSON nor UTF-8 */
    void (*whole)(struct buf *b, const struct frame *f, const struct whole *whole);
    void (*failure)(struct buf *b, const struct failure *failure); /* the body of an error */
};

extern const struct format format_openai, format_anthropic, format_ollama;

/* The arguments of a tool call that a script wants. */
struct span tool_arguments(void);

/* A part's signature in Anthropic's format: 16 hexadecimal digits for a hash made by
 * signature_add. */
enum { SIGNATURE_LEN = 20 };
uint64_t signature_add(uint64_t hash, struct span text); /* begin with 0 */
void signature_put(uint64_t hash, char out[SIGNATURE_LEN + 1]);

#endif
