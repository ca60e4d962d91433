/* The keys of the terminal on standard input, while it is raw. */
#ifndef SLUICE_CMD_KEYBOARD_H
#define SLUICE_CMD_KEYBOARD_H

#include "keys.h"

#include "loop/loop.h"

struct keyboard;

struct keyboard_hooks {
    void (*on_key)(struct key key, void *arg);
    void (*on_pause)(void *arg); /* behind the last of those that came together; NULL: not told */
    void (*on_gone)(void *arg);  /* the terminal; nothing comes any more */
    void *arg;
};

struct keyboard *keyboard_new(struct loop *loop, const struct keyboard_hooks *hooks);
void keyboard_free(struct keyboard *keyboard); /* NULL is a no-op; not from a hook */

/* Until it is stopped, which hooks may do, keys come; those that waited come first. */
void keyboard_start(struct keyboard *keyboard);
void keyboard_stop(struct keyboard *keyboard);
void keyboard_discard(struct keyboard *keyboard); /* those that wait */

#endif
