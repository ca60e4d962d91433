/* Reads HTTP/1.1 answers: head, then a body by Content-Length, by chunks or to the end of the
 * connection. Only as strict as the servers measured here need. */
#ifndef SLUICE_BENCH_ANSWER_H
#define SLUICE_BENCH_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum answer_part { ANSWER_HEAD, ANSWER_SIZE, ANSWER_DATA, ANSWER_DATA_END, ANSWER_OVER };

struct answer {
    enum answer_part part;
    char line[512]; /* of the head, or a chunk's size */
    size_t line_len;
    int status;
    bool is_chunked, is_last;
    int64_t left; /* bytes of this chunk or body; -1: to the end of the connection */
    void (*on_body)(void *arg, const char *bytes, size_t len);
    void *arg;
};

void answer_begin(struct answer *a); /* for the next answer; on_body and arg stay */
/* Takes bytes; returns how many it took: fewer than `len` only behind the answer's end. */
size_t answer_feed(struct answer *a, const char *bytes, size_t len);

#endif
