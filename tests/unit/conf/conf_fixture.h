/* A configuration file in a folder of its own, and the secrets that it may name. */
#ifndef SLUICE_TESTS_CONF_FIXTURE_H
#define SLUICE_TESTS_CONF_FIXTURE_H

#include "base/mem.h"
#include "conf/conf.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* The design's example. */
#define DESIGN                                                                                     \
    "redis: {url: \"unix:///run/sluice/redis.sock\", shards: 1}\n"                                 \
    "stop_key: \"chat_stop:{chat_id}\"\n"                                                          \
    "tenant_stop_key: \"chat_stop@{tenant}:{chat_id}\"\n"                                          \
    "api: {listen: [\"127.0.0.1:8080\"], admin_listen: \"127.0.0.1:8081\", origins: [], "          \
    "trusted_proxies: [], "                                                                        \
    "token_secret: \"env:T_SECRET\"}\n"                                                            \
    "worker: {slots: 256, lease: 10s, drain: 170s, stop_poll: 100ms, metrics_listen: "             \
    "\"127.0.0.1:0\"}      # comment\n"                                                            \
    "tenants: [{name: default, running: 64, queued: 10000, requests_per_minute: 0, "               \
    "tokens_per_day: "                                                                             \
    "0, "                                                                                          \
    "webhook_url: \"\", webhook_secret: \"\"}]   # 0: no limit\n"                                  \
    "keys: [{id: web1, tenant: default, role: user, sha256: \"" HASH "\"}]\n"                      \
    "models: [{name: default, provider: openai, base_url: \"https://api.example.org/v1\", key: "   \
    "\"env:T_KEY\", "                                                                              \
    "model: \"m\", concurrency: 32, supports: [tools, image], fallbacks: [], "                     \
    "timeouts: {connect: 10s, first_byte: 60s, first_token: 120s, idle: 45s, total: 15m}}]\n"      \
    "limits: {message: 256KiB, body: 1MiB, output: 1MiB, events: 10000, history_messages: 200, "   \
    "history_bytes: 1MiB, "                                                                        \
    "waiting_per_chat: 10, disconnect_grace: 5s, sse_stall: 60s}\n"                                \
    "keep: {log: 10m, record: 24h, chat: forever, dead: 7d}\n"

static char folder[64];
static char file[96];

static inline void write_bytes(const char *path, const char *bytes, size_t len)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static inline int load(const char *text, struct conf **conf, struct err *err)
{
    *err = (struct err){0};
    *conf = NULL;
    write_bytes(file, text, strlen(text));
    return conf_load(file, conf, err);
}

static inline struct conf *loaded(const char *text)
{
    struct conf *conf;
    struct err err;
    if (load(text, &conf, &err) != 0)
        fail_msg("%s", err.message);
    return conf;
}

static inline char *printed(const struct conf *conf)
{
    struct buf out;
    size_t len;
    buf_init(&out, 1024 * 1024);
    conf_print(conf, &out);
    assert_int_equal(buf_error(&out), 0);
    return buf_take(&out, &len);
}

static inline void set(const char *name, const char *value)
{
    assert_int_equal(value == NULL ? unsetenv(name) : setenv(name, value, 1), 0);
}

static inline int set_up(void **state)
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

static inline int tear_down(void **state)
{
    (void)state;
    (void)unlink(file);
    (void)rmdir(folder);
    return 0;
}

#endif
