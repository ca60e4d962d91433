/* Private to lib/bus: the embedded scripts, as they are loaded and named. */
#ifndef SLUICE_BUS_SCRIPT_H
#define SLUICE_BUS_SCRIPT_H

#include "bus/call.h"

/* Computes the digests; once per process is enough, again does no harm. */
void script_setup(void);
/* EVALSHA <digest>, or FCALL <function>. */
void script_invoke(struct command *c, enum script script);
/* Sends what makes the script known; the invocation may follow at once. */
void script_load(struct link *link, enum script script);
/* The same for all of them. */
void script_load_all(struct link *link);
/* An error reply, as a status: 0 when the script has to be loaded first, -ERR_UNAVAILABLE when
 * Redis takes no writes now. */
int script_error(struct span text);

#endif
