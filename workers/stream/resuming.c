/* A claim of a generation that was shown in part: its log is read back, then it goes on with the
 * same visible answer, begins again behind a `reset`, or ends as interrupted. Which, says its
 * policy; but a call of a tool that was begun is never gone on from, since it may have taken
 * effect. */
#include "bus/log.h"
#include "stream/answer_inner.h"
#include "wire/limits.h"

enum { UNAVAILABLE_AGAIN_MS = 1000 };

static void interrupt(struct answer *a, const char *message)
{
    answer_break(a, ask_has_note(a->ask) ? ERR_DRAINED : ERR_WORKER_LOST, message,
                 0); /* drained: it told */
}

static void begin_again(struct answer *a)
{
    if (a->shown.first_visible > 0) {
        struct mp_fields f = run_begin_event(a->run, EVENT_RESET);
        mp_field_int(&f, "after", a->shown.first_visible - 1);
        run_end_event(a->run, &f);
    }
    reply_reset(&a->reply);
    answer_try(a);
}

static void go_on(struct answer *a)
{
    const struct conf *conf = worker_conf(run_worker(a->run));
    const struct conf_model *m =
        a->shown.model == NULL ? NULL : conf_find_model(conf, span_of(a->shown.model));
    if (m == NULL || !conf_model_can(m, "prefill")) {
        interrupt(a, "The worker was lost, and the model cannot go on from a text.");
        return;
    }
    run_count_output(a->run, a->shown.bytes);
    a->seed = SPAN_NONE;
    a->goes_on = true;
    join_set(&a->join, buf_as_span(&a->reply.content.text), a->shown.text_part, a->shown.parts);
    answer_try(a);
}

/* Reasoning alone is no answer yet: nothing could be gone on from. */
static void decide(struct answer *a)
{
    const struct reply *r = &a->reply;
    bool is_restart = strcmp(run_claimed(a->run)->on_interrupt, "restart") == 0;
    bool is_refused = r->refusal.part >= 0;
    bool has_text = join_prefill(buf_as_span(&r->content.text)).len > 0;
    ask_lost(a->ask, reply_tokens(r)); /* a lost worker did not tell what it spent */
    if (is_restart || !(r->has_calls || is_refused || has_text))
        begin_again(a);
    else if (r->has_calls)
        interrupt(a, "The worker was lost while a tool was called.");
    else if (is_refused)
        interrupt(a, "The worker was lost while the model refused to answer.");
    else
        go_on(a);
}

static void read_on(struct answer *a);

static int take_page(struct answer *a, const struct log_page *page)
{
    int rc = 0;
    for (size_t i = 0; i < page->count && rc == 0; i++)
        rc = shown_put(&a->shown, page->events[i]);
    return page->count == 0 ? -ERR_MALFORMED : rc;
}

static void on_log_page(int status, const struct log_page *page, void *arg)
{
    struct answer *a = answer_of(arg);
    if (run_is_over(a->run)) {
        /* stopped meanwhile */
    } else if (status == -ERR_UNAVAILABLE) {
        answer_give_back(a, UNAVAILABLE_AGAIN_MS);
    } else if (status != 0 || page == NULL || take_page(a, page) != 0) {
        interrupt(a, "The worker was lost, and the log cannot be read.");
    } else {
        read_on(a);
    }
    run_let_go(a->run);
}

static void read_on(struct answer *a)
{
    const struct claimed *c = run_claimed(a->run);
    if (a->shown.seq >= c->length) {
        decide(a);
        return;
    }
    run_hold(a->run);
    log_read(worker_bus(run_worker(a->run)), c->tenant, c->generation, a->shown.seq,
             LIMIT_READ_PAGE, on_log_page, a);
}

void answer_resume(struct answer *a)
{
    read_on(a);
}
