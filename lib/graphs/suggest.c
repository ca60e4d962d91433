/* The name that a misspelled one was meant to be: at most two letters away (added, left out,
 * another, or two that changed places), and at most half of the word. */
#include "graphs/suggest.h"

#include <string.h>

enum { WORD_MAX = 32, NEAR_MAX = 2 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The number of such changes from a to b: Damerau-Levenshtein, three rows at a time. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t rows[3][WORD_MAX + 1];
    for (size_t j = 0; j <= b_len; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i + 2) % 3], *higher = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t changed = above[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = least(changed, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], higher[j - 2] + 1);
        }
    }
    return rows[a_len % 3][b_len];
}

struct nearest nearest_to(const char *word)
{
    return (struct nearest){.word = word, .distance = NEAR_MAX + 1};
}

void nearest_try(struct nearest *nearest, const char *candidate)
{
    size_t len = strlen(nearest->word), other = strlen(candidate);
    if (len > WORD_MAX || other > WORD_MAX)
        return;
    size_t far = distance(nearest->word, len, candidate, other);
    if (far < nearest->distance && far * 2 <= len) {
        nearest->distance = far;
        nearest->best = candidate;
    }
}
