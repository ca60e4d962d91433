/* Tokens, written and read. Invariant: a text has one reading, and a token one text. */
#include "api/token.h"

#include "wire/json.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>

static const char PREFIX[] = "st1.";
static const char LETTERS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
enum { PREFIX_LEN = sizeof PREFIX - 1, MAC_BYTES = 32, PRINT_HEX = 16 };

static void put_base64url(struct buf *out, struct span bytes)
{
    for (size_t i = 0; i < bytes.len; i += 3) {
        uint32_t group = 0;
        size_t count = bytes.len - i < 3 ? bytes.len - i : 3;
        for (size_t j = 0; j < 3; j++) {
            group = group << 8 | (j < count ? (unsigned char)bytes.ptr[i + j] : 0);
        }
        for (size_t j = 0; j <= count; j++) {
            (void)buf_byte(out, LETTERS[group >> (18 - 6 * j) & 63]); /* the caller looks */
        }
    }
}

/* False when it is none, or when bits are set that nobody reads. */
static bool get_base64url(struct buf *out, struct span text)
{
    uint32_t bits = 0;
    unsigned held = 0;
    for (size_t i = 0; i < text.len; i++) {
        const char *at = text.ptr[i] == '\0' ? NULL : strchr(LETTERS, text.ptr[i]);
        if (at == NULL) {
            return false;
        }
        bits = bits << 6 | (uint32_t)(at - LETTERS);
        held += 6;
        if (held >= 8) {
            held -= 8;
            (void)buf_byte(out, (char)(bits >> held & 255)); /* the caller looks */
        }
    }
    return text.len % 4 != 1 && (bits & ((1U << held) - 1)) == 0;
}

/* The signature of what stands before it. */
static void put_signature(struct buf *out, struct span signed_text, struct span secret)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    CHECK(secret.len <= INT32_MAX);
    CHECK(HMAC(EVP_sha256(), secret.ptr, (int)secret.len, (const unsigned char *)signed_text.ptr,
               signed_text.len, mac, &size) != NULL &&
          size == MAC_BYTES);
    put_base64url(out, span_make((const char *)mac, size));
}

bool token_is_one(struct span text)
{
    return span_starts_with(text, PREFIX);
}

static void put_payload(struct buf *json, const struct token *token)
{
    char print[PRINT_HEX + 1];
    (void)snprintf(print, sizeof print, "%016" PRIx64, token->print);
    struct json_writer w = json_writer(json);
    json_open(&w, NULL, '{');
    json_member_str(&w, "k", span_of(token->key.text));
    json_member_str(&w, "p", span_of(print));
    json_member_str(&w, "t", span_of(token->tenant));
    if (token->user[0] != '\0') {
        json_member_str(&w, "u", span_of(token->user));
    }
    if (token->chat.text[0] != '\0') {
        json_member_str(&w, "c", span_of(token->chat.text));
    }
    json_member_int(&w, "e", token->expires_at_ms / 1000);
    json_close(&w);
}

void token_sign(struct buf *out, struct span json, struct span secret)
{
    size_t from = out->len;
    (void)buf_text(out, PREFIX); /* the caller looks, here and below */
    put_base64url(out, json);
    struct buf signature;
    buf_init(&signature, 2 * MAC_BYTES);
    put_signature(&signature, span_make(out->ptr + from, out->len - from), secret);
    (void)buf_byte(out, '.');
    (void)buf_span(out, buf_as_span(&signature));
    buf_release(&signature);
}

void token_write(struct buf *out, const struct token *token, struct span secret)
{
    struct buf json;
    buf_init(&json, TOKEN_MAX);
    put_payload(&json, token);
    token_sign(out, buf_as_span(&json), secret);
    CHECK(buf_error(&json) == 0 && buf_error(out) == 0);
    buf_release(&json);
}

/* Cuts the signature off; `*signed_text` is what it is of. */
static bool is_signed(struct span text, struct span secret, struct span *signed_text)
{
    const char *dot = memrchr(text.ptr, '.', text.len);
    if (text.len > TOKEN_MAX || !token_is_one(text) || dot == NULL || dot < text.ptr + PREFIX_LEN) {
        return false;
    }
    struct buf wanted;
    buf_init(&wanted, 2 * MAC_BYTES);
    *signed_text = span_make(text.ptr, (size_t)(dot - text.ptr));
    struct span given = span_make(dot + 1, text.len - signed_text->len - 1);
    put_signature(&wanted, *signed_text, secret);
    bool is_it = given.len == wanted.len && CRYPTO_memcmp(given.ptr, wanted.ptr, wanted.len) == 0;
    buf_release(&wanted);
    return is_it;
}

/* A member as text of at most `size` - 1 bytes; "" when it is absent. */
static bool take_text(const struct json *root, const char *name, char *out, size_t size)
{
    const struct json *member = json_get(root, name);
    struct span text = json_string(member);
    if (text.len >= size || (member != NULL && text.len == 0)) {
        return false;
    }
    (void)snprintf(out, size, "%.*s", SPAN_ARG(text));
    return true;
}

static bool take_print(const struct json *root, uint64_t *out)
{
    static const char digits[] = "0123456789abcdef";
    struct span text = json_string(json_get(root, "p"));
    uint64_t print = 0;
    for (size_t i = 0; i < text.len; i++) {
        const char *at = memchr(digits, text.ptr[i], sizeof digits - 1);
        if (at == NULL) {
            return false;
        }
        print = print << 4 | (uint64_t)(at - digits);
    }
    *out = print;
    return text.len == PRINT_HEX;
}

static bool take_payload(const struct json *root, struct token *out)
{
    int64_t expires_s = 0;
    if (!take_text(root, "k", out->key.text, sizeof out->key.text) || out->key.text[0] == '\0' ||
        !take_text(root, "t", out->tenant, sizeof out->tenant) || out->tenant[0] == '\0' ||
        !take_text(root, "u", out->user, sizeof out->user) ||
        !take_text(root, "c", out->chat.text, sizeof out->chat.text) ||
        !take_print(root, &out->print) || !json_int(json_get(root, "e"), &expires_s) ||
        expires_s < 0 || expires_s > INT64_MAX / 1000) {
        return false;
    }
    out->expires_at_ms = expires_s * 1000;
    return out->user[0] != '\0' || out->chat.text[0] != '\0';
}

int token_read(struct span text, struct span secret, struct token *out)
{
    struct span signed_text;
    struct json_doc *doc = NULL;
    struct token token = {.print = 0};
    struct buf json;
    if (text.len == 0 || !is_signed(text, secret, &signed_text)) {
        return -ERR_MALFORMED;
    }
    buf_init(&json, TOKEN_MAX);
    struct span payload = span_make(signed_text.ptr + PREFIX_LEN, signed_text.len - PREFIX_LEN);
    bool is_good = get_base64url(&json, payload) && buf_error(&json) == 0 &&
                   json_parse(buf_as_span(&json), &doc, NULL) == 0 &&
                   json_type(json_root(doc)) == JSON_OBJECT && take_payload(json_root(doc), &token);
    json_free(doc);
    buf_release(&json);
    if (!is_good) {
        return -ERR_MALFORMED;
    }
    *out = token;
    return 0;
}
