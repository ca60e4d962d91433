/* The table of fields of a body that starts a generation, and the walk over it. Its invariant: a
 * member that no row takes is refused, so nothing that a client asked for is dropped in silence. */
#include "api/body.h"

#include "api/body_checks.h"
#include "base/id.h"

enum {
    ON_CHATS = 1U << BODY_CHATS,
    ON_MESSAGES = 1U << BODY_MESSAGES,
    ON_GENERATIONS = 1U << BODY_GENERATIONS,
    ON_TURNS = ON_CHATS | ON_MESSAGES,
    ON_ALL = ON_TURNS | ON_GENERATIONS
};

struct field {
    const char *name;
    unsigned routes;
    int (*check)(struct body_parse *p, const struct field *f, const struct json *value);
    const char *const *words; /* of check_word: those it may be, NULL at the end */
    size_t place;             /* of check_word: the member of struct body */
};

int body_wants(struct err *err, const char *param, const char *wanted, const struct json *value)
{
    return err_set(err, ERR_BAD_REQUEST, param, "%s must be %s, not %s", param, wanted,
                   json_type_name(value));
}

int body_unsupported(struct err *err, const char *param)
{
    return err_set(err, ERR_NOT_SUPPORTED, param, "this version cannot do that yet: %s", param);
}

int body_id(struct err *err, const char *param, const struct json *value, struct span *out)
{
    struct span text = json_string(value);
    if (text.ptr == NULL) {
        return body_wants(err, param, "a string", value);
    }
    if (!id_is_valid(text)) {
        return err_set(err, ERR_BAD_REQUEST, param,
                       "%s must be 1 to 128 of A-Z a-z 0-9 _ . : - and not dots alone", param);
    }
    *out = text;
    return 0;
}

int body_user(struct err *err, const char *param, const struct json *value, struct span *out)
{
    struct span text = json_string(value);
    if (text.ptr == NULL) {
        return body_wants(err, param, "a string", value);
    }
    if (!id_is_user(text)) {
        return err_set(err, ERR_BAD_REQUEST, param,
                       "%s must be 1 to %d bytes without control characters", param, ID_USER_MAX);
    }
    *out = text;
    return 0;
}

static int check_text(struct err *err, const char *param, const struct json *value, size_t max,
                      struct span *out)
{
    struct span text = json_string(value);
    if (text.ptr == NULL) {
        return body_wants(err, param, "a string", value);
    }
    if (text.len > max) {
        return err_set(err, ERR_BAD_REQUEST, param, "%s may have at most %zu bytes", param, max);
    }
    *out = text;
    return 0;
}

static int check_chat_id(struct body_parse *p, const struct field *f, const struct json *value)
{
    return body_id(p->err, f->name, value, &p->body->chat_id);
}

static int check_generation_id(struct body_parse *p, const struct field *f,
                               const struct json *value)
{
    return body_id(p->err, f->name, value, &p->body->generation_id);
}

static int check_message(struct body_parse *p, const struct field *f, const struct json *value)
{
    return check_text(p->err, f->name, value, p->limits->message_bytes, &p->body->message);
}

static int check_messages(struct body_parse *p, const struct field *f, const struct json *value)
{
    int rc = body_check_messages(p, value);
    p->body->messages = json_raw(json_text(p->body->doc), f->name);
    return rc;
}

static int check_attachments(struct body_parse *p, const struct field *f, const struct json *value)
{
    int rc = body_check_attachments(p, value);
    if (rc == 0 && json_count(value) > 0) {
        p->body->attachments = json_raw(json_text(p->body->doc), f->name);
    }
    return rc;
}

static int check_name(struct err *err, const char *param, const struct json *value,
                      struct span *out)
{
    struct span text = SPAN_NONE;
    int rc = check_text(err, param, value, ID_MAX, &text);
    if (rc == 0 && text.len == 0) {
        rc = err_set(err, ERR_BAD_REQUEST, param, "%s may not be empty", param);
    }
    if (rc == 0) {
        *out = text;
    }
    return rc;
}

static int check_model(struct body_parse *p, const struct field *f, const struct json *value)
{
    return check_name(p->err, f->name, value, &p->body->model);
}

static int check_graph(struct body_parse *p, const struct field *f, const struct json *value)
{
    return check_name(p->err, f->name, value, &p->body->graph);
}

static int check_system(struct body_parse *p, const struct field *f, const struct json *value)
{
    return check_text(p->err, f->name, value, p->limits->system_bytes, &p->body->system);
}

static int check_params(struct body_parse *p, const struct field *f, const struct json *value)
{
    int rc = body_check_params(p, value);
    p->body->params = json_raw(json_text(p->body->doc), f->name);
    return rc;
}

static int check_metadata(struct body_parse *p, const struct field *f, const struct json *value)
{
    if (json_type(value) != JSON_OBJECT) {
        return body_wants(p->err, f->name, "an object", value);
    }
    struct span raw = json_raw(json_text(p->body->doc), f->name);
    if (raw.len > p->limits->metadata_bytes) {
        return err_set(p->err, ERR_BAD_REQUEST, f->name, "metadata may have at most %zu bytes",
                       p->limits->metadata_bytes);
    }
    p->body->metadata = raw;
    return 0;
}

static const char *find_word(const char *const *words, struct span text)
{
    while (*words != NULL && !span_is(text, *words)) {
        words++;
    }
    return *words;
}

static int check_word(struct body_parse *p, const struct field *f, const struct json *value)
{
    struct span word = json_string(value);
    if (word.ptr == NULL) {
        return body_wants(p->err, f->name, "a string", value);
    }
    const char *known = find_word(f->words, word);
    if (known == NULL) {
        return err_set(p->err, ERR_BAD_REQUEST, f->name, "%s has no value of that name", f->name);
    }
    *(const char **)(void *)((char *)p->body + f->place) = known;
    return 0;
}

static int check_user(struct body_parse *p, const struct field *f, const struct json *value)
{
    return body_user(p->err, f->name, value, &p->body->user);
}

static int check_replace(struct body_parse *p, const struct field *f, const struct json *value)
{
    return body_id(p->err, f->name, value, &p->body->replace_from);
}

static int check_stream(struct body_parse *p, const struct field *f, const struct json *value)
{
    if (json_type(value) != JSON_BOOL) {
        return body_wants(p->err, f->name, "true or false", value);
    }
    p->body->wants_record = !json_bool(value, true);
    return 0;
}

static int check_webhook(struct body_parse *p, const struct field *f, const struct json *value)
{
    if (json_type(value) != JSON_BOOL) {
        return body_wants(p->err, f->name, "true or false", value);
    }
    return json_bool(value, true) ? body_unsupported(p->err, f->name) : 0;
}

static const char *const LANES[] = {"interactive", "batch", NULL};
static const char *const ON_STOP[] = {"discard", "keep", "keep_seen", NULL};
static const char *const UPSTREAM[] = {"close", "drain", NULL};
static const char *const ON_DISCONNECT[] = {"continue", "stop", NULL};
static const char *const ON_INTERRUPT[] = {"interrupted", "continue", "restart", NULL};
static const char *const IF_BUSY[] = {"reject", "enqueue", "interrupt", NULL};

#define WORD(name, words)                                                                          \
    {                                                                                              \
#name, ON_ALL, check_word, words, offsetof(struct body, name)                              \
    }
#define FIELD(name, routes, check)                                                                 \
    {                                                                                              \
        name, routes, check, NULL, 0                                                               \
    }

static const struct field FIELDS[] = {
    FIELD("chat_id", ON_CHATS | ON_GENERATIONS, check_chat_id),
    FIELD("message", ON_TURNS, check_message),
    FIELD("messages", ON_GENERATIONS, check_messages),
    FIELD("attachments", ON_ALL, check_attachments),
    FIELD("model", ON_ALL, check_model),
    FIELD("graph", ON_ALL, check_graph),
    FIELD("system", ON_ALL, check_system),
    FIELD("params", ON_ALL, check_params),
    FIELD("generation_id", ON_ALL, check_generation_id),
    WORD(lane, LANES),
    FIELD("user", ON_ALL, check_user),
    FIELD("metadata", ON_ALL, check_metadata),
    FIELD("webhook", ON_ALL, check_webhook),
    WORD(on_stop, ON_STOP),
    WORD(upstream_on_stop, UPSTREAM),
    WORD(on_disconnect, ON_DISCONNECT),
    WORD(on_interrupt, ON_INTERRUPT),
    WORD(if_busy, IF_BUSY),
    FIELD("replace_from", ON_MESSAGES, check_replace),
    FIELD("stream", ON_ALL, check_stream),
};

static const struct field *find_field(const char *name)
{
    for (size_t i = 0; i < sizeof FIELDS / sizeof FIELDS[0]; i++) {
        if (strcmp(FIELDS[i].name, name) == 0) {
            return &FIELDS[i];
        }
    }
    return NULL;
}

const char *body_word(const char *field, struct span text)
{
    const struct field *f = find_field(field);
    CHECK(f != NULL && f->words != NULL);
    const char *known = find_word(f->words, text);
    return known != NULL ? known : f->words[0];
}

static int check_members(struct body_parse *p, const struct json *root)
{
    for (size_t i = 0; i < json_count(root); i++) {
        const struct json *member = json_at(root, i);
        const char *name = json_name(member);
        const struct field *f = find_field(name);
        if (f == NULL) {
            return err_set(p->err, ERR_BAD_REQUEST, name, "there is no field %s", name);
        }
        if ((f->routes & (1U << p->route)) == 0) {
            return err_set(p->err, ERR_BAD_REQUEST, name, "%s has no place in this request", name);
        }
        int rc = f->check(p, f, member);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

int body_check_graph(const struct body *body, struct err *err)
{
    if (body->model.ptr != NULL) {
        return err_set(err, ERR_BAD_REQUEST, "graph", "name a model or a graph, not both");
    }
    const char *param = body->params.ptr != NULL   ? "params"
                        : body->system.ptr != NULL ? "system"
                                                   : NULL;
    return param == NULL ? 0
                         : err_set(err, ERR_BAD_REQUEST, param,
                                   "%s is for a model; a graph's nodes have their own", param);
}

/* Attachments may stand alone; in a stateless body they belong to the last user message. */
static int check_required(struct body_parse *p)
{
    struct body *body = p->body;
    bool has_attachments = body->attachments.ptr != NULL;
    if (p->route != BODY_GENERATIONS) {
        if (body->message.len > 0) {
            return 0;
        }
        if (has_attachments) {
            body->message = SPAN_LIT("");
            return 0;
        }
        return err_set(p->err, ERR_BAD_REQUEST, "message", "message %s",
                       body->message.ptr == NULL ? "is missing"
                                                 : "may be empty beside attachments only");
    }
    if (body->messages.ptr == NULL) {
        return err_set(p->err, ERR_BAD_REQUEST, "messages", "messages is missing");
    }
    return !has_attachments || body->has_user_message
               ? 0
               : err_set(p->err, ERR_BAD_REQUEST, "attachments",
                         "attachments belong to the last user message, and there is none");
}

int body_object(struct span text, struct json_doc **out, struct err *err)
{
    struct json_doc *doc = NULL;
    int rc = json_parse(text.len == 0 ? SPAN_LIT("{}") : text, &doc, err);
    if (rc != 0) {
        return rc;
    }
    if (json_type(json_root(doc)) != JSON_OBJECT) {
        rc = body_wants(err, "body", "an object", json_root(doc));
        json_free(doc);
        return rc;
    }
    *out = doc;
    return 0;
}

int body_parse(struct span text, enum body_route route, const struct body_limits *limits,
               struct body *out, struct err *err)
{
    struct body body = {.lane = LANES[0],
                        .on_stop = ON_STOP[0],
                        .upstream_on_stop = UPSTREAM[0],
                        .on_interrupt = ON_INTERRUPT[0],
                        .if_busy = IF_BUSY[0]};
    int rc = body_object(text, &body.doc, err);
    if (rc != 0) {
        return rc;
    }
    struct body_parse p = {.body = &body, .route = route, .limits = limits, .err = err};
    rc = check_members(&p, json_root(body.doc));
    if (rc == 0) {
        rc = check_required(&p);
    }
    if (rc == 0 && body.graph.ptr != NULL) {
        rc = body_check_graph(&body, err);
    }
    if (rc != 0) {
        body_release(&body);
        return rc;
    }
    *out = body;
    return 0;
}

void body_release(struct body *body)
{
    json_free(body->doc);
    *body = (struct body){.doc = NULL};
}
