/* Private to the chat_*.c files: one chat at a terminal, or one message of a pipe.
 *
 *     LOADING ─► EDITING ─► POSTING ─► STREAMING ─► EDITING
 *        └────────────────────────────►┘                    (a turn was under way)
 *     POSTING, STREAMING ─► STOPPING ─► EDITING             (Ctrl-C: the line is there at once)
 *                               └─► HOLDING ─► POSTING      (sent before the stop's answer)
 *     any ─► OVER; in a pipe there is no edit line, and OVER takes the place of EDITING
 */
#ifndef SLUICE_CMD_CHAT_INNER_H
#define SLUICE_CMD_CHAT_INNER_H

#include "chat_view.h"
#include "client.h"
#include "edit.h"
#include "follow.h"

#include "base/id.h"
#include "loop/watch.h"

enum { CHAT_MAGIC = 0x63686174, CHAT_SIGNALS = 3, CHAT_MESSAGE_MAX = 256 * 1024 };

struct chat_options {
    struct id chat;
    bool is_new;                               /* the chat's id was minted here */
    const char *model, *graph, *user, *system; /* NULL: the server's choice */
    bool wants_usage;
};

enum chat_state {
    CHAT_LOADING,
    CHAT_EDITING,
    CHAT_POSTING,
    CHAT_STREAMING,
    CHAT_STOPPING,
    CHAT_HOLDING,
    CHAT_OVER,
    CHAT_STATES
};

struct chat {
    uint32_t magic;
    enum chat_state state;
    const struct chat_options *options;
    struct loop *loop;
    struct fetcher *fetcher;
    struct chat_view *view;
    struct edit *edit; /* open in EDITING and STOPPING; NULL in a pipe */
    struct watch *signals[CHAT_SIGNALS];
    char *server, *authorization;
    struct id generation;   /* of the turn under way, or the last one */
    char *message;          /* of that turn; in HOLDING of the next one */
    char *restored;         /* what a terminal event gave back; else NULL */
    struct follow *follow;  /* in STREAMING; in LOADING of a first turn until its id is known */
    struct exchange *asked; /* the only request under way, or NULL */
    struct timer again;     /* the next try of it */
    struct timer patience;  /* with a stop's answer, once nobody waits for it */
    int tries;
    bool has_answered; /* the server, once */
    bool has_looked;   /* in LOADING: for a first turn */
    bool is_saved;     /* the chat has a record */
    bool is_done;      /* the turn */
    bool is_asked;     /* the last turn that is in the chat ended with a question */
    bool is_leaving;
    int exit_status;
};

/* The exit status. With a message (of a pipe) it is one turn; without, the terminal's user has as
 * many as they like. */
int chat_run(const struct chat_options *options, const char *message);

void chat_set_state(struct chat *chat, enum chat_state state);
void chat_finish(struct chat *chat, int exit_status);
/* One request; `path` is taken. */
void chat_ask(struct chat *chat, const char *method, char *path, struct span body,
              client_on_answer done);
void chat_cancel(struct chat *chat); /* that request, and its next try */

/* A turn: sends a message, reads the reply of the generation that is named, stops what runs. */
void chat_send(struct chat *chat, struct span message);
void chat_read(struct chat *chat);
void chat_stop(struct chat *chat);
void chat_try_again(struct chat *chat);
/* Ends it, but what runs is told to stop first, if it can be told soon. */
void chat_leave(struct chat *chat);
/* The edit line again, with what is to be on it; in a pipe, the end. */
void chat_end_turn(struct chat *chat, struct span text);

#endif
