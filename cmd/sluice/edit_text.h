/* The text of an edit line: characters, as the line editor has them, and lines within. Pure. */
#ifndef SLUICE_CMD_EDIT_TEXT_H
#define SLUICE_CMD_EDIT_TEXT_H

#include "base/buf.h"
#include "base/span.h"
#include <wchar.h>

/* Characters and where among them the cursor is. */
struct edit_text {
    const wchar_t *chars;
    size_t len, cursor;
};

/* Of UTF-8; owned, with a NUL behind it. What is none becomes U+FFFD, a NUL too. */
wchar_t *edit_text_wide(struct span utf8, size_t *len);
/* Appends it in UTF-8. */
void edit_text_utf8(const struct edit_text *text, struct buf *out);
size_t edit_text_bytes(const wchar_t *chars, size_t len); /* so many as UTF-8 */

/* Where the cursor is after such a key: the same column in the line above or below, or the ends of
 * its line. False when there is no such line. */
bool edit_text_above(const struct edit_text *text, size_t *cursor);
bool edit_text_below(const struct edit_text *text, size_t *cursor);
size_t edit_text_line_begin(const struct edit_text *text);
size_t edit_text_line_end(const struct edit_text *text);

#endif
