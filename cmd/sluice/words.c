#include "words.h"

#include "style.h"

#include "wire/limits.h"

#include <unistd.h>

enum { WORDS_MAX = 3 * LIMIT_OUTPUT }; /* a control character becomes three bytes */

void words_print(FILE *to, struct span text)
{
    if (text.len == 0)
        return;
    if (isatty(fileno(to)) != 1) {
        (void)fwrite(text.ptr, 1, text.len, to);
        return;
    }
    struct style plain = style_new(true);
    struct buf out;
    buf_init(&out, WORDS_MAX);
    style_put(&plain, text, &out);
    style_end(&plain, &out);
    (void)fwrite(out.ptr, 1, out.len, to);
    buf_release(&out);
}
