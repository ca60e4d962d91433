/* Owns: the children of `sluice run`. A member that dies is started again after RESTART_MS; one
 * that dies before it was ever ready is a failure.
 *
 *     NEW ─► STARTING ─► READY ─► DIED ─► STARTING        STARTING ─► DIED
 *     stack_stop: STARTING, READY ─► STOPPING ─► GONE     (one that dies by itself then: ─► GONE)
 */
#include "stack.h"

#include "base/log.h"
#include "base/mem.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STACK_MAGIC = 0x73746163, MEMBER_MAGIC = 0x6d656d62, RESTART_MS = 500 };

enum member_state {
    MEMBER_NEW,
    MEMBER_STARTING,
    MEMBER_READY,
    MEMBER_DIED,
    MEMBER_STOPPING,
    MEMBER_GONE,
    MEMBER_STATES
};

struct member {
    uint32_t magic;
    enum member_state state;
    struct stack *stack;
    struct child *child;
    struct timer restart;
    char *name, *log_path;
    char **argv, **env; /* NULL-terminated, owned */
    int rank;
    bool tells_ready, was_ready;
};

struct stack {
    uint32_t magic;
    struct loop *loop;
    struct stack_hooks hooks;
    struct member *members[STACK_MAX];
    size_t count;
    struct timer patience;
    bool is_stopping;
};

static void set_state(struct member *m, enum member_state state)
{
    static const char *const names[MEMBER_STATES] = {"new",  "starting", "ready",
                                                     "died", "stopping", "gone"};
    static const bool legal[MEMBER_STATES][MEMBER_STATES] = {
        [MEMBER_NEW] = {[MEMBER_STARTING] = true},
        [MEMBER_STARTING] = {[MEMBER_READY] = true,
                             [MEMBER_DIED] = true,
                             [MEMBER_STOPPING] = true,
                             [MEMBER_GONE] = true},
        [MEMBER_READY] = {[MEMBER_DIED] = true, [MEMBER_STOPPING] = true, [MEMBER_GONE] = true},
        [MEMBER_DIED] = {[MEMBER_STARTING] = true},
        [MEMBER_STOPPING] = {[MEMBER_GONE] = true},
    };
    CHECK(legal[m->state][state]);
    log_event(LOG_DEBUG, "run.state", "name=%s from=%s to=%s", m->name, names[m->state],
              names[state]);
    m->state = state;
}

static size_t count_texts(const char *const *texts)
{
    size_t n = 0;
    while (texts != NULL && texts[n] != NULL)
        n++;
    return n;
}

/* Owned, NULL-terminated. */
static char **copy_texts(const char *const *from)
{
    size_t count = count_texts(from);
    char **to = mem_new_array(count + 1, sizeof *to); /* NOLINT(bugprone-sizeof-expression) */
    for (size_t i = 0; i < count; i++)
        to[i] = mem_strdup(from[i]);
    return to;
}

static void free_texts(char **texts)
{
    for (char **t = texts; *t != NULL; t++)
        mem_free(*t);
    mem_free(texts);
}

static void become_ready(struct member *m)
{
    if (m->state != MEMBER_STARTING)
        return;
    set_state(m, MEMBER_READY);
    if (!m->was_ready) {
        m->was_ready = true;
        m->stack->hooks.on_ready(m->name, m->stack->hooks.arg);
    } else {
        log_event(LOG_INFO, "run.restarted", "name=%s pid=%d", m->name, (int)child_pid(m->child));
    }
}

static void on_ready(void *arg)
{
    struct member *m = arg;
    CHECK_MAGIC(m, MEMBER_MAGIC);
    become_ready(m);
}

static void on_line(const char *line, void *arg)
{
    struct member *m = arg;
    CHECK_MAGIC(m, MEMBER_MAGIC);
    m->stack->hooks.on_line(m->name, line, m->stack->hooks.arg);
    if (!m->tells_ready)
        become_ready(m);
}

static void terminate_rank(struct stack *s);

static void free_child(void *arg)
{
    child_free(arg);
}

static void on_exit_of_member(int wait_status, void *arg)
{
    struct member *m = arg;
    CHECK_MAGIC(m, MEMBER_MAGIC);
    struct stack *s = m->stack;
    loop_defer(s->loop, free_child, m->child); /* not under its own callback */
    m->child = NULL;
    if (s->is_stopping) {
        set_state(m, MEMBER_GONE);
        terminate_rank(s);
        return;
    }
    log_event(LOG_WARN, "run.died", "name=%s signal=%d status=%d", m->name,
              WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : 0,
              WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -1);
    set_state(m, MEMBER_DIED);
    if (!m->was_ready)
        s->hooks.on_failed(m->name, "it ended before it was ready", s->hooks.arg);
    else
        timer_start(&m->restart, RESTART_MS);
}

static void start(void *arg)
{
    struct member *m = arg;
    struct err err = {.code = ERR_OK};
    CHECK_MAGIC(m, MEMBER_MAGIC);
    int log_fd = m->log_path == NULL
                     ? -1
                     : open(m->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    const struct child_options options = {
        .argv = (const char *const *)m->argv,
        .env = (const char *const *)m->env,
        .error_fd = log_fd,
        .hooks = {.on_line = on_line, .on_ready = on_ready, .on_exit = on_exit_of_member, .arg = m},
    };
    set_state(m, MEMBER_STARTING);
    int rc = child_start(m->stack->loop, &options, &m->child, &err);
    if (log_fd >= 0)
        (void)close(log_fd); /* the child has its own */
    if (rc == 0)
        return;
    set_state(m, MEMBER_DIED);
    if (m->was_ready) /* its file is being replaced, perhaps: try on */
        timer_start(&m->restart, RESTART_MS);
    else
        m->stack->hooks.on_failed(m->name, err.message, m->stack->hooks.arg);
}

struct stack *stack_new(struct loop *loop, const struct stack_hooks *hooks)
{
    struct stack *s = MEM_NEW(struct stack);
    s->magic = STACK_MAGIC;
    s->loop = loop;
    s->hooks = *hooks;
    return s;
}

void stack_add(struct stack *s, const struct stack_member *member)
{
    CHECK_MAGIC(s, STACK_MAGIC);
    CHECK(s->count < STACK_MAX);
    if (s->is_stopping) /* the one before it could not be started */
        return;
    struct member *m = MEM_NEW(struct member);
    m->magic = MEMBER_MAGIC;
    m->stack = s;
    m->name = mem_strdup(member->name);
    m->log_path = mem_strdup(member->log_path);
    m->rank = member->rank;
    m->tells_ready = member->tells_ready;
    m->argv = copy_texts(member->argv);
    m->env = copy_texts(member->env);
    timer_init(&m->restart, s->loop, start, m);
    s->members[s->count++] = m;
    start(m);
}

void stack_ready(struct stack *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->members[i]->name, name) == 0)
            become_ready(s->members[i]);
}

void stack_set(struct stack *s, const char *name, const char *variable)
{
    size_t len = (size_t)(strchrnul(variable, '=') - variable) + 1;
    for (size_t i = 0; i < s->count; i++) {
        struct member *m = s->members[i];
        for (char **e = m->env; strcmp(m->name, name) == 0 && *e != NULL; e++)
            if (strncmp(*e, variable, len) == 0) {
                mem_free(*e);
                *e = mem_strdup(variable);
            }
    }
}

void stack_set_argument(struct stack *s, const char *name, size_t place, const char *value)
{
    for (size_t i = 0; i < s->count; i++) {
        struct member *m = s->members[i];
        if (strcmp(m->name, name) != 0)
            continue;
        CHECK(place < count_texts((const char *const *)m->argv));
        mem_free(m->argv[place]);
        m->argv[place] = mem_strdup(value);
    }
}

/* SIGTERM to the highest rank that still runs; the next follows when that one is gone. */
static void terminate_rank(struct stack *s)
{
    int rank = -1;
    for (size_t i = 0; i < s->count; i++)
        if (s->members[i]->child != NULL && s->members[i]->rank > rank)
            rank = s->members[i]->rank;
    if (rank < 0) {
        timer_stop(&s->patience);
        s->hooks.on_stopped(s->hooks.arg);
        return;
    }
    for (size_t i = 0; i < s->count; i++) {
        struct member *m = s->members[i];
        if (m->child != NULL && m->rank == rank && m->state != MEMBER_STOPPING) {
            set_state(m, MEMBER_STOPPING);
            child_signal(m->child, SIGTERM);
        }
    }
}

static void kill_rest(void *arg)
{
    struct stack *s = arg;
    CHECK_MAGIC(s, STACK_MAGIC);
    for (size_t i = 0; i < s->count; i++)
        if (s->members[i]->child != NULL) {
            log_event(LOG_WARN, "run.kill", "name=%s", s->members[i]->name);
            child_signal(s->members[i]->child, SIGKILL);
        }
}

void stack_stop(struct stack *s, int64_t patience_ms)
{
    CHECK_MAGIC(s, STACK_MAGIC);
    if (s->is_stopping)
        return;
    s->is_stopping = true;
    timer_init(&s->patience, s->loop, kill_rest, s);
    timer_start(&s->patience, patience_ms);
    for (size_t i = 0; i < s->count; i++)
        timer_stop(&s->members[i]->restart);
    terminate_rank(s);
}

void stack_stop_now(struct stack *s)
{
    stack_stop(s, 0);
    kill_rest(s);
}

void stack_free(struct stack *s)
{
    if (s == NULL)
        return;
    CHECK_MAGIC(s, STACK_MAGIC);
    for (size_t i = 0; i < s->count; i++) {
        struct member *m = s->members[i];
        child_free(m->child);
        timer_release(&m->restart);
        free_texts(m->argv);
        free_texts(m->env);
        mem_free(m->name);
        mem_free(m->log_path);
        m->magic = 0;
        mem_free(m);
    }
    timer_release(&s->patience);
    s->magic = 0;
    mem_free(s);
}
