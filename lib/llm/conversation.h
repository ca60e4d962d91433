/* Private to lib/llm: the conversation of a request in one form, whether it came as messages or as
 * the JSON of a stateless request: for formats that must write it anew. */
#ifndef SLUICE_LLM_CONVERSATION_H
#define SLUICE_LLM_CONVERSATION_H

#include "llm/parts.h"

enum role { ROLE_SYSTEM, ROLE_USER, ROLE_ASSISTANT, ROLE_TOOL };

struct message_call {
    struct span id, name, arguments; /* text, of which nobody knows that it is JSON */
};

struct message {
    enum role role;
    struct parts parts;
    struct message_call *calls;
    size_t call_count;
    struct span call_id;        /* of a tool's answer */
    struct json_doc *calls_doc; /* owned, or NULL */
};

struct conversation {
    struct message *messages; /* as they came, the request's system before, its prefill behind */
    size_t count;
    struct json_doc *doc; /* owned, or NULL */
};

/* Borrows from the request. Release it whatever is returned. -ERR_NOT_SUPPORTED for a part that
 * cannot be said, -ERR_BAD_REQUEST for messages that are no JSON. */
MUST_USE int conversation_read(struct conversation *c, const struct llm_request *request,
                               struct err *err);
void conversation_release(struct conversation *c);

/* The answer is to go on from what the assistant said last. */
bool conversation_has_prefill(const struct conversation *c);
/* The name of the tool that the call of this id was of, the last one made in front of message
 * `before`; SPAN_NONE when there was none. */
struct span conversation_tool(const struct conversation *c, size_t before, struct span call_id);
/* The text parts, an empty line between. */
void message_put_text(struct buf *b, const struct message *message);
bool message_has(const struct message *message, enum part_kind kind);
/* A call's arguments as a JSON object: what they are, {} when empty; what is no object goes into
 * one, {"arguments": "<the text>"}, so that a conversation can go on after a model's slip. */
void message_put_arguments(struct buf *b, struct span arguments);

#endif
