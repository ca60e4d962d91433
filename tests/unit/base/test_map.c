/* The map: put, get, replace, remove; removing while walking; keys are copied. */
#include "base/map.h"

#include <string.h>

#include "base/base_test.h"

static int values[1000];

static void puts_and_gets(void **state)
{
    char key[] = "key";
    struct map *map = map_new();
    (void)state;
    assert_null(map_get(map, "key"));
    assert_null(map_remove(map, "key"));
    assert_null(map_put(map, key, &values[1]));
    key[0] = 'X';
    assert_ptr_equal(map_get(map, "key"), &values[1]);
    assert_null(map_get(map, "ke"));
    assert_null(map_get(map, "Xey"));
    assert_ptr_equal(map_put(map, "key", &values[2]), &values[1]);
    assert_int_equal(map_count(map), 1);
    assert_ptr_equal(map_remove(map, "key"), &values[2]);
    assert_int_equal(map_count(map), 0);
    assert_null(map_get(map, "key"));
    map_free(map);
    map_free(NULL);
}

struct walk {
    struct map *map;
    char last[16];
    size_t calls;
};

static void visit(const char *key, void *value, void *arg)
{
    struct walk *walk = arg;
    assert_true(strcmp(walk->last, key) < 0);
    (void)snprintf(walk->last, sizeof walk->last, "%s", key);
    if (*(int *)value % 2 == 0)
        assert_ptr_equal(map_remove(walk->map, key), value);
    walk->calls++;
}

static void walks_in_order_and_may_lose_entries(void **state)
{
    struct walk walk = {.map = map_new()};
    (void)state;
    for (int i = 0; i < 1000; i++) {
        char key[16];
        values[i] = i;
        (void)snprintf(key, sizeof key, "k%03d", i * 7 % 1000);
        assert_null(map_put(walk.map, key, &values[i]));
    }
    map_each(walk.map, visit, &walk);
    assert_int_equal(walk.calls, 1000);
    assert_int_equal(map_count(walk.map), 500);
    for (int i = 0; i < 1000; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "k%03d", i * 7 % 1000);
        assert_ptr_equal(map_get(walk.map, key), i % 2 == 0 ? NULL : &values[i]);
    }
    map_free(walk.map); /* with its entries: the leak checker sees to it */
}

static void walks_an_empty_one(void **state)
{
    struct walk walk = {.map = map_new()};
    (void)state;
    map_each(walk.map, visit, &walk);
    assert_int_equal(walk.calls, 0);
    map_free(walk.map);
}

static void put_nothing(void *arg)
{
    (void)map_put(arg, "key", NULL);
}

static void checks_its_callers(void **state)
{
    struct map *map = map_new();
    (void)state;
    assert_true(aborts(put_nothing, map));
    map_free(map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(puts_and_gets),
        cmocka_unit_test(walks_in_order_and_may_lose_entries),
        cmocka_unit_test(walks_an_empty_one),
        cmocka_unit_test(checks_its_callers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
