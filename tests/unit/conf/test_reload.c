/* A reload takes what may change, and nothing of what is wrong. */
#include "conf/conf_fixture.h"

static char kept[256];

static void on_kept(const char *key, void *arg)
{
    (void)arg;
    size_t used = strlen(kept);
    (void)snprintf(kept + used, sizeof(kept) - used, "%s ", key);
}

static int refuse_two_models(const struct conf *conf, struct err *err)
{
    return conf->model_count < 2 ? 0 : err_set(err, ERR_CONFIG, NULL, "one model is enough");
}

static int reload(struct conf *conf, const char *text, struct err *err)
{
    const struct conf_reload_hooks hooks = {.check = refuse_two_models, .on_kept = on_kept};
    kept[0] = '\0';
    *err = (struct err){0};
    write_bytes(file, text, strlen(text));
    return conf_reload(conf, &hooks, err);
}

static void a_reload_takes_what_may_change(void **state)
{
    (void)state;
    struct err err;
    struct conf *conf = loaded("worker: {slots: 5, lease: 9s}\napi: {origins: [\"http://a.org\"]}\n"
                               "models: [{name: one, model: m}]\n");
    assert_int_equal(reload(conf,
                            "worker: {slots: 6, lease: 8s}\nlog: {level: debug}\n"
                            "redis: {url: \"redis://other:1\"}\n"
                            "api: {origins: [\"http://b.org\", \"http://c.org\"]}\n"
                            "models: [{name: two, model: m, key: \"env:T_KEY\"}]\n"
                            "tenants: [{name: acme, queued: 3}]\n",
                            &err),
                     0);
    assert_string_equal(kept, "redis.url worker.lease ");
    assert_int_equal(conf->worker_slots, 6);
    assert_int_equal(conf->worker_lease, 9000);
    assert_string_equal(conf->redis_url, "unix:///run/sluice/redis.sock");
    assert_string_equal(conf->log_level, "debug");
    assert_int_equal(conf->api_origins.count, 2);
    assert_null(conf_find_model(conf, SPAN_LIT("one")));
    assert_string_equal(conf_find_model(conf, SPAN_LIT("two"))->key, "canary-provider-key");
    assert_int_equal(conf_find_tenant(conf, SPAN_LIT("acme"))->queued, 3);
    assert_non_null(conf_find_tenant(conf, SPAN_LIT("default")));
    assert_int_equal(reload(conf, "", &err), 0); /* back to the defaults; the lease is due still */
    assert_string_equal(kept, "worker.lease ");
    assert_int_equal(conf->worker_slots, 256);
    assert_int_equal(conf->model_count, 0);
    conf_free(conf);
}

static void a_bad_reload_changes_nothing(void **state)
{
    static const struct {
        const char *text, *message;
    } bad[] = {
        {"worker: {slots: 8x}\n", "8x"},
        {"log: {level: debug}\nworker: {slots: 7, colour: red}\n", "unknown name"},
        {"models: [{name: a, model: m}, {name: b, model: m}]\n", "one model is enough"},
    };
    (void)state;
    struct err err;
    struct conf *conf = loaded("worker: {slots: 5}\nmodels: [{name: one, model: m}]\n");
    char *before = printed(conf);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(reload(conf, bad[i].text, &err), -ERR_CONFIG);
        assert_non_null(strstr(err.message, bad[i].message));
        assert_string_equal(kept, "");
        char *after = printed(conf);
        assert_string_equal(before, after);
        mem_free(after);
    }
    assert_int_equal(unlink(file), 0); /* it is gone altogether */
    assert_int_equal(conf_reload(conf, &(struct conf_reload_hooks){.on_kept = on_kept}, &err),
                     -ERR_CONFIG);
    assert_int_equal(conf->worker_slots, 5);
    mem_free(before);
    conf_free(conf);
}

static void a_model_can_be_kept_over_a_reload(void **state)
{
    (void)state;
    struct err err;
    struct conf *conf =
        loaded("models: [{name: one, model: m, key: \"env:T_KEY\", supports: [tools, "
               "image], timeouts: {idle: 7s}}]\n");
    struct conf_model *copy = conf_model_copy(&conf->models[0]);
    assert_int_equal(reload(conf, "", &err), 0);
    assert_string_equal(copy->name, "one");
    assert_string_equal(copy->key, "canary-provider-key");
    assert_string_equal(copy->supports.items[1], "image");
    assert_int_equal(copy->idle_ms, 7000);
    conf_model_free(copy);
    conf_model_free(NULL);
    conf_free(conf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reload_takes_what_may_change),
        cmocka_unit_test(a_bad_reload_changes_nothing),
        cmocka_unit_test(a_model_can_be_kept_over_a_reload),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
