/* Sums of what was told and what is estimated. */
#include "model/spending.h"

#include "wire/json.h"

void spending_init(struct spending *s, bool is_dark)
{
    *s = (struct spending){.is_dark = is_dark, .told = usage_none()};
}

/* Text in JSON: the signs around it cost as well, the data of files do not. */
static int64_t attachments_tokens(struct span attachments)
{
    int64_t tokens = 0;
    struct json_walk walk = json_walk_array(attachments);
    struct span name, item;
    while (json_walk_next(&walk, &name, &item)) {
        struct span type = json_raw(item, "type"), data = json_raw(item, "data");
        if (span_is(type, "\"image\""))
            tokens += ESTIMATE_IMAGE;
        else
            tokens += (int64_t)(data.len / 4 * 3) / 4; /* base64 of text */
    }
    return tokens;
}

/* Of a stateless request: parts that carry data inline count as images. */
static int64_t raw_tokens(struct span messages)
{
    int64_t tokens = 0;
    struct json_walk walk = json_walk_array(messages);
    struct span name, message;
    while (json_walk_next(&walk, &name, &message)) {
        struct span content = json_raw(message, "content"), part;
        tokens += ESTIMATE_MESSAGE + estimate_tokens(json_raw(message, "tool_calls"));
        if (content.len == 0 || content.ptr[0] != '[') {
            tokens += estimate_tokens(content);
            continue;
        }
        struct json_walk parts = json_walk_array(content);
        while (json_walk_next(&parts, &name, &part))
            tokens +=
                json_raw(part, "image_url").ptr != NULL ? ESTIMATE_IMAGE : estimate_tokens(part);
    }
    return tokens;
}

int64_t spending_input(const struct llm_request *request)
{
    int64_t tokens =
        estimate_tokens(request->system) + estimate_tokens(request->prefill) +
        estimate_tokens(request->params.len > 0 ? json_raw(request->params, "tools") : SPAN_NONE);
    if (request->system.len > 0)
        tokens += ESTIMATE_MESSAGE;
    if (request->raw_messages.len > 0)
        return tokens + raw_tokens(request->raw_messages) +
               attachments_tokens(request->raw_attachments);
    for (size_t i = 0; i < request->message_count; i++)
        tokens += ESTIMATE_MESSAGE + estimate_tokens(request->messages[i].content) +
                  estimate_tokens(request->messages[i].tool_calls) +
                  estimate_tokens(request->messages[i].reasoning) +
                  attachments_tokens(request->messages[i].attachments);
    return tokens;
}

void spending_begin(struct spending *s, const struct llm_request *request)
{
    s->was_asked = s->is_refused = false;
    s->told = usage_none();
    s->input = spending_input(request);
    s->output = (struct estimate){.tokens = 0};
    s->pieces = 0;
    s->part = 0;
    if (s->owes_input)
        s->lost_input += s->input;
    s->owes_input = false;
}

static void said(struct spending *s, int64_t part, struct span text)
{
    if (part != s->part)
        estimate_end(&s->output);
    s->part = part;
    estimate_put(&s->output, text);
}

void spending_piece(struct spending *s, const struct piece *piece)
{
    s->pieces++;
    said(s, piece->part, piece->text);
}

void spending_call(struct spending *s, const struct call_piece *call)
{
    s->pieces++;
    if (call->kind != EVENT_TOOL_CALL_DELTA)
        return;
    said(s, call->part, call->name);
    said(s, call->part, call->arguments);
}

int64_t spending_output(const struct spending *s)
{
    int64_t tokens = estimate_sum(&s->output);
    return tokens > s->pieces ? tokens : s->pieces;
}

/* Of the present request alone. */
static struct usage usage_of_request(const struct spending *s, struct usage told)
{
    if (!s->was_asked)
        return s->is_dark ? usage_unknown() : usage_none();
    if (s->is_refused)
        return usage_unknown();
    if (told.source == USAGE_PROVIDER && told.input >= 0 && told.output >= 0)
        return told;
    if (told.input < 0)
        told.input = s->input;
    if (told.output < 0)
        told.output = spending_output(s);
    told.source = USAGE_ESTIMATED;
    return told;
}

void spending_lose(struct spending *s)
{
    struct usage usage = usage_of_request(s, s->told);
    if (usage.source == USAGE_PROVIDER || usage.source == USAGE_ESTIMATED) {
        s->lost_input += usage.input;
        s->lost_output += usage.output;
    }
    s->was_asked = false;
    s->told = usage_none();
}

struct usage spending_usage(const struct spending *s, struct usage told)
{
    struct usage usage = usage_of_request(s, told);
    if (s->lost_input == 0 && s->lost_output == 0)
        return usage;
    if (usage.source == USAGE_NONE)
        usage.cached = usage.reasoning = -1;
    usage.input = s->lost_input + (usage.input > 0 ? usage.input : 0);
    usage.output = s->lost_output + (usage.output > 0 ? usage.output : 0);
    usage.source = USAGE_ESTIMATED;
    return usage;
}
