/* The load: a number of slots, each of which asks for one stream after another, reads its tokens
 * and, where that is wanted, stops it at a random moment. A token is `@<us> ` in the stream's
 * bytes, whatever stands around it: CLOCK_MONOTONIC of the moment when the provider made it. */
#ifndef SLUICE_BENCH_LOAD_H
#define SLUICE_BENCH_LOAD_H

#include "stats.h"

#include <stdbool.h>

struct load_options {
    const char *address;     /* 127.0.0.1:port */
    const char *path, *body; /* of a stream; `%ID%` is replaced. body NULL: GET, no tokens, each
                                slot on one connection */
    const char *stop_path;   /* NULL: nothing is stopped */
    int64_t streams;
    int64_t tokens;     /* that each stream shall have */
    int64_t stagger_ms; /* the slots begin spread over this time */
    int64_t jitter_ms;  /* and each up to so much later, so that streams do not speak in step */
    int64_t warmup_ms, window_ms;
    int64_t patience_ms;              /* for what is open at the window's end */
    int64_t stop_min_ms, stop_max_ms; /* after the first token */
    int64_t stops; /* the window ends earlier when so many were made; 0: no matter */
    bool once;     /* one stream per slot */
};

struct load_result {
    int64_t began_us, ended_us;    /* the window */
    int64_t tokens;                /* in the window */
    int64_t asked, answered, done; /* requests that began; first bytes; ended well, in the window */
    int64_t wrong;                 /* broken connections, other statuses, missing tokens */
    int64_t stops, leaked, leaks;  /* stops acked; of these with tokens later; those tokens */
    int64_t unfinished;            /* streams open when the patience was over */
    struct stats latency, first_token, stop_answer, stop_end, whole;
    const char *trouble; /* of the last wrong one */
};

/* `on_window(true)` and `(false)` are called at the window's edges. */
void load_run(const struct load_options *options, void (*on_window)(bool begins),
              struct load_result *result);

#endif
