/* Who may call an API without keys: loopback names and its own pages, nobody else. */
#include "api/host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static char *ORIGINS[] = {(char[]){"https://chat.example"}};
static const struct conf_list LISTED = {.items = ORIGINS, .count = 1};

static const struct {
    const char *host;
    const char *origin;
    bool is_served;
} ROWS[] = {
    {"127.0.0.1:8080", NULL, true},
    {"127.0.0.1", NULL, true},
    {"127.8.9.1:1", NULL, true},
    {"localhost:8080", NULL, true},
    {"LocalHost", NULL, true},
    {"[::1]:8080", NULL, true},
    {"[::1]", NULL, true},
    {NULL, NULL, false},
    {"", NULL, false},
    {"evil.example", NULL, false},
    {"evil.example:8080", NULL, false},
    {"localhost.evil.example", NULL, false},
    {"127.0.0.1.evil.example:8080", NULL, false},
    {"128.0.0.1", NULL, false},
    {"0.0.0.0:8080", NULL, false},
    {"10.0.0.1:8080", NULL, false},
    {"[::]:8080", NULL, false},
    {"[::ffff:127.0.0.1]", NULL, false},
    {"2130706433", NULL, false},
    {"127.0.0.1:8080", "http://127.0.0.1:8080", true},
    {"127.0.0.1:8080", "http://localhost:8080", true},
    {"[::1]:8080", "http://[::1]:8080", true},
    {"localhost", "http://localhost", true},
    {"localhost:80", "http://localhost", true},
    {"127.0.0.1:8080", "http://localhost:3000", false},
    {"127.0.0.1:8080", "http://localhost", false},
    {"127.0.0.1:8080", "http://evil.example:8080", false},
    {"127.0.0.1:8080", "https://evil.example", false},
    {"127.0.0.1:8080", "null", false},
    {"127.0.0.1:8080", "", false},
    {"127.0.0.1:8080", "https://chat.example", true},
    {"127.0.0.1:8080", "https://chat.example.evil.example", false},
    {"evil.example", "https://chat.example", false},
};

static void test_only_what_is_ours_is_served(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        struct err err = {.code = ERR_OK};
        int rc = host_check(span_of(ROWS[i].host), span_of(ROWS[i].origin), &LISTED, &err);
        if (rc != (ROWS[i].is_served ? 0 : -ERR_FORBIDDEN)) {
            fail_msg("host %s origin %s: %d", ROWS[i].host == NULL ? "-" : ROWS[i].host,
                     ROWS[i].origin == NULL ? "-" : ROWS[i].origin, rc);
        }
    }
}

static void test_listen_addresses(void **state)
{
    (void)state;
    assert_true(host_is_loopback(SPAN_LIT("127.0.0.1:0")));
    assert_true(host_is_loopback(SPAN_LIT("[::1]:8080")));
    assert_true(host_is_loopback(SPAN_LIT("localhost:8080")));
    assert_false(host_is_loopback(SPAN_LIT("0.0.0.0:8080")));
    assert_false(host_is_loopback(SPAN_LIT("[::]:8080")));
    assert_false(host_is_loopback(SPAN_LIT("192.168.1.2:8080")));
    assert_false(host_is_loopback(SPAN_LIT(":8080")));
    assert_false(host_is_loopback(SPAN_LIT("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_what_is_ours_is_served),
        cmocka_unit_test(test_listen_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
