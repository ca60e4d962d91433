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

/* The next piece of a call's arguments: bytes, but whole characters. */
static struct span fragment_next(struct span arguments, size_t *at)
{
    size_t left = arguments.len - *at, len = left < FRAGMENT_BYTES ? left : FRAGMENT_BYTES;
    while (len < left && ((unsigned char)arguments.ptr[*at + len] & 0xc0) == 0x80)
        len++;
    struct span fragment = span_make(arguments.ptr + *at, len);
    *at += len;
    return fragment;
}

static int64_t text_tokens(const char *text)
{
    size_t at = 0;
    int64_t count = 0;
    do {
        (void)word_next(text, &at);
        count++;
    } while (at != 0);
    return count;
}

static int64_t call_tokens(const struct play *play)
{
    int64_t count = 0;
    for (size_t i = 0; i < play->call_count; i++)
        for (size_t at = 0; at < play->calls[i].arguments.len; count++)
            (void)fragment_next(play->calls[i].arguments, &at);
    return count;
}

/* Whole tokens in a text that began as ours does, and where it goes on; nothing of a text that did
 * not. */
static int64_t read_on(const char *text, struct span prefill, size_t *goes_on_at)
{
    size_t at = 0, done = 0;
    for (int64_t count = 0; prefill.len > 0; count++) {
        size_t begins_at = at, left = prefill.len - done;
        struct span word = word_next(text, &at);
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

static const char *text_of(const struct play *play)
{
    return play->text != NULL ? play->text : TEXT;
}

void speech_init(struct speech *s, const struct script *script, const struct play *play,
                 const char *id, struct span prefill, int64_t max_tokens)
{
    const char *text = text_of(play);
    int64_t wanted = script->tokens >= 0 ? script->tokens : text_tokens(text);
    bool has_calls = play->call_count > 0;
    *s = (struct speech){
        .id = id, .is_self = script->is_self, .is_clock = script->is_clock, .play = play};
    if (has_calls)
        s->total = call_tokens(play);
    else if (s->is_self)
        s->first = count_on(prefill, &s->wants_space);
    else if (!s->is_clock)
        s->first = read_on(text, prefill, &s->text_at);
    if (!has_calls)
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
    return s->play->call_count > 0 ? PART_TOOL : PART_TEXT;
}

static struct span call_token(struct speech *s)
{
    if (s->call_at == s->play->calls[s->call].arguments.len) {
        s->call++;
        s->call_at = 0;
    }
    return fragment_next(s->play->calls[s->call].arguments, &s->call_at);
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
    if (*part == PART_TOOL)
        return call_token(s);
    if (s->is_clock)
        return span_make(
            s->own, (size_t)snprintf(s->own, sizeof s->own, "@%lld ", (long long)clock_mono_us()));
    if (s->is_self)
        return self_token(s, *part == PART_TEXT ? s->first + n : n);
    return *part == PART_TEXT ? word_next(text_of(s->play), &s->text_at)
                              : word_next(THOUGHT, &s->thought_at);
}

enum finish speech_finish(const struct speech *s)
{
    if (s->is_cut)
        return FINISH_LENGTH;
    return s->play->call_count > 0 ? FINISH_TOOL : FINISH_STOP;
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
