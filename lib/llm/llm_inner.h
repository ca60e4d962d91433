/* Private to lib/llm: the insides of a call, shared by llm.c (its life) and stream.c (what its
 * transfer brings). */
#ifndef SLUICE_LLM_LLM_INNER_H
#define SLUICE_LLM_LLM_INNER_H

#include "llm/format.h"
#include "llm/waits.h"
#include "wire/lines.h"
#include "wire/sse.h"

enum { LLM_MAGIC = 0x4c4c4d43 };

/*   WAITING ─head 200─► READING ─final frame─► ENDING ─response over, or END_WAIT_MS─► done
 *      └─other status─► REFUSED ─body read─► failed        (any error or timer ─► failed) */
enum call_state { CALL_WAITING, CALL_REFUSED, CALL_READING, CALL_ENDING, CALL_OVER };

struct llm_call {
    uint32_t magic;
    enum call_state state;
    struct loop *loop;
    const struct llm_model *model;
    const struct llm_format *format;
    struct llm_hooks hooks;
    struct fetch *fetch;   /* NULL once it ended */
    struct sse_reader sse; /* of the two, the one that the format's framing is */
    struct line_reader lines;
    struct llm_reading reading;
    void *reader;
    struct buf answer; /* the body of a refusal */
    struct waits waits;
    int status;
    bool is_paused;
    bool is_connected;     /* with the provider; what went wrong may have been heard there */
    bool is_retry_refused; /* x-should-retry: false */
};

/* llm.c */
void llm_set_state(struct llm_call *call, enum call_state next); /* the only one that changes it */
/* The last word, exactly one; the call is over behind it. A failure's code and message are in the
 * reading. */
void llm_complete(struct llm_call *call);
void llm_fail(struct llm_call *call);
void llm_fail_refused(struct llm_call *call); /* by status and body of the refusal */

/* stream.c */
/* The hooks of the call's transfer. */
struct fetch_hooks llm_fetch_hooks(struct llm_call *call);
/* A frame of either framing, for the call's readers of them. */
int llm_on_line(struct span data, void *arg);
int llm_on_event(const struct sse_event *event, void *arg);

#endif
