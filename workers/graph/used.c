/* The sum of usages. */
#include "graph/used.h"

void used_init(struct used *u)
{
    *u = (struct used){.sum = usage_none()};
}

static int64_t both(int64_t a, int64_t b)
{
    return a < 0 || b < 0 ? -1 : a + b;
}

void used_add(struct used *u, struct usage usage)
{
    struct usage *sum = &u->sum;
    if (usage.source == USAGE_NONE)
        return;
    if (usage.source == USAGE_UNKNOWN) {
        u->has_unknown = true;
        return;
    }
    sum->input = both(sum->input, usage.input);
    sum->output = both(sum->output, usage.output);
    sum->cached = both(sum->cached, usage.cached);
    sum->reasoning = both(sum->reasoning, usage.reasoning);
    if (!u->has_known || usage.source != USAGE_PROVIDER)
        sum->source = usage.source;
    u->has_known = true;
}

/* Of what nothing is known makes the rest a guess. */
struct usage used_sum(const struct used *u)
{
    struct usage sum = u->sum;
    if (!u->has_unknown)
        return sum;
    if (!u->has_known)
        return usage_unknown();
    sum.source = USAGE_ESTIMATED;
    return sum;
}
