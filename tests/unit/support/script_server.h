/* A scripted HTTP server on the test's own loop: loopback, a free port, one script for all
 * requests. It plays the script once a whole request is there (header, and the body by
 * Content-Length), on every connection anew. */
#ifndef SLUICE_TESTS_SCRIPT_SERVER_H
#define SLUICE_TESTS_SCRIPT_SERVER_H

#include "base/buf.h"
#include "loop/loop.h"

enum step_kind {
    STEP_END,   /* keep the connection for the next request */
    STEP_SEND,  /* bytes */
    STEP_SPLIT, /* bytes, in two writes that the other side reads apart; cut at server->split */
    STEP_WAIT,  /* ms */
    STEP_HOLD,  /* nothing more */
    STEP_CLOSE, /* when all is written */
    STEP_RESET, /* RST, when all is written */
};
struct step {
    enum step_kind kind;
    const char *bytes;
    size_t len; /* 0: strlen */
    int ms;
};

struct script_server {
    struct loop *loop;
    const struct step *script;
    size_t split;
    int port;
    char url[64]; /* http://127.0.0.1:port */
    int accepted; /* connections */
    int requests;
    int open;           /* connections now */
    int closed_by_peer; /* while a script was being played */
    int64_t closed_ms;  /* when the last of these was seen */
    struct buf request; /* the newest one, whole */
    void *listener;
    struct conn *conns;
};

struct script_server *server_new(struct loop *loop);
void server_free(struct script_server *server);
/* A listener on loopback whose queue is full, so that a further connection never comes about. */
struct black_hole {
    int fds[8];
    char url[64];
};
void black_hole_open(struct black_hole *hole);
void black_hole_close(struct black_hole *hole);
/* Runs the loop until loop_stop, at most `ms`; false when the time ran out. */
bool loop_run_for(struct loop *loop, int64_t ms);

#endif
