/* Private to lib/bus: one connection, from the first packet to the last; link.h makes one that
 * lasts of them. Only conn.c and reply.c include hiredis. */
#ifndef SLUICE_BUS_CONN_H
#define SLUICE_BUS_CONN_H

#include "bus/link.h"

struct conn;

struct conn_hooks {
    void (*on_open)(void *arg);
    /* Each reply, and each message of a subscription; valid during the call. */
    void (*on_reply)(const struct reply *reply, void *arg);
    /* It could not be made, or broke: nothing comes after it, conn_close is still due. `reason` is
     * for a log. */
    void (*on_closed)(const char *reason, void *arg);
    void *arg;
};

/* Begins to connect: to the socket at `address` when port is 0. NULL when that fails at once. */
struct conn *conn_new(struct loop *loop, const char *address, int port,
                      const struct conn_hooks *hooks);
/* Sends one whole command at the end of this turn, with all others that came until then. 0 or
 * -ERR_UNAVAILABLE. */
MUST_USE int conn_write(struct conn *conn, struct span command);
/* Reads what has come by now, as the loop would in its next turn; nothing when it is called under a
 * reply. */
void conn_read(struct conn *conn);
/* How often the server took something of what was written. */
uint64_t conn_moves(const struct conn *conn);
/* Silence from here on; may be called from the hooks. NULL is a no-op. */
void conn_close(struct conn *conn);

#endif
