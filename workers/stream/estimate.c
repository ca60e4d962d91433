/* One pass over the bytes. */
#include "stream/estimate.h"

enum run_kind { LETTERS, DIGITS, SPACES, TWO_BYTES, MORE_BYTES, SIGNS, RUN_GOES_ON };

static enum run_kind kind_of(unsigned char c)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
        return LETTERS;
    if (c >= '0' && c <= '9')
        return DIGITS;
    if (c == ' ')
        return SPACES;
    if (c < 0x80)
        return SIGNS;
    if (c < 0xc0)
        return RUN_GOES_ON; /* within a character */
    return c < 0xe0 ? TWO_BYTES : MORE_BYTES;
}

static int64_t run_tokens(enum run_kind kind, size_t len)
{
    static const size_t per_token[] = {
        [LETTERS] = 10, [DIGITS] = 3, [SPACES] = 40, [TWO_BYTES] = 6, [MORE_BYTES] = 4, [SIGNS] = 3,
    };
    if (kind == SPACES && len == 1)
        return 0;
    return (int64_t)((len + per_token[kind] - 1) / per_token[kind]);
}

int64_t estimate_tokens(struct span text)
{
    int64_t tokens = 0;
    size_t begin = 0;
    enum run_kind run = SPACES;
    for (size_t i = 0; i < text.len; i++) {
        enum run_kind kind = kind_of((unsigned char)text.ptr[i]);
        if (kind == run || kind == RUN_GOES_ON)
            continue;
        if (i > begin)
            tokens += run_tokens(run, i - begin);
        run = kind;
        begin = i;
    }
    return text.len > begin ? tokens + run_tokens(run, text.len - begin) : tokens;
}
