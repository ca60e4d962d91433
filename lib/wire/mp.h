/* msgpack (https://github.com/msgpack/msgpack/blob/master/spec.md) behind a check. msgpack-c trusts
 * counts: a five-byte header makes it reserve gigabytes. mp_check walks the bytes first and refuses
 * what does not fit; nothing reaches msgpack-c unchecked. */
#ifndef SLUICE_WIRE_MP_H
#define SLUICE_WIRE_MP_H

#include "base/buf.h"
#include <stdint.h>

/* Exactly one value that fills the span, no deeper than LIMIT_MP_DEPTH, no more than LIMIT_MP_NODES
 * values, every length within the bytes that are there, no extension types. Returns 0 or
 * -ERR_MALFORMED. */
MUST_USE int mp_check(struct span bytes);

/* Reading: a cursor over one checked value. `mp_open` runs mp_check and unpacks; names and strings
 * borrow from `bytes`. */
struct mp_doc; /* owned; mp_close frees */
struct mp_value;

MUST_USE int mp_open(struct span bytes, struct mp_doc **out);
/* The same, but names and strings borrow from a copy in the document. */
MUST_USE int mp_open_copy(struct span bytes, struct mp_doc **out);
void mp_close(struct mp_doc *doc);
const struct mp_value *mp_root(const struct mp_doc *doc);
bool mp_is_array(const struct mp_value *v);
bool mp_is_map(const struct mp_value *v);
size_t mp_count(const struct mp_value *v); /* of an array or map, else 0 */
const struct mp_value *mp_at(const struct mp_value *array, size_t index); /* NULL outside */
/* NULL when absent or nil. */
const struct mp_value *mp_get(const struct mp_value *map, const char *key);
/* `otherwise` for NULL or another type. A bin counts as a str. */
struct span mp_str(const struct mp_value *v, struct span otherwise);
char *mp_dup_str(const struct mp_value *v); /* owned, with a NUL; NULL where mp_str has none */
int64_t mp_int(const struct mp_value *v, int64_t otherwise);
bool mp_bool(const struct mp_value *v, bool otherwise);
bool mp_is_str(const struct mp_value *v);
bool mp_is_int(const struct mp_value *v);
bool mp_is_bool(const struct mp_value *v);
bool mp_is_nil(const struct mp_value *v); /* NULL counts as nil */
/* The i-th pair of a map. */
void mp_pair(const struct mp_value *map, size_t index, const struct mp_value **key,
             const struct mp_value **value);

/* Writing, appended to a capped buffer; look at buf_error once at the end. */
void mp_put_array(struct buf *b, uint32_t count);
void mp_put_map(struct buf *b, uint32_t count);
void mp_put_str(struct buf *b, struct span s); /* SPAN_NONE writes nil */
void mp_put_int(struct buf *b, int64_t v);
void mp_put_bool(struct buf *b, bool v);
void mp_put_nil(struct buf *b);
void mp_put_key(struct buf *b, const char *key); /* a map key */

/* A map whose size is known at the end: begins with a map32 header that mp_fields_end fills in. */
struct mp_fields {
    struct buf *buf;
    size_t at;
    uint32_t count;
};
struct mp_fields mp_fields_begin(struct buf *b);
/* SPAN_NONE: the field is left out. */
void mp_field_str(struct mp_fields *f, const char *key, struct span s);
void mp_field_int(struct mp_fields *f, const char *key, int64_t v);
void mp_field_bool(struct mp_fields *f, const char *key, bool v);
void mp_fields_end(struct mp_fields *f);

#endif
