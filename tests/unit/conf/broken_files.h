/* Broken configuration files: where the mistake lies, what is said of it, what was expected. No
 * message may hold "canary". */
#ifndef SLUICE_TESTS_BROKEN_FILES_H
#define SLUICE_TESTS_BROKEN_FILES_H

#include <stddef.h>

struct broken {
    const char *text;
    const char *place; /* line:column */
    const char *says;
    const char *expects; /* NULL: nothing more */
};

#define MODEL "{name: a, model: m"
#define HASH  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct broken broken_files[] = {
    /* not the YAML that is read */
    {"api: {listen: [\n", "2:1", "not YAML", NULL},
    {"a: b: c\n", "1:5", "not YAML", NULL},
    {"api: \"x\n", "2:1", "not YAML", NULL},
    {"api: {}\n---\napi: {}\n", "2:1", "a second document", "expected one"},
    {"api: &x {}\n", "1:6", "anchors (&x)", NULL},
    {"api: *x\n", "1:6", "aliases (*x)", NULL},
    {"worker: {slots: !!int 8}\n", "1:17", "tags", NULL},
    {"worker: !x {slots: 8}\n", "1:9", "tags", NULL},
    {"[[[[[[[[[[[[[[[[[\n", "1:17", "nested more than 16", NULL},
    {"\n {{{{{{{{{{{{{{{{{{{{{{{{\n", "2:18", "nested more than 16", NULL},
    {"- - - - - - - - - - - - - - - - - x\n", "1:33", "nested more than 16", NULL},
    {"log: {level: \xff}\n", "1:14", "not UTF-8", NULL},
    {"log:\n  level: \xc3\xa4\xc3\x28\n", "2:11", "not UTF-8", NULL},
    {"log: {level: \x01}\n", "1:14", "not YAML", NULL},
    {"log: {level: \"a\\0b\"}\n", "1:14", "NUL", NULL},
    {"\"a\\0b\": 1\n", "1:1", "NUL", NULL},
    {"? [a]\n: b\n", "1:3", "a name must be a text", NULL},
    {"worker: {slots: ~}\n", "1:17", "null is no value", NULL},
    {"worker: {slots: null}\n", "1:17", "null is no value", NULL},
    {"api: {}\nworker: {}\napi: {}\n", "3:1", "'api' stands here twice", NULL},
    {"worker:\n  slots: 1\n  slots: 2\n", "3:3", "'slots' stands here twice", NULL},
    /* names */
    {"aip: {}\n", "1:1", "unknown name 'aip'",
     "stop_key, tenant_stop_key, models, tenants, keys, redis, api, worker, limits, keep, queue, "
     "log"},
    {"stop: {key: x}\n", "1:1", "unknown name 'stop'", "stop_key"},
    {"worker:\n  slot: 8\n", "2:3", "unknown name 'slot'",
     "slots, lease, drain, stop_poll, gather, metrics_listen"},
    {"\"\": 1\n", "1:1", "unknown name ''", NULL},
    {"models: [" MODEL ", temperature: 1}]\n", "1:30", "unknown name 'temperature'",
     "name, provider, base_url, key, model, concurrency, supports, fallbacks, timeouts"},
    {"models: [" MODEL ", timeouts: {first: 1s}}]\n", "1:41", "unknown name 'first'",
     "connect, first_byte, first_token, idle, total"},
    /* shapes */
    {"x\n", "1:1", "the file must be a map", NULL},
    {"[]\n", "1:1", "the file must be a map", NULL},
    {"api: 7\n", "1:6", "api must be a map", "name: value"},
    {"api: [listen]\n", "1:6", "api must be a map", NULL},
    {"models: {name: a}\n", "1:9", "models must be a list", NULL},
    {"models: [a]\n", "1:10", "must be a map", NULL},
    {"models: [" MODEL ", timeouts: 5s}]\n", "1:40", "timeouts must be a map", NULL},
    {"api: {listen: 127.0.0.1:80}\n", "1:15", "listen must be a list", "a list of host:port"},
    {"api: {listen: [[a]]}\n", "1:16", "must be a single value", "a list of host:port"},
    {"api: {admin_listen: [127.0.0.1:80]}\n", "1:21", "admin_listen must be a single value",
     "host:port"},
    {"worker: {slots: {a: b}}\n", "1:17", "slots must be a single value", "a whole number"},
    {"stop_key: []\n", "1:11", "stop_key must be a single value", "{chat_id}"},
    /* numbers */
    {"worker: {slots: 8x}\n", "1:17", "'8x'", "a whole number, 1 to 10000"},
    {"worker: {slots: 0x10}\n", "1:17", "'0x10'", "a whole number"},
    {"worker: {slots: -1}\n", "1:17", "'-1'", "1 to 10000"},
    {"worker: {slots: 0}\n", "1:17", "'0'", "1 to 10000"},
    {"worker: {slots: 10001}\n", "1:17", "'10001'", "1 to 10000"},
    {"worker: {slots: 99999999999999999999}\n", "1:17", "'99999999999999999999'", "1 to 10000"},
    {"worker: {slots: }\n", "1:17", "''", "a whole number"},
    {"worker: {slots: \" 8\"}\n", "1:17", "' 8'", "a whole number"},
    {"worker: {slots: 8.0}\n", "1:17", "'8.0'", "a whole number"},
    {"redis: {shards: 2}\n", "1:17", "'2'", "a whole number, 1"},
    {"worker:\n  lease: 10\n", "2:10", "'10'",
     "a duration such as 150ms, 10s, 5m, 24h, 7d, 1s to 25s"},
    {"worker:\n  lease: 26s\n", "2:10", "'26s'", "1s to 25s"},
    {"worker: {lease: 10 s}\n", "1:17", "'10 s'", "a duration"},
    {"worker: {drain: forever}\n", "1:17", "'forever'", "0s to 24h"},
    {"keep: {log: 1ms}\n", "1:13", "'1ms'", "1s to forever"},
    {"limits: {body: 1MB}\n", "1:16", "'1MB'", "a size such as 512B, 256KiB, 1MiB, 1KiB to 64MiB"},
    {"limits: {body: 65MiB}\n", "1:16", "'65MiB'", "1KiB to 64MiB"},
    {"limits: {body: 100}\n", "1:16", "'100'", "1KiB to 64MiB"},
    /* texts */
    {"redis: {url: \"http://x\"}\n", "1:14", "not valid", "unix:///path or redis://"},
    {"redis: {url: \"redis://host\"}\n", "1:14", "not valid", "redis://"},
    {"redis: {url: \"redis://u:canary@host:6379/x\"}\n", "1:14", "the value is not valid",
     "redis://"},
    {"stop_key: \"chat_stop\"\n", "1:11", "'chat_stop'", "{chat_id}"},
    {"stop_key: \"x:{chat_id}:{tenant}\"\n", "1:11", "not valid", "{chat_id}"},
    {"stop_key: \"x {chat_id}\"\n", "1:11", "not valid", "{chat_id}"},
    {"tenant_stop_key: \"x:{chat_id}\"\n", "1:18", "not valid", "{tenant} and {chat_id}"},
    {"api: {listen: [\"127.0.0.1\"]}\n", "1:16", "'127.0.0.1'", "host:port"},
    {"api: {listen: [\"127.0.0.1:80\", \"h:65536\"]}\n", "1:32", "'h:65536'", "host:port"},
    {"api: {listen: [\"::1:80\"]}\n", "1:16", "'::1:80'", "brackets"},
    {"api: {listen: []}\n", "1:15", "must not be empty", "host:port"},
    {"api: {admin_listen: \"127.0.0.1:8o\"}\n", "1:21", "'127.0.0.1:8o'", "host:port"},
    {"api: {origins: [\"a.example\"]}\n", "1:17", "'a.example'", "https://chat.example.org"},
    {"api: {origins: [\"https://a.example/x\"]}\n", "1:17", "not valid", "origins"},
    {"api: {trusted_proxies: [\"10.0.0.0/33\"]}\n", "1:25", "'10.0.0.0/33'", "networks"},
    {"api: {token_secret: canary}\n", "1:21", "the value is not valid", "env:NAME or file:PATH"},
    {"api: {token_secret: \"env:T_ABSENT\"}\n", "1:21", "T_ABSENT is not set", NULL},
    {"api: {token_secret: \"file:/absent/x\"}\n", "1:21", "/absent/x cannot be read: No such file",
     NULL},
    {"api: {token_secret: \"env:T_EMPTY\"}\n", "1:21", "T_EMPTY is empty", "one line"},
    {"log: {level: loud}\n", "1:14", "'loud'", "error, warn, info or debug"},
    {"log: {format: xml}\n", "1:15", "'xml'", "text or json"},
    /* lists of maps */
    {"models:\n  - {model: m}\n", "2:5", "'name' is missing", NULL},
    {"models:\n  - {name: a}\n", "2:5", "'model' is missing", NULL},
    {"models:\n  - {name: a b, model: m}\n", "2:12", "'a b'", "without spaces"},
    {"models: [" MODEL ", provider: morse}]\n", "1:40", "'morse'", "openai, anthropic or ollama"},
    {"models: [" MODEL ", base_url: example.org}]\n", "1:40", "'example.org'",
     "http:// or https://"},
    {"models: [" MODEL ", base_url: \"https://h/v1?x=y\"}]\n", "1:40", "not valid", "query"},
    {"models: [" MODEL ", key: canary-key}]\n", "1:35", "the value is not valid",
     "env:NAME or file:PATH"},
    {"models: [" MODEL ", supports: [vision]}]\n", "1:41", "'vision'", "tools, image, prefill"},
    {"models: [" MODEL ", fallbacks: [b]}]\n", "1:42", "'b' cannot be a fallback", "another model"},
    {"models: [" MODEL ", fallbacks: [a]}]\n", "1:42", "'a' cannot be a fallback", "another model"},
    {"models: [" MODEL ", concurrency: 0}]\n", "1:43", "'0'", "1 to 100000"},
    {"models: [" MODEL ", timeouts: {idle: 0s}}]\n", "1:47", "'0s'", "1ms to 24h"},
    {"models:\n  - " MODEL "}\n  - " MODEL "}\n", "3:12", "name 'a' stands in models twice", NULL},
    {"tenants: [{running: 1}]\n", "1:11", "'name' is missing", NULL},
    {"tenants: [{name: Acme}]\n", "1:18", "'Acme'", "a-z 0-9 _ -"},
    {"tenants: [{name: a, webhook_url: ftp://x}]\n", "1:34", "'ftp://x'", "http://"},
    {"tenants: [{name: a}, {name: a}]\n", "1:29", "name 'a' stands in tenants twice", NULL},
    {"keys: [{id: k}]\n", "1:8", "'sha256' is missing", NULL},
    {"keys: [{id: k, sha256: 12}]\n", "1:24", "'12'", "64 of 0-9 a-f"},
    {"keys: [{id: k, role: root, sha256: \"" HASH "\"}]\n", "1:22", "'root'", "user or admin"},
    {"keys: [{id: k, tenant: acme, sha256: \"" HASH "\"}]\n", "1:24", "there is no tenant 'acme'",
     NULL},
    {"keys: [{id: k, sha256: \"" HASH "\"}, {id: k, sha256: \"" HASH "\"}]\n", "1:98",
     "id 'k' stands in keys twice", NULL},
};

#endif
