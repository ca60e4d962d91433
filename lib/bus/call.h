/* Private to lib/bus: one thing said to Redis, a script or a plain command. It keeps its bytes, so
 * that it can be sent again: after NOSCRIPT (the script is loaded first), or, when the script's row
 * says that this is safe, after a broken link, until the bus's retry_ms are over. It is answered
 * exactly once, never before call_send returns, and frees itself then. */
#ifndef SLUICE_BUS_CALL_H
#define SLUICE_BUS_CALL_H

#include "bus/bus.h"
#include "bus/command.h"
#include "bus/keys.h"

/* X(NAME, file in lib/bus/scripts or function of its library, form, is sent again after a broken
 * link). The order of loading. */
enum script {
#define X(name, file, form, is_repeated) SCRIPT_##name,
#include "bus/scripts.def"
#undef X
    SCRIPT_COUNT
};

struct call;
/* Decodes the answer and calls the caller's function. `reply` is no error and not NULL when status
 * is 0; else NULL. Status is -ERR_UNAVAILABLE (away for too long; or, with is_full, Redis takes no
 * writes now: memory or disk), -ERR_TOO_LARGE (the call itself), -ERR_MALFORMED (the script says
 * DAMAGED) or -ERR_INTERNAL. */
typedef void (*call_decode)(struct call *call, int status, const struct reply *reply);
typedef void (*call_done)(
    void); /* the caller's function, cast back by the decoder that knows its type */

struct call {
    uint32_t magic;
    struct bus *bus;
    struct call *prev, *next; /* all of the bus, oldest first */
    enum script script;
    struct command command;
    int64_t deadline_ms; /* INT64_MAX: the link's */
    unsigned loads;
    bool is_repeated, is_sent, is_answered, is_full;
    call_decode decode;
    call_done done;
    void *arg;
    void *extra; /* of the decoder, freed with the call */
    size_t extra_count;
};

/* A script with its keys to come: KEYS first, then ARGV, each by call_arg and its kin. */
struct call *call_new(struct bus *bus, enum script script, unsigned keys);
/* A plain command, one that is safe to repeat. */
struct call *call_new_plain(struct bus *bus, const char *verb);
void call_arg(struct call *call, struct span s);
void call_text(struct call *call, const char *text);
void call_int(struct call *call, int64_t v);
void call_key(struct call *call, struct key key);
/* The pair that scripts take as `name, value`; SPAN_NONE leaves it out. */
void call_field(struct call *call, const char *name, struct span value);
void call_join(struct call *call, const struct command *more);
void call_drop(struct call *call); /* one that is not sent after all */
void call_send(struct call *call, call_decode decode, call_done done, void *arg);

#endif
