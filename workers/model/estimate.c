/* One pass over the bytes. */
#include "model/estimate.h"

enum run_kind { SPACES, LETTERS, DIGITS, TWO_BYTES, MORE_BYTES, SIGNS, RUN_GOES_ON };

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

void estimate_put(struct estimate *e, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        enum run_kind kind = kind_of((unsigned char)text.ptr[i]);
        if (kind != (enum run_kind)e->run && kind != RUN_GOES_ON) {
            estimate_end(e);
            e->run = (int)kind;
        }
        e->run_len++;
    }
}

void estimate_end(struct estimate *e)
{
    *e = (struct estimate){.tokens = estimate_sum(e)};
}

int64_t estimate_sum(const struct estimate *e)
{
    return e->tokens + run_tokens((enum run_kind)e->run, e->run_len);
}

int64_t estimate_tokens(struct span text)
{
    struct estimate e = {.tokens = 0}; /* begins as spaces, of which there are none */
    estimate_put(&e, text);
    return estimate_sum(&e);
}
