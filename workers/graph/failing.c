/* One table of what can go wrong in a step. */
#include "graph/failing.h"

#include "base/err.h"
#include "base/mem.h"

enum { STATUS_LIMITED = 429, STATUS_SERVER = 500, DOUBLINGS = 32 };

static const struct {
    const char *name, *message;
    unsigned retry_on;
} errors[STEP_ERRORS] = {
    [STEP_TIMEOUT] = {"timeout", "It took too long.", RETRY_TIMEOUT},
    [STEP_CONNECT] = {"connect", "No connection could be made.", RETRY_CONNECT},
    [STEP_HTTP_STATUS] = {"http_status", "The answer has another status than was expected.", 0},
    [STEP_TOO_LARGE] = {"too_large", "The answer is too large.", 0},
    [STEP_BAD_JSON] = {"bad_json", "What came is not JSON.", RETRY_BAD_JSON},
    [STEP_BAD_EXPRESSION] = {"bad_expression", "An expression failed.", 0},
    [STEP_MODEL] = {"model", "The model failed.", 0},
    [STEP_TOOL_LIMIT] = {"tool_limit", "The model called tools too often.", 0},
    [STEP_EFFECT_UNKNOWN] = {"effect_unknown",
                             "A worker was lost while it was sent; it is not sent again.", 0},
    [STEP_DENIED_HOST] = {"denied_host", "That host may not be asked.", 0},
    [STEP_LIMIT_STEPS] = {"limit_steps", "The graph took more steps than it may.", 0},
    [STEP_LIMIT_SECONDS] = {"limit_seconds", "The graph ran for longer than it may.", 0},
    [STEP_LIMIT_STATE] = {"limit_state", "The results are larger than the graph's limit.", 0},
};

const char *step_error_name(enum step_error error)
{
    return errors[error].name;
}

_Static_assert(sizeof((struct failing *)0)->message == sizeof((struct err *)0)->message,
               "one is copied into the other");

void failing_set(struct failing *f, enum step_error error, int status, int64_t retry_after_ms,
                 const char *message)
{
    f->error = error;
    f->status = status;
    f->retry_after_ms = retry_after_ms;
    if (message == NULL)
        message = errors[error].message;
    struct err cut; /* between two characters */
    (void)err_set(&cut, ERR_INTERNAL, NULL, "%s", message);
    memcpy(f->message, cut.message, sizeof f->message);
}

void failing_within(struct failing *f, const char *name)
{
    struct err cut;
    (void)err_set(&cut, ERR_INTERNAL, NULL, "%s: %s", name, f->message);
    memcpy(f->message, cut.message, sizeof f->message);
}

void failing_write(const struct failing *f, const char *node, struct buf *out)
{
    struct json_writer w = json_writer(out);
    json_open(&w, NULL, '{');
    if (node != NULL)
        json_member_str(&w, "node", span_of(node));
    json_member_str(&w, "code", span_of(step_error_name(f->error)));
    json_member_str(&w, "message", span_of(f->message));
    if (f->status != 0)
        json_member_int(&w, "status", f->status);
    json_close(&w);
}

static bool find_error(struct span code, enum step_error *out)
{
    for (enum step_error e = 0; e < STEP_ERRORS; e++)
        if (span_is(code, step_error_name(e))) {
            *out = e;
            return true;
        }
    return false;
}

int failing_read(struct span json, struct failing *out)
{
    struct json_doc *doc = NULL;
    struct err err;
    enum step_error error = STEP_MODEL;
    int64_t status = 0;
    if (json_parse(json, &doc, &err) != 0)
        return -ERR_MALFORMED;
    const struct json *root = json_root(doc);
    bool is_known = find_error(json_string(json_get(root, "code")), &error);
    char *message = span_dup(json_string(json_get(root, "message")));
    (void)json_int(json_get(root, "status"), &status); /* absent: 0 */
    if (is_known)
        failing_set(out, error, (int)(status & 0x3ff), -1, message);
    mem_free(message);
    json_free(doc);
    return is_known ? 0 : -ERR_MALFORMED;
}

static bool is_named(const struct failing *f, unsigned on)
{
    unsigned is = errors[f->error].retry_on;
    if (f->status == STATUS_LIMITED)
        is |= RETRY_429;
    if (f->status >= STATUS_SERVER)
        is |= RETRY_5XX;
    return (is & on) != 0;
}

int64_t failing_wait_ms(const struct failing *f, const struct retry *retry, int64_t tried)
{
    int64_t wait_ms = retry->backoff_ms;
    if (tried >= retry->times || !is_named(f, retry->on) || f->retry_after_ms > FAILING_BACKOFF_MS)
        return -1;
    for (int64_t i = 0; i < tried && i < DOUBLINGS && wait_ms < FAILING_BACKOFF_MS; i++)
        wait_ms *= 2;
    wait_ms = wait_ms < FAILING_BACKOFF_MS ? wait_ms : FAILING_BACKOFF_MS;
    return f->retry_after_ms > wait_ms ? f->retry_after_ms : wait_ms;
}
