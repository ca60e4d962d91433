/* The environment goes over the file; a model can come from it alone. */
#include "conf/conf_fixture.h"

static void the_environment_goes_over_the_file(void **state)
{
    (void)state;
    static const char *const variables[][2] = {
        {"SLUICE_REDIS_URL", "redis://u:canary-pw@10.0.0.1:6379/2"},
        {"SLUICE_WORKER_SLOTS", "1"},
        {"SLUICE_STOP_KEY", "s:{chat_id}"},
        {"SLUICE_TENANT_STOP_KEY", "s:{tenant}:{chat_id}"},
        {"SLUICE_API_LISTEN", "127.0.0.1:1, [::1]:2,localhost:3"},
        {"SLUICE_API_ORIGINS", ""},
        {"SLUICE_KEEP_CHAT", "90d"},
        {"SLUICE_API_TOKEN_SECRET", "env:T_SECRET"},
        {"SLUICE_HOME", "/x"},
        {"SLUICE_NEVER_HEARD_OF", "x"},
    };
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
        set(variables[i][0], variables[i][1]);
    struct conf *conf =
        loaded("worker: {slots: 7, lease: 5s}\napi: {origins: [https://a.example]}\n");
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
        set(variables[i][0], NULL);
    assert_string_equal(conf->redis_url, "redis://u:canary-pw@10.0.0.1:6379/2");
    assert_int_equal(conf->worker_slots, 1);
    assert_int_equal(conf->worker_lease, 5000);
    assert_string_equal(conf->stop_key, "s:{chat_id}");
    assert_string_equal(conf->stop_tenant_key, "s:{tenant}:{chat_id}");
    assert_int_equal(conf->api_listen.count, 3);
    assert_string_equal(conf->api_listen.items[1], "[::1]:2");
    assert_int_equal(conf->api_origins.count, 0);
    assert_true(conf->keep_chat == 90LL * 86400000);
    assert_string_equal(conf->api_token_secret, "canary-token-secret");
    conf_free(conf);
}

static void a_bad_variable_is_named(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"SLUICE_WORKER_SLOTS", "8x",
         "SLUICE_WORKER_SLOTS: '8x' is not valid; expected a whole number, 1 to 10000"},
        {"SLUICE_WORKER_SLOTS", "",
         "SLUICE_WORKER_SLOTS: '' is not valid; expected a whole number, 1 to 10000"},
        {"SLUICE_API_LISTEN", "127.0.0.1:1,,127.0.0.1:2",
         "SLUICE_API_LISTEN: '' is not valid; expected a list of host:port"},
        {"SLUICE_API_LISTEN", "",
         "SLUICE_API_LISTEN: the list must not be empty; expected a list of host:port"},
        {"SLUICE_API_TOKEN_SECRET", "canary",
         "SLUICE_API_TOKEN_SECRET: the value is not valid; expected env:NAME or file:PATH"},
        {"SLUICE_REDIS_URL", "canary",
         "SLUICE_REDIS_URL: the value is not valid; expected unix:///path or redis://"},
        {"SLUICE_REDIS_URL", "env:T_ABSENT",
         "SLUICE_REDIS_URL: the environment variable T_ABSENT is not set"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct conf *conf = NULL;
        struct err err;
        set(rows[i][0], rows[i][1]);
        assert_int_equal(conf_load(NULL, &conf, &err), -ERR_CONFIG);
        set(rows[i][0], NULL);
        if (!span_starts_with(span_of(err.message), rows[i][2]))
            fail_msg("%s\n%s", rows[i][2], err.message);
    }
}

static void a_variable_names_the_file(void **state)
{
    (void)state;
    static const char text[] = "worker: {slots: 9}\n";
    struct conf *conf = NULL;
    struct err err;
    write_bytes(file, text, strlen(text));
    set("SLUICE_CONFIG", file);
    assert_int_equal(conf_load(NULL, &conf, &err), 0);
    assert_int_equal(conf->worker_slots, 9);
    conf_free(conf);
    set("SLUICE_CONFIG", "");
    assert_int_equal(conf_load(NULL, &conf, &err), 0);
    assert_int_equal(conf->worker_slots, 256);
    conf_free(conf);
    set("SLUICE_CONFIG", NULL);
}

static int clear_model(void **state)
{
    (void)state;
    set("SLUICE_LLM_URL", NULL);
    set("SLUICE_LLM_MODEL", NULL);
    set("SLUICE_LLM_KEY", NULL);
    return 0;
}

static void a_model_can_come_from_the_environment_alone(void **state)
{
    (void)state;
    static const char *const keys[][2] = {
        {"env:T_KEY", "canary-provider-key"}, {"sk-plain", "sk-plain"}, {"", ""}};
    struct conf *conf = NULL;
    struct err err;
    set("SLUICE_LLM_URL", "http://127.0.0.1:11434/v1");
    assert_int_equal(conf_load(NULL, &conf, &err), 0);
    assert_int_equal(conf->model_count, 0); /* a URL without a model is not enough */
    conf_free(conf);
    set("SLUICE_LLM_MODEL", "qwen2.5:0.5b");
    for (size_t i = 0; i < 3; i++) {
        set("SLUICE_LLM_KEY", keys[i][0]);
        assert_int_equal(conf_load(NULL, &conf, &err), 0);
        const struct conf_model *model = conf_find_model(conf, SPAN_LIT("default"));
        assert_non_null(model);
        assert_string_equal(model->base_url, "http://127.0.0.1:11434/v1");
        assert_string_equal(model->model, "qwen2.5:0.5b");
        assert_string_equal(model->key, keys[i][1]);
        assert_int_equal(model->idle_ms, 45000);
        conf_free(conf);
    }
    conf = loaded("models: [{name: own, model: m}]\n");
    assert_int_equal(conf->model_count, 1); /* the file's models stand */
    assert_string_equal(conf->models[0].name, "own");
    conf_free(conf);
}

static void a_bad_model_in_the_environment_is_named(void **state)
{
    (void)state;
    struct conf *conf = NULL;
    struct err err;
    set("SLUICE_LLM_URL", "http://127.0.0.1:11434/v1");
    set("SLUICE_LLM_MODEL", "m");
    set("SLUICE_LLM_KEY", "env:T_ABSENT");
    assert_int_equal(conf_load(NULL, &conf, &err), -ERR_CONFIG);
    assert_string_equal(err.message,
                        "SLUICE_LLM_KEY: the environment variable T_ABSENT is not set");
    set("SLUICE_LLM_KEY", "canary\nb");
    assert_int_equal(conf_load(NULL, &conf, &err), -ERR_CONFIG);
    assert_string_equal(err.message, "SLUICE_LLM_KEY: a key is one line of text");
    set("SLUICE_LLM_KEY", NULL);
    set("SLUICE_LLM_URL", "127.0.0.1");
    assert_int_equal(conf_load(NULL, &conf, &err), -ERR_CONFIG);
    assert_true(span_starts_with(span_of(err.message),
                                 "SLUICE_LLM_URL: '127.0.0.1' is not valid; expected a URL"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_environment_goes_over_the_file),
        cmocka_unit_test(a_bad_variable_is_named),
        cmocka_unit_test(a_variable_names_the_file),
        cmocka_unit_test_teardown(a_model_can_come_from_the_environment_alone, clear_model),
        cmocka_unit_test_teardown(a_bad_model_in_the_environment_is_named, clear_model),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
