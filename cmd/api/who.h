/* Who asks: what the request's credentials say. Every handler works for a tenant, and what is not
 * the asker's to know is answered like an id that does not exist.
 *
 * An API key (Authorization: Bearer) speaks for its tenant. A token, which a key's holder had
 * signed for a browser, speaks for one user of it, for one chat, or for one user in one chat: it is
 * narrow. Pure: configuration and texts in, struct who or an error out. */
#ifndef SLUICE_API_WHO_H
#define SLUICE_API_WHO_H

#include "base/id.h"
#include "conf/conf.h"

struct who {
    char tenant[ID_TENANT_MAX + 1];
    char user[ID_USER_MAX + 1]; /* of a token; "": any */
    struct id chat;             /* of a token; "": any */
    struct id key;              /* id of the key that it is, or that signed it; "" without keys */
    uint64_t print;             /* of that key itself: another key of the same id has another */
    bool is_admin;
    bool is_token;
};

/* Who asks while there are no keys: whoever reaches this machine's loopback address. */
struct who who_local(void);
/* `authorization`: the header; `query`: ?token=, which only tokens may come by (SPAN_NONE: absent).
 * -ERR_UNAUTHORIZED, or -ERR_BAD_REQUEST when there are both. */
MUST_USE int who_identify(const struct conf *conf, struct span authorization, struct span query,
                          int64_t now_ms, struct who *out, struct err *err);
/* Whether the key that `print` was taken of is still one of the configuration's. */
bool who_print_is_valid(const struct conf *conf, uint64_t print);
uint64_t who_print(const struct conf_key *key);

/* A token that does not reach all of its tenant. */
static inline bool who_is_narrow(const struct who *who)
{
    return who->user[0] != '\0' || who->chat.text[0] != '\0';
}

/* The user of a request: `*user` (SPAN_NONE: none is named) becomes the token's. -ERR_FORBIDDEN
 * when it names one that is not the token's, or any with a token for a chat alone. */
MUST_USE int who_take_user(const struct who *who, struct span *user, struct err *err);
/* The chat of a new turn ("": none is named): -ERR_FORBIDDEN when the token is for a chat and this
 * is no turn in it. */
MUST_USE int who_check_chat(const struct who *who, struct span chat, struct err *err);

#endif
