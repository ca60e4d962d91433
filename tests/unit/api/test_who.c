/* Who asks: the headers that speak for a key, those that do not, and how far a token reaches. */
#include "api/token.h"
#include "api/who.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define SECRET "0123456789abcdef0123456789abcdef"

enum { NOW_MS = 1000000 };

static struct conf_key KEYS[3];
static struct conf_key_hash HASHES[3];
static struct conf CONF;

static int set_up(void **state)
{
    static char ids[3][8] = {"web1", "web2", "root"}, tenants[3][8] = {"acme", "acme", "default"};
    static char roles[3][8] = {"user", "user", "admin"};
    static const char *const keys[] = {"sk_one", "sk_two", "sk_root"};
    static char secret[] = SECRET;
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        HASHES[i] = conf_key_hash(span_of(keys[i]));
        KEYS[i] = (struct conf_key){
            .id = ids[i], .tenant = tenants[i], .role = roles[i], .sha256 = HASHES[i].hex};
    }
    CONF = (struct conf){.keys = KEYS, .key_count = 3, .api_token_secret = secret};
    return 0;
}

static void a_hash_is_sha256(void **state)
{
    (void)state;
    assert_string_equal(conf_key_hash(SPAN_LIT("")).hex,
                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_string_equal(conf_key_hash(SPAN_LIT("abc")).hex,
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static const struct {
    const char *authorization, *query;
    int rc;
    const char *key;
} ROWS[] = {
    {"Bearer sk_one", NULL, 0, "web1"},
    {"Bearer sk_two", NULL, 0, "web2"},
    {"bearer sk_root", NULL, 0, "root"},
    {"BEARER  sk_one ", NULL, 0, "web1"},
    {NULL, NULL, -ERR_UNAUTHORIZED, NULL},
    {"", NULL, -ERR_UNAUTHORIZED, NULL},
    {"Bearer", NULL, -ERR_UNAUTHORIZED, NULL},
    {"Bearer ", NULL, -ERR_UNAUTHORIZED, NULL},
    {"sk_one", NULL, -ERR_UNAUTHORIZED, NULL},
    {"Bearersk_one", NULL, -ERR_UNAUTHORIZED, NULL},
    {"Basic sk_one", NULL, -ERR_UNAUTHORIZED, NULL},
    {"Bearer sk_on", NULL, -ERR_UNAUTHORIZED, NULL},
    {"Bearer sk_onee", NULL, -ERR_UNAUTHORIZED, NULL},
    {"Bearer SK_ONE", NULL, -ERR_UNAUTHORIZED, NULL},
    {"Bearer sk_one sk_two", NULL, -ERR_UNAUTHORIZED, NULL},
    {"Bearer sk_one, Bearer sk_one", NULL, -ERR_UNAUTHORIZED, NULL}, /* the header twice */
    {"Bearer \"sk_one\"", NULL, -ERR_UNAUTHORIZED, NULL},
    {"Bearer web1", NULL, -ERR_UNAUTHORIZED, NULL},
    {"Bearer st1.x.y", NULL, -ERR_UNAUTHORIZED, NULL},
    {NULL, "sk_one", -ERR_UNAUTHORIZED, NULL},
    {NULL, "", -ERR_UNAUTHORIZED, NULL},
    {NULL, "st1.x.y", -ERR_UNAUTHORIZED, NULL},
    {"Bearer sk_one", "st1.x.y", -ERR_BAD_REQUEST, NULL},
};

static void a_header_speaks_for_a_key_or_for_nobody(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        struct err err = {.code = ERR_OK};
        struct who who;
        int rc = who_identify(&CONF, span_of(ROWS[i].authorization), span_of(ROWS[i].query), NOW_MS,
                              &who, &err);
        if (rc != ROWS[i].rc || (rc == 0 && strcmp(who.key.text, ROWS[i].key) != 0)) {
            fail_msg("row %zu: %d %s", i, rc, err.message);
        }
        assert_null(strstr(err.message, "sk_"));
    }
    struct who who;
    assert_int_equal(who_identify(&CONF, SPAN_LIT("Bearer sk_root"), SPAN_NONE, NOW_MS, &who, NULL),
                     0);
    assert_true(who.is_admin && !who.is_token && !who_is_narrow(&who));
    assert_string_equal(who.tenant, "default");
}

/* The header for a token of web1 that ends a second after now. */
static const char *bearer(const char *user, const char *chat)
{
    static char header[TOKEN_MAX + 16];
    struct token token = {.print = who_print(&KEYS[0]), .expires_at_ms = NOW_MS + 1000};
    struct buf text;
    (void)snprintf(token.key.text, sizeof token.key.text, "web1");
    (void)snprintf(token.tenant, sizeof token.tenant, "acme");
    (void)snprintf(token.user, sizeof token.user, "%s", user);
    (void)snprintf(token.chat.text, sizeof token.chat.text, "%s", chat);
    buf_init(&text, TOKEN_MAX);
    token_write(&text, &token, SPAN_LIT(SECRET));
    (void)snprintf(header, sizeof header, "Bearer %.*s", SPAN_ARG(buf_as_span(&text)));
    buf_release(&text);
    return header;
}

static int identify(const char *header, int64_t now_ms, struct who *who)
{
    return who_identify(&CONF, span_of(header), SPAN_NONE, now_ms, who, NULL);
}

static void a_token_is_worth_what_its_key_is(void **state)
{
    struct who who;
    static char other[] = "beta", tenant[] = "acme";
    const char *header = bearer("ann", "");
    (void)state;
    assert_int_equal(identify(header, NOW_MS, &who), 0);
    assert_string_equal(who.user, "ann");
    assert_string_equal(who.tenant, "acme");
    assert_true(who.is_token && !who.is_admin && who_is_narrow(&who));
    assert_int_equal(
        who_identify(&CONF, SPAN_NONE, span_of(header + strlen("Bearer ")), NOW_MS, &who, NULL), 0);
    assert_int_equal(identify(header, NOW_MS + 999, &who), 0);
    assert_int_equal(identify(header, NOW_MS + 1000, &who), -ERR_UNAUTHORIZED); /* expired */
    KEYS[0].tenant = other;                                                     /* not its tenant */
    assert_int_equal(identify(header, NOW_MS, &who), -ERR_UNAUTHORIZED);
    KEYS[0].tenant = tenant;
    KEYS[0].sha256 = HASHES[1].hex; /* another key under the same id */
    assert_int_equal(identify(header, NOW_MS, &who), -ERR_UNAUTHORIZED);
    assert_false(who_print_is_valid(&CONF, who.print));
    KEYS[0].sha256 = HASHES[0].hex;
    assert_true(who_print_is_valid(&CONF, who.print));
    CONF.keys = KEYS + 1; /* no such key any more */
    CONF.key_count = 2;
    assert_int_equal(identify(header, NOW_MS, &who), -ERR_UNAUTHORIZED);
    (void)set_up(NULL);
    static char none[] = "";
    CONF.api_token_secret = none;
    assert_int_equal(identify(header, NOW_MS, &who), -ERR_UNAUTHORIZED);
    (void)set_up(NULL);
}

/* {user and chat of the token, user and chat of the request, what becomes of each, the user then}
 */
static const struct {
    const char *user, *chat, *asks_user, *asks_chat;
    int user_rc, chat_rc;
    const char *becomes;
} REACH[] = {
    {"", "", NULL, NULL, 0, 0, NULL},
    {"", "", "bob", "c1", 0, 0, "bob"},
    {"ann", "", NULL, NULL, 0, 0, "ann"},
    {"ann", "", "ann", "c1", 0, 0, "ann"},
    {"ann", "", "bob", "c1", -ERR_FORBIDDEN, 0, NULL},
    {"ann", "", "", "c1", -ERR_FORBIDDEN, 0, NULL},
    {"", "c1", NULL, "c1", 0, 0, NULL},
    {"", "c1", NULL, "c2", 0, -ERR_FORBIDDEN, NULL},
    {"", "c1", NULL, NULL, 0, -ERR_FORBIDDEN, NULL},
    {"", "c1", "ann", "c1", -ERR_FORBIDDEN, 0, NULL},
    {"ann", "c1", NULL, "c1", 0, 0, "ann"},
    {"ann", "c1", "ann", "c11", 0, -ERR_FORBIDDEN, "ann"},
};

static void a_token_reaches_so_far(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof REACH / sizeof REACH[0]; i++) {
        struct who who = {.tenant = "acme"};
        struct span user = span_of(REACH[i].asks_user);
        (void)snprintf(who.user, sizeof who.user, "%s", REACH[i].user);
        (void)snprintf(who.chat.text, sizeof who.chat.text, "%s", REACH[i].chat);
        assert_int_equal(who_check_chat(&who, span_of(REACH[i].asks_chat), NULL), REACH[i].chat_rc);
        assert_int_equal(who_take_user(&who, &user, NULL), REACH[i].user_rc);
        if (REACH[i].user_rc == 0) {
            assert_true(REACH[i].becomes == NULL ? user.ptr == NULL
                                                 : span_is(user, REACH[i].becomes));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hash_is_sha256),
        cmocka_unit_test(a_header_speaks_for_a_key_or_for_nobody),
        cmocka_unit_test(a_token_is_worth_what_its_key_is),
        cmocka_unit_test(a_token_reaches_so_far),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
