/* llm: one answer of a model. */
#include "base/mem.h"
#include "graph/kinds.h"
#include "graph/said.h"
#include "graph/speech.h"
#include "graph/talk.h"
#include "model/join.h"

enum { LLM_MAGIC = 0x6b6c6c6d };

struct llm_step {
    uint32_t magic;
    struct step *step;
    struct talk talk;
    struct speech *speech; /* NULL: it could not be asked for */
    bool is_silent;        /* the step is stopped: only its usage counts */
};

static struct llm_step *llm_of(void *arg)
{
    struct llm_step *l = arg;
    CHECK_MAGIC(l, LLM_MAGIC);
    return l;
}

static void on_compose(struct ask *ask, void *arg)
{
    const struct llm_step *l = llm_of(arg);
    /* Not sent: it comes again, or fails, by the hooks. */
    talk_send(&l->talk, ask, NULL, 0, join_prefill(step_shown(l->step)));
}

static void finish(struct llm_step *l)
{
    struct said said = {.text = speech_text(l->speech),
                        .finish_reason = speech_finish_reason(l->speech),
                        .usage = speech_usage(l->speech)};
    size_t count;
    const struct spoken_call *spoken = speech_calls(l->speech, &count);
    struct said_call *calls = mem_new_array(count, sizeof *calls);
    for (size_t i = 0; i < count; i++)
        calls[i] = (struct said_call){
            .id = spoken[i].id, .name = spoken[i].name, .arguments = spoken[i].arguments};
    said.calls = calls;
    said.call_count = count;
    struct buf result;
    buf_init(&result, said_bytes(&said));
    said_put(&said, &result);
    step_done(l->step, buf_as_span(&result), NULL);
    buf_release(&result);
    mem_free(calls);
}

static void on_said(void *arg)
{
    struct llm_step *l = llm_of(arg);
    if (l->is_silent) {
        step_done(l->step, SPAN_LIT("null"), NULL);
        return;
    }
    if (!step_node(l->step)->of.llm.wants_json) {
        finish(l);
        return;
    }
    struct span json = said_json(speech_text(l->speech));
    if (json.ptr != NULL)
        step_done(l->step, json, NULL);
    else
        step_fail(l->step, STEP_BAD_JSON, 0, -1, "The model's answer is not JSON.");
}

static void on_failed(enum step_error error, const struct llm_failure *failure, void *arg)
{
    step_fail(llm_of(arg)->step, error, failure->provider_status, failure->retry_after_ms,
              failure->message);
}

static int ask(struct llm_step *l, struct err *err)
{
    const struct speech_hooks hooks = {
        .on_compose = on_compose, .on_said = on_said, .on_failed = on_failed, .arg = l};
    struct speech_wants wants = {.model = talk_model(&l->talk),
                                 .has_images = talk_has_images(&l->talk),
                                 .shown = step_shown(l->step)};
    used_init(&wants.before);
    return speech_new(l->step, &wants, &hooks, &l->speech, err);
}

static void *begin(struct step *step)
{
    struct llm_step *l = MEM_NEW(struct llm_step);
    struct err err;
    l->magic = LLM_MAGIC;
    l->step = step;
    int rc = talk_open(&l->talk, step, &err);
    if (rc == 0)
        rc = ask(l, &err);
    if (rc != 0)
        step_fail(step, talk_error(rc), 0, -1, err.message);
    return l;
}

static void stop(void *kept)
{
    struct llm_step *l = llm_of(kept);
    speech_free(l->speech);
    l->speech = NULL;
}

static bool read_on(void *kept)
{
    struct llm_step *l = llm_of(kept);
    l->is_silent = true;
    return l->speech != NULL && speech_read_on(l->speech);
}

static void hold(void *kept, bool is_held)
{
    struct llm_step *l = llm_of(kept);
    if (l->speech != NULL)
        speech_hold(l->speech, is_held);
}

static void release(void *kept)
{
    struct llm_step *l = llm_of(kept);
    speech_free(l->speech);
    talk_close(&l->talk);
    l->magic = 0;
    mem_free(l);
}

/* A model that is declared for it goes on from its own text; JSON in halves is begun anew. */
static bool can_go_on(const struct graphs *graphs, const struct graph_node *node,
                      const struct claimed *claimed)
{
    const struct conf *conf = worker_conf(graphs->worker);
    const struct conf_model *model = conf_find_model(conf, node_model(conf, node, claimed));
    return model != NULL && !node->of.llm.wants_json && conf_model_can(model, "prefill");
}

const struct step_kind kind_llm = {.begin = begin,
                                   .stop = stop,
                                   .read_on = read_on,
                                   .hold = hold,
                                   .release = release,
                                   .can_go_on = can_go_on};
