/* What every daemon does around its loop: SIGTERM and SIGINT drain (a second one ends at once),
 * SIGHUP reloads, SIGPIPE ignored, readiness and watchdog told to the service manager (sd_notify),
 * loop lag measured. */
#ifndef SLUICE_LOOP_PROCESS_H
#define SLUICE_LOOP_PROCESS_H

#include "loop/loop.h"

struct process;

struct process_hooks {
    /* First SIGTERM or SIGINT: begin to end; call loop_stop when done. */
    void (*on_drain)(void *arg);
    void (*on_now)(void *arg);     /* second one: end at once; NULL: loop_stop */
    void (*on_reload)(void *arg);  /* SIGHUP; may be NULL */
    bool (*is_healthy)(void *arg); /* asked before each watchdog ping; NULL: always */
    void *arg;
};

struct process *process_new(struct loop *loop, const struct process_hooks *hooks);
void process_free(struct process *process);
void process_ready(struct process *process, const char *status); /* READY=1 */
void process_stopping(int64_t extend_ms); /* STOPPING=1 and EXTEND_TIMEOUT_USEC */

#endif
