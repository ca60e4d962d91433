/* Bodies of few fields: of a stop, of a continuation, of a change to a chat, of a token. One table
 * each; a member that no row takes is refused. */
#include "api/body_checks.h"
#include "wire/limits.h"

enum { TTL_DEFAULT_S = 900, TTL_MAX_S = 3600 };

struct member {
    const char *name;
    int (*check)(void *out, const struct json *value, struct err *err);
};

/* Walks over the members of `text`; the document is the caller's to free, also on failure. */
static int walk(struct span text, const struct member *table, size_t count, struct json_doc **doc,
                void *out, struct err *err)
{
    int rc = body_object(text, doc, err);
    const struct json *root = rc == 0 ? json_root(*doc) : NULL;
    for (size_t i = 0; rc == 0 && i < json_count(root); i++) {
        const struct json *value = json_at(root, i);
        size_t at = 0;
        while (at < count && strcmp(table[at].name, json_name(value)) != 0) {
            at++;
        }
        rc = at < count ? table[at].check(out, value, err)
                        : err_set(err, ERR_BAD_REQUEST, json_name(value), "there is no field %s",
                                  json_name(value));
    }
    return rc;
}

static int take_bool(const char *name, const struct json *value, bool *out, struct err *err)
{
    if (json_type(value) != JSON_BOOL) {
        return body_wants(err, name, "true or false", value);
    }
    *out = json_bool(value, false);
    return 0;
}

/* -- a stop -- */

static int check_stop_id(void *out, const struct json *value, struct err *err)
{
    return body_id(err, "generation_id", value, &((struct stop_body *)out)->generation_id);
}

static int check_seen(void *out, const struct json *value, struct err *err)
{
    int64_t seen = 0;
    if (!json_int(value, &seen) || seen < 0) {
        return err_set(err, ERR_BAD_REQUEST, "seen", "seen must be a seq, a whole number from 0");
    }
    ((struct stop_body *)out)->seen = seen;
    return 0;
}

static int check_all(void *out, const struct json *value, struct err *err)
{
    return take_bool("all", value, &((struct stop_body *)out)->all, err);
}

int stop_body_parse(struct span text, struct stop_body *out, struct err *err)
{
    static const struct member table[] = {
        {"generation_id", check_stop_id}, {"seen", check_seen}, {"all", check_all}};
    struct stop_body body = {.seen = -1};
    int rc = walk(text, table, sizeof table / sizeof table[0], &body.doc, &body, err);
    if (rc != 0) {
        stop_body_release(&body);
        return rc;
    }
    *out = body;
    return 0;
}

void stop_body_release(struct stop_body *body)
{
    json_free(body->doc);
    *body = (struct stop_body){.seen = -1};
}

/* -- a continuation -- */

static int check_continue_id(void *out, const struct json *value, struct err *err)
{
    return body_id(err, "generation_id", value, &((struct continue_body *)out)->generation_id);
}

static int check_stream(void *out, const struct json *value, struct err *err)
{
    bool is_stream = true;
    int rc = take_bool("stream", value, &is_stream, err);
    ((struct continue_body *)out)->wants_record = !is_stream;
    return rc;
}

int continue_body_parse(struct span text, struct continue_body *out, struct err *err)
{
    static const struct member table[] = {{"generation_id", check_continue_id},
                                          {"stream", check_stream}};
    struct continue_body body = {.doc = NULL};
    int rc = walk(text, table, sizeof table / sizeof table[0], &body.doc, &body, err);
    if (rc != 0) {
        continue_body_release(&body);
        return rc;
    }
    *out = body;
    return 0;
}

void continue_body_release(struct continue_body *body)
{
    json_free(body->doc);
    *body = (struct continue_body){.doc = NULL};
}

/* -- a change to a chat -- */

static int check_title(void *out, const struct json *value, struct err *err)
{
    struct span title = json_string(value);
    if (title.ptr == NULL) {
        return body_wants(err, "title", "a string", value);
    }
    if (title.len > LIMIT_TITLE) {
        return err_set(err, ERR_BAD_REQUEST, "title", "title may have at most %d bytes",
                       LIMIT_TITLE);
    }
    ((struct chat_body *)out)->title = title;
    return 0;
}

static int check_metadata(void *out, const struct json *value, struct err *err)
{
    struct chat_body *body = out;
    if (json_type(value) == JSON_NULL) {
        body->metadata = SPAN_LIT("");
        return 0;
    }
    if (json_type(value) != JSON_OBJECT) {
        return body_wants(err, "metadata", "an object or null", value);
    }
    body->metadata = json_raw(json_text(body->doc), "metadata");
    return body->metadata.len <= LIMIT_METADATA
               ? 0
               : err_set(err, ERR_BAD_REQUEST, "metadata", "metadata may have at most %d bytes",
                         LIMIT_METADATA);
}

int chat_body_parse(struct span text, struct chat_body *out, struct err *err)
{
    static const struct member table[] = {{"title", check_title}, {"metadata", check_metadata}};
    struct chat_body body = {.doc = NULL};
    int rc = walk(text, table, sizeof table / sizeof table[0], &body.doc, &body, err);
    if (rc != 0) {
        chat_body_release(&body);
        return rc;
    }
    *out = body;
    return 0;
}

void chat_body_release(struct chat_body *body)
{
    json_free(body->doc);
    *body = (struct chat_body){.doc = NULL};
}

/* -- a token -- */

static int check_user(void *out, const struct json *value, struct err *err)
{
    return body_user(err, "user", value, &((struct token_body *)out)->user);
}

static int check_chat(void *out, const struct json *value, struct err *err)
{
    return body_id(err, "chat_id", value, &((struct token_body *)out)->chat);
}

static int check_ttl(void *out, const struct json *value, struct err *err)
{
    struct token_body *body = out;
    if (json_int(value, &body->ttl_s) && body->ttl_s >= 1 && body->ttl_s <= TTL_MAX_S) {
        return 0;
    }
    return err_set(err, ERR_BAD_REQUEST, "ttl", "ttl must be a whole number of seconds, 1 to %d",
                   TTL_MAX_S);
}

int token_body_parse(struct span text, struct token_body *out, struct err *err)
{
    static const struct member table[] = {
        {"user", check_user}, {"chat_id", check_chat}, {"ttl", check_ttl}};
    struct token_body body = {.ttl_s = TTL_DEFAULT_S};
    int rc = walk(text, table, sizeof table / sizeof table[0], &body.doc, &body, err);
    if (rc == 0 && body.user.ptr == NULL && body.chat.ptr == NULL) {
        rc = err_set(err, ERR_BAD_REQUEST, "user",
                     "a token is for a user, a chat, or a user in a chat: name one");
    }
    if (rc != 0) {
        token_body_release(&body);
        return rc;
    }
    *out = body;
    return 0;
}

void token_body_release(struct token_body *body)
{
    json_free(body->doc);
    *body = (struct token_body){.doc = NULL};
}

/* -- none -- */

int empty_body_parse(struct span text, struct err *err)
{
    struct json_doc *doc = NULL;
    int rc = walk(text, NULL, 0, &doc, NULL, err);
    json_free(doc);
    return rc;
}
