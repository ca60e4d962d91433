/* Configuration: one YAML file, one table of fields (conf.def: name, type, default, bounds, sentence), SLUICE_<SECTION>_<NAME> over it. The only folder that
 * knows libyaml. Errors name file, line, column and what was expected. */
#ifndef SLUICE_CONF_CONF_H
#define SLUICE_CONF_CONF_H

#include "base/buf.h"
#include "base/err.h"
#include <stdint.h>

/* Scalar rows: conf.def has X(section, name, TYPE, default, min, max, "sentence"); TYPE: TEXT MS BYTES COUNT LIST. */
struct conf_list {
    char **items;
    size_t count;
};

struct conf_model {
    char *name;          /* ours */
    char *provider;      /* openai */
    char *base_url;      /* "https://api.openai.com/v1" */
    char *key;           /* the secret itself once resolved from env:NAME or file:PATH, or "" */
    char *model;         /* the provider's name */
    int64_t concurrency;
    struct conf_list supports;  /* tools image prefill */
    struct conf_list fallbacks;
    int64_t connect_ms, first_byte_ms, first_token_ms, idle_ms, total_ms;
};
struct conf_tenant {
    char *name;
    int64_t running, queued, requests_per_minute, tokens_per_day;
    char *webhook_url, *webhook_secret;
};
struct conf_key {
    char *id, *tenant, *role, *sha256;
};

struct conf {
#define X(section, name, type, fallback, min, max, sentence) CONF_TYPE_##type section##_##name;
#define CONF_TYPE_TEXT char *
#define CONF_TYPE_MS int64_t
#define CONF_TYPE_BYTES int64_t
#define CONF_TYPE_COUNT int64_t
#define CONF_TYPE_LIST struct conf_list
#include "conf/conf.def"
#undef X
    struct conf_model *models;
    size_t model_count;
    struct conf_tenant *tenants;
    size_t tenant_count;
    struct conf_key *keys;
    size_t key_count;
};

/* Reads `path` (NULL: SLUICE_CONFIG, or defaults alone when that is unset) and the environment over it. 0, or -ERR_CONFIG with `err->message` as
 * "file:line:column: what is wrong; what was expected". */
MUST_USE int conf_load(const char *path, struct conf **out, struct err *err);
void conf_free(struct conf *conf);
const struct conf_model *conf_find_model(const struct conf *conf, struct span name);   /* empty name: the first (`default` when there is one) */
const struct conf_tenant *conf_find_tenant(const struct conf *conf, struct span name);
bool conf_model_supports(const struct conf_model *model, const char *ability);
/* The effective settings as YAML, secrets as "***". */
void conf_print(const struct conf *conf, struct buf *out);
/* docs/configuration.md's table, from the same rows. */
void conf_document(struct buf *out);

#endif
