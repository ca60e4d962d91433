/* The whole terminal for a picture: its other screen, raw, without a cursor. */
#ifndef SLUICE_CMD_SCREEN_H
#define SLUICE_CMD_SCREEN_H

#include "keys.h"

#include "base/span.h"
#include "loop/loop.h"

struct screen;

struct screen_hooks {
    void (*on_key)(struct key key, void *arg);
    void (*on_size)(void *arg); /* it has another one: the picture is to be shown again */
    void (*on_gone)(void *arg); /* the terminal is */
    void *arg;
};

/* Standard input and output are a terminal. NULL when it cannot be had. */
struct screen *screen_new(struct loop *loop, const struct screen_hooks *hooks);
void screen_free(struct screen *screen); /* it is as it was; NULL is a no-op; not from a hook */
/* Lines, in place of what is there. */
void screen_show(struct screen *screen, struct span lines);

/* Of the terminal on standard output; 80 columns and 24 rows when it does not tell. */
void screen_size(size_t *columns, size_t *rows);
bool screen_has_colour(void); /* that is a terminal with colours, and they are wanted */

#endif
