/* The readers of one generation in this process. It exists while there is one, and does what they
 * need together: it keeps the generation alive where on_disconnect is stop, and brings them to the
 * end before a stop is answered. */
#ifndef SLUICE_API_AUDIENCE_H
#define SLUICE_API_AUDIENCE_H

#include "api/context.h"

struct audience;
struct reader;

/* A reader's place, embedded in it. */
struct seat {
    struct reader *reader;
    struct audience *audience; /* NULL: not seated */
    int64_t told;              /* the place in the queue that its reader knows of */
    LIST_ENTRY(seat) link;
};

void audience_join(struct api *api, const char *tenant, const char *generation, struct seat *seat);
void audience_leave(struct seat *seat);
void audience_set_chat(struct seat *seat, const char *chat);
/* The generation is queued, as its reader's feed found it: from now on its place is asked for,
 * about once a second, until a reader sees more than `queued`. Who knows another place is told. */
void audience_is_queued(struct seat *seat);
/* A reader's next event: cheap but while the generation is queued. */
void audience_saw(struct seat *seat, struct span event);
/* While held, a reader that got its terminal event keeps its stream open. */
bool audience_is_held(const struct seat *seat);

/* An audience that a cut keeps alive. */
struct held {
    struct audience *audience;
};

/* Cutting local readers off before a stop is answered; embedded in the stop. */
struct cut {
    uint32_t magic;
    struct api *api;
    size_t waiting;    /* flushes under way */
    struct held *held; /* owned array */
    size_t count;
    struct timer timer;
    size_t unwritten;        /* bytes that sockets had not taken when last looked at */
    int moments;             /* that they were given */
    void (*done)(void *arg); /* never called before cut_start returns */
    void *arg;
};

/* Everything of the generation that is in the log is written to its readers here (by chat, when
 * `generation` is "": of every generation of that chat that is read here); then `done` is called.
 * The reads leave at once, right behind a stop_request sent just before. What a socket does not
 * take within a moment is dropped; that reader resumes by its cursor. */
void cut_start(struct cut *cut, struct api *api, const char *tenant, const char *generation,
               const char *chat);
void cut_release(struct cut *cut);

/* Closes up to `count` streams (their clients resume elsewhere); returns how many readers are left.
 */
size_t audience_close_some(struct api *api, size_t count);
/* Closes the streams whose key is no longer in the configuration: their clients are told 401 when
 * they resume. */
void audience_close_revoked(struct api *api);
void audience_free_all(struct api *api); /* after the servers, the hub and the bus are gone */

#endif
