/* A model call: one request to a provider, its stream read into pieces. One file per wire format (struct llm_format); retry and fallback come on top.
 * Owns the timers first byte, first token and idle (connect and total are fetch's). A stream without its final frame is never complete. */
#ifndef SLUICE_LLM_LLM_H
#define SLUICE_LLM_LLM_H

#include "base/err.h"
#include "fetch/fetch.h"
#include "wire/event.h"
#include "wire/job.h"

struct llm_call;

/* Where to ask: a row of the configuration, spelled out so that this layer need not know it. Borrowed for the call's life. */
struct llm_model {
    const char *format;   /* "openai" */
    const char *base_url;
    const char *key;      /* "" for none */
    const char *model;    /* the provider's name */
    int64_t connect_ms, first_byte_ms, first_token_ms, idle_ms, total_ms;
};

/* A message of the conversation as the model shall see it; JSON texts where named so. */
struct llm_message {
    const char *role;         /* "system" "user" "assistant" "tool" */
    struct span content;      /* text, or SPAN_NONE for null */
    struct span tool_calls;   /* JSON text or SPAN_NONE */
    struct span tool_call_id; /* or SPAN_NONE */
};

struct llm_request {
    const struct llm_message *messages;
    size_t message_count;
    struct span raw_messages; /* JSON array given by a stateless request, used instead of `messages` (a system message is put before when `system` is set) */
    struct span system;
    struct span params;       /* JSON text of the checked params object, or SPAN_NONE */
    const char *generation;   /* sent as X-Request-Id */
};

/* What a finished call says. */
struct llm_result {
    const char *finish_reason;  /* "stop" "length" "tool_calls" "content_filter" */
    struct usage usage;
};

struct llm_failure {
    int code;                   /* -ERR_PROVIDER_..., -ERR_TIMEOUT_... */
    int provider_status;        /* HTTP status or 0 */
    int64_t retry_after_ms;     /* -1: not said */
    bool is_retryable;
    char message[200];          /* for people; never a key */
    struct usage usage;         /* what was known */
};

struct llm_hooks {
    void (*on_piece)(const struct piece *piece, void *arg);      /* delta, reasoning, refusal */
    void (*on_call)(const struct call_piece *call, void *arg);   /* tool call fragments and whole calls */
    void (*on_done)(const struct llm_result *result, void *arg); /* exactly one of done and failed, unless cancelled; the call is freed after it */
    void (*on_failed)(const struct llm_failure *failure, void *arg);
    void *arg;
};

MUST_USE int llm_start(struct loop *loop, struct fetcher *fetcher, const struct llm_model *model, const struct llm_request *request, const struct llm_hooks *hooks,
                       struct llm_call **out, struct err *err);
void llm_cancel(struct llm_call *call); /* closes the provider connection at once; silence afterwards; NULL is a no-op */
void llm_pause(struct llm_call *call);  /* back-pressure; timers idle and first token stand still meanwhile */
void llm_resume(struct llm_call *call);
struct usage llm_usage(const struct llm_call *call); /* what is known so far */

bool llm_format_is_known(const char *format);

#endif
