/* What a Redis is told to be set to: each finding appears when its setting is wrong, and not when
 * it is right. */
#include "bus/bus_fixture.h"
#include "bus/settings.h"

#include <string.h>

struct seen {
    bool is_done;
    int status;
    int levels[FINDING_FAILURE + 1];
    char worst[32]; /* name of the last finding that is a warning or worse */
};

static void on_finding(const struct finding *f, void *arg)
{
    struct seen *s = arg;
    assert_true((f->level == FINDING_GOOD) == (*f->advice == '\0'));
    if (strcmp(f->check, "round trip") == 0)
        return; /* of how busy this machine is */
    s->levels[f->level]++;
    if (f->level >= FINDING_WARNING)
        (void)snprintf(s->worst, sizeof s->worst, "%s", f->check);
}

static void on_done(int status, void *arg)
{
    struct seen *s = arg;
    assert_false(s->is_done);
    s->is_done = true;
    s->status = status;
}

static struct seen look(struct house *h, int64_t lease_ms)
{
    struct seen s = {.is_done = false};
    struct settings *settings = settings_check(bus_link(h->bus), lease_ms,
                                               &(struct settings_hooks){on_finding, on_done, &s});
    assert_true(run_until(h->loop, is_set, &s.is_done));
    settings_free(settings);
    return s;
}

static void names_what_is_wrong(void **state)
{
    static const struct {
        const char *make_wrong, *make_right, *check;
    } rows[] = {
        {"CONFIG SET maxmemory-policy allkeys-lru", "CONFIG SET maxmemory-policy noeviction",
         "eviction"},
        {"CONFIG SET appendonly no", "CONFIG SET appendonly yes", "persistence"},
        {"CONFIG SET appendfsync no", "CONFIG SET appendfsync always", "persistence"},
        {"CONFIG SET client-output-buffer-limit \"pubsub 1mb 1mb 60\"",
         "CONFIG SET client-output-buffer-limit \"pubsub 32mb 8mb 60\"", "pubsub buffer"},
        {"SET sluice:{s00}:shards 4", "DEL sluice:{s00}:shards", "shards"},
        {"ACL SETUSER default -config", "ACL SETUSER default +config", "settings"},
        {"ACL SETUSER default -info", "ACL SETUSER default +info", "version"},
    };
    struct house *h = *state;
    if (!redis_is_installed())
        skip();
    struct seen s = look(h, 10000);
    assert_int_equal(s.status, 0);
    assert_string_equal(s.worst, "");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        (void)redis_say(&h->redis, "%s", rows[i].make_wrong);
        s = look(h, 10000);
        assert_string_equal(s.worst, rows[i].check);
        (void)redis_say(&h->redis, "%s", rows[i].make_right);
        s = look(h, 10000);
        assert_string_equal(s.worst, "");
    }
    assert_string_equal(look(h, 30000).worst, "lease");
    (void)redis_say(&h->redis, "CONFIG SET appendfsync everysec");
    assert_int_equal(look(h, 10000).levels[FINDING_NOTE], 1);
}

static void tells_that_the_link_broke(void **state)
{
    struct house *h = *state;
    struct seen s = {.is_done = false};
    if (!redis_is_installed())
        skip();
    struct settings *settings =
        settings_check(bus_link(h->bus), 10000, &(struct settings_hooks){on_finding, on_done, &s});
    redis_kill(&h->redis);
    assert_true(run_until(h->loop, is_set, &s.is_done));
    assert_int_equal(s.status, -ERR_UNAVAILABLE);
    settings_free(settings);
}

static bool is_stored(void *arg)
{
    return strstr(redis_say(arg, "GET sluice:{s00}:shards"), "1\r\n") != NULL;
}

static void a_daemon_stores_the_number_of_shards(void **state)
{
    struct house *h = *state;
    if (!redis_is_installed())
        skip();
    struct bus *daemon =
        bus_new(h->loop, &(struct bus_options){.redis_url = h->redis.url,
                                               .stop_key = "chat_stop:{chat_id}",
                                               .tenant_stop_key = "chat_stop@{tenant}:{chat_id}",
                                               .lease_ms = 10000,
                                               .warns_of_settings = true});
    assert_true(run_until(h->loop, is_stored, &h->redis));
    bus_free(daemon); /* with its look at the settings under way or not */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_what_is_wrong, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(tells_that_the_link_broke, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(a_daemon_stores_the_number_of_shards, house_setup,
                                        house_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
