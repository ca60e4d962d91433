/* POST /v1/tokens: the holder of a key has a token signed for a browser. */
#include "api/body.h"
#include "api/handlers.h"
#include "api/request.h"
#include "api/token.h"
#include "base/clock.h"
#include "base/log.h"
#include "wire/json.h"

#include <stdio.h>

enum { ANSWER_MAX = 2 * TOKEN_MAX };

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
    struct token_body body;
    struct span text = SPAN_NONE;
    struct err err;
    if (!request_has_no_query(request) || !request_json(request, &text)) {
        return;
    }
    if (check_asker(api->conf, &who, &err) != 0 || token_body_parse(text, &body, &err) != 0) {
        http_reply_error(request, &err);
        return;
    }
    const struct token token = compose(&who, &body);
    log_event(LOG_INFO, "token.made", "tenant=%s key=%s ttl_s=%lld", who.tenant, who.key.text,
              (long long)body.ttl_s);
    reply_token(request, &token, span_of(api->conf->api_token_secret));
    token_body_release(&body);
}
