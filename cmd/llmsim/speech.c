/* The texts and how they are counted. Invariant: said <= total, and tokens of one part follow each
 * other. */
#include "speech.h"

#include "base/clock.h"
#include "base/num.h"

#include <stdio.h>

static const char TEXT[] =
    "This is a simulated answer. No model was asked, and nothing was billed for it; the words are "
    "always the same, so that whoever reads them can tell at a glance "
    "whether one is missing.\n\nA sluice is a gate in a channel. Water comes down the channel "
    "whether anybody watches it or not; the gate decides how much of it passes, and "
    "it can be shut at any moment. What had passed by then has passed, and what had not stays "
    "where it was. That is all there is to a good gate: it shuts at once, it "
    "shuts tightly, and it never pretends to be shut while water still runs beneath it.\n\nYou can "
    "script this answer. Begin a message with !sim and add words such as "
    "tokens=200, delay_ms=20, first_ms=500 or fault=stall@40, and this provider will do as it is "
    "told.";

static const char THOUGHT[] =
    "Somebody wants an answer. A real model would think about it first; this one only shows what "
    "thinking looks like from outside: it comes before the answer, it is billed, and it is kept "
    "apart from what is said. ";

static const char ARGUMENTS[] = "{\"query\": \"simulated\", \"limit\": 3}";
enum { FRAGMENT_BYTES = 7 };

struct span tool_arguments(void)
{
    return SPAN_LIT(ARGUMENTS);
}

/* A word with the space behind it. */
static struct span word_next(const char *text, size_t *at)
{
    const char *from = text + *at, *end = strchrnul(from, ' ');
    struct span word = span_make(from, (size_t)(end - from) + (*end == ' ' ? 1 : 0));
    *at += word.len;
    if (text[*at] == '\0')
        *at = 0;
    return word;
}

struct span text_next(size_t *at)
{
    return word_next(TEXT, at);
}

static int64_t text_tokens(void)
{
    size_t at = 0;
    int64_t count = 0;
    do {
        (void)text_next(&at);
        count++;
    } while (at != 0);
    return count;
}

/* Whole tokens in a text that began as ours does, and where it goes on; nothing of a text that did
 * not. */
static int64_t read_on(struct span prefill, size_t *goes_on_at)
{
    size_t at = 0, done = 0;
    for (int64_t count = 0; prefill.len > 0; count++) {
        size_t begins_at = at, left = prefill.len - done;
        struct span word = text_next(&at);
        if (!span_equal(span_make(prefill.ptr + done, left < word.len ? left : word.len),
                        span_make(word.ptr, left < word.len ? left : word.len)))
            return 0;
        if (left < word.len) {
            *goes_on_at = begins_at + left;
            return count;
        }
        done += word.len;
    }
    return 0;
}

/* How many self-describing tokens there were: one more than the n of the last, `<id>:<n>`. */
static int64_t count_on(struct span prefill, bool *wants_space)
{
    struct span word = SPAN_NONE;
    uint64_t n;
    *wants_space = prefill.len > 0 && prefill.ptr[prefill.len - 1] != ' ';
    for (struct span rest = prefill; rest.ptr != NULL;) {
        struct span next = span_cut(&rest, ' ');
        word = next.len > 0 ? next : word;
    }
    (void)span_cut(&word, ':');
    return word.ptr != NULL && num_parse_u64(word, &n) == 0 && n < SCRIPT_TOKENS_MAX
               ? (int64_t)n + 1
               : 0;
}

static int64_t less(int64_t from, int64_t what)
{
    return from > what ? from - what : 0;
}

void speech_init(struct speech *s, const struct script *script, const char *id, struct span prefill,
                 int64_t max_tokens)
{
    int64_t wanted = script->tokens >= 0 ? script->tokens : text_tokens();
    *s = (struct speech){.id = id,
                         .is_self = script->is_self,
                         .is_clock = script->is_clock,
                         .has_tool = *script->tool != '\0'};
    if (s->has_tool)
        s->total = ((int64_t)sizeof ARGUMENTS + FRAGMENT_BYTES - 2) / FRAGMENT_BYTES;
    else if (s->is_self)
        s->first = count_on(prefill, &s->wants_space);
    else if (!s->is_clock)
        s->first = read_on(prefill, &s->text_at);
    if (!s->has_tool)
        s->total = less(wanted, s->first);
    if (prefill.len == 0)
        s->reasoning = script->reasoning;
    s->total += s->reasoning;
    s->is_cut = max_tokens >= 0 && max_tokens < s->total;
    if (s->is_cut)
        s->total = max_tokens;
}

enum part speech_part(const struct speech *s)
{
    if (s->said >= s->total)
        return PART_NONE;
    if (s->said < s->reasoning)
        return PART_REASONING;
    return s->has_tool ? PART_TOOL : PART_TEXT;
}

static struct span self_token(struct speech *s, int64_t n)
{
    const char *gap = s->wants_space ? " " : "";
    s->wants_space = false;
    return span_make(
        s->own, (size_t)snprintf(s->own, sizeof s->own, "%s%s:%lld ", gap, s->id, (long long)n));
}

struct span speech_next(struct speech *s, enum part *part)
{
    *part = speech_part(s);
    CHECK(*part != PART_NONE);
    int64_t n = s->said++;
    if (*part != PART_REASONING)
        n -= s->reasoning;
    if (*part == PART_TOOL) {
        size_t at = (size_t)n * FRAGMENT_BYTES, left = sizeof ARGUMENTS - 1 - at;
        return span_make(ARGUMENTS + at, left < FRAGMENT_BYTES ? left : FRAGMENT_BYTES);
    }
    if (s->is_clock)
        return span_make(
            s->own, (size_t)snprintf(s->own, sizeof s->own, "@%lld ", (long long)clock_mono_us()));
    if (s->is_self)
        return self_token(s, *part == PART_TEXT ? s->first + n : n);
    return *part == PART_TEXT ? text_next(&s->text_at) : word_next(THOUGHT, &s->thought_at);
}

enum finish speech_finish(const struct speech *s)
{
    if (s->is_cut)
        return FINISH_LENGTH;
    return s->has_tool ? FINISH_TOOL : FINISH_STOP;
}

/* FNV-1a, enough to tell whether a thought came back as it was. */
uint64_t signature_add(uint64_t hash, struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char)text.ptr[i]) * 0x100000001b3U + 0x9e3779b9U;
    return hash;
}

void signature_put(uint64_t hash, char out[SIGNATURE_LEN + 1])
{
    (void)snprintf(out, SIGNATURE_LEN + 1, "sim-%016llx", (unsigned long long)hash);
}
