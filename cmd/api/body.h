/* The body that starts a generation, as a pure function: text -> struct body or an error that names
 * the field. One table of fields for all three routes (body.c), one of params (body_params.c). It
 * knows no server, no Redis and no configuration: whether a model exists is the caller's question.
 *
 * A field or value outside the tables is -ERR_BAD_REQUEST; one that the protocol document names and
 * this version cannot do is -ERR_NOT_SUPPORTED. Both carry `param`. Nothing is ignored. */
#ifndef SLUICE_API_BODY_H
#define SLUICE_API_BODY_H

#include "wire/json.h"

enum body_route { BODY_CHATS, BODY_MESSAGES, BODY_GENERATIONS };

struct body_limits {
    size_t message_bytes;
    size_t system_bytes;
    size_t metadata_bytes;
};

/* Spans borrow from `doc`; SPAN_NONE where the client said nothing. */
struct body {
    struct json_doc *doc; /* owned: body_release */
    struct span chat_id;
    struct span generation_id;
    struct span
        message; /* chats; in a stateless body the text of the last user message, if it has one */
    struct span messages; /* raw JSON */
    struct span model;
    struct span graph; /* beside a model, system or params it is refused */
    struct span system;
    struct span params;      /* raw JSON, `extra` inside */
    struct span metadata;    /* raw JSON */
    struct span attachments; /* raw JSON; SPAN_NONE when there are none */
    struct span user;
    struct span replace_from; /* id of a message */
    bool has_user_message;    /* among the messages of a stateless body */
    bool has_image;           /* attached or in a message: the model must be declared for it */
    bool wants_record;        /* stream: false */
    /* Words of the table in body.c, the default where the client said nothing. */
    const char *lane, *on_stop, *upstream_on_stop, *on_interrupt, *if_busy;
    const char *on_disconnect; /* NULL: nothing was said; the default depends on the chat */
};

/* An empty text counts as {}. On failure nothing is to be released. */
MUST_USE int body_parse(struct span text, enum body_route route, const struct body_limits *limits,
                        struct body *out, struct err *err);
void body_release(struct body *body);
/* Whether a graph can answer it: 0, or -ERR_BAD_REQUEST for what only a model takes. */
MUST_USE int body_check_graph(const struct body *body, struct err *err);
/* The word that `text` spells among those of a field such as "lane"; the first, which is the
 * default, where it is none of them. Static. */
const char *body_word(const char *field, struct span text);

/* The body of a stop: {generation_id?, seen?, all?}. */
struct stop_body {
    struct json_doc *doc; /* owned: stop_body_release */
    struct span generation_id;
    int64_t seen; /* -1: not said */
    bool all;
};
MUST_USE int stop_body_parse(struct span text, struct stop_body *out, struct err *err);
void stop_body_release(struct stop_body *body);

/* The body of a continuation: {generation_id?, stream?}. */
struct continue_body {
    struct json_doc *doc; /* owned: continue_body_release */
    struct span generation_id;
    bool wants_record; /* stream: false */
};
MUST_USE int continue_body_parse(struct span text, struct continue_body *out, struct err *err);
void continue_body_release(struct continue_body *body);

/* A change to a chat: {title?, metadata?}. SPAN_NONE: not said; metadata null is "". */
struct chat_body {
    struct json_doc *doc; /* owned: chat_body_release */
    struct span title;
    struct span metadata; /* raw JSON */
};
MUST_USE int chat_body_parse(struct span text, struct chat_body *out, struct err *err);
void chat_body_release(struct chat_body *body);

/* What a token shall be for: {user?, chat_id?, ttl?}, one of the two at least. */
struct token_body {
    struct json_doc *doc; /* owned: token_body_release */
    struct span user, chat;
    int64_t ttl_s;
};
MUST_USE int token_body_parse(struct span text, struct token_body *out, struct err *err);
void token_body_release(struct token_body *body);

/* A body without any field. */
MUST_USE int empty_body_parse(struct span text, struct err *err);

#endif
