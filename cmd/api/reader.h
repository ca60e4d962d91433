/* A reader streams one generation to one client, or waits for its end to answer with the record:
 * feed -> text -> stream.
 *
 *     OPENING ─► STREAMING ─► HELD ─► GONE          (from any: ─► GONE)
 *        └─────► WAITING ───────────► GONE
 *
 * OPENING: the request waits until the feed knows the generation, so that 404, 410 and 204 can
 * still be said. STREAMING: headers are out. HELD: the terminal event is written, and a stop under
 * way decides when the stream is closed. WAITING: the request is answered when the generation is
 * over. Nothing is buffered for a client that does not read: its feed pauses and later goes on from
 * the log. */
#ifndef SLUICE_API_READER_H
#define SLUICE_API_READER_H

#include "api/context.h"
#include "api/who.h"

struct reader;

struct reader_ask {
    struct who who;
    struct id generation;
    struct id chat;    /* "" when not known yet, or when there is none */
    int64_t after;     /* -1: from event 1, without a cursor */
    bool is_accepted;  /* this very request began it: the stream starts at once */
    bool wants_record; /* no stream: the answer comes when it is over, as the record */
};

/* Takes the request over: answers it, or streams on it until the generation or the client ends. */
void reader_open(struct api *api, struct http_request *request, const struct reader_ask *ask);

/* The audience's side. */
uint64_t reader_print(const struct reader *reader); /* of the key that opened it; 0: none did */
/* HELD: the bytes that its socket did not take; else 0. */
size_t reader_behind(const struct reader *reader);
void reader_let_go(
    struct reader *reader); /* HELD: closes when all is written, else drops the rest */
/* A later place in the queue: an event that is not in the log. False: not now. */
bool reader_tell_position(struct reader *reader, int64_t position);
void reader_close(struct reader *reader,
                  const char *reason); /* ends it properly; the client may resume */

#endif
