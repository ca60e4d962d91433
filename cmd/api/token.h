/* Signed tokens for browsers: `st1.<payload>.<signature>`. The payload is base64url (RFC 4648, 5,
 * without padding) of a JSON object {k, p, t, u?, c?, e}: id and print of the key that it was made
 * with, tenant, user, chat, the second since 1970 in which it expires. The signature is base64url
 * of HMAC-SHA256 (RFC 2104) over `st1.<payload>`. `st1` is the version: another meaning is another
 * name. Nothing of a token is read before its signature was checked. */
#ifndef SLUICE_API_TOKEN_H
#define SLUICE_API_TOKEN_H

#include "base/buf.h"
#include "base/err.h"
#include "base/id.h"

enum { TOKEN_MAX = 4096, TOKEN_SECRET_MIN = 32 };

struct token {
    struct id key;  /* the key's id: any name of the configuration */
    uint64_t print; /* of the key itself */
    char tenant[ID_TENANT_MAX + 1];
    char user[ID_USER_MAX + 1]; /* "": any */
    struct id chat;             /* "": any */
    int64_t expires_at_ms;      /* a whole second */
};

/* Whether a credential means to be a token of this version: API keys never do. */
bool token_is_one(struct span text);
/* Appends the token; `out` must have room for TOKEN_MAX. */
void token_write(struct buf *out, const struct token *token, struct span secret);
/* The envelope alone, around any JSON; `out` says when it is too long. */
void token_sign(struct buf *out, struct span json, struct span secret);
/* -ERR_MALFORMED unless `text` is a token that was signed with this secret, and whole. Whether it
 * has expired is the caller's question. */
MUST_USE int token_read(struct span text, struct span secret, struct token *out);

#endif
