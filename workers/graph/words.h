/* What comes of a tool's call in words that a model reads. Pure. */
#ifndef SLUICE_WORKERS_GRAPH_WORDS_H
#define SLUICE_WORKERS_GRAPH_WORDS_H

#include "base/buf.h"

enum { WORDS_ROOM = 1024 /* besides the answer's body */ };

bool words_is_error(int status);
/* -ERR_BAD_REQUEST when the body is no text; `was_cut`: it is the beginning of a longer one. */
MUST_USE int words_of_answer(struct buf *out, int status, struct span body, bool was_cut);
/* What is wrong with a call's arguments; NULL: nothing. Owned. */
char *words_of_bad_arguments(struct span arguments);

#endif
