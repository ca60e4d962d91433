/* Pages about gates and water, which a reader can check, and orders, which nobody placed. */
#include "corpus.h"

#include "base/num.h"
#include "words.h"

enum { ORDER_MIN = 1000, ORDER_MAX = 9999 };

static const struct page PAGES[] = {
    {"sluice-gate", "Sluice gates",
     "A sluice gate is a plate that slides up and down in grooves at the sides of a channel. "
     "Raised a little, it lets water shoot through beneath it; the flow depends on the height of "
     "the opening and on how deep the water stands behind it. Many are lifted by a rack and a "
     "hand wheel, larger ones by motors."},
    {"canal-lock", "Canal locks",
     "A lock is a chamber with gates at both ends that carries boats between two levels of a "
     "canal. Sluices in the gates or in the walls, called paddles, fill and empty it; no pump is "
     "needed. Mitre gates meet in a V that points upstream, so that the water itself presses them "
     "shut."},
    {"weir", "Weirs",
     "A weir is a low wall across a river over which the water flows. It keeps the level upstream "
     "high enough for boats, mills or intakes, and since the flow over it follows from the height "
     "of the water above its crest, it serves to measure a river too."},
    {"water-mill", "Water mills",
     "A water mill takes its water from a mill race, and a sluice at the head of the race decides "
     "how much reaches the wheel. An overshot wheel is filled from above and turned by weight; an "
     "undershot wheel is pushed by the stream beneath it and wants more water for the same work."},
    {"tide-mill", "Tide mills",
     "A tide mill has a pond behind a dam with a gate. The rising tide opens the gate and fills "
     "the pond; when the tide turns, the water in the pond shuts the gate, and once the sea has "
     "fallen low enough the pond drives the wheel for a few hours, twice a day."},
    {"fish-ladder", "Fish ladders",
     "A fish ladder leads fish around a weir or a dam by a row of small pools, each a little "
     "higher than the one before, or by a channel with slots. The current at its foot must be "
     "strong enough for fish to find it, and weak enough to be swum against."},
    {"storm-surge-barrier", "Storm surge barriers",
     "A storm surge barrier closes an estuary for the hours of a storm and stands open else, so "
     "that ships and tides may pass. The Thames Barrier, in service since 1982, has gates that "
     "lie on the river bed and turn upwards; the Maeslantkering near Rotterdam, since 1997, has "
     "two floating arms."},
    {"polder", "Polders",
     "A polder is land below the level of the water around it, kept dry by dikes, ditches and "
     "pumps. Rain and seepage gather in the ditches and are lifted out, once by windmills, then "
     "by steam, today by electric pumps; where the outer water falls low enough at ebb, a sluice "
     "alone does it."},
};
enum { PAGE_COUNT = sizeof PAGES / sizeof PAGES[0] };

static const char *const ITEMS[] = {"a hand wheel for a sluice gate", "a brass depth gauge",
                                    "a pair of waders", "a book on canal locks",
                                    "twelve metres of rope"};
static const struct {
    const char *state;
    int64_t days;
} STATES[] = {{"received", 5}, {"packed", 4}, {"on its way", 2}, {"delivered", 0}};

const struct page *corpus_page(struct span id)
{
    for (size_t i = 0; i < PAGE_COUNT; i++)
        if (span_is(id, PAGES[i].id))
            return &PAGES[i];
    return NULL;
}

static int score_of(struct span question, const struct page *page)
{
    return 4 * words_score(question, span_of(page->title)) +
           words_score(question, span_of(page->text));
}

size_t corpus_search(struct span question, const struct page *hits[CORPUS_HITS])
{
    int scores[PAGE_COUNT];
    size_t count = 0;
    for (size_t i = 0; i < PAGE_COUNT; i++)
        scores[i] = score_of(question, &PAGES[i]);
    while (count < CORPUS_HITS) {
        size_t best = 0;
        for (size_t i = 1; i < PAGE_COUNT; i++)
            best = scores[i] > scores[best] ? i : best;
        if (scores[best] == 0)
            break;
        scores[best] = 0;
        hits[count++] = &PAGES[best];
    }
    return count;
}

bool corpus_order(struct span number, struct parcel *out)
{
    uint64_t n = 0;
    if (num_parse_u64(number, &n) != 0 || n < ORDER_MIN || n > ORDER_MAX)
        return false;
    size_t state = n % (sizeof STATES / sizeof STATES[0]);
    *out = (struct parcel){.number = (int64_t)n,
                           .item = ITEMS[n % (sizeof ITEMS / sizeof ITEMS[0])],
                           .state = STATES[state].state,
                           .days = STATES[state].days};
    return true;
}
