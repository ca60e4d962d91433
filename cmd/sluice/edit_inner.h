/* Of an edit line, for its own files: edit.c has its text on and off the screen and its life,
 * edit_keys.c what a key does. */
#ifndef SLUICE_CMD_EDIT_INNER_H
#define SLUICE_CMD_EDIT_INNER_H

#include "edit.h"
#include "keyboard.h"
#include "line.h"

#include "loop/watch.h"

enum {
    EDIT_MAGIC = 0x65646974,
    EDIT_RUN = 512,                  /* characters that are put in at once */
    EDIT_HELD_MAX = 64 * 1024 * 1024 /* of text, whoever opened it with what */
};

struct edit {
    uint32_t magic;
    struct edit_hooks hooks;
    struct line *line;
    struct keyboard *keyboard; /* that is started while it is open */
    struct watch *resized, *suspended, *continued;
    wchar_t run[EDIT_RUN + 1]; /* typed, and not put in yet */
    size_t run_len;
    bool is_open, is_shown, is_touched;
    bool is_pasting, was_return; /* in pasted text: the last key was Enter */
    wchar_t *hidden;             /* the text while it is open and not shown */
    size_t hidden_len, hidden_cursor;
};

/* Borrowed until the text changes. */
struct edit_text edit_look(const struct edit *e);
/* Takes over the text, which is not shown. */
void edit_hold(struct edit *e, wchar_t *text, size_t len, size_t cursor);
/* The text is no longer the line's; the screen stays as it is. */
void edit_take_text(struct edit *e);
/* From here on no key is heard, and the line is not open. */
void edit_stop_keys(struct edit *e);
struct keyboard_hooks edit_keyboard_hooks(struct edit *e);

#endif
