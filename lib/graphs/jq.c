/* Owns: the calls, and the line of those before the evaluators. Invariant: a call is in exactly one
 * list: waiting, asked (of an evaluator) or failing; its `done` comes when it leaves the last of
 * these. */
#include "graphs/jq.h"

#include "base/mem.h"
#include "graphs/evaluator.h"
#include "graphs/jq_wire.h"

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

enum {
    JQ_MAGIC = 0x6a712121,
    CALL_MAGIC = 0x6a71636c,
    CHILDREN = 2,
    EVAL_MS = 50,
    MEMORY_BYTES = 256 * 1024 * 1024,
    PATIENCE_MS = 5000 /* that calls wait while no child can be had */
};

struct jq_call {
    uint32_t magic;
    TAILQ_ENTRY(jq_call) link;
    struct calls *in;
    struct evaluator *with; /* that was asked */
    struct jq *jq;
    int64_t number;
    size_t programs, values;
    struct buf frame; /* what the child is sent, and once more another one */
    bool is_again;
    int status; /* of one that fails without being sent, and why */
    const char *why;
    on_jq done;
    void *arg;
};
TAILQ_HEAD(calls, jq_call);

struct jq {
    uint32_t magic;
    const char *argv[6];
    char *program;
    char eval_ms[24], memory_bytes[24];
    struct evaluator **evaluators;
    size_t evaluator_count;
    struct calls waiting, asked, failing;
    int64_t last_number;
    struct timer soon;     /* for those that fail */
    struct timer patience; /* while calls wait and no child is up */
    char trouble[300];     /* why the last child could not be had */
};

static void move(struct jq_call *call, struct calls *to)
{
    if (call->in != NULL)
        TAILQ_REMOVE(call->in, call, link);
    TAILQ_INSERT_TAIL(to, call, link);
    call->in = to;
}

static void call_free(struct jq_call *call)
{
    TAILQ_REMOVE(call->in, call, link);
    if (call->with != NULL)
        evaluator_forget(call->with);
    buf_release(&call->frame);
    call->magic = 0;
    mem_free(call);
}

static void fail_soon(struct jq_call *call, int status, const char *why)
{
    call->status = status;
    call->why = why;
    move(call, &call->jq->failing);
    timer_start(&call->jq->soon, 0);
}

static void on_soon(void *arg)
{
    struct jq *jq = arg;
    struct jq_call *call;
    CHECK_MAGIC(jq, JQ_MAGIC);
    while ((call = TAILQ_FIRST(&jq->failing)) != NULL) {
        const struct jq_answer answer = {.message = call->why};
        on_jq done = call->done;
        void *its = call->arg;
        int status = call->status;
        call_free(call);
        done(status, &answer, its);
    }
}

static void on_patience(void *arg)
{
    struct jq *jq = arg;
    struct jq_call *call;
    CHECK_MAGIC(jq, JQ_MAGIC);
    while ((call = TAILQ_FIRST(&jq->waiting)) != NULL)
        fail_soon(call, -ERR_UNAVAILABLE, jq->trouble);
}

static void go_on(struct jq *jq);

static void on_answer(int status, const struct jq_answer *answer, void *arg)
{
    struct jq_call *call = arg;
    CHECK_MAGIC(call, CALL_MAGIC);
    on_jq done = call->done;
    void *its = call->arg;
    if (status == -ERR_UNAVAILABLE && !call->is_again) {
        call->is_again = true;
        call->with = NULL;
        move(call, &call->jq->waiting);
        go_on(call->jq);
        return;
    }
    call_free(call);
    done(status, answer, its);
}

static void ask(struct evaluator *e, struct jq_call *call)
{
    move(call, &call->jq->asked);
    call->with = e;
    evaluator_ask(
        e,
        &(struct question){call->number, call->programs, call->values, buf_as_span(&call->frame)},
        on_answer, call);
}

/* The first that answers, so that the others' compiled programs are asked for only under load. */
static struct evaluator *find(struct jq *jq, bool (*is)(const struct evaluator *e))
{
    for (size_t i = 0; i < jq->evaluator_count; i++)
        if (is(jq->evaluators[i]))
            return jq->evaluators[i];
    return NULL;
}

/* Sends what waits as far as it can go, and has patience with the rest. */
static void go_on(struct jq *jq)
{
    struct evaluator *e;
    struct jq_call *call;
    while ((call = TAILQ_FIRST(&jq->waiting)) != NULL && (e = find(jq, evaluator_is_free)) != NULL)
        ask(e, call);
    if (call == NULL || find(jq, evaluator_is_up) != NULL)
        timer_stop(&jq->patience);
    else if (!timer_is_on(&jq->patience))
        timer_start(&jq->patience, PATIENCE_MS);
}

static void on_free(void *arg)
{
    struct jq *jq = arg;
    CHECK_MAGIC(jq, JQ_MAGIC);
    go_on(jq);
}

static void on_trouble(const char *why, void *arg)
{
    struct jq *jq = arg;
    CHECK_MAGIC(jq, JQ_MAGIC);
    (void)snprintf(jq->trouble, sizeof jq->trouble, "expressions cannot be evaluated: %s", why);
    go_on(jq);
}

static char *find_program(const char *path)
{
    char here[PATH_MAX];
    if (path != NULL)
        return mem_strdup(path);
    ssize_t n = readlink("/proc/self/exe", here, sizeof here - 1);
    here[n < 0 ? 0 : n] = '\0';
    return mem_printf("%s/sluice-jq", dirname(here));
}

struct jq *jq_new(struct loop *loop, const struct jq_options *options)
{
    static const struct jq_options standard = {.program = NULL};
    const struct jq_options *o = options == NULL ? &standard : options;
    struct jq *jq = MEM_NEW(struct jq);
    *jq = (struct jq){.magic = JQ_MAGIC, .program = find_program(o->program)};
    (void)snprintf(jq->eval_ms, sizeof jq->eval_ms, "%lld",
                   (long long)(o->eval_ms > 0 ? o->eval_ms : EVAL_MS));
    (void)snprintf(jq->memory_bytes, sizeof jq->memory_bytes, "%zu",
                   o->memory_bytes > 0 ? o->memory_bytes : MEMORY_BYTES);
    const char *const argv[] = {jq->program,      "--eval-ms",      jq->eval_ms,
                                "--memory-bytes", jq->memory_bytes, NULL};
    memcpy(jq->argv, argv, sizeof argv);
    TAILQ_INIT(&jq->waiting);
    TAILQ_INIT(&jq->asked);
    TAILQ_INIT(&jq->failing);
    timer_init(&jq->soon, loop, on_soon, jq);
    timer_init(&jq->patience, loop, on_patience, jq);
    jq->evaluator_count = (size_t)(o->children > 0 ? o->children : CHILDREN);
    jq->evaluators = mem_new_array(jq->evaluator_count, sizeof(struct evaluator *));
    const struct evaluator_hooks hooks = {on_free, on_trouble, jq};
    for (size_t i = 0; i < jq->evaluator_count; i++)
        jq->evaluators[i] = evaluator_new(loop, jq->argv, &hooks);
    return jq;
}

static void free_all(struct calls *calls)
{
    struct jq_call *call;
    while ((call = TAILQ_FIRST(calls)) != NULL)
        call_free(call);
}

void jq_free(struct jq *jq)
{
    if (jq == NULL)
        return;
    CHECK_MAGIC(jq, JQ_MAGIC);
    free_all(&jq->waiting);
    free_all(&jq->asked);
    free_all(&jq->failing);
    for (size_t i = 0; i < jq->evaluator_count; i++)
        evaluator_free(jq->evaluators[i]);
    mem_free(jq->evaluators);
    timer_release(&jq->soon);
    timer_release(&jq->patience);
    mem_free(jq->program);
    jq->magic = 0;
    mem_free(jq);
}

static struct jq_call *start(struct jq_call *call, struct span input, const struct span *programs)
{
    struct jq *jq = call->jq;
    CHECK_MAGIC(jq, JQ_MAGIC);
    CHECK(call->done != NULL);
    call->magic = CALL_MAGIC;
    call->number = ++jq->last_number;
    call->in = &jq->waiting;
    TAILQ_INSERT_TAIL(call->in, call, link);
    buf_init(&call->frame, JQ_FRAME_ROOM);
    if (jq_request_put(&call->frame, call->number, call->values > 0, input, programs,
                       call->programs) != 0)
        fail_soon(call, -ERR_BAD_REQUEST, "has too much to read: at most 8 MiB");
    go_on(jq);
    return call;
}

struct jq_call *jq_eval(struct jq *jq, struct span input, const struct span *programs, size_t count,
                        on_jq done, void *arg)
{
    struct jq_call *call = MEM_NEW(struct jq_call);
    *call =
        (struct jq_call){.jq = jq, .programs = count, .values = count, .done = done, .arg = arg};
    return start(call, input, programs);
}

struct jq_call *jq_compile(struct jq *jq, const struct span *programs, size_t count, on_jq done,
                           void *arg)
{
    struct jq_call *call = MEM_NEW(struct jq_call);
    *call = (struct jq_call){.jq = jq, .programs = count, .done = done, .arg = arg};
    return start(call, SPAN_NONE, programs);
}

void jq_cancel(struct jq_call *call)
{
    if (call == NULL)
        return;
    CHECK_MAGIC(call, CALL_MAGIC);
    call_free(call);
}
