/* From a request's body to an answer. Knows no format but by its table. */
#include "generate.h"

#include "base/clock.h"

#include <stdio.h>
#include <time.h>

enum { MODEL_MAX = 256, ERROR_BYTES = 4096 };

/* Everything but model, messages and the streaming switches, as it came: what the journal calls
 * params. */
static void put_params(struct buf *out, struct span body, const char *const *left_out)
{
    struct json_walk walk = json_walk_object(body);
    struct span name, value;
    bool has_any = false;
    (void)buf_byte(out, '{'); /* fits: a part of the body */
    while (json_walk_next(&walk, &name, &value)) {
        bool is_param = true;
        for (const char *const *other = left_out; *other != NULL; other++)
            is_param = is_param && !json_name_is(name, *other);
        if (is_param)
            (void)buf_printf(out, "%s\"%.*s\":%.*s", has_any ? "," : "", SPAN_ARG(name),
                             SPAN_ARG(value));
        has_any = has_any || is_param;
    }
    (void)buf_byte(out, '}');
}

/* Whether the script's fault is meant for this request: for its model, and not yet played often
 * enough to this generation. */
static bool is_due(const struct script *script, const struct journal *journal, struct span model,
                   struct span generation)
{
    if (script->fault == FAULT_NONE)
        return false;
    if (*script->on_model != '\0' && !span_is(model, script->on_model))
        return false;
    return script->fail_times < 0 || generation.ptr == NULL ||
           journal_faults(journal, generation) < script->fail_times;
}

static void reply_failure(struct http_request *r, const struct format *format,
                          const struct failure *failure)
{
    struct buf out;
    buf_init(&out, ERROR_BYTES);
    format->failure(&out, failure);
    http_reply_json(r, failure->status, buf_as_span(&out));
    buf_release(&out);
}

/* Headers. */

static void add_retry_after(struct http_request *r, const struct script *script)
{
    char value[64] = "1";
    time_t at = (time_t)(clock_wall_ms() / 1000 + script->retry_after_s);
    struct tm tm;
    bool is_usual = (script->status == 429 || script->status == 503) && !script->is_spending;
    if (script->retry_after == RETRY_AFTER_NONE ||
        (script->retry_after == RETRY_AFTER_USUAL && !is_usual))
        return;
    if (script->retry_after == RETRY_AFTER_SECONDS)
        (void)snprintf(value, sizeof value, "%lld", (long long)script->retry_after_s);
    else if (script->retry_after == RETRY_AFTER_DATE)
        (void)strftime(value, sizeof value, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&at, &tm));
    http_add_header(r, "Retry-After", span_of(value));
}

static void fail_by_status(struct simulator *sim, struct http_request *r, struct row *row,
                           const struct format *format, const struct script *script)
{
    add_retry_after(r, script);
    reply_failure(r, format,
                  &(struct failure){
                      .status = script->status,
                      .is_spending = script->is_spending,
                      .message = script->is_spending
                                     ? "The simulated account has used up what it may spend."
                                     : "The simulated provider was told to answer with this "
                                       "status.",
                  });
    row_end(sim->journal, row, "fault", script->status);
}

static void answer(struct simulator *sim, const struct format *format, struct http_request *r,
                   const struct json_doc *doc, const struct asked *asked)
{
    struct span text = json_text(doc), messages = json_raw(text, "messages");
    struct span generation = http_header(r, "X-Request-Id");
    struct talk talk = talk_read(json_root(doc));
    struct script script = script_parse(talk.user);
    struct buf params;
    if (!is_due(&script, sim->journal, asked->model, generation))
        script.fault = FAULT_NONE;
    buf_init(&params, text.len + 64);
    put_params(&params, text, format->not_a_param);
    struct row *row =
        journal_begin(sim->journal, &(struct row_asked){.format = format->name,
                                                        .model = asked->model,
                                                        .generation = generation,
                                                        .messages = messages,
                                                        .params = buf_as_span(&params),
                                                        .has_fault = script.fault != FAULT_NONE});
    buf_release(&params);
    if (format->request_id_header != NULL)
        http_add_header(r, format->request_id_header, span_of(row_id(row)));
    if (script.fault == FAULT_STATUS)
        fail_by_status(sim, r, row, format, &script);
    else
        answer_start(sim, r, row,
                     &(struct order){.format = format,
                                     .script = &script,
                                     .asked = asked,
                                     .request = json_root(doc),
                                     .talk = &talk,
                                     .input_tokens = (int64_t)messages.len / 4 + 1});
}

/* What the answer needs of a request; 0 or -ERR_BAD_REQUEST. */
static int check(const struct format *format, const struct http_request *r, const struct json *root,
                 struct asked *asked, struct err *err)
{
    const struct json *messages = json_get(root, "messages"), *model = json_get(root, "model");
    if (format->needs_header != NULL && http_header(r, format->needs_header).ptr == NULL)
        return err_set(err, ERR_BAD_REQUEST, NULL, "%s: header is required", format->needs_header);
    if (json_type(messages) != JSON_ARRAY || json_count(messages) == 0)
        return err_set(err, ERR_BAD_REQUEST, "messages",
                       "messages must be an array with at least one message");
    if (json_type(model) != JSON_STRING || json_string(model).len > MODEL_MAX)
        return err_set(err, ERR_BAD_REQUEST, "model", "model must be a string of at most %d bytes",
                       MODEL_MAX);
    asked->model = json_string(model);
    return format->look(root, asked, err);
}

void generate(struct simulator *sim, const struct format *format, struct http_request *r)
{
    struct json_doc *doc = NULL;
    struct err err = {.code = ERR_OK};
    struct asked asked = {.max_tokens = -1};
    if (json_parse(http_body(r), &doc, &err) != 0 ||
        check(format, r, json_root(doc), &asked, &err) != 0)
        reply_failure(r, format,
                      &(struct failure){.status = 400, .message = err.message, .param = err.param});
    else
        answer(sim, format, r, doc, &asked);
    json_free(doc);
}
