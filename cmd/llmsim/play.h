/* What an answer is made of when nobody scripted its words: calls of the tools that the request
 * offers, then a text that tells their results; JSON where JSON is wanted; else the usual text.
 * Deterministic. */
#ifndef SLUICE_LLMSIM_PLAY_H
#define SLUICE_LLMSIM_PLAY_H

#include "format.h"
#include "script.h"
#include "talk.h"

struct play {
    struct call calls[CALLS_MAX]; /* count 0: a text is said */
    size_t call_count;
    char *names[CALLS_MAX], *arguments[CALLS_MAX]; /* of the calls, owned */
    char *text;                                    /* owned; NULL: the usual one */
};

/* `request`: the root of its JSON. A script that says what is said (tokens, text, tool) is obeyed.
 */
void play_init(struct play *play, const struct script *script, const struct json *request,
               const struct talk *talk);
void play_release(struct play *play);

#endif
