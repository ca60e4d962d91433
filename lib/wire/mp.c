/* Reading msgpack as a tree. msgpack-c builds it, in one zone per document, and is given checked
 * bytes only. `struct mp_value` is msgpack-c's object under a name of ours: no other file sees its
 * headers but mp_write.c. */
#include "wire/mp.h"
#include "base/err.h"
#include "base/mem.h"
#include <msgpack.h>

struct mp_doc {
    msgpack_unpacked unpacked;
    char *copy; /* of the bytes, for mp_open_copy; else NULL */
};

static const msgpack_object *object_of(const struct mp_value *v)
{
    return (const msgpack_object *)(const void *)v;
}

static const struct mp_value *value_of(const msgpack_object *o)
{
    return (const struct mp_value *)(const void *)o;
}

static struct mp_doc *unpack(struct span bytes, char *copy)
{
    struct mp_doc *doc = MEM_NEW(struct mp_doc);
    doc->copy = copy;
    msgpack_unpacked_init(&doc->unpacked);
    size_t taken = 0;
    msgpack_unpack_return got = msgpack_unpack_next(&doc->unpacked, bytes.ptr, bytes.len, &taken);
    /* What passed the check can fail only for want of memory. */
    CHECK(got == MSGPACK_UNPACK_SUCCESS && taken == bytes.len);
    return doc;
}

int mp_open(struct span bytes, struct mp_doc **out)
{
    int rc = mp_check(bytes);
    if (rc == 0)
        *out = unpack(bytes, NULL);
    return rc;
}

int mp_open_copy(struct span bytes, struct mp_doc **out)
{
    int rc = mp_check(bytes);
    if (rc != 0)
        return rc;
    char *copy = mem_dup(bytes.ptr, bytes.len);
    *out = unpack(span_make(copy, bytes.len), copy);
    return 0;
}

void mp_close(struct mp_doc *doc)
{
    if (doc == NULL)
        return;
    msgpack_unpacked_destroy(&doc->unpacked);
    mem_free(doc->copy);
    mem_free(doc);
}

const struct mp_value *mp_root(const struct mp_doc *doc)
{
    return value_of(&doc->unpacked.data);
}

static bool is_type(const struct mp_value *v, msgpack_object_type type)
{
    return v != NULL && object_of(v)->type == type;
}

bool mp_is_array(const struct mp_value *v)
{
    return is_type(v, MSGPACK_OBJECT_ARRAY);
}

bool mp_is_map(const struct mp_value *v)
{
    return is_type(v, MSGPACK_OBJECT_MAP);
}

bool mp_is_nil(const struct mp_value *v)
{
    return v == NULL || is_type(v, MSGPACK_OBJECT_NIL);
}

bool mp_is_bool(const struct mp_value *v)
{
    return is_type(v, MSGPACK_OBJECT_BOOLEAN);
}

bool mp_is_str(const struct mp_value *v)
{
    return is_type(v, MSGPACK_OBJECT_STR) || is_type(v, MSGPACK_OBJECT_BIN);
}

bool mp_is_int(const struct mp_value *v)
{
    return is_type(v, MSGPACK_OBJECT_NEGATIVE_INTEGER) ||
           (is_type(v, MSGPACK_OBJECT_POSITIVE_INTEGER) && object_of(v)->via.u64 <= INT64_MAX);
}

size_t mp_count(const struct mp_value *v)
{
    if (mp_is_array(v))
        return object_of(v)->via.array.size;
    return mp_is_map(v) ? object_of(v)->via.map.size : 0;
}

const struct mp_value *mp_at(const struct mp_value *array, size_t index)
{
    if (!mp_is_array(array) || index >= mp_count(array))
        return NULL;
    return value_of(&object_of(array)->via.array.ptr[index]);
}

void mp_pair(const struct mp_value *map, size_t index, const struct mp_value **key,
             const struct mp_value **value)
{
    CHECK(mp_is_map(map) && index < mp_count(map));
    const msgpack_object_kv *pair = &object_of(map)->via.map.ptr[index];
    *key = value_of(&pair->key);
    *value = value_of(&pair->val);
}

const struct mp_value *mp_get(const struct mp_value *map, const char *key)
{
    for (size_t i = 0; mp_is_map(map) && i < mp_count(map); i++) {
        const struct mp_value *name, *value;
        mp_pair(map, i, &name, &value);
        if (span_is(mp_str(name, SPAN_NONE), key))
            return mp_is_nil(value) ? NULL : value;
    }
    return NULL;
}

struct span mp_str(const struct mp_value *v, struct span otherwise)
{
    if (is_type(v, MSGPACK_OBJECT_STR)) {
        const msgpack_object_str *str = &object_of(v)->via.str;
        return span_make(str->size == 0 ? "" : str->ptr, str->size);
    }
    if (is_type(v, MSGPACK_OBJECT_BIN)) {
        const msgpack_object_bin *bin = &object_of(v)->via.bin;
        return span_make(bin->size == 0 ? "" : bin->ptr, bin->size);
    }
    return otherwise;
}

char *mp_dup_str(const struct mp_value *v)
{
    return span_dup_or_null(mp_str(v, SPAN_NONE));
}

int64_t mp_int(const struct mp_value *v, int64_t otherwise)
{
    return mp_is_int(v) ? object_of(v)->via.i64 : otherwise;
}

bool mp_bool(const struct mp_value *v, bool otherwise)
{
    return mp_is_bool(v) ? object_of(v)->via.boolean : otherwise;
}
