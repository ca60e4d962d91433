/* Credentials. Invariant: nothing of a credential reaches an error's text. */
#include "api/who.h"

#include "api/token.h"

#include <stdio.h>

struct who who_local(void)
{
    return (struct who){.tenant = "default", .is_admin = true};
}

uint64_t who_print(const struct conf_key *key)
{
    uint64_t print = 0;
    for (size_t i = 0; i < 16; i++) {
        char digit = key->sha256[i];
        print = print << 4 | (uint64_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
    }
    return print;
}

bool who_print_is_valid(const struct conf *conf, uint64_t print)
{
    for (size_t i = 0; i < conf->key_count; i++) {
        if (who_print(&conf->keys[i]) == print) {
            return true;
        }
    }
    return false;
}

/* RFC 6750, 2.1: the scheme, spaces, and one word. SPAN_NONE when it is something else. */
static struct span bearer_of(struct span authorization)
{
    struct span rest = span_trim(authorization);
    struct span scheme = span_cut(&rest, ' ');
    if (rest.ptr == NULL || !span_is_nocase(scheme, "Bearer")) {
        return SPAN_NONE;
    }
    rest = span_trim(rest);
    return rest.len > 0 && memchr(rest.ptr, ' ', rest.len) == NULL ? rest : SPAN_NONE;
}

static struct who who_of_key(const struct conf_key *key)
{
    struct who who = {.is_admin = strcmp(key->role, "admin") == 0, .print = who_print(key)};
    (void)snprintf(who.tenant, sizeof who.tenant, "%s", key->tenant); /* both fit */
    (void)snprintf(who.key.text, sizeof who.key.text, "%s", key->id);
    return who;
}

static int unauthorized(struct err *err, const char *why)
{
    return err_set(err, ERR_UNAUTHORIZED, NULL, "%s", why);
}

static int identify_key(const struct conf *conf, struct span text, struct who *out, struct err *err)
{
    const struct conf_key *key = conf_find_key(conf, text);
    if (key == NULL) {
        return unauthorized(err, "the API key is not known");
    }
    *out = who_of_key(key);
    return 0;
}

/* A token is worth what the key is that signed it: when that is gone, or has become another or
 * another tenant's, so is the token. */
static int identify_token(const struct conf *conf, struct span text, int64_t now_ms,
                          struct who *out, struct err *err)
{
    struct token token;
    if (conf->api_token_secret[0] == '\0' ||
        token_read(text, span_of(conf->api_token_secret), &token) != 0) {
        return unauthorized(err, "the token is not valid");
    }
    const struct conf_key *key = conf_find_key_id(conf, span_of(token.key.text));
    if (key == NULL || who_print(key) != token.print || strcmp(key->tenant, token.tenant) != 0) {
        return unauthorized(err, "the key that the token was made with is no longer valid");
    }
    if (token.expires_at_ms <= now_ms) {
        return unauthorized(err, "the token has expired");
    }
    *out = who_of_key(key);
    out->is_admin = false;
    out->is_token = true;
    out->chat = token.chat;
    (void)snprintf(out->user, sizeof out->user, "%s", token.user); /* the same size */
    return 0;
}

int who_identify(const struct conf *conf, struct span authorization, struct span query,
                 int64_t now_ms, struct who *out, struct err *err)
{
    if (authorization.ptr != NULL && query.ptr != NULL) {
        return err_set(err, ERR_BAD_REQUEST, "token",
                       "a token stands in the header Authorization or in the query, not in both");
    }
    if (authorization.ptr == NULL && query.ptr == NULL) {
        return unauthorized(err, "an API key or a token is needed: Authorization: Bearer <key>");
    }
    struct span text = query.ptr != NULL ? query : bearer_of(authorization);
    if (text.ptr == NULL) {
        return unauthorized(err, "the header Authorization must be: Bearer <key>");
    }
    if (token_is_one(text)) {
        return identify_token(conf, text, now_ms, out, err);
    }
    if (query.ptr != NULL) {
        return unauthorized(err, "the query takes a token, never a key");
    }
    return identify_key(conf, text, out, err);
}

int who_take_user(const struct who *who, struct span *user, struct err *err)
{
    if (who->user[0] != '\0' && (user->ptr == NULL || span_is(*user, who->user))) {
        *user = span_of(who->user);
        return 0;
    }
    if (user->ptr == NULL || !who_is_narrow(who)) {
        return 0;
    }
    return err_set(err, ERR_FORBIDDEN, "user",
                   who->user[0] != '\0' ? "the token is for another user"
                                        : "the token is for a chat and names no user");
}

int who_check_chat(const struct who *who, struct span chat, struct err *err)
{
    if (who->chat.text[0] == '\0' || span_is(chat, who->chat.text)) {
        return 0;
    }
    return err_set(err, ERR_FORBIDDEN, "chat_id", "the token is for one chat, and this is not it");
}
