/* What an answer shall be: the words of a last user message that begins with `!sim`. Pure. */
#ifndef SLUICE_LLMSIM_SCRIPT_H
#define SLUICE_LLMSIM_SCRIPT_H

#include "base/span.h"
#include <stdint.h>

enum { SCRIPT_TOKENS_MAX = 10 * 1000 * 1000, SCRIPT_MS_MAX = 3600 * 1000, SCRIPT_TOOL_MAX = 64 };

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

struct script {
    int64_t tokens;   /* -1: the whole readable text */
    int64_t delay_ms; /* between tokens */
    int64_t first_ms; /* before the first */
    bool is_self;     /* `<id>:<n> ` instead of readable text */
    bool is_clock;    /* `@<CLOCK_MONOTONIC in us> ` */
    bool tells_usage;
    char tool[SCRIPT_TOOL_MAX + 1]; /* "" for none */
    enum fault fault;
    int64_t fault_at; /* after so many tokens */
    int status;       /* FAULT_STATUS */
    int64_t retry_after_s;
};

/* The script in a message; a default answer when it does not begin with `!sim`. Unknown words and
 * values are ignored. */
struct script script_parse(struct span message);

/* The n-th token of the readable text (n from 0, it begins again after its end), and how many one
 * text has. */
struct span text_token(int64_t n);
int64_t text_tokens(void);

#endif
