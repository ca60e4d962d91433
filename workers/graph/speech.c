/* A model's answer gathered. Invariant: what was shown of it stands in its text, and nothing else
 * does. */
#include "graph/speech.h"
#include "base/mem.h"
#include "model/join.h"
#include <stdio.h>

enum {
    SPEECH_MAGIC = 0x73706565,
    THOUGHT_BYTES = 128 /* of each, beside its texts */,
    ERROR_STATUS = 400
};

/* One part of the reasoning. */
struct thought {
    int64_t part;
    struct buf text;
    char *signature; /* NULL: none */
};

struct speech {
    uint32_t magic;
    struct step *step;
    struct speech_hooks hooks;
    struct ask *ask;
    struct run_wait wait; /* before each request */
    struct join join;
    struct used before;
    size_t max_bytes; /* limits.output: of each text */
    int64_t next_part;
    struct buf text, refusal, reasoning;
    int64_t text_part; /* of its end; -1: nothing yet */
    struct thought *thoughts;
    size_t thought_count, thought_bytes; /* all of them together have limits.output */
    struct spoken_call *calls;
    size_t call_count;
    char *finish_reason;
    bool is_silent; /* read on for its usage */
    bool is_over;   /* its end was told, or will be by the step's */
};

static struct speech *speech_of(void *arg)
{
    struct speech *s = arg;
    CHECK_MAGIC(s, SPEECH_MAGIC);
    return s;
}

static void tell_used(struct speech *s)
{
    struct used used = s->before;
    used_add(&used, ask_usage(s->ask));
    step_used(s->step, used_sum(&used));
}

/* Ends. */

/* A status that is no error has nothing to do with it: the stream went wrong. */
static void fail(struct speech *s, enum step_error error, const struct llm_failure *failure)
{
    struct llm_failure told = *failure;
    if (told.provider_status < ERROR_STATUS)
        told.provider_status = 0;
    s->is_over = true;
    s->hooks.on_failed(error, &told, s->hooks.arg);
}

static void fail_too_large(struct speech *s)
{
    struct llm_failure failure = {.code = -ERR_OUTPUT_LIMIT, .retry_after_ms = -1};
    (void)snprintf(failure.message, sizeof failure.message,
                   "The answer is larger than limits.output.");
    tell_used(s);
    ask_cancel(s->ask);
    fail(s, STEP_TOO_LARGE, &failure);
}

/* Gathering. */

static void put_text(struct speech *s, const struct piece *piece)
{
    if (s->text_part >= 0 && s->text_part != piece->part)
        (void)buf_text(&s->text, "\n\n"); /* looked at by is_full */
    s->text_part = piece->part;
    (void)buf_span(&s->text, piece->text);
}

static void put_thought(struct speech *s, const struct piece *piece)
{
    struct thought *last = s->thought_count == 0 ? NULL : &s->thoughts[s->thought_count - 1];
    if (last == NULL || last->part != piece->part) {
        s->thoughts = mem_grow(s->thoughts, s->thought_count + 1, sizeof *s->thoughts);
        last = &s->thoughts[s->thought_count++];
        *last = (struct thought){.part = piece->part};
        buf_init(&last->text, s->max_bytes);
        s->thought_bytes += THOUGHT_BYTES;
    }
    s->thought_bytes += piece->text.len + piece->signature.len;
    (void)buf_span(&last->text, piece->text);
    if (piece->signature.len > 0) {
        mem_free(last->signature);
        last->signature = span_dup(piece->signature);
    }
}

static void put_refusal(struct speech *s, const struct piece *piece)
{
    (void)buf_span(&s->refusal, piece->text);
}

static bool is_full(const struct speech *s)
{
    return buf_error(&s->text) != 0 || buf_error(&s->refusal) != 0 ||
           s->thought_bytes > s->max_bytes;
}

static void count_part(struct speech *s, int64_t part)
{
    s->next_part = part >= s->next_part ? part + 1 : s->next_part;
}

static void on_piece(const struct piece *piece, void *arg)
{
    static void (*const puts[EVENT_KIND_END])(struct speech *, const struct piece *) = {
        [EVENT_DELTA] = put_text, [EVENT_REASONING] = put_thought, [EVENT_REFUSAL] = put_refusal};
    struct speech *s = speech_of(arg);
    struct piece joined = *piece;
    if (s->is_over || s->is_silent || !join_piece(&s->join, &joined))
        return;
    CHECK(puts[joined.kind] != NULL);
    count_part(s, joined.part);
    puts[joined.kind](s, &joined);
    if (is_full(s))
        fail_too_large(s);
    else if (step_put_piece(s->step, &joined) != 0)
        s->is_over = true; /* the step is stopped at the end of this turn */
    else
        tell_used(s);
}

static void keep_call(struct speech *s, const struct call_piece *call)
{
    s->calls = mem_grow(s->calls, s->call_count + 1, sizeof *s->calls);
    s->calls[s->call_count++] =
        (struct spoken_call){span_dup(call->call_id), span_dup(call->name),
                             call->arguments.len == 0 ? mem_strdup("") : span_dup(call->arguments)};
}

static void on_call(const struct call_piece *call, void *arg)
{
    struct speech *s = speech_of(arg);
    struct call_piece joined = *call;
    if (s->is_over || s->is_silent)
        return;
    joined.part = join_part(&s->join, call->part);
    count_part(s, joined.part);
    if (call->kind == EVENT_TOOL_CALL)
        keep_call(s, call);
    if (step_put_call(s->step, &joined) != 0)
        s->is_over = true;
    else
        tell_used(s);
}

/* The ask's other hooks. */

static void on_compose(const struct conf_model *model, void *arg)
{
    struct speech *s = speech_of(arg);
    (void)model; /* the ask has it */
    step_await_log(s->step, &s->wait);
}

static void on_logged(void *arg)
{
    struct speech *s = speech_of(arg);
    s->hooks.on_compose(s->ask, s->hooks.arg);
}

static void on_connected(void *arg)
{
    struct speech *s = speech_of(arg);
    tell_used(s);
}

static void write_reasoning(struct speech *s)
{
    struct json_writer w = json_writer(&s->reasoning);
    json_open(&w, NULL, '[');
    for (size_t i = 0; i < s->thought_count; i++) {
        json_open(&w, NULL, '{');
        json_member_str(&w, "type", SPAN_LIT("reasoning"));
        json_member_str(&w, "text", buf_as_span(&s->thoughts[i].text));
        if (s->thoughts[i].signature != NULL)
            json_member_str(&w, "signature", span_of(s->thoughts[i].signature));
        json_close(&w);
    }
    json_close(&w);
}

static void on_done(const struct llm_result *result, void *arg)
{
    struct speech *s = speech_of(arg);
    if (s->is_over)
        return;
    s->is_over = true;
    s->finish_reason = mem_strdup(result->finish_reason);
    tell_used(s);
    step_spoke(s->step, speech_model(s), s->finish_reason);
    if (s->thought_count > 0)
        write_reasoning(s);
    s->hooks.on_said(s->hooks.arg);
}

static enum step_error error_of(int code)
{
    static const int timeouts[] = {ERR_TIMEOUT_CONNECT, ERR_TIMEOUT_FIRST_BYTE,
                                   ERR_TIMEOUT_FIRST_TOKEN, ERR_TIMEOUT_IDLE, ERR_TIMEOUT_TOTAL};
    for (size_t i = 0; i < sizeof timeouts / sizeof *timeouts; i++)
        if (code == -timeouts[i])
            return STEP_TIMEOUT;
    return STEP_MODEL;
}

static void on_failed(const struct llm_failure *failure, void *arg)
{
    struct speech *s = speech_of(arg);
    if (s->is_over)
        return;
    tell_used(s);
    fail(s, error_of(failure->code), failure);
}

/* Its life. */

static void init_texts(struct speech *s, const struct speech_wants *wants)
{
    const struct conf *conf = worker_conf(step_graphs(s->step)->worker);
    s->max_bytes = (size_t)conf->limits_output;
    s->text_part = -1;
    s->next_part = wants->first_part;
    buf_init(&s->text, s->max_bytes);
    buf_init(&s->refusal, s->max_bytes);
    buf_init(&s->reasoning, JSON_ESCAPED * s->max_bytes + 2);
    join_init(&s->join);
    if (wants->shown.len == 0) {
        join_set(&s->join, SPAN_LIT(""), -1, wants->first_part);
    } else {
        join_set(&s->join, wants->shown, 0, 1);
        s->text_part = 0;
        s->next_part = 1;
        (void)buf_span(&s->text, wants->shown); /* an earlier claim's limit let it through */
    }
    join_begin(&s->join);
}

int speech_new(struct step *step, const struct speech_wants *wants,
               const struct speech_hooks *hooks, struct speech **out, struct err *err)
{
    const struct ask_hooks ask_hooks = {.on_compose = on_compose,
                                        .on_connected = on_connected,
                                        .on_piece = on_piece,
                                        .on_call = on_call,
                                        .on_done = on_done,
                                        .on_failed = on_failed};
    struct ask_hooks mine = ask_hooks;
    const struct ask_wants ask_wants = {.model = wants->model,
                                        .has_images = wants->has_images,
                                        .has_tools = wants->has_tools,
                                        .has_prefill = wants->shown.len > 0,
                                        .is_bound = wants->shown.len > 0};
    struct speech *s = MEM_NEW(struct speech);
    s->magic = SPEECH_MAGIC;
    s->step = step;
    s->hooks = *hooks;
    s->wait = (struct run_wait){.on_logged = on_logged, .arg = s};
    s->before = wants->before;
    mine.arg = s;
    init_texts(s, wants);
    s->ask = ask_new(step_graphs(step)->desk, step_claimed(step), SPAN_NONE, &mine);
    int rc = ask_start(s->ask, &ask_wants, err);
    if (rc != 0) {
        speech_free(s);
        return rc;
    }
    *out = s;
    return 0;
}

void speech_free(struct speech *s)
{
    if (s == NULL)
        return;
    CHECK_MAGIC(s, SPEECH_MAGIC);
    run_wait_stop(&s->wait);
    ask_cancel(s->ask);
    ask_free(s->ask);
    for (size_t i = 0; i < s->call_count; i++) {
        mem_free(s->calls[i].id);
        mem_free(s->calls[i].name);
        mem_free(s->calls[i].arguments);
    }
    for (size_t i = 0; i < s->thought_count; i++) {
        buf_release(&s->thoughts[i].text);
        mem_free(s->thoughts[i].signature);
    }
    mem_free(s->calls);
    mem_free(s->thoughts);
    mem_free(s->finish_reason);
    join_release(&s->join);
    buf_release(&s->text);
    buf_release(&s->refusal);
    buf_release(&s->reasoning);
    s->magic = 0;
    mem_free(s);
}

bool speech_read_on(struct speech *s)
{
    CHECK_MAGIC(s, SPEECH_MAGIC);
    s->is_silent = true;
    return !s->is_over && ask_read_on(s->ask);
}

void speech_hold(struct speech *s, bool is_held)
{
    CHECK_MAGIC(s, SPEECH_MAGIC);
    ask_hold(s->ask, is_held);
}

/* What was said. */

struct span speech_text(const struct speech *s)
{
    const struct buf *text = s->text.len > 0 ? &s->text : &s->refusal;
    return text->len == 0 ? SPAN_LIT("") : buf_as_span(text);
}

struct span speech_reasoning(const struct speech *s)
{
    return s->reasoning.len == 0 ? SPAN_NONE : buf_as_span(&s->reasoning);
}

const struct spoken_call *speech_calls(const struct speech *s, size_t *count)
{
    *count = s->call_count;
    return s->calls;
}

const char *speech_finish_reason(const struct speech *s)
{
    return s->finish_reason;
}

const char *speech_model(const struct speech *s)
{
    const struct conf_model *model = ask_model(s->ask);
    return model == NULL ? NULL : model->name;
}

struct usage speech_usage(const struct speech *s)
{
    return ask_usage(s->ask);
}

int64_t speech_next_part(const struct speech *s)
{
    return s->next_part;
}
