/* Addresses, networks, and whom a chain of proxies speaks for. */
#include "base/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char *name_of(const char *text)
{
    static char name[ADDRESS_TEXT];
    struct address a;
    if (!address_parse(span_of(text), &a))
        return "none";
    address_put_name(&a, name);
    return name;
}

static void an_address_is_named_once_however_it_is_written(void **state)
{
    static const char *const rows[][2] = {
        {"1.2.3.4", "1.2.3.4"},
        {"1.2.3.4:80", "1.2.3.4"},
        {"::ffff:1.2.3.4", "1.2.3.4"},
        {"[::ffff:1.2.3.4]:80", "1.2.3.4"},
        {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"}, /* a client owns its /64 */
        {"[2001:DB8:1:2::1]:443", "2001:db8:1:2::"},
        {"[2001:db8:1:2::1]", "2001:db8:1:2::"},
        {"2001:db8:1:3::1", "2001:db8:1:3::"},
    };
    static const char *const none[] = {"",         "unknown",     "_hidden",       "1.2.3",
                                       "1.2.3.4:", "1.2.3.4:x",   "1.2.3.4:65536", "[1.2.3.4]",
                                       "[::1",     "[::1]x",      "[::1]:",        "::1]",
                                       "1.2.3.4 ", "1.2.3.4:1:2", "localhost"};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(name_of(rows[i][0]), rows[i][1]);
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_string_equal(name_of(none[i]), "none");
}

static bool holds(const char *network, const char *address)
{
    struct network n;
    struct address a;
    assert_true(network_parse(span_of(network), &n));
    assert_true(address_parse(span_of(address), &a));
    return address_is_in(&a, &n, 1);
}

static void a_network_holds_what_shares_its_bits(void **state)
{
    static const char *const wrong[] = {"",       "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1",
                                        "::/129", "10.0.0/8",  "a/8",         "::ffff:1.2.3.4/95"};
    struct network n;
    (void)state;
    assert_true(holds("10.0.0.0/8", "10.255.0.1"));
    assert_false(holds("10.0.0.0/8", "11.0.0.1"));
    assert_true(holds("10.0.0.128/25", "10.0.0.255"));
    assert_false(holds("10.0.0.128/25", "10.0.0.127"));
    assert_true(holds("0.0.0.0/0", "1.2.3.4"));
    assert_false(holds("0.0.0.0/0", "::1"));
    assert_true(holds("1.2.3.4", "::ffff:1.2.3.4"));
    assert_true(holds("::ffff:10.0.0.0/104", "10.1.2.3"));
    assert_true(holds("2001:db8::/33", "2001:db8:7fff::1"));
    assert_false(holds("2001:db8::/33", "2001:db8:8000::1"));
    assert_true(holds("::1", "::1"));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(network_parse(span_of(wrong[i]), &n));
}

static void a_chain_is_followed_to_the_first_that_is_not_trusted(void **state)
{
    static const struct {
        const char *forwarded, *client;
        bool goes_on;
    } rows[] = {
        {NULL, "10.0.0.1", true},
        {"8.8.8.8", "8.8.8.8", false},
        {"1.1.1.1, 8.8.8.8", "8.8.8.8", false}, /* what is left of it the client may have made up */
        {"8.8.8.8,10.0.0.9", "8.8.8.8", false},
        {" 8.8.8.8 \t, 10.0.0.9 ,10.0.0.8:77", "8.8.8.8", false},
        {"10.0.0.7, 10.0.0.8", "10.0.0.7", true},
        {"8.8.8.8, unknown, 10.0.0.8", "10.0.0.8", false},
        {"8.8.8.8, ", "10.0.0.1", false},
        {"", "10.0.0.1", false},
        {"[2001:db8::1]:443", "2001:db8::", false},
    };
    struct network trusted;
    (void)state;
    assert_true(network_parse(SPAN_LIT("10.0.0.0/8"), &trusted));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct address client;
        char name[ADDRESS_TEXT];
        assert_true(address_parse(SPAN_LIT("10.0.0.1"), &client));
        bool goes_on = address_walk(&client, span_of(rows[i].forwarded), &trusted, 1);
        address_put_name(&client, name);
        assert_string_equal(name, rows[i].client);
        assert_int_equal(goes_on, rows[i].goes_on);
    }
}

static void loopback_is_told_by_number_or_its_one_name(void **state)
{
    static const char *const ours[] = {"localhost",    "LOCALHOST:1", "127.9.9.9",
                                       "127.0.0.1:80", "[::1]",       "[::1]:8"};
    static const char *const foreign[] = {
        "",       "localhost.",         "a.localhost", "127.1",
        "::1",    "[::ffff:127.0.0.1]", "128.0.0.1",   "127.0.0.1.evil.example:80",
        "0.0.0.0"};
    (void)state;
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        assert_true(address_host_is_loopback(span_of(ours[i])));
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        assert_false(address_host_is_loopback(span_of(foreign[i])));
    assert_false(address_host_is_loopback(SPAN_NONE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_named_once_however_it_is_written),
        cmocka_unit_test(a_network_holds_what_shares_its_bits),
        cmocka_unit_test(a_chain_is_followed_to_the_first_that_is_not_trusted),
        cmocka_unit_test(loopback_is_told_by_number_or_its_one_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
