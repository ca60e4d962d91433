/* The processes of a stack on one machine: started in order, started again when one dies, stopped
 * in order. Knows how, not which. */
#ifndef SLUICE_CMD_STACK_H
#define SLUICE_CMD_STACK_H

#include "loop/child.h"

enum { STACK_MAX = 8 };

struct stack;

struct stack_hooks {
    void (*on_ready)(const char *name, void *arg); /* said READY=1 for the first time */
    void (*on_line)(const char *name, const char *line,
                    void *arg); /* a line of its standard output */
    void (*on_failed)(const char *name, const char *why,
                      void *arg);  /* could not be started, or died before it was ready */
    void (*on_stopped)(void *arg); /* after stack_stop: all are gone */
    void *arg;
};

/* `rank`: stopping goes from the highest rank to the lowest; those of one rank go together. */
struct stack_member {
    const char *name;        /* copied */
    const char *const *argv; /* copied */
    const char *const *env;  /* copied */
    const char *log_path;    /* standard error goes there; NULL: to ours */
    int rank;
    bool tells_ready; /* by sd_notify; else it is ready when its first line came */
};

struct stack *stack_new(struct loop *loop, const struct stack_hooks *hooks);
void stack_free(struct stack *stack); /* kills what still runs */
void stack_add(struct stack *stack,
               const struct stack_member *member); /* starts it, unless the stack is stopping */
void stack_ready(struct stack *stack,
                 const char *name); /* for one that cannot tell: seen from outside to be ready */
/* Replaces one variable of a member's environment for when it is started again (a port that is
 * known by now). */
void stack_set(struct stack *stack, const char *name, const char *variable);
/* The same of one argument, by its place in argv. */
void stack_set_argument(struct stack *stack, const char *name, size_t place, const char *value);
void stack_stop(struct stack *stack, int64_t patience_ms); /* SIGTERM rank by rank, SIGKILL for what
                                                              is left after patience_ms in all */
void stack_stop_now(struct stack *stack); /* SIGKILL at once, also while stack_stop waits */

#endif
