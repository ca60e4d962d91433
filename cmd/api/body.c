/* The table of fields of a body that starts a generation, and the walk over it. Its invariant: a
 * member that no row takes is refused, so nothing that a client asked for is dropped in silence. */
#include "api/body.h"

#include "api/body_checks.h"
#include "base/id.h"

/* A value of a word field, and whether this version can do it. */
struct choice {
    const char *value;
    bool is_supported;
};

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
    const struct choice *choices; /* of check_choice */
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
    struct span text = SPAN_NONE;
    int rc = check_text(p->err, f->name, value, p->limits->message_bytes, &text);
    if (rc != 0) {
        return rc;
    }
    if (text.len == 0) {
        return err_set(p->err, ERR_BAD_REQUEST, f->name, "message may not be empty");
    }
    p->body->message = text;
    return 0;
}

static int check_messages(struct body_parse *p, const struct field *f, const struct json *value)
{
    int rc = body_check_messages(p, value);
    p->body->messages = json_raw(json_text(p->body->doc), f->name);
    return rc;
}

static int check_attachments(struct body_parse *p, const struct field *f, const struct json *value)
{
    if (json_type(value) != JSON_ARRAY) {
        return body_wants(p->err, f->name, "an array", value);
    }
    return json_count(value) == 0 ? 0 : body_unsupported(p->err, f->name);
}

static int check_model(struct body_parse *p, const struct field *f, const struct json *value)
{
    struct span text = SPAN_NONE;
    int rc = check_text(p->err, f->name, value, ID_MAX, &text);
    if (rc == 0 && text.len == 0) {
        rc = err_set(p->err, ERR_BAD_REQUEST, f->name, "model may not be empty");
    }
    if (rc == 0) {
        p->body->model = text;
    }
    return rc;
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

/* Finds a word among the field's choices. */
static int find_choice(struct err *err, const struct field *f, const struct json *value,
                       const struct choice **out)
{
    struct span word = json_string(value);
    if (word.ptr == NULL) {
        return body_wants(err, f->name, "a string", value);
    }
    for (const struct choice *c = f->choices; c->value != NULL; c++) {
        if (span_is(word, c->value)) {
            *out = c;
            return c->is_supported ? 0 : body_unsupported(err, f->name);
        }
    }
    return err_set(err, ERR_BAD_REQUEST, f->name, "%s has no value of that name", f->name);
}

static int check_choice(struct body_parse *p, const struct field *f, const struct json *value)
{
    const struct choice *chosen = NULL;
    return find_choice(p->err, f, value, &chosen);
}

static int check_disconnect(struct body_parse *p, const struct field *f, const struct json *value)
{
    const struct choice *chosen = NULL;
    int rc = find_choice(p->err, f, value, &chosen);
    if (rc == 0) {
        p->body->on_disconnect =
            chosen == &f->choices[0] ? BODY_DISCONNECT_CONTINUE : BODY_DISCONNECT_STOP;
    }
    return rc;
}

/* A true-or-false field of which this version can do one value only. */
static int check_only(struct body_parse *p, const struct field *f, const struct json *value,
                      bool supported)
{
    if (json_type(value) != JSON_BOOL) {
        return body_wants(p->err, f->name, "true or false", value);
    }
    return json_bool(value, supported) == supported ? 0 : body_unsupported(p->err, f->name);
}

static int check_only_true(struct body_parse *p, const struct field *f, const struct json *value)
{
    return check_only(p, f, value, true);
}

static int check_only_false(struct body_parse *p, const struct field *f, const struct json *value)
{
    return check_only(p, f, value, false);
}

/* A name of something that this version does not have. */
static int check_no_name(struct body_parse *p, const struct field *f, const struct json *value)
{
    struct span text = SPAN_NONE;
    int rc = check_text(p->err, f->name, value, ID_USER_MAX, &text);
    return rc != 0 ? rc : body_unsupported(p->err, f->name);
}

static const struct choice LANES[] = {{"interactive", true}, {"batch", false}, {NULL, false}};
static const struct choice ON_STOP[] = {
    {"discard", true}, {"keep", false}, {"keep_seen", false}, {NULL, false}};
static const struct choice UPSTREAM[] = {{"close", true}, {"drain", false}, {NULL, false}};
static const struct choice ON_DISCONNECT[] = {{"continue", true}, {"stop", true}, {NULL, false}};
static const struct choice ON_INTERRUPT[] = {
    {"interrupted", true}, {"continue", false}, {"restart", false}, {NULL, false}};
static const struct choice IF_BUSY[] = {
    {"reject", true}, {"enqueue", false}, {"interrupt", false}, {NULL, false}};

static const struct field FIELDS[] = {
    {"chat_id", ON_CHATS | ON_GENERATIONS, check_chat_id, NULL},
    {"message", ON_TURNS, check_message, NULL},
    {"messages", ON_GENERATIONS, check_messages, NULL},
    {"attachments", ON_ALL, check_attachments, NULL},
    {"model", ON_ALL, check_model, NULL},
    {"graph", ON_ALL, check_no_name, NULL},
    {"system", ON_ALL, check_system, NULL},
    {"params", ON_ALL, check_params, NULL},
    {"generation_id", ON_ALL, check_generation_id, NULL},
    {"lane", ON_ALL, check_choice, LANES},
    {"user", ON_ALL, check_no_name, NULL},
    {"metadata", ON_ALL, check_metadata, NULL},
    {"webhook", ON_ALL, check_only_false, NULL},
    {"on_stop", ON_ALL, check_choice, ON_STOP},
    {"upstream_on_stop", ON_ALL, check_choice, UPSTREAM},
    {"on_disconnect", ON_ALL, check_disconnect, ON_DISCONNECT},
    {"on_interrupt", ON_ALL, check_choice, ON_INTERRUPT},
    {"if_busy", ON_ALL, check_choice, IF_BUSY},
    {"replace_from", ON_TURNS, check_no_name, NULL},
    {"stream", ON_ALL, check_only_true, NULL},
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

static int check_required(struct body_parse *p)
{
    bool is_stateless = p->route == BODY_GENERATIONS;
    const char *name = is_stateless ? "messages" : "message";
    struct span there = is_stateless ? p->body->messages : p->body->message;
    return there.ptr != NULL ? 0 : err_set(p->err, ERR_BAD_REQUEST, name, "%s is missing", name);
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
    struct body body = {.doc = NULL};
    int rc = body_object(text, &body.doc, err);
    if (rc != 0) {
        return rc;
    }
    struct body_parse p = {.body = &body, .route = route, .limits = limits, .err = err};
    rc = check_members(&p, json_root(body.doc));
    if (rc == 0) {
        rc = check_required(&p);
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
