/* What a terminal in raw mode sends, as keys: characters in UTF-8, control characters, and the
 * escape sequences of xterm and its kin. Pure. */
#ifndef SLUICE_CMD_KEYS_H
#define SLUICE_CMD_KEYS_H

#include "base/span.h"
#include <stdint.h>

enum key_kind {
    KEY_NONE,    /* the input ends before or in one */
    KEY_TEXT,    /* `code` stands for itself */
    KEY_CONTROL, /* Ctrl and `code`, a capital letter or one of @[\]^_ */
    KEY_ALT,     /* Alt and `code` */
    KEY_ENTER,
    KEY_NEW_LINE, /* Ctrl-J, or Alt and Enter */
    KEY_TAB,
    KEY_BACKSPACE,
    KEY_DELETE,
    KEY_UP,
    KEY_DOWN,
    KEY_LEFT,
    KEY_RIGHT,
    KEY_WORD_LEFT, /* with Ctrl or Alt */
    KEY_WORD_RIGHT,
    KEY_HOME,
    KEY_END,
    KEY_PAGE_UP,
    KEY_PAGE_DOWN,
    KEY_ESCAPE,
    KEY_PASTE_BEGIN, /* of bracketed paste */
    KEY_PASTE_END,
    KEY_OTHER /* known to nobody here */
};

struct key {
    enum key_kind kind;
    uint32_t code;
};

/* Takes the next key off the input. When the input ends in the middle of one, what there is stays
 * (KEY_NONE), unless nothing more will come for it: `is_all`. */
struct key keys_next(struct span *input, bool is_all);

#endif
