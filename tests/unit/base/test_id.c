/* Ids: what is let in, and what ours look like. */
#include "base/id.h"

#include "base/base_test.h"

#include <string.h>

static char long_text[200];

static void lets_ids_in(void **state)
{
    static const char *const good[] = {"a", "Z9", "chat_01:x.y-z", "..a", "-"};
    static const char *const bad[] = {"", ".", "..", "a b", "a/b", "é", "a\n", "a{b}", "a*"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(id_is_valid(span_of(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(id_is_valid(span_of(bad[i])));
    assert_false(id_is_valid(SPAN_NONE));
    assert_false(id_is_valid(SPAN_LIT("a\0b")));
    memset(long_text, 'x', sizeof long_text);
    assert_true(id_is_valid(span_make(long_text, ID_MAX)));
    assert_false(id_is_valid(span_make(long_text, ID_MAX + 1)));
}

static void lets_tenants_in(void **state)
{
    (void)state;
    assert_true(id_is_tenant(SPAN_LIT("default")));
    assert_true(id_is_tenant(SPAN_LIT("a-b_9")));
    assert_false(id_is_tenant(SPAN_LIT("Default")));
    assert_false(id_is_tenant(SPAN_LIT("a.b")));
    assert_false(id_is_tenant(SPAN_NONE));
    memset(long_text, 'x', sizeof long_text);
    assert_true(id_is_tenant(span_make(long_text, ID_TENANT_MAX)));
    assert_false(id_is_tenant(span_make(long_text, ID_TENANT_MAX + 1)));
}

static void mints(void **state)
{
    enum { MANY = 1000 };
    static struct id ids[MANY];
    bool seen[256] = {false};
    (void)state;
    for (size_t i = 0; i < MANY; i++) {
        ids[i] = id_mint("gen");
        assert_int_equal(strlen(ids[i].text), 4 + 26);
        assert_memory_equal(ids[i].text, "gen_", 4);
        assert_int_equal(strspn(ids[i].text + 4, "0123456789abcdefghjkmnpqrstvwxyz"), 26);
        assert_true(id_is_valid(span_of(ids[i].text)));
        assert_non_null(
            strchr("048cgmrw", ids[i].text[29])); /* 26 times five bits: the last two are padding */
        for (size_t k = 4; k < 29; k++)
            seen[(unsigned char)ids[i].text[k]] = true;
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(ids[i].text, ids[k].text);
    }
    size_t characters = 0;
    for (size_t c = 0; c < 256; c++)
        characters += seen[c];
    assert_int_equal(characters, 32);
}

static void take_a_bad_one(void *arg)
{
    (void)arg;
    (void)id_from(SPAN_LIT("a b"));
}

static void copies_checked_ones(void **state)
{
    (void)state;
    struct id id = id_from(span_make("abcdef", 4));
    assert_string_equal(id.text, "abcd");
    assert_true(aborts(take_a_bad_one, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lets_ids_in),
        cmocka_unit_test(lets_tenants_in),
        cmocka_unit_test(mints),
        cmocka_unit_test(copies_checked_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
