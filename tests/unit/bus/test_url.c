/* Which URLs are taken, and what they say. */
#include "bus/url.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void assert_text(const char *got, const char *wanted)
{
    if (wanted == NULL)
        assert_null(got);
    else
        assert_string_equal(got, wanted);
}

static void good_urls(void **state)
{
    static const struct {
        const char *text;
        struct redis_url want;
    } rows[] = {
        {"unix:///run/r.sock", {.path = (char *)(uintptr_t) "/run/r.sock"}},
        {"unix:///run/r.sock?db=3", {.path = (char *)(uintptr_t) "/run/r.sock", .db = 3}},
        {"unix://:p%40ss@/r",
         {.path = (char *)(uintptr_t) "/r", .password = (char *)(uintptr_t) "p@ss"}},
        {"redis://localhost", {.host = (char *)(uintptr_t) "localhost", .port = 6379}},
        {"redis://h:7000/2", {.host = (char *)(uintptr_t) "h", .port = 7000, .db = 2}},
        {"redis://h:7000/", {.host = (char *)(uintptr_t) "h", .port = 7000}},
        {"redis://[::1]:7000", {.host = (char *)(uintptr_t) "::1", .port = 7000}},
        {"redis://[::1]", {.host = (char *)(uintptr_t) "::1", .port = 6379}},
        {"redis://u:a:b@h",
         {.host = (char *)(uintptr_t) "h",
          .port = 6379,
          .user = (char *)(uintptr_t) "u",
          .password = (char *)(uintptr_t) "a:b"}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct redis_url got;
        assert_int_equal(redis_url_parse(span_of(rows[i].text), &got, NULL), 0);
        assert_text(got.path, rows[i].want.path);
        assert_text(got.host, rows[i].want.host);
        assert_text(got.user, rows[i].want.user);
        assert_text(got.password, rows[i].want.password);
        assert_int_equal(got.port, rows[i].want.port);
        assert_int_equal(got.db, rows[i].want.db);
        redis_url_release(&got);
    }
}

static void bad_urls(void **state)
{
    static const char *const rows[] = {
        "",
        "http://h",
        "redis:/h",
        "redis://",
        "redis://:1",
        "redis://h:0",
        "redis://h:65536",
        "redis://h:1x",
        "redis://h/x",
        "redis://h/-1",
        "redis://[::1",
        "redis://[::1]x",
        "redis://u@h",
        "redis://u:%zz@h",
        "redis://u:%4@h",
        "redis://u:%00@h",
        "redis://%:p@h",
        "unix://r.sock",
        "unix://",
        "unix:///r?x=1",
        "unix:///r?db=x",
        "unix:///"
        "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
        "00000000000000000000",
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct redis_url url;
        struct err err = {.code = ERR_OK};
        assert_int_equal(redis_url_parse(span_of(rows[i]), &url, &err), -ERR_CONFIG);
        assert_int_equal(err.code, ERR_CONFIG);
        assert_string_equal(err.param, "redis.url");
    }
}

static void names_become_numbers(void **state)
{
    char host[] = "127.0.0.1";
    char nowhere[] = "a-label-of-more-than-63-characters-which-no-name-server-is-asked-for.invalid";
    char *address = redis_url_resolve(&(struct redis_url){.host = host});
    (void)state;
    assert_string_equal(address, "127.0.0.1");
    mem_free(address);
    assert_null(redis_url_resolve(&(struct redis_url){.host = nowhere}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_urls),
        cmocka_unit_test(bad_urls),
        cmocka_unit_test(names_become_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
