/* Credentials from outside. As they come: nobody is identified by bytes that were not signed. Then
 * the same bytes as a payload that was signed: read, it gives the same token when written again. */
#include "api/token.h"
#include "api/who.h"
#include "fuzz.h"

#define SECRET SPAN_LIT("0123456789abcdef0123456789abcdef")

static void check_outside(struct span text)
{
    static char secret[] = "0123456789abcdef0123456789abcdef", id[] = "k", tenant[] = "t",
                role[] = "user";
    struct conf_key_hash hash = conf_key_hash(SPAN_LIT("sk_of_nobody_else"));
    struct conf_key key = {.id = id, .tenant = tenant, .role = role, .sha256 = hash.hex};
    const struct conf conf = {.keys = &key, .key_count = 1, .api_token_secret = secret};
    struct who who;
    struct err err = {.code = ERR_OK};
    int rc = who_identify(&conf, text, SPAN_NONE, 0, &who, &err);
    CHECK(rc == -ERR_UNAUTHORIZED);
    rc = who_identify(&conf, SPAN_NONE, text, 0, &who, &err);
    CHECK(rc == -ERR_UNAUTHORIZED);
}

static void check_signed(struct span payload)
{
    struct buf text;
    struct token token, again;
    buf_init(&text, 2 * TOKEN_MAX);
    token_sign(&text, payload, SECRET);
    if (buf_error(&text) == 0 && token_read(buf_as_span(&text), SECRET, &token) == 0) {
        CHECK(token.user[0] != '\0' || token.chat.text[0] != '\0');
        buf_reset(&text);
        token_write(&text, &token, SECRET);
        CHECK(token_read(buf_as_span(&text), SECRET, &again) == 0);
        CHECK(strcmp(token.user, again.user) == 0 && strcmp(token.tenant, again.tenant) == 0);
        CHECK(token.print == again.print && token.expires_at_ms == again.expires_at_ms);
    }
    buf_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_make(size == 0 ? "" : (const char *)data, size);
    check_outside(text);
    check_signed(text);
    return 0;
}
