/* Words and numbers in plain text. Nothing here knows a language but for the words that say
 * nothing, which are English. */
#include "words.h"

#include "base/num.h"

#include <strings.h>

enum { WORD_MIN = 3, STEM_MIN = 4 };

static const char *const SAYS_NOTHING[] = {
    "about", "and", "any",  "are",  "but",  "can",  "did",    "does", "for",  "from",
    "had",   "has", "have", "how",  "its",  "not",  "one",    "our",  "out",  "please",
    "that",  "the", "them", "then", "they", "this", "was",    "what", "when", "where",
    "which", "who", "why",  "will", "with", "you",  "answer",
};

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || ((unsigned char)c & 0x80) != 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_of_word(char c)
{
    return is_letter(c) || is_digit(c);
}

static bool is_of_code(char c)
{
    return is_of_word(c) || c == '-';
}

static struct span looked_at(struct span text)
{
    return span_make(text.ptr, text.len < WORDS_LOOKED_AT ? text.len : WORDS_LOOKED_AT);
}

/* The next run of characters that `is_in` takes. */
static bool next_run(struct span *rest, bool (*is_in)(char c), struct span *run)
{
    size_t from = 0;
    while (from < rest->len && !is_in(rest->ptr[from]))
        from++;
    size_t to = from;
    while (to < rest->len && is_in(rest->ptr[to]))
        to++;
    if (to == from)
        return false;
    *run = span_make(rest->ptr + from, to - from);
    *rest = span_make(rest->ptr + to, rest->len - to);
    return true;
}

bool words_next(struct span *rest, struct span *word)
{
    return next_run(rest, is_of_word, word);
}

static bool says_something(struct span word)
{
    if (word.len < WORD_MIN)
        return false;
    for (size_t i = 0; i < sizeof SAYS_NOTHING / sizeof *SAYS_NOTHING; i++)
        if (span_is_nocase(word, SAYS_NOTHING[i]))
            return false;
    return true;
}

/* The same word, or one that the other begins with: order, orders, ordered. */
static bool is_alike(struct span a, struct span b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    if (a.len != b.len && shorter < STEM_MIN)
        return false;
    return strncasecmp(a.ptr, b.ptr, shorter) == 0;
}

static bool has_word(struct span text, struct span wanted)
{
    struct span word;
    while (words_next(&text, &word))
        if (says_something(word) && is_alike(word, wanted))
            return true;
    return false;
}

int words_score(struct span message, struct span about)
{
    struct span rest = looked_at(message), word;
    int score = 0;
    about = looked_at(about);
    while (words_next(&rest, &word))
        score += says_something(word) && has_word(about, word);
    return score;
}

bool words_number(struct span text, size_t nth, int64_t *out)
{
    struct span rest = looked_at(text), run;
    for (size_t i = 0; next_run(&rest, is_digit, &run);)
        if (num_parse_i64(run, out) == 0 && i++ == nth)
            return true;
    return false;
}

static bool has_digit(struct span s)
{
    struct span run;
    return next_run(&s, is_digit, &run);
}

struct span words_code(struct span text, size_t nth)
{
    struct span rest = looked_at(text), run;
    for (size_t i = 0; next_run(&rest, is_of_code, &run);)
        if (has_digit(run) && i++ == nth)
            return run;
    return SPAN_NONE;
}

struct span words_quoted(struct span text)
{
    struct span rest = looked_at(text);
    (void)span_cut(&rest, '"');
    struct span quoted = span_cut(&rest, '"');
    return rest.ptr != NULL && quoted.len > 0 ? quoted : SPAN_NONE;
}

static bool is_no_space(char c)
{
    return c != ' ' && c != '\n' && c != '\t' && c != '\r';
}

struct span words_with(struct span text, const char *mark)
{
    struct span rest = looked_at(text), run;
    while (next_run(&rest, is_no_space, &run))
        if (memmem(run.ptr, run.len, mark, strlen(mark)) != NULL)
            return run;
    return SPAN_NONE;
}
