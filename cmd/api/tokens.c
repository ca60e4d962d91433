/* POST /v1/tokens: the holder of a key has a token signed for a browser. */
#include "api/body_checks.h"
#include "api/handlers.h"
#include "api/request.h"
#include "api/token.h"
#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>

enum { TTL_DEFAULT_S = 900, TTL_MAX_S = 3600, ANSWER_MAX = 2 * TOKEN_MAX };

/* The body: {user?, chat_id?, ttl?}. */
struct token_body {
    struct span user, chat;
    int64_t ttl_s;
};

static int check_user(struct token_body *body, const struct json *value, struct err *err)
{
    body->user = json_string(value);
    if (id_is_user(body->user)) {
        return 0;
    }
    return err_set(err, ERR_BAD_REQUEST, "user", "user must be 1 to %d bytes of text", ID_USER_MAX);
}

static int check_chat(struct token_body *body, const struct json *value, struct err *err)
{
    return body_id(err, "chat_id", value, &body->chat);
}

static int check_ttl(struct token_body *body, const struct json *value, struct err *err)
{
    if (json_int(value, &body->ttl_s) && body->ttl_s >= 1 && body->ttl_s <= TTL_MAX_S) {
        return 0;
    }
    return err_set(err, ERR_BAD_REQUEST, "ttl", "ttl must be a whole number of seconds, 1 to %d",
                   TTL_MAX_S);
}

static const struct {
    const char *name;
    int (*check)(struct token_body *body, const struct json *value, struct err *err);
} FIELDS[] = {{"user", check_user}, {"chat_id", check_chat}, {"ttl", check_ttl}};

static int check_member(struct token_body *body, const struct json *member, struct err *err)
{
    const char *name = json_name(member);
    for (size_t i = 0; i < sizeof FIELDS / sizeof FIELDS[0]; i++) {
        if (strcmp(FIELDS[i].name, name) == 0) {
            return FIELDS[i].check(body, member, err);
        }
    }
    return err_set(err, ERR_BAD_REQUEST, name, "there is no field %s", name);
}

static int check_body(struct token_body *body, const struct json *root, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < json_count(root); i++) {
        rc = check_member(body, json_at(root, i), err);
    }
    if (rc == 0 && body->user.ptr == NULL && body->chat.ptr == NULL) {
        rc = err_set(err, ERR_BAD_REQUEST, "user",
                     "a token is for a user, a chat, or a user in a chat: name one");
    }
    return rc;
}

/* Whether this asker may have tokens made here at all. */
static int check_asker(const struct conf *conf, const struct who *who, struct err *err)
{
    if (conf->key_count == 0) {
        return err_set(err, ERR_NOT_SUPPORTED, NULL,
                       "tokens need API keys, and none are configured");
    }
    if (conf->api_token_secret[0] == '\0') {
        return err_set(err, ERR_NOT_SUPPORTED, NULL,
                       "tokens need the setting api.token_secret, which is not set");
    }
    if (who->is_token) {
        return err_set(err, ERR_FORBIDDEN, NULL, "a token cannot make tokens: use the API key");
    }
    return 0;
}

static void reply_token(struct http_request *request, const struct token *token, struct span secret)
{
    struct buf text, json;
    buf_init(&text, TOKEN_MAX);
    buf_init(&json, ANSWER_MAX);
    token_write(&text, token, secret);
    struct json_writer w = json_writer(&json);
    json_open(&w, NULL, '{');
    json_member_str(&w, "token", buf_as_span(&text));
    json_member_str(&w, "user", token->user[0] == '\0' ? SPAN_NONE : span_of(token->user));
    json_member_str(&w, "chat_id",
                    token->chat.text[0] == '\0' ? SPAN_NONE : span_of(token->chat.text));
    json_member_int(&w, "expires_at", token->expires_at_ms);
    json_close(&w);
    http_add_header(request, "Cache-Control", SPAN_LIT("no-store"));
    http_reply_json(request, 200, buf_as_span(&json));
    buf_release(&text);
    buf_release(&json);
}

static struct token compose(const struct who *who, const struct token_body *body)
{
    struct token token = {.key = who->key, .print = who->print};
    int64_t expires_ms = clock_wall_ms() + body->ttl_s * 1000;
    (void)snprintf(token.tenant, sizeof token.tenant, "%s", who->tenant); /* all of them fit */
    (void)snprintf(token.user, sizeof token.user, "%.*s", SPAN_ARG(body->user));
    (void)snprintf(token.chat.text, sizeof token.chat.text, "%.*s", SPAN_ARG(body->chat));
    token.expires_at_ms = expires_ms - expires_ms % 1000;
    return token;
}

void post_token(struct http_request *request, void *arg)
{
    const struct api *api = api_of(arg);
    const struct who who = request_who(api, request);
    struct token_body body = {.user = SPAN_NONE, .chat = SPAN_NONE, .ttl_s = TTL_DEFAULT_S};
    struct span text = SPAN_NONE;
    struct json_doc *doc = NULL;
    struct err err;
    if (!request_has_no_query(request) || !request_json(request, &text)) {
        return;
    }
    int rc = check_asker(api->conf, &who, &err);
    if (rc == 0) {
        rc = body_object(text, &doc, &err);
    }
    if (rc == 0) {
        rc = check_body(&body, json_root(doc), &err);
    }
    if (rc == 0) {
        const struct token token = compose(&who, &body);
        log_event(LOG_INFO, "token.made", "tenant=%s key=%s ttl_s=%lld", who.tenant, who.key.text,
                  (long long)body.ttl_s);
        reply_token(request, &token, span_of(api->conf->api_token_secret));
    } else {
        http_reply_error(request, &err);
    }
    json_free(doc);
}
