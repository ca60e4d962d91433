/* A text of one line or several that the user edits at the foot of the terminal: the native
 * interface of libedit, unbuffered, on our loop. Enter gives the text; Ctrl-J, Alt-Enter and pasted
 * line ends are new lines in it. The terminal is raw from edit_new to edit_free, signals but on.
 * What is printed elsewhere goes to stdout while the text is closed or hidden. */
#ifndef SLUICE_CMD_EDIT_H
#define SLUICE_CMD_EDIT_H

#include "base/span.h"
#include "loop/loop.h"

enum { EDIT_BYTES_MAX = 256 * 1024 };

struct edit;

struct edit_hooks {
    /* Enter: the text stays on the screen, the cursor is below it; it is closed. Valid during the
     * call. */
    void (*on_text)(struct span text, void *arg);
    /* Ctrl-D where there is no text, or the terminal is gone; it is closed. */
    void (*on_leave)(void *arg);
    void *arg;
};

/* Standard input and output are a terminal. `prompt` is as for line_new. NULL when the terminal
 * cannot be had. One at a time: it has SIGWINCH, SIGTSTP and
 * SIGCONT: Ctrl-Z stops the process, the text is there again when it goes on. */
struct edit *edit_new(struct loop *loop, const char *prompt, const struct edit_hooks *hooks);
/* Closes; the terminal is as it was. NULL is a no-op. Not from a hook. */
void edit_free(struct edit *edit);

/* Shows the prompt with this text behind it, to its last byte (what is not UTF-8 becomes U+FFFD),
 * and takes keys. Not while it is open. */
void edit_open(struct edit *edit, struct span text);
/* Takes it off the screen; keys wait. A no-op when it is closed. */
void edit_close(struct edit *edit);
bool edit_is_open(const struct edit *edit);

/* Off the screen and on it again as it was, around something that is printed. No-ops when closed.
 */
void edit_hide(struct edit *edit);
void edit_show(struct edit *edit);
/* The text in place of what is there now. Not when it is closed. */
void edit_replace(struct edit *edit, struct span text);
/* Owned; what it holds now. */
char *edit_text(const struct edit *edit);
/* Whether the user changed it since it was opened. */
bool edit_is_touched(const struct edit *edit);

/* Forgets the keys that wait. */
void edit_discard(struct edit *edit);
/* To be found again by the key up, when the first line has the cursor. */
void edit_remember(struct edit *edit, struct span text);

#endif
