/* A text on the screen, behind a prompt, with a cursor: libedit's native interface, unbuffered. It
 * never reads: whoever has the keys says what they do. stdout is its screen, and nobody else prints
 * between line_begin and line_clear or line_end. */
#ifndef SLUICE_CMD_LINE_H
#define SLUICE_CMD_LINE_H

#include "edit_text.h"

struct line;

/* Standard input and output are a terminal, which is raw from the first line_begin on, but for
 * signals. `prompt` may have terminal sequences between two \001, each before a character that is
 * shown. NULL when there is no terminal.
 */
struct line *line_new(const char *prompt);
void line_free(struct line *line); /* the terminal is as it was; NULL is a no-op */

/* Draws the prompt and the text where the screen's cursor is, in its first column. */
void line_begin(struct line *line, const wchar_t *text, size_t cursor);
void line_clear(struct line *line); /* takes it off; the screen's cursor is where it began */
void line_end(struct line *line);   /* leaves it there; the screen's cursor is below it */

struct edit_text line_look(const struct line *line); /* valid until it is changed */
void line_move(struct line *line, size_t cursor);
void line_insert(struct line *line, const wchar_t *text); /* where the cursor is */
/* What libedit's emacs mode does at a key, a character or escape and one more. Not for those that
 * wait for a further key. */
void line_command(struct line *line, const wchar_t *key);

/* The terminal has another size. Not between line_begin and its end. */
void line_resize(struct line *line);
/* The terminal as it was, for a while, and as it is for lines. Who resumes begins the line anew. */
void line_suspend(struct line *line);
void line_resume(struct line *line);
/* A text that the commands ^P and ^N find again. */
void line_remember(struct line *line, const wchar_t *text);

#endif
