/* A map of fields and values. */
#include "graph/kept.h"

#include "base/err.h"
#include "base/mem.h"

struct value {
    size_t len;
    char bytes[]; /* NUL behind it */
};

struct visit {
    void (*fn)(const char *field, struct span value, void *arg);
    void *arg;
};

void kept_init(struct kept *k)
{
    *k = (struct kept){.values = NULL};
}

static void free_value(const char *key, void *value, void *arg)
{
    (void)key, (void)arg;
    mem_free(value);
}

void kept_release(struct kept *k)
{
    if (k->values != NULL) {
        map_each(k->values, free_value, NULL);
        map_free(k->values);
    }
    kept_init(k);
}

int kept_add(struct kept *k, struct span field, struct span value)
{
    if (value.len > KEPT_BYTES - k->bytes)
        return -ERR_TOO_LARGE;
    if (k->values == NULL)
        k->values = map_new();
    if (map_count(k->values) >= KEPT_STEPS)
        return -ERR_TOO_LARGE;
    struct value *v = mem_new(sizeof *v + value.len + 1);
    char *key = span_dup(field);
    v->len = value.len;
    if (value.len > 0)
        memcpy(v->bytes, value.ptr, value.len);
    k->bytes += value.len;
    mem_free(map_put(k->values, key, v));
    mem_free(key);
    return 0;
}

struct span kept_find(const struct kept *k, const char *field)
{
    const struct value *v = k->values == NULL ? NULL : map_get(k->values, field);
    return v == NULL ? SPAN_NONE : span_make(v->bytes, v->len);
}

static void visit(const char *key, void *value, void *arg)
{
    const struct visit *v = arg;
    const struct value *kept = value;
    v->fn(key, span_make(kept->bytes, kept->len), v->arg);
}

void kept_each(const struct kept *k, void (*fn)(const char *field, struct span value, void *arg),
               void *arg)
{
    struct visit v = {fn, arg};
    if (k->values != NULL)
        map_each(k->values, visit, &v);
}
