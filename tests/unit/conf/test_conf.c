/* The configuration: what a file may say, and what every mistake is answered with. */
#include "conf/broken_files.h"

static void check_values(const struct conf *conf)
{
    assert_string_equal(conf->redis_url, "unix:///run/sluice/redis.sock");
    assert_int_equal(conf->redis_shards, 1);
    assert_string_equal(conf->stop_key, "chat_stop:{chat_id}");
    assert_string_equal(conf->stop_tenant_key, "chat_stop@{tenant}:{chat_id}");
    assert_int_equal(conf->api_listen.count, 1);
    assert_string_equal(conf->api_listen.items[0], "127.0.0.1:8080");
    assert_string_equal(conf->api_admin_listen, "127.0.0.1:8081");
    assert_int_equal(conf->api_origins.count + conf->api_trusted_proxies.count, 0);
    assert_int_equal(conf->worker_slots, 256);
    assert_int_equal(conf->worker_lease, 10000);
    assert_int_equal(conf->worker_drain, 170000);
    assert_int_equal(conf->worker_stop_poll, 100);
    assert_string_equal(conf->worker_metrics_listen, "127.0.0.1:0");
    assert_int_equal(conf->limits_message, 256 * 1024);
    assert_int_equal(conf->limits_body, 1024 * 1024);
    assert_int_equal(conf->limits_output, 1024 * 1024);
    assert_int_equal(conf->limits_events, 10000);
    assert_int_equal(conf->limits_history_messages, 200);
    assert_int_equal(conf->limits_history_bytes, 1024 * 1024);
    assert_int_equal(conf->limits_waiting_per_chat, 10);
    assert_int_equal(conf->limits_disconnect_grace, 5000);
    assert_int_equal(conf->limits_sse_stall, 60000);
    assert_int_equal(conf->keep_log, 600000);
    assert_int_equal(conf->keep_record, 86400000);
    assert_true(conf->keep_chat == INT64_MAX);
    assert_int_equal(conf->keep_dead, 7 * 86400000);
    assert_int_equal(conf->queue_interactive_timeout, 600000);
    assert_int_equal(conf->queue_batch_timeout, 86400000);
    assert_string_equal(conf->graph_folder, "");
    assert_int_equal(conf->graph_hosts.count + conf->graph_networks.count, 0);
    assert_int_equal(conf->secret_count, 0);
    assert_string_equal(conf->log_level, "info");
    assert_string_equal(conf->log_format, "text");
    const struct conf_tenant *tenant = conf_find_tenant(conf, SPAN_LIT("default"));
    assert_non_null(tenant);
    assert_int_equal(tenant->running, 64);
    assert_int_equal(tenant->queued, 10000);
    assert_int_equal(tenant->requests_per_minute + tenant->tokens_per_day, 0);
    assert_string_equal(tenant->webhook_url, "");
}

static void without_a_file_the_defaults_stand(void **state)
{
    (void)state;
    struct conf *conf = NULL;
    struct err err;
    assert_int_equal(conf_load(NULL, &conf, &err), 0);
    check_values(conf);
    assert_int_equal(conf->model_count + conf->key_count, 0);
    assert_null(conf_find_model(conf, SPAN_LIT("")));
    assert_null(conf_find_tenant(conf, SPAN_LIT("other")));
    assert_string_equal(conf->api_token_secret, "");
    conf_free(conf);
    conf_free(NULL);
}

static void empty_files_and_sections_change_nothing(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "# nothing\n",
                                        "---\n",
                                        "{}",
                                        "api:\nlimits: {}\nmodels:\ntenants: []\nkeys:\n",
                                        "\xef\xbb\xbf{}\n",
                                        "log: {}\r\nkeep: {}\r\n"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct conf *conf = loaded(texts[i]);
        check_values(conf);
        conf_free(conf);
    }
}

static void the_designs_example_is_read(void **state)
{
    (void)state;
    struct conf *conf = loaded(DESIGN);
    check_values(conf);
    assert_string_equal(conf->api_token_secret, "canary-token-secret");
    assert_int_equal(conf->model_count, 1);
    const struct conf_model *model = conf_find_model(conf, SPAN_LIT(""));
    assert_ptr_equal(model, conf_find_model(conf, SPAN_LIT("default")));
    assert_null(conf_find_model(conf, SPAN_LIT("other")));
    assert_string_equal(model->provider, "openai");
    assert_string_equal(model->base_url, "https://api.example.org/v1");
    assert_string_equal(model->key, "canary-provider-key");
    assert_string_equal(model->model, "m");
    assert_string_equal(model->supports.items[0], "tools");
    assert_int_equal(model->concurrency, 32);
    assert_int_equal(model->connect_ms, 10000);
    assert_int_equal(model->first_byte_ms, 60000);
    assert_int_equal(model->first_token_ms, 120000);
    assert_int_equal(model->idle_ms, 45000);
    assert_int_equal(model->total_ms, 900000);
    assert_int_equal(conf->key_count, 1);
    assert_string_equal(conf->keys[0].id, "web1");
    assert_string_equal(conf->keys[0].role, "user");
    conf_free(conf);
}

static void block_style_and_lists_are_read(void **state)
{
    (void)state;
    struct conf *conf =
        loaded("api:\n  listen:\n    - 0.0.0.0:80\n    - '[::1]:8080'\n"
               "  origins: [https://a.example, 'http://b.example:81']\n  "
               "trusted_proxies: [10.0.0.0/8, '::1']\n"
               "models:\n  - {name: a, model: x, fallbacks: [b]}\n  - name: b\n    "
               "model: y\n    provider: anthropic\n    timeouts: {idle: 1s}\n"
               "  - {name: c, model: z, provider: ollama}\n"
               "  - {name: d, model: z, provider: ollama, base_url: \"http://10.0.0.7\"}\n"
               "tenants: [{name: acme}]\nkeys: [{id: k, tenant: acme, sha256: " HASH
               "}]\nlog: {level: debug, format: json}\n");
    assert_int_equal(conf->api_listen.count, 2);
    assert_string_equal(conf->api_listen.items[1], "[::1]:8080");
    assert_int_equal(conf->api_origins.count, 2);
    assert_int_equal(conf->api_trusted_proxies.count, 2);
    assert_int_equal(conf->model_count, 4);
    assert_string_equal(conf_find_model(conf, SPAN_LIT(""))->name,
                        "a"); /* the first, since none is called default */
    assert_string_equal(conf->models[0].fallbacks.items[0], "b");
    assert_string_equal(conf->models[0].base_url, "https://api.openai.com/v1");
    assert_string_equal(conf->models[1].base_url, "https://api.anthropic.com");
    assert_string_equal(conf->models[2].base_url, "http://127.0.0.1:11434");
    assert_string_equal(conf->models[3].base_url, "http://10.0.0.7");
    assert_int_equal(conf->models[1].idle_ms, 1000);
    assert_int_equal(conf->models[1].total_ms, 900000);
    assert_non_null(conf_find_tenant(conf, SPAN_LIT("acme")));
    assert_non_null(conf_find_tenant(conf, SPAN_LIT("default")));
    conf_free(conf);
}

static void what_graphs_may_reach_is_read(void **state)
{
    (void)state;
    struct conf *conf = loaded(
        "graph:\n  folder: /etc/sluice/graphs\n  hosts: [crm.example, 'crm.example:8443', "
        "'*.example.com', '*:8080', '*', 'tools.test:443=127.0.0.1:9000', 'v6.test=[::1]:9', "
        "'10.0.0.1:80', '[fd00::1]:80']\n  networks: [10.0.0.0/8, 'fd00::/8']\n"
        "secrets: [{name: crm, value: 'env:T_KEY'}, {name: Other_1, value: 'env:T_SECRET'}]\n");
    assert_string_equal(conf->graph_folder, "/etc/sluice/graphs");
    assert_int_equal(conf->graph_hosts.count, 9);
    assert_int_equal(conf->graph_networks.count, 2);
    assert_string_equal(conf_find_secret(conf, SPAN_LIT("crm")), "canary-provider-key");
    assert_string_equal(conf_find_secret(conf, SPAN_LIT("Other_1")), "canary-token-secret");
    assert_null(conf_find_secret(conf, SPAN_LIT("cr")));
    char *text = printed(conf);
    assert_null(strstr(text, "canary"));
    assert_non_null(strstr(text, "secrets:\n  - {name: \"crm\", value: \"***\"}\n"));
    mem_free(text);
    conf_free(conf);
}

static bool is_as_told(const struct broken *broken, int result, const struct err *err)
{
    char place[128];
    (void)snprintf(place, sizeof(place), "%s:%s: ", file, broken->place);
    return result == -ERR_CONFIG && err->code == ERR_CONFIG &&
           span_starts_with(span_of(err->message), place) &&
           strstr(err->message, broken->says) != NULL &&
           (broken->expects == NULL || strstr(err->message, broken->expects) != NULL) &&
           strstr(err->message, "canary") == NULL;
}

static void every_mistake_names_its_place_and_what_was_expected(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (size_t i = 0; i < sizeof(broken_files) / sizeof(broken_files[0]); i++) {
        const struct broken *broken = &broken_files[i];
        struct conf *conf;
        struct err err;
        int result = load(broken->text, &conf, &err);
        if (is_as_told(broken, result, &err) && conf == NULL)
            continue;
        wrong++;
        print_message("%s  wanted %s: %s ... %s\n  got %d %s\n", broken->text, broken->place,
                      broken->says, broken->expects == NULL ? "" : broken->expects, result,
                      err.message);
        conf_free(conf);
    }
    assert_int_equal(wrong, 0);
}

static void sizes_are_bounded_before_the_parser_sees_them(void **state)
{
    (void)state;
    enum { ROOM = 256 * 1024 };
    struct conf *conf;
    struct err err;
    char *text = mem_new(ROOM);
    memset(text, '[', 100 * 1000); /* libyaml alone needs twelve seconds for these */
    assert_int_equal(load(text, &conf, &err), -ERR_CONFIG);
    assert_non_null(strstr(err.message, ":1:1: the file is larger than 65536 bytes"));
    memset(text, 0, ROOM);
    memset(text, '#', 64 * 1024);
    assert_int_equal(load(text, &conf, &err), 0);
    conf_free(conf);
    text[64 * 1024] = '\n';
    assert_int_equal(load(text, &conf, &err), -ERR_CONFIG);
    mem_free(text);
    struct buf names;
    buf_init(&names, 64 * 1024);
    for (int i = 0; i < 1001; i++)
        assert_int_equal(buf_printf(&names, "n%d: 1\n", i), 0);
    assert_int_equal(load(names.ptr, &conf, &err), -ERR_CONFIG);
    assert_non_null(strstr(err.message, ":1001:8: more than 1000 members"));
    buf_release(&names);
}

static void a_file_that_cannot_be_read_is_named(void **state)
{
    (void)state;
    struct conf *conf = NULL;
    struct err err;
    assert_int_equal(conf_load("/absent/sluice.yaml", &conf, &err), -ERR_CONFIG);
    assert_string_equal(err.message,
                        "/absent/sluice.yaml: cannot be read: No such file or directory");
    assert_int_equal(conf_load("/tmp", &conf, &err), -ERR_CONFIG);
    assert_string_equal(err.message, "/tmp: cannot be read: Is a directory");
    assert_null(conf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_file_the_defaults_stand),
        cmocka_unit_test(empty_files_and_sections_change_nothing),
        cmocka_unit_test(the_designs_example_is_read),
        cmocka_unit_test(block_style_and_lists_are_read),
        cmocka_unit_test(what_graphs_may_reach_is_read),
        cmocka_unit_test(every_mistake_names_its_place_and_what_was_expected),
        cmocka_unit_test(sizes_are_bounded_before_the_parser_sees_them),
        cmocka_unit_test(a_file_that_cannot_be_read_is_named),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
