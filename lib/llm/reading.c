/* What the readers of all formats share. */
#include "llm/format.h"

void llm_say_text(struct llm_reading *reading, enum event_kind kind, int64_t *part,
                  struct span text)
{
    if (text.len == 0 || reading->is_over)
        return;
    if (*part == LLM_NO_PART)
        *part = reading->parts++;
    llm_say_piece(reading, &(struct piece){.kind = kind, .part = *part, .text = text});
}

const char *llm_reason(const struct llm_reason *reasons, struct span said)
{
    while (reasons->said != NULL && !span_is(said, reasons->said))
        reasons++;
    return reasons->meant;
}

int64_t llm_tokens(const struct json *object, const char *name)
{
    int64_t count;
    return json_int(json_get(object, name), &count) && count >= 0 ? count : -1;
}

int llm_parse(struct llm_reading *reading, struct span data, struct json_doc **out)
{
    struct json_doc *doc;
    struct err err;
    if (json_parse(data, &doc, &err) != 0)
        return failure_set(&reading->failure, -ERR_PROVIDER_ERROR,
                           "the stream holds what is no JSON: %s", err.message);
    if (json_type(json_root(doc)) != JSON_OBJECT) {
        int result = failure_set(&reading->failure, -ERR_PROVIDER_ERROR,
                                 "the stream holds %s, no object", json_type_name(json_root(doc)));
        json_free(doc);
        return result;
    }
    *out = doc;
    return 0;
}
