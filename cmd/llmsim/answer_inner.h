/* Private to an answer: what its two ways share, frame by frame (answer.c) and in one body
 * (whole.c). */
#ifndef SLUICE_LLMSIM_ANSWER_INNER_H
#define SLUICE_LLMSIM_ANSWER_INNER_H

#include "answer.h"
#include "speech.h"

#include "base/id.h"

enum { ANSWER_MAGIC = 0x616e7377, FRAMES_MAX = 16 * 1024 * 1024, HUGE_BYTES = 8 * 1024 * 1024 };

struct answer {
    uint32_t magic;
    bool ends_after_drip;
    bool is_full; /* the client does not read */
    struct simulator *sim;
    struct http_request *request; /* until the answer begins */
    struct http_stream *stream;
    struct row *row;
    const struct format *format;
    struct script script;
    struct play play;
    struct speech speech;
    enum part part; /* that is open */
    struct frame frame;
    struct id id;
    char *model;
    struct buf drip; /* bytes that go out one by one */
    struct timer timer;
    int64_t next_us; /* when the next token is due: no token's lateness makes the next one late */
};

/* answer.c */
/* Ends the row and the answer, which is freed at the end of this turn. */
void answer_over(struct answer *a, const char *end, int status);
/* Makes a stream of the request. */
void answer_open(struct answer *a, const char *content_type);
/* A byte of `drip` in each turn of the loop; after the last one the answer is complete when
 * ends_after_drip, else the timer waits for the next token. */
void answer_drip(struct answer *a);
/* The next token of the speech, counted. */
struct span answer_token(struct answer *a, enum part *part);
struct spent answer_spent(const struct answer *a);
/* HUGE_BYTES of text, appended. */
void answer_put_huge(struct buf *text);

/* whole.c: replies once the tokens have had their time. */
void whole_start(struct answer *a);

#endif
