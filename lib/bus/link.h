/* One connection to Redis: connect, back off, connect again, for ever. hiredis is known here only
 * (its traps are too).
 *
 *     DOWN ─► CONNECTING ─► UP ─► BACKOFF ─► CONNECTING        (link_free from any state)
 *
 * Commands are pipelined. Each completes exactly once, never before link_command returns: with a
 * reply, or with -ERR_UNAVAILABLE (the link was not up, or broke: the command may or may not have
 * run), or -ERR_TIMEOUT. A timeout breaks the link: what waits behind it would wait as well. There
 * is none while the server goes on taking or answering, nor because this process was held up. */
#ifndef SLUICE_BUS_LINK_H
#define SLUICE_BUS_LINK_H

#include "base/err.h"
#include "base/span.h"
#include "loop/loop.h"

struct link;

enum link_state { LINK_DOWN, LINK_CONNECTING, LINK_UP, LINK_BACKOFF };

struct link_options {
    const char *url; /* unix:///path[?db=n] or redis://host:port[/n], borrowed during link_new; user
                        and password allowed */
    int64_t connect_ms; /* 0: 1000 */
    int64_t command_ms; /* 0: 2000 */
    bool is_subscriber; /* RESP2 pub/sub connection: link_command is refused */
    void (*on_state)(struct link *link, enum link_state state, void *arg); /* may be NULL */
    void *arg;
};

/* Whether link_new takes a URL; whoever has it from outside asks first. 0 or -ERR_CONFIG with
 * detail, without user and password. */
MUST_USE int link_check_url(const char *url, struct err *err);
struct link *link_new(struct loop *loop,
                      const struct link_options *options); /* starts to connect */
void link_free(struct link *link); /* callbacks of what is in flight are dropped silently */
bool link_is_up(const struct link *link);

/* A reply, valid during the callback. One type for all that Redis answers. */
enum reply_type { REPLY_NIL, REPLY_INT, REPLY_STR, REPLY_STATUS, REPLY_ERROR, REPLY_ARRAY };
struct reply;
enum reply_type reply_type(const struct reply *r); /* NULL counts as REPLY_NIL */
struct span reply_str(const struct reply *r);      /* STR STATUS ERROR; else SPAN_NONE */
int64_t reply_int(const struct reply *r,
                  int64_t otherwise); /* INT, or a STR that is a whole number */
size_t reply_count(const struct reply *r);
const struct reply *reply_at(const struct reply *r, size_t index); /* NULL outside */

/* `status` is 0 and `reply` not NULL (it may be REPLY_ERROR), or status is negative and reply NULL.
 */
typedef void (*link_on_reply)(int status, const struct reply *reply, void *arg);

/* Sends a command. The arguments are copied. `timeout_ms` 0: the link's. on_reply may be NULL. */
void link_command(struct link *link, size_t argc, const struct span *argv, int64_t timeout_ms,
                  link_on_reply on_reply, void *arg);

#endif
