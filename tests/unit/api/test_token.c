/* Tokens: what was written is read back, and nothing else is read: a table of texts that are nearly
 * tokens, each signed with the true secret where that is the only way in. */
#include "api/token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#define SECRET SPAN_LIT("0123456789abcdef0123456789abcdef")

/* base64url without padding, by libcrypto's own encoder. */
static void encode(const unsigned char *bytes, size_t len, char *out)
{
    int wrote = EVP_EncodeBlock((unsigned char *)out, bytes, (int)len);
    for (int i = 0; i < wrote; i++) {
        out[i] = out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i];
        if (out[i] == '=') {
            out[i] = '\0';
        }
    }
}

/* `<head><payload>.<signature>`, signed as it stands. */
static void sign(const char *head, const char *payload, char *out, size_t size)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned mac_len = 0;
    char signature[2 * EVP_MAX_MD_SIZE];
    int len = snprintf(out, size, "%s%s", head, payload);
    struct span secret = SECRET;
    assert_non_null(HMAC(EVP_sha256(), secret.ptr, (int)secret.len, (unsigned char *)out,
                         (size_t)len, mac, &mac_len));
    encode(mac, mac_len, signature);
    (void)snprintf(out + len, size - (size_t)len, ".%s", signature);
}

static void sign_json(const char *json, char *out, size_t size)
{
    char payload[4 * TOKEN_MAX];
    assert_true(strlen(json) < 2 * TOKEN_MAX);
    encode((const unsigned char *)json, strlen(json), payload);
    sign("st1.", payload, out, size);
}

static struct token example(void)
{
    struct token token = {.print = 0x0123456789abcdef, .expires_at_ms = 1795640141000};
    (void)snprintf(token.key.text, sizeof token.key.text, "web1");
    (void)snprintf(token.tenant, sizeof token.tenant, "acme");
    (void)snprintf(token.user, sizeof token.user, "ann");
    return token;
}

static void assert_round(const struct token *token)
{
    struct buf text;
    struct token got;
    buf_init(&text, TOKEN_MAX);
    token_write(&text, token, SECRET);
    assert_true(token_is_one(buf_as_span(&text)));
    assert_int_equal(token_read(buf_as_span(&text), SECRET, &got), 0);
    assert_string_equal(got.key.text, token->key.text);
    assert_string_equal(got.tenant, token->tenant);
    assert_string_equal(got.user, token->user);
    assert_string_equal(got.chat.text, token->chat.text);
    assert_true(got.print == token->print && got.expires_at_ms == token->expires_at_ms);
    buf_release(&text);
}

static void what_was_written_is_read(void **state)
{
    struct token token = example();
    (void)state;
    assert_round(&token);
    (void)snprintf(token.chat.text, sizeof token.chat.text, "chat_1");
    assert_round(&token);
    token.user[0] = '\0';
    assert_round(&token);
    (void)snprintf(token.user, sizeof token.user, "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80 \"\\ {}");
    assert_round(&token);
    for (size_t i = 0; i < ID_MAX; i++) { /* all at their longest, and what JSON writes as six */
        token.key.text[i] = '"';
        token.chat.text[i] = 'c';
        token.user[i] = '\x7f';
        token.tenant[i % ID_TENANT_MAX] = 't';
    }
    token.key.text[ID_MAX] = token.chat.text[ID_MAX] = token.user[ID_MAX] = '\0';
    token.tenant[ID_TENANT_MAX] = '\0';
    token.print = UINT64_MAX;
    assert_round(&token);
}

/* One flipped bit anywhere, one byte less, one more. */
static void a_changed_token_is_none(void **state)
{
    const struct token token = example();
    struct token got;
    struct buf text;
    (void)state;
    buf_init(&text, TOKEN_MAX);
    token_write(&text, &token, SECRET);
    for (size_t i = 0; i < text.len; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            text.ptr[i] = (char)(text.ptr[i] ^ (1 << bit));
            assert_int_equal(token_read(buf_as_span(&text), SECRET, &got), -ERR_MALFORMED);
            text.ptr[i] = (char)(text.ptr[i] ^ (1 << bit));
        }
        assert_int_equal(token_read(span_make(text.ptr, i), SECRET, &got), -ERR_MALFORMED);
    }
    assert_int_equal(token_read(buf_as_span(&text), SECRET, &got), 0);
    assert_int_equal(
        token_read(buf_as_span(&text), SPAN_LIT("0123456789abcdef0123456789abcdeF"), &got),
        -ERR_MALFORMED);
    (void)buf_byte(&text, 'A');
    assert_int_equal(token_read(buf_as_span(&text), SECRET, &got), -ERR_MALFORMED);
    buf_release(&text);
}

#define GOOD "\"k\":\"web1\",\"p\":\"0123456789abcdef\",\"t\":\"acme\",\"u\":\"ann\""
#define LONG                                                                                       \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"

/* Signed with the secret, and still none. */
static const char *const PAYLOADS[] = {
    "",
    "null",
    "1",
    "\"text\"",
    "[]",
    "{}",
    "{" GOOD "}",
    "{" GOOD ",\"e\":null}",
    "{" GOOD ",\"e\":\"1\"}",
    "{" GOOD ",\"e\":-1}",
    "{" GOOD ",\"e\":1.5}",
    "{" GOOD ",\"e\":1e300}",
    "{" GOOD ",\"e\":true}",
    "{" GOOD ",\"e\":1",
    "{" GOOD ",\"e\":1}x",
    "{" GOOD ",\"e\":1,\"e\":2}",
    "{" GOOD ",\"e\":1,\"u\":\"bob\"}",
    "{\"p\":\"0123456789abcdef\",\"t\":\"acme\",\"u\":\"ann\",\"e\":1}",
    "{\"k\":\"\",\"p\":\"0123456789abcdef\",\"t\":\"acme\",\"u\":\"ann\",\"e\":1}",
    "{\"k\":1,\"p\":\"0123456789abcdef\",\"t\":\"acme\",\"u\":\"ann\",\"e\":1}",
    "{\"k\":\"" LONG LONG "\",\"p\":\"0123456789abcdef\",\"t\":\"acme\",\"u\":\"ann\",\"e\":1}",
    "{\"k\":\"w\",\"t\":\"acme\",\"u\":\"ann\",\"e\":1}",
    "{\"k\":\"w\",\"p\":\"\",\"t\":\"acme\",\"u\":\"ann\",\"e\":1}",
    "{\"k\":\"w\",\"p\":\"0123456789abcde\",\"t\":\"acme\",\"u\":\"ann\",\"e\":1}",
    "{\"k\":\"w\",\"p\":\"0123456789abcdef0\",\"t\":\"acme\",\"u\":\"ann\",\"e\":1}",
    "{\"k\":\"w\",\"p\":\"0123456789abcdeF\",\"t\":\"acme\",\"u\":\"ann\",\"e\":1}",
    "{\"k\":\"w\",\"p\":\"0123456789abcd\\u0020f\",\"t\":\"acme\",\"u\":\"ann\",\"e\":1}",
    "{\"k\":\"w\",\"p\":81985529216486895,\"t\":\"acme\",\"u\":\"ann\",\"e\":1}",
    "{\"k\":\"w\",\"p\":\"0123456789abcdef\",\"u\":\"ann\",\"e\":1}",
    "{\"k\":\"w\",\"p\":\"0123456789abcdef\",\"t\":\"\",\"u\":\"ann\",\"e\":1}",
    "{\"k\":\"w\",\"p\":\"0123456789abcdef\",\"t\":null,\"u\":\"ann\",\"e\":1}",
    "{\"k\":\"w\",\"p\":\"0123456789abcdef\",\"t\":\"" LONG "\",\"u\":\"ann\",\"e\":1}",
    "{\"k\":\"w\",\"p\":\"0123456789abcdef\",\"t\":\"acme\",\"e\":1}",
    "{\"k\":\"w\",\"p\":\"0123456789abcdef\",\"t\":\"acme\",\"u\":\"\",\"e\":1}",
    "{\"k\":\"w\",\"p\":\"0123456789abcdef\",\"t\":\"acme\",\"u\":null,\"e\":1}",
    "{\"k\":\"w\",\"p\":\"0123456789abcdef\",\"t\":\"acme\",\"u\":[\"ann\"],\"e\":1}",
    "{\"k\":\"w\",\"p\":\"0123456789abcdef\",\"t\":\"acme\",\"u\":\"" LONG LONG "\",\"e\":1}",
    "{\"k\":\"w\",\"p\":\"0123456789abcdef\",\"t\":\"acme\",\"u\":\"a\\u0000b\",\"e\":1}",
    "{\"k\":\"w\",\"p\":\"0123456789abcdef\",\"t\":\"acme\",\"c\":\"\",\"e\":1}",
    "{\"k\":\"w\",\"p\":\"0123456789abcdef\",\"t\":\"acme\",\"c\":7,\"e\":1}",
    "{\"k\":\"w\",\"p\":\"0123456789abcdef\",\"t\":\"acme\",\"u\":\"ann\",\"c\":\"" LONG LONG
    "\",\"e\":1}",
    "{\"k\":\"w\",\"p\":\"0123456789abcdef\",\"t\":\"acme\",\"u\":\"\xff\",\"e\":1}",
};

static void a_signed_payload_must_be_whole(void **state)
{
    char text[8 * TOKEN_MAX];
    struct token got;
    (void)state;
    sign_json("{" GOOD ",\"e\":1,\"later\":{}}", text, sizeof text);
    assert_int_equal(token_read(span_of(text), SECRET, &got), 0); /* what is new is passed by */
    for (size_t i = 0; i < sizeof PAYLOADS / sizeof PAYLOADS[0]; i++) {
        sign_json(PAYLOADS[i], text, sizeof text);
        if (token_read(span_of(text), SECRET, &got) != -ERR_MALFORMED) {
            fail_msg("taken: %s", PAYLOADS[i]);
        }
    }
}

/* Signed as they stand: the payload's letters, not its meaning, are wrong. */
static const struct {
    const char *head, *payload;
} ENVELOPES[] = {
    {"", ""},         {"st1.", ""},        {"st1.", "."},          {"st1.", "e30="},
    {"st1.", "e30"},  {"st1.", "e3"},      {"st1.", "e"},          {"st1.", "e31"},
    {"st1.", "e+0"},  {"st1.", "e30 "},    {"st1.", "e30\n"},      {"st1.", "\xc3\xa4"},
    {"st0.", "e30"},  {"st2.", "e30"},     {"ST1.", "e30"},        {"st1", "e30"},
    {" st1.", "e30"}, {"st1.st1.", "e30"}, {"Bearer st1.", "e30"}, {"sk_", "e30"},
};

static void an_envelope_must_be_exact(void **state)
{
    char text[TOKEN_MAX], payload[TOKEN_MAX];
    struct token got;
    (void)state;
    for (size_t i = 0; i < sizeof ENVELOPES / sizeof ENVELOPES[0]; i++) {
        sign(ENVELOPES[i].head, ENVELOPES[i].payload, text, sizeof text);
        assert_int_equal(token_read(span_of(text), SECRET, &got), -ERR_MALFORMED);
    }
    const char json[] = "{" GOOD ",\"e\":1}";
    encode((const unsigned char *)json, sizeof json - 1, payload);
    sign("st1.", payload, text, sizeof text);
    assert_int_equal(token_read(span_of(text), SECRET, &got), 0);
    sign("st2.", payload, text, sizeof text); /* another version means something else */
    assert_int_equal(token_read(span_of(text), SECRET, &got), -ERR_MALFORMED);
    sign("st1.", "", text, sizeof text);
    assert_int_equal(token_read(SPAN_NONE, SECRET, &got), -ERR_MALFORMED);
    assert_int_equal(token_read(SPAN_LIT(""), SECRET, &got), -ERR_MALFORMED);
}

/* More than TOKEN_MAX is not even looked at. */
static void a_long_text_is_none(void **state)
{
    static char text[4 * TOKEN_MAX], json[2 * TOKEN_MAX];
    struct token got;
    (void)state;
    int len = snprintf(json, sizeof json, "{" GOOD ",\"e\":1,\"later\":\"");
    memset(json + len, 'x', TOKEN_MAX);
    (void)snprintf(json + len + TOKEN_MAX, sizeof json - (size_t)len - TOKEN_MAX, "\"}");
    sign_json(json, text, sizeof text);
    assert_int_equal(token_read(span_of(text), SECRET, &got), -ERR_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(a_changed_token_is_none),
        cmocka_unit_test(a_signed_payload_must_be_whole),
        cmocka_unit_test(an_envelope_must_be_exact),
        cmocka_unit_test(a_long_text_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
