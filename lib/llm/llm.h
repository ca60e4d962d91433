/* A model call: one request to a provider, its stream read into pieces. One pair of files per wire
 * format (struct llm_format); retry and fallback come on top. A stream without its final frame is
 * never complete: openai's is `data: [DONE]` after a finish_reason, anthropic's `message_stop`,
 * ollama's a line with `"done": true`.
 *
 * Five timers, all failing with a code of their own: connect and total are fetch's; first byte (to
 * the response's head) and first token (to the first piece or tool call) run from the connection;
 * idle runs from the first token and starts anew with every event of the stream, comments not
 * counted. 0 ms: no timer. */
#ifndef SLUICE_LLM_LLM_H
#define SLUICE_LLM_LLM_H

#include "base/err.h"
#include "fetch/fetch.h"
#include "wire/event.h"
#include "wire/job.h"

struct llm_call;

/* Where to ask: a row of the configuration, spelled out so that this layer need not know it.
 * Borrowed for the call's life. */
struct llm_model {
    const char *format; /* "openai" "anthropic" "ollama" */
    const char *base_url;
    const char *key;   /* "" for none */
    const char *model; /* the provider's name */
    int64_t connect_ms, first_byte_ms, first_token_ms, idle_ms, total_ms;
};

/* A message of the conversation as the model shall see it; JSON texts where named so. */
struct llm_message {
    const char *role;         /* "system" "user" "assistant" "tool" */
    struct span content;      /* text, or SPAN_NONE for null */
    struct span tool_calls;   /* JSON text or SPAN_NONE */
    struct span tool_call_id; /* or SPAN_NONE */
    struct span reasoning;    /* of an assistant, given back for a round of tools: JSON text or
                                 SPAN_NONE: [{type: "reasoning", text, signature?}] */
    struct span attachments; /* JSON text or SPAN_NONE: [{type: "image" | "text", media_type, name?,
                                url | data (base64)}]. They stand before the content */
};

struct llm_request {
    const struct llm_message *messages;
    size_t message_count;
    struct span
        raw_messages; /* JSON array given by a stateless request, used instead of `messages` */
    struct span raw_attachments; /* as of a message: they come with the last raw one of the user */
    struct span system;          /* put before the messages when not empty */
    struct span params; /* JSON text of the checked params object, or SPAN_NONE; members of its
                           `extra` go out as they are and win over a param of the same name; model,
                           messages, stream and stream_options are ours and passed by */
    struct span
        prefill; /* what the answer begins with and must go on from, or SPAN_NONE: sent as a
                    last message of the assistant; the pieces are what comes behind it. White
                    space at its end, which some providers refuse, may get lost on the way */
    const char *generation; /* sent as X-Request-Id */
};

/* What a finished call says. */
struct llm_result {
    const char *finish_reason; /* "stop" "length" "tool_calls" "content_filter"; a provider's own
                                  word counts as "stop" */
    struct usage usage;
};

struct llm_failure {
    int code;               /* -ERR_PROVIDER_..., -ERR_TIMEOUT_... */
    int provider_status;    /* HTTP status or 0 */
    int64_t retry_after_ms; /* -1: not said; a day at most */
    bool is_retryable;      /* waiting, or another provider, may help: as err.def says of the code,
                               unless the provider said otherwise (x-should-retry) */
    char message[200];      /* for people; never a key */
    struct usage usage; /* what the provider had told; unknown with nulls otherwise: estimates are
                           the caller's */
};

/* Parts are numbered from 0 in order of start: the text, the reasoning, the refusal and each tool
 * call are one part each; where the format tells blocks apart (anthropic), each block is a part,
 * but for text that directly follows text. A signature comes with the last reasoning of its part, a
 * piece without text; of a part that is redacted, that is the only one. No other piece is empty.
 * The first fragment of a tool call carries its name. Whole calls come once the final frame was
 * seen. llm_cancel is allowed in every hook. */
struct llm_hooks {
    void (*on_connected)(void *arg); /* may be NULL: the request goes out; from here on the
                                        provider was asked. May come again */
    void (*on_piece)(const struct piece *piece, void *arg); /* delta, reasoning, refusal */
    void (*on_call)(const struct call_piece *call,
                    void *arg); /* tool call fragments and whole calls */
    void (*on_done)(const struct llm_result *result,
                    void *arg); /* exactly one of done and failed, unless cancelled; the call is
                                   freed after it */
    void (*on_failed)(const struct llm_failure *failure, void *arg);
    void *arg;
};

/* Never calls back before it returns. `request` is read during the call only. -ERR_BAD_REQUEST for
 * an unusable URL or key, -ERR_NOT_SUPPORTED for an unknown format or a request that the format
 * cannot express (err says what), -ERR_TOO_LARGE for a request over 128 MiB. */
MUST_USE int llm_start(struct loop *loop, struct fetcher *fetcher, const struct llm_model *model,
                       const struct llm_request *request, const struct llm_hooks *hooks,
                       struct llm_call **out, struct err *err);
void llm_cancel(struct llm_call *call); /* closes the provider connection at once; silence
                                           afterwards; NULL is a no-op */
void llm_pause(struct llm_call *call);  /* back-pressure; what has been read already still comes;
                                           timers idle and first token stand still meanwhile */
void llm_resume(struct llm_call *call);
struct usage llm_usage(const struct llm_call *call); /* what is known so far */

bool llm_format_is_known(const char *format);

#endif
