/* Private to lib/bus: one command as Redis reads it (RESP2:
 * https://redis.io/docs/reference/protocol-spec), built argument by argument and kept, so that it
 * can be sent again as it is. */
#ifndef SLUICE_BUS_COMMAND_H
#define SLUICE_BUS_COMMAND_H

#include "base/buf.h"

struct command {
    struct buf bytes; /* room for the header, then the arguments */
    uint32_t count;
};

void command_init(struct command *c);
void command_release(struct command *c);
void command_reset(struct command *c); /* empties, keeps memory */
void command_arg(struct command *c, struct span s);
void command_text(struct command *c, const char *text);
void command_int(struct command *c, int64_t v);
void command_join(struct command *c, const struct command *more); /* its arguments behind ours */
/* The whole command, borrowed until the next change; SPAN_NONE when it grew too large. */
struct span command_bytes(struct command *c);

#endif
