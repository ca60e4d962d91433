/* agent: a model that calls tools, turn after turn, until it answers without a call.
 *
 *     ASKING ─► KEEPING ─► CALLING ─► ASKING        a turn is in Redis before its calls go out, so
 *        │                                          that a key names one call for good
 *        └─► the end: it called nothing
 *
 * Invariant: what an earlier claim, or an earlier try, has kept is not done again. */
#include "base/mem.h"
#include "graph/agent.h"
#include "graph/kinds.h"
#include "graph/said.h"
#include <stdio.h>

struct agent *agent_of(void *arg)
{
    struct agent *a = arg;
    CHECK_MAGIC(a, AGENT_MAGIC);
    return a;
}

/* "t2", "t2/c0". */
struct agent_name agent_turn_name(size_t turn)
{
    struct agent_name name;
    (void)snprintf(name.text, sizeof name.text, "t%zu", turn); /* it fits */
    return name;
}

struct agent_name agent_call_name(size_t turn, size_t call)
{
    struct agent_name name;
    (void)snprintf(name.text, sizeof name.text, "t%zu/c%zu", turn, call);
    return name;
}

/* Ends. */

static size_t count_calls(const struct agent *a)
{
    size_t count = 0;
    for (size_t i = 0; i < a->round_count; i++)
        count += a->rounds[i].call_count;
    return count;
}

static void finish_with_text(struct agent *a, const struct round *last)
{
    struct said_call *calls = mem_new_array(count_calls(a), sizeof *calls);
    struct said said = {.text = span_of(last->text),
                        .finish_reason = last->finish_reason,
                        .usage = used_sum(&a->used),
                        .calls = calls};
    for (size_t i = 0; i < a->round_count; i++)
        for (size_t j = 0; j < a->rounds[i].call_count; j++) {
            const struct round_call *call = &a->rounds[i].calls[j];
            calls[said.call_count++] =
                (struct said_call){call->id, call->name, call->arguments, true, call->is_error};
        }
    struct buf result;
    buf_init(&result, said_bytes(&said));
    said_put(&said, &result);
    step_done(a->step, buf_as_span(&result), NULL);
    buf_release(&result);
    mem_free(calls);
}

static void finish(struct agent *a)
{
    const struct round *last = &a->rounds[a->round_count - 1];
    struct span json =
        step_node(a->step)->of.llm.wants_json ? said_json(span_of(last->text)) : SPAN_NONE;
    if (!step_node(a->step)->of.llm.wants_json)
        finish_with_text(a, last);
    else if (json.ptr != NULL)
        step_done(a->step, json, NULL);
    else
        step_fail(a->step, STEP_BAD_JSON, 0, -1, "The agent's answer is not JSON.");
}

/* Asking. */

static void on_compose(struct ask *ask, void *arg)
{
    struct agent *a = agent_of(arg);
    size_t count;
    struct llm_message *more = agent_messages(a, &count);
    talk_send(&a->talk, ask, more, count, SPAN_NONE); /* else it comes again, or fails */
    mem_free(more);
}

static struct round *add_round(struct agent *a)
{
    a->rounds = mem_grow(a->rounds, a->round_count + 1, sizeof *a->rounds);
    struct round *round = &a->rounds[a->round_count++];
    *round = (struct round){.text = NULL};
    return round;
}

static void take_speech(struct agent *a)
{
    struct round *round = add_round(a);
    const struct spoken_call *calls = speech_calls(a->speech, &round->call_count);
    round->text = span_dup(speech_text(a->speech));
    round->reasoning = span_dup_or_null(speech_reasoning(a->speech));
    round->model = mem_strdup(speech_model(a->speech));
    round->finish_reason = mem_strdup(speech_finish_reason(a->speech));
    round->usage = speech_usage(a->speech);
    round->next_part = speech_next_part(a->speech);
    round->calls = mem_new_array(round->call_count, sizeof *round->calls);
    for (size_t i = 0; i < round->call_count; i++) {
        round->calls[i].id = mem_strdup(calls[i].id);
        round->calls[i].name = mem_strdup(calls[i].name);
        round->calls[i].arguments = mem_strdup(calls[i].arguments);
    }
    round_complete(round);
    used_add(&a->used, round->usage);
    used_add(&a->told, round->usage);
    speech_free(a->speech);
    a->speech = NULL;
}

static void on_round_kept(void *arg)
{
    agent_call_tools(agent_of(arg));
}

static void on_said(void *arg)
{
    struct agent *a = agent_of(arg);
    if (a->is_silent) {
        step_done(a->step, SPAN_LIT("null"), NULL);
        return;
    }
    take_speech(a);
    const struct round *round = &a->rounds[a->round_count - 1];
    if (round->call_count == 0) {
        finish(a);
        return;
    }
    if (agent_is_at_limit(a)) {
        agent_fail_limit(a);
        return;
    }
    struct buf kept;
    buf_init(&kept, ROUND_BYTES_MAX);
    round_write(round, &kept);
    if (buf_error(&kept) == 0)
        step_keep(a->step, agent_turn_name(a->round_count).text, buf_as_span(&kept), on_round_kept,
                  a);
    else
        step_fail(a->step, STEP_TOO_LARGE, 0, -1, "The model's turn is too large to be kept.");
    buf_release(&kept);
}

static void on_failed(enum step_error error, const struct llm_failure *failure, void *arg)
{
    step_fail(agent_of(arg)->step, error, failure->provider_status, failure->retry_after_ms,
              failure->message);
}

void agent_ask(struct agent *a)
{
    const struct speech_hooks hooks = {
        .on_compose = on_compose, .on_said = on_said, .on_failed = on_failed, .arg = a};
    const struct round *last = a->round_count == 0 ? NULL : &a->rounds[a->round_count - 1];
    const struct speech_wants wants = {.model = talk_model(&a->talk),
                                       .has_images = talk_has_images(&a->talk),
                                       .has_tools = true,
                                       .first_part = last == NULL ? 0 : last->next_part,
                                       .before = a->told};
    struct err err;
    int rc = speech_new(a->step, &wants, &hooks, &a->speech, &err);
    if (rc != 0)
        step_fail(a->step, talk_error(rc), 0, -1, err.message);
    else
        speech_hold(a->speech, a->is_held);
}

/* Its life. */

static void *begin(struct step *step)
{
    struct agent *a = MEM_NEW(struct agent);
    struct err err;
    a->magic = AGENT_MAGIC;
    a->step = step;
    used_init(&a->used);
    used_init(&a->told);
    int rc = talk_open(&a->talk, step, &err);
    if (rc != 0)
        step_fail(step, talk_error(rc), 0, -1, err.message);
    else if (agent_take_kept(a) == 0)
        agent_go_on(a);
    return a;
}

void agent_go_on(struct agent *a)
{
    const struct round *last = a->round_count == 0 ? NULL : &a->rounds[a->round_count - 1];
    if (last == NULL || (last->call_count > 0 && round_has_all_results(last)))
        agent_ask(a);
    else if (last->call_count > 0)
        agent_call_tools(a);
    else
        finish(a); /* no turn without calls is kept, but none is wrong either */
}

static void stop(void *kept)
{
    struct agent *a = agent_of(kept);
    speech_free(a->speech);
    a->speech = NULL;
    agent_drop_calls(a);
}

static bool read_on(void *kept)
{
    struct agent *a = agent_of(kept);
    agent_drop_calls(a);
    a->is_silent = true;
    return a->speech != NULL && speech_read_on(a->speech);
}

static void hold(void *kept, bool is_held)
{
    struct agent *a = agent_of(kept);
    a->is_held = is_held;
    if (a->speech != NULL)
        speech_hold(a->speech, is_held);
}

static void release(void *kept)
{
    struct agent *a = agent_of(kept);
    stop(kept);
    for (size_t i = 0; i < a->round_count; i++)
        round_release(&a->rounds[i]);
    mem_free(a->rounds);
    talk_close(&a->talk);
    a->magic = 0;
    mem_free(a);
}

const struct step_kind kind_agent = {
    .begin = begin, .stop = stop, .read_on = read_on, .hold = hold, .release = release};
