/* Owns: a child, its frames, what it was asked. Invariant: `done` is there exactly while it is BUSY
 * with something that is still wanted. */
#include "graphs/evaluator.h"

#include "base/log.h"
#include "base/mem.h"
#include "graphs/jq_wire.h"
#include "loop/child.h"
#include "wire/json.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

enum {
    EVALUATOR_MAGIC = 0x6a716576,
    READY_MS = 5000, /* for a child to say that it is ready */
    AGAIN_MS = 200,  /* before one is started again that could not be, or ended unasked */
    /* A child ends itself by its processor time, at the latest after the 2 s that it may compile
     * for; these are for one that stands still. */
    SILENCE_MS = 10000,       /* a busy machine keeps one waiting for long */
    SILENCE_PROGRAM_MS = 200, /* and as much more for each program */
    /* libjq 1.6 leaks up to 76 bytes in an evaluation: a child is replaced before that is a third
     * of its memory. */
    PROGRAMS_PER_CHILD = 1000 * 1000
};

/* STARTING: it has not said yet that it is ready. ENDING: it was killed, or has said that it ends;
 * its exit is on the way.
 *
 *   ABSENT ─► STARTING ─► IDLE ⇄ BUSY        STARTING, IDLE, BUSY ─► ENDING ─► ABSENT
 *
 * (A child that ends by itself goes to ABSENT from anywhere.) */
enum evaluator_state { ABSENT, STARTING, IDLE, BUSY, ENDING };

struct evaluator {
    uint32_t magic;
    struct loop *loop;
    const char *const *argv;
    struct evaluator_hooks hooks;
    enum evaluator_state state;
    struct child *child; /* NULL: ABSENT */
    struct frames frames;
    struct question asked; /* BUSY; its frame is gone */
    on_jq done;
    void *arg;
    size_t served;      /* programs, by this child */
    struct timer timer; /* until it is ready, until it answers, until it is started again */
};

static void change_state(struct evaluator *e, enum evaluator_state to)
{
    static const char *const names[] = {"absent", "starting", "idle", "busy", "ending"};
    static const unsigned legal[] = {[ABSENT] = 1U << STARTING,
                                     [STARTING] = 1U << IDLE | 1U << ENDING | 1U << ABSENT,
                                     [IDLE] = 1U << BUSY | 1U << ENDING | 1U << ABSENT,
                                     [BUSY] = 1U << IDLE | 1U << ENDING | 1U << ABSENT,
                                     [ENDING] = 1U << ABSENT};
    CHECK((legal[e->state] & 1U << to) != 0);
    if (to != BUSY && e->state != BUSY) /* not a line for each evaluation */
        log_event(LOG_DEBUG, "jq.child", "from=%s to=%s", names[e->state], names[to]);
    e->state = to;
    timer_stop(&e->timer);
}

static void tell(struct evaluator *e, int status, const struct jq_answer *answer)
{
    on_jq done = e->done;
    e->done = NULL;
    if (done != NULL)
        done(status, answer, e->arg);
}

static void tell_failure(struct evaluator *e, int status, const char *message)
{
    tell(e, status, &(struct jq_answer){.message = message});
}

static void kill_child(struct evaluator *e)
{
    change_state(e, ENDING);
    child_signal(e->child, SIGKILL);
}

/* Answers. */

/* The values as the caller gets them; the first that is not sound JSON fails it. */
static void tell_values(struct evaluator *e, const struct jq_reply *reply)
{
    struct err err = {.code = ERR_OK};
    char why[sizeof err.message + 40];
    struct span *values = mem_new_array(reply->count, sizeof *values);
    struct jq_answer answer = {.values = values, .count = reply->count};
    int status = 0;
    for (size_t i = 0; i < reply->count && status == 0; i++) {
        values[i] = jq_reply_value(reply, i);
        status = json_check(values[i], &err);
        if (status == 0)
            continue;
        (void)snprintf(why, sizeof why, "gave a value that cannot be kept: %s", err.message);
        answer = (struct jq_answer){.failed = i, .message = why};
    }
    tell(e, status, &answer);
    mem_free(values);
}

static void tell_reply(struct evaluator *e, const struct jq_reply *reply)
{
    if (reply->outcome == JQ_DONE) {
        tell_values(e, reply);
        return;
    }
    char *message = span_dup(reply->message);
    tell(e, -ERR_BAD_REQUEST,
         &(struct jq_answer){.failed = reply->failed, .line = reply->line, .message = message});
    mem_free(message);
}

static bool is_for(const struct jq_reply *reply, const struct question *asked)
{
    if (reply->number != asked->number)
        return false;
    return reply->outcome == JQ_DONE ? reply->count == asked->values
                                     : reply->failed < asked->programs;
}

static int take_reply(struct evaluator *e, const struct jq_reply *reply)
{
    if (e->state == STARTING) {
        if (reply->number != 0 || reply->outcome != JQ_DONE)
            return -ERR_MALFORMED;
        change_state(e, IDLE);
        return 0;
    }
    if (e->state != BUSY || !is_for(reply, &e->asked))
        return -ERR_MALFORMED;
    e->served += e->asked.programs;
    if (reply->outcome == JQ_ENDING || e->served >= PROGRAMS_PER_CHILD)
        kill_child(e);
    else
        change_state(e, IDLE);
    tell_reply(e, reply);
    return 0;
}

static int on_frame(struct span frame, void *arg)
{
    struct evaluator *e = arg;
    struct jq_reply reply;
    if (e->state == ENDING)
        return 0; /* its last words, or what nobody waits for */
    int rc = jq_reply_read(frame, &reply);
    if (rc != 0)
        return rc;
    rc = take_reply(e, &reply);
    jq_reply_close(&reply);
    return rc;
}

static void on_channel(struct span bytes, void *arg)
{
    struct evaluator *e = arg;
    CHECK_MAGIC(e, EVALUATOR_MAGIC);
    if (e->state == ENDING)
        return;
    if (frames_feed(&e->frames, bytes, on_frame, e) != 0) {
        kill_child(e);
        tell_failure(e, -ERR_BAD_REQUEST, "broke the evaluator (it answered nonsense)");
    }
    if (e->state == IDLE)
        e->hooks.on_free(e->hooks.arg);
}

/* Life. */

static void on_exit_seen(int wait_status, void *arg);

static void start_later(struct evaluator *e, const char *why)
{
    timer_start(&e->timer, AGAIN_MS);
    e->hooks.on_trouble(why, e->hooks.arg);
}

static int start(struct evaluator *e, struct err *err)
{
    const struct child_options options = {
        .argv = e->argv,
        .error_fd = -1,
        .hooks = {.on_exit = on_exit_seen, .on_channel = on_channel, .arg = e},
    };
    int rc = child_start(e->loop, &options, &e->child, err);
    if (rc != 0)
        return rc;
    frames_init(&e->frames);
    e->served = 0;
    change_state(e, STARTING);
    timer_start(&e->timer, READY_MS);
    return 0;
}

static void start_or_later(struct evaluator *e)
{
    struct err err = {.code = ERR_OK};
    if (start(e, &err) != 0)
        start_later(e, err.message);
}

static void describe_exit(char *out, size_t size, const char *what, int wait_status)
{
    bool by_signal = WIFSIGNALED(wait_status);
    (void)snprintf(out, size, "%s (%s %d)", what, by_signal ? "signal" : "status",
                   by_signal ? WTERMSIG(wait_status) : WEXITSTATUS(wait_status));
}

/* One that ended unasked would do so again at once. */
static void on_exit_seen(int wait_status, void *arg)
{
    struct evaluator *e = arg;
    char why[80];
    CHECK_MAGIC(e, EVALUATOR_MAGIC);
    bool was_asked = e->state == BUSY || e->state == ENDING;
    bool was_killed = WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGKILL; /* not by us */
    frames_release(&e->frames);
    child_free(e->child);
    e->child = NULL;
    change_state(e, ABSENT);
    describe_exit(why, sizeof why, was_asked ? "broke the evaluator" : "sluice-jq ended",
                  wait_status);
    if (was_asked)
        start_or_later(e);
    else
        start_later(e, why);
    tell_failure(e, was_killed ? -ERR_UNAVAILABLE : -ERR_BAD_REQUEST, why);
}

static void on_timer(void *arg)
{
    struct evaluator *e = arg;
    CHECK_MAGIC(e, EVALUATOR_MAGIC);
    if (e->state == ABSENT) {
        start_or_later(e);
        return;
    }
    bool was_busy = e->state == BUSY;
    kill_child(e);
    if (was_busy)
        tell_failure(e, -ERR_UNAVAILABLE, "gave no answer in time");
    else
        e->hooks.on_trouble("sluice-jq does not get ready", e->hooks.arg);
}

struct evaluator *evaluator_new(struct loop *loop, const char *const *argv,
                                const struct evaluator_hooks *hooks)
{
    struct evaluator *e = MEM_NEW(struct evaluator);
    *e = (struct evaluator){
        .magic = EVALUATOR_MAGIC, .loop = loop, .argv = argv, .hooks = *hooks, .state = ABSENT};
    timer_init(&e->timer, loop, on_timer, e);
    if (start(e, NULL) != 0)
        timer_start(&e->timer, 0); /* so that its trouble is told later */
    return e;
}

void evaluator_free(struct evaluator *e)
{
    if (e == NULL)
        return;
    CHECK_MAGIC(e, EVALUATOR_MAGIC);
    child_free(e->child);
    frames_release(&e->frames);
    timer_release(&e->timer);
    e->magic = 0;
    mem_free(e);
}

bool evaluator_is_free(const struct evaluator *e)
{
    return e->state == IDLE;
}

bool evaluator_is_up(const struct evaluator *e)
{
    return e->state == IDLE || e->state == BUSY;
}

void evaluator_ask(struct evaluator *e, const struct question *question, on_jq done, void *arg)
{
    CHECK(e->state == IDLE && done != NULL);
    CHECK(child_send(e->child, question->frame) == 0); /* one frame, and nothing before it */
    change_state(e, BUSY);
    e->asked = *question;
    e->asked.frame = SPAN_NONE;
    e->done = done;
    e->arg = arg;
    timer_start(&e->timer, SILENCE_MS + SILENCE_PROGRAM_MS * (int64_t)question->programs);
}

void evaluator_forget(struct evaluator *e)
{
    e->done = NULL;
}
