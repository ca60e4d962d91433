/* Private to lib/llm: what a message holds, one part after the other, out of plain text, out of
 * attachments or out of the parts that a stateless request brings: {type: "text", text},
 * {type: "image_url", image_url: {url}} as OpenAI has them, and {type: "reasoning", text,
 * signature?} of an assistant, which gives a provider its own reasoning back. */
#ifndef SLUICE_LLM_PARTS_H
#define SLUICE_LLM_PARTS_H

#include "llm/llm.h"
#include "wire/json.h"

enum part_kind { PART_TEXT, PART_IMAGE, PART_REASONING };

struct part {
    enum part_kind kind;
    struct span text;       /* of a text, a reasoning */
    struct span signature;  /* of a reasoning, or SPAN_NONE; without text it is a redacted one */
    struct span media_type; /* of an image with data */
    struct span data;       /* Base64, or SPAN_NONE: then there is an url */
    struct span url;
};

/* Spans borrow from what was added, and from `docs` and `texts`, which are owned. */
struct parts {
    struct part *each;
    size_t count;
    struct json_doc **docs;
    size_t doc_count;
    char **texts;
    size_t text_count;
};

void parts_release(struct parts *parts); /* of a zeroed or used one */
/* SPAN_NONE and empty text add nothing. */
void parts_add_text(struct parts *parts, struct span text);
/* JSON text as llm_message has it; SPAN_NONE adds nothing. -ERR_NOT_SUPPORTED for what no format
 * can say. */
MUST_USE int parts_add_attachments(struct parts *parts, struct span attachments, struct err *err);
/* The content of a message in JSON (borrowed): text, parts or null. */
MUST_USE int parts_add_content(struct parts *parts, const struct json *content, struct err *err);
/* The same of JSON text; SPAN_NONE adds nothing. */
MUST_USE int parts_add_json(struct parts *parts, struct span text, struct err *err);

#endif
