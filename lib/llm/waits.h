/* Private to lib/llm: the timers of one call. Those that measure patience with the provider's
 * tokens stand still while the caller holds the stream back. */
#ifndef SLUICE_LLM_WAITS_H
#define SLUICE_LLM_WAITS_H

#include "loop/loop.h"

enum wait_kind { WAIT_FIRST_BYTE, WAIT_FIRST_TOKEN, WAIT_IDLE, WAIT_END, WAIT_COUNT };

struct waits;
struct wait {
    uint32_t magic;
    struct waits *waits;
    struct timer timer;
    bool is_on;
    int64_t left_ms; /* while it stands still */
    int64_t due_ms;  /* while it runs */
};

struct waits {
    struct wait each[WAIT_COUNT];
    bool is_held;
    void (*on_due)(enum wait_kind kind, void *arg);
    void *arg;
};

void waits_init(struct waits *waits, struct loop *loop,
                void (*on_due)(enum wait_kind kind, void *arg), void *arg);
void waits_release(struct waits *waits);
void waits_start(struct waits *waits, enum wait_kind kind,
                 int64_t ms); /* anew when it runs; 0 ms: nothing */
void waits_stop(struct waits *waits, enum wait_kind kind);
void waits_stop_all(struct waits *waits);
void waits_hold(struct waits *waits);  /* first token and idle stand still */
void waits_go_on(struct waits *waits); /* with what was left of them */

#endif
