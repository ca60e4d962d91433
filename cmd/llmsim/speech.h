/* What an answer says, token by token: reasoning, then text or the arguments of tool calls.
 * Readable text unless the script wants self-describing tokens. Pure, but that it may tell the
 * time. */
#ifndef SLUICE_LLMSIM_SPEECH_H
#define SLUICE_LLMSIM_SPEECH_H

#include "format.h"
#include "play.h"

struct speech {
    int64_t total; /* tokens of this answer, reasoning among them */
    int64_t reasoning;
    int64_t said; /* so far */
    bool is_cut;  /* by max_tokens */
    bool is_self, is_clock;
    const struct play *play; /* borrowed */
    size_t call, call_at;    /* of the play, which is told, and how much of its arguments */
    bool wants_space;        /* the prefilled text ends in mid-gap */
    int64_t first;           /* n of the first token: as many are in the prefilled text */
    size_t text_at;          /* where the readable text goes on */
    size_t thought_at;       /* and the readable reasoning */
    const char *id;          /* in self-describing tokens; borrowed */
    char own[64];
};

/* `prefill` is the unfinished answer that is to be continued (SPAN_NONE: none): self-describing
 * tokens go on counting from its last one, readable text goes on where it ended; there is no
 * reasoning then, and the script's tokens count what was there. max_tokens -1: none. */
void speech_init(struct speech *s, const struct script *script, const struct play *play,
                 const char *id, struct span prefill, int64_t max_tokens);
/* The next token and the part that it belongs to; valid until the next one. CHECKs that there is
 * one. */
struct span speech_next(struct speech *s, enum part *part);
enum part speech_part(const struct speech *s); /* the next token's; PART_NONE at the end */
enum finish speech_finish(const struct speech *s);

#endif
