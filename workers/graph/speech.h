/* One answer of a model to a step: asked for, shown piece by piece where the step is visible, and
 * gathered whole. */
#ifndef SLUICE_WORKERS_GRAPH_SPEECH_H
#define SLUICE_WORKERS_GRAPH_SPEECH_H

#include "graph/step.h"
#include "graph/used.h"

struct speech;

struct speech_wants {
    struct span model; /* as ask_wants */
    bool has_images, has_tools;
    struct span shown;  /* what it goes on from, shown as part 0; SPAN_NONE: nothing */
    int64_t first_part; /* its parts' numbers begin there */
    struct used before; /* what the step used until then: step_used is told of both */
};
/* The speech may be freed in on_said and on_failed only. */
struct speech_hooks {
    void (*on_compose)(struct ask *ask, void *arg); /* as ask_hooks: send, by talk_send */
    void (*on_said)(void *arg);                     /* it is whole */
    void (*on_failed)(enum step_error error, const struct llm_failure *failure, void *arg);
    void *arg;
};

/* -ERR_PROVIDER_REFUSED: there is no such model. */
MUST_USE int speech_new(struct step *step, const struct speech_wants *wants,
                        const struct speech_hooks *hooks, struct speech **out, struct err *err);
void speech_free(struct speech *s); /* closes the provider's connection; NULL is a no-op */
MUST_USE bool
speech_read_on(struct speech *s); /* as ask_read_on: then on_said or on_failed comes */
void speech_hold(struct speech *s, bool is_held);

/* What was said; valid from on_said to speech_free. */
struct spoken_call {
    char *id, *name, *arguments; /* text of which nobody knows that it is JSON */
};
struct span speech_text(const struct speech *s); /* the text, else the refusal; never NULL */
/* [{type: "reasoning", text, signature?}], or SPAN_NONE. */
struct span speech_reasoning(const struct speech *s);
const struct spoken_call *speech_calls(const struct speech *s, size_t *count);
const char *speech_finish_reason(const struct speech *s);
const char *speech_model(const struct speech *s);  /* its configured name */
struct usage speech_usage(const struct speech *s); /* so far; always valid */
int64_t speech_next_part(const struct speech *s);  /* for what comes behind it */

#endif
