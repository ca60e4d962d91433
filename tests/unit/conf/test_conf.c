/* The configuration: what a file may say, what every mistake is answered with, the environment over
 * it, secrets that never show. */
#include "base/mem.h"
#include "conf/broken_files.h"
#include "conf/conf.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];
static char file[96];

static void write_bytes(const char *path, const char *bytes, size_t len)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static int load(const char *text, struct conf **conf, struct err *err)
{
    *err = (struct err){0};
    *conf = NULL;
    write_bytes(file, text, strlen(text));
    return conf_load(file, conf, err);
}

static struct conf *loaded(const char *text)
{
    struct conf *conf;
    struct err err;
    if (load(text, &conf, &err) != 0)
        fail_msg("%s", err.message);
    return conf;
}

static char *printed(const struct conf *conf)
{
    struct buf out;
    size_t len;
    buf_init(&out, 1024 * 1024);
    conf_print(conf, &out);
    assert_int_equal(buf_error(&out), 0);
    return buf_take(&out, &len);
}

static void set(const char *name, const char *value)
{
    assert_int_equal(value == NULL ? unsetenv(name) : setenv(name, value, 1), 0);
}

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/sluice-conf-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(file, sizeof(file), "%s/sluice.yaml", folder);
    set("T_SECRET", "canary-token-secret");
    set("T_KEY", "canary-provider-key");
    set("T_EMPTY", "");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlink(file);
    (void)rmdir(folder);
    return 0;
}

/* The design's example. */
static const char design[] =
    "redis: {url: \"unix:///run/sluice/redis.sock\", shards: 1}\n"
    "stop_key: \"chat_stop:{chat_id}\"\n"
    "tenant_stop_key: \"chat_stop@{tenant}:{chat_id}\"\n"
    "api: {listen: [\"127.0.0.1:8080\"], admin_listen: \"127.0.0.1:8081\", origins: [], "
    "trusted_proxies: [], "
    "token_secret: \"env:T_SECRET\"}\n"
    "worker: {slots: 256, lease: 10s, drain: 170s, stop_poll: 100ms, metrics_listen: "
    "\"127.0.0.1:0\"}      # comment\n"
    "tenants: [{name: default, running: 64, queued: 10000, requests_per_minute: 0, tokens_per_day: "
    "0, "
    "webhook_url: \"\", webhook_secret: \"\"}]   # 0: no limit\n"
    "keys: [{id: web1, tenant: default, role: user, sha256: \"" HASH "\"}]\n"
    "models: [{name: default, provider: openai, base_url: \"https://api.example.org/v1\", key: "
    "\"env:T_KEY\", "
    "model: \"m\", concurrency: 32, supports: [tools, image], fallbacks: [], "
    "timeouts: {connect: 10s, first_byte: 60s, first_token: 120s, idle: 45s, total: 15m}}]\n"
    "limits: {message: 256KiB, body: 1MiB, output: 1MiB, events: 10000, history_messages: 200, "
    "history_bytes: 1MiB, "
    "waiting_per_chat: 10, disconnect_grace: 5s, sse_stall: 60s}\n"
    "keep: {log: 10m, record: 24h, chat: forever, dead: 7d}\n";

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
    struct conf *conf = loaded(design);
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

/* The environment. */

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

/* Secrets and printing. */

static void secrets_come_from_files_without_their_line_end(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        const char *secret; /* NULL: refused */
        const char *says;
    } rows[] = {
        {"s3cret\n", 7, "s3cret", NULL},
        {"s3cret\r\n", 8, "s3cret", NULL},
        {"s3cret", 6, "s3cret", NULL},
        {"\n", 1, NULL, "is empty"},
        {"", 0, NULL, "is empty"},
        {"a\nb\n", 4, NULL, "control characters"},
        {"a\0b", 3, NULL, "control characters"},
    };
    char secret[96];
    char text[256];
    struct conf *conf;
    struct err err;
    (void)snprintf(secret, sizeof(secret), "%s/secret", folder);
    (void)snprintf(text, sizeof(text), "api: {token_secret: \"file:%s\"}\n", secret);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        write_bytes(secret, rows[i].bytes, rows[i].len);
        int result = load(text, &conf, &err);
        assert_int_equal(result, rows[i].secret == NULL ? -ERR_CONFIG : 0);
        if (result == 0)
            assert_string_equal(conf->api_token_secret, rows[i].secret);
        else
            assert_non_null(strstr(err.message, rows[i].says));
        conf_free(conf);
    }
    char *large = mem_new(20 * 1024);
    memset(large, 'x', 20 * 1024);
    write_bytes(secret, large, 20 * 1024);
    mem_free(large);
    assert_int_equal(load(text, &conf, &err), -ERR_CONFIG);
    assert_non_null(strstr(err.message, "File too large"));
    assert_int_equal(unlink(secret), 0);
}

static void what_is_printed_holds_no_secret(void **state)
{
    (void)state;
    set("SLUICE_REDIS_URL", "redis://u:canary@pw@10.0.0.1:6379/2");
    struct conf *conf = loaded(design);
    set("SLUICE_REDIS_URL", NULL);
    char *text = printed(conf);
    assert_null(strstr(text, "canary"));
    assert_non_null(strstr(text, "url: \"redis://***@10.0.0.1:6379/2\"\n"));
    assert_non_null(strstr(text, "token_secret: \"***\"\n"));
    assert_non_null(strstr(text, "key: \"***\", model: \"m\""));
    mem_free(text);
    conf_free(conf);
}

static void what_is_printed_can_be_read_again(void **state)
{
    (void)state;
    struct conf *conf =
        loaded("models: [{name: 'a\"b\\c', model: m, supports: [tools, prefill], timeouts: {idle: "
               "1500ms}}]\n"
               "api: {listen: ['127.0.0.1:1', '127.0.0.1:2']}\nworker: {drain: 0s}\n"
               "keep: {chat: 36h, log: 61s}\nlimits: {body: 1537KiB, output: 1025}\n");
    char *once = printed(conf);
    conf_free(conf);
    conf = loaded(once);
    char *twice = printed(conf);
    assert_string_equal(once, twice);
    assert_non_null(strstr(
        once,
        "timeouts: {connect: 10s, first_byte: 1m, first_token: 2m, idle: 1500ms, total: 15m}}\n"));
    assert_non_null(strstr(once, "  chat: 36h\n"));
    assert_non_null(strstr(once, "  log: 61s\n"));
    assert_non_null(strstr(once, "  drain: 0s\n"));
    assert_non_null(strstr(once, "  body: 1537KiB\n  output: 1025B\n"));
    assert_non_null(strstr(once, "stop_key: \"chat_stop:{chat_id}\"\ntenant_stop_key: "));
    assert_non_null(strstr(once, "keys: []\n"));
    assert_string_equal(conf->models[0].name, "a\"b\\c");
    mem_free(once);
    mem_free(twice);
    conf_free(conf);
}

/* SLUICE_WRITE_DOCS=1 writes the page anew. */
static void the_page_is_what_the_tables_say(void **state)
{
    (void)state;
    enum { ROOM = 256 * 1024 };
    static const char path[] = SLUICE_SOURCE_DIR "/docs/configuration.md";
    struct buf made;
    buf_init(&made, ROOM);
    conf_document(&made);
    assert_int_equal(buf_error(&made), 0);
    if (getenv("SLUICE_WRITE_DOCS") != NULL)
        write_bytes(path, made.ptr, made.len);
    char *page = mem_new(ROOM);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t len = fread(page, 1, ROOM - 1, f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(len, made.len);
    assert_memory_equal(page, made.ptr, made.len);
    mem_free(page);
    buf_release(&made);
}

/* Reloads. */

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
        cmocka_unit_test(without_a_file_the_defaults_stand),
        cmocka_unit_test(empty_files_and_sections_change_nothing),
        cmocka_unit_test(the_designs_example_is_read),
        cmocka_unit_test(block_style_and_lists_are_read),
        cmocka_unit_test(what_graphs_may_reach_is_read),
        cmocka_unit_test(every_mistake_names_its_place_and_what_was_expected),
        cmocka_unit_test(sizes_are_bounded_before_the_parser_sees_them),
        cmocka_unit_test(a_file_that_cannot_be_read_is_named),
        cmocka_unit_test(the_environment_goes_over_the_file),
        cmocka_unit_test(a_bad_variable_is_named),
        cmocka_unit_test(a_variable_names_the_file),
        cmocka_unit_test_teardown(a_model_can_come_from_the_environment_alone, clear_model),
        cmocka_unit_test_teardown(a_bad_model_in_the_environment_is_named, clear_model),
        cmocka_unit_test(secrets_come_from_files_without_their_line_end),
        cmocka_unit_test(what_is_printed_holds_no_secret),
        cmocka_unit_test(what_is_printed_can_be_read_again),
        cmocka_unit_test(the_page_is_what_the_tables_say),
        cmocka_unit_test(a_reload_takes_what_may_change),
        cmocka_unit_test(a_bad_reload_changes_nothing),
        cmocka_unit_test(a_model_can_be_kept_over_a_reload),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
