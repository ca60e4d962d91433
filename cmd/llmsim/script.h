/* What an answer shall be: the words of a last user message that begins with `!sim`. Pure. */
#ifndef SLUICE_LLMSIM_SCRIPT_H
#define SLUICE_LLMSIM_SCRIPT_H

#include "base/span.h"
#include <stdint.h>

enum {
    SCRIPT_TOKENS_MAX = 10 * 1000 * 1000,
    SCRIPT_MS_MAX = 3600 * 1000,
    SCRIPT_TOOL_MAX = 64,
    SCRIPT_MODEL_MAX = 128
};

enum fault {
    FAULT_NONE,
    FAULT_STALL,
    FAULT_RESET,
    FAULT_TRUNCATE,
    FAULT_ERROR,
    FAULT_GARBAGE,
    FAULT_HUGE,
    FAULT_DRIP,
    FAULT_STATUS
};

/* The Retry-After header of a FAULT_STATUS. */
enum retry_after {
    RETRY_AFTER_USUAL, /* one second on 429 and 503 */
    RETRY_AFTER_NONE,
    RETRY_AFTER_SECONDS,
    RETRY_AFTER_DATE
};

struct script {
    int64_t tokens;    /* of the text; -1: the whole readable text */
    int64_t reasoning; /* tokens before the text */
    int64_t delay_ms;  /* between tokens */
    int64_t first_ms;  /* before the first */
    bool is_self;      /* `<id>:<n> ` instead of readable text */
    bool is_clock;     /* `@<CLOCK_MONOTONIC in us> ` */
    bool tells_usage;
    char tool[SCRIPT_TOOL_MAX + 1]; /* names, with commas between them; "" for none */
    enum fault fault;
    int64_t fault_at; /* after so many tokens */
    int status;       /* FAULT_STATUS */
    bool is_spending; /* and the account's money is used up */
    enum retry_after retry_after;
    int64_t retry_after_s;
    int64_t fail_times; /* the fault hits so many requests of a generation; -1: all */
    char on_model[SCRIPT_MODEL_MAX + 1]; /* and only requests for this model; "": any */
};

/* The script in a message; a default answer when it does not begin with `!sim`. Unknown words and
 * values are ignored. */
struct script script_parse(struct span message);
/* Appends what of a message is no script: all of it when it does not begin with `!sim`, else the
 * words that are none of a script's. */
struct buf;
void script_rest(struct span message, struct buf *out);

#endif
