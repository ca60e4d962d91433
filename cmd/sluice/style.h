/* A reply for the terminal, as it comes: its Markdown stays as it is, and is lit a little (headings
 * and bold text bold, code in a colour). Nothing in it reaches the terminal as a command: control
 * characters are shown as U+FFFD. Pure. */
#ifndef SLUICE_CMD_STYLE_H
#define SLUICE_CMD_STYLE_H

#include "base/buf.h"

struct style {
    bool is_plain; /* no colours, ever */
    bool is_dim;   /* all of it, and nothing else */
    bool is_line_begin, is_heading, is_bold, is_code;
    bool is_fence_line, is_fenced;
    char mark; /* of the run of marks that is not put out yet */
    size_t mark_count;
};

struct style style_new(bool is_plain);
/* Whole characters of UTF-8, cut anywhere else. */
void style_put(struct style *style, struct span text, struct buf *out);
/* What is held back, and the terminal's own colours again. */
void style_end(struct style *style, struct buf *out);

#endif
