/* Writing msgpack into a capped buffer, by msgpack-c's packer (it chooses the shortest form of each
 * number and length). The packer's results are not looked at: the buffer remembers that it is full.
 */
#include "wire/mp.h"
#include <msgpack.h>

enum { MAP32_HEADER = 5 }; /* 0xdf and a count of four bytes */

static int on_pack(void *arg, const char *bytes, size_t len)
{
    return buf_append(arg, bytes, len);
}

static msgpack_packer packer(struct buf *b)
{
    msgpack_packer p;
    msgpack_packer_init(&p, b, on_pack);
    return p;
}

void mp_put_array(struct buf *b, uint32_t count)
{
    msgpack_packer p = packer(b);
    (void)msgpack_pack_array(&p, count);
}

void mp_put_map(struct buf *b, uint32_t count)
{
    msgpack_packer p = packer(b);
    (void)msgpack_pack_map(&p, count);
}

void mp_put_str(struct buf *b, struct span s)
{
    msgpack_packer p = packer(b);
    if (s.ptr == NULL)
        (void)msgpack_pack_nil(&p);
    else
        (void)msgpack_pack_str_with_body(&p, s.ptr, s.len);
}

void mp_put_int(struct buf *b, int64_t v)
{
    msgpack_packer p = packer(b);
    (void)msgpack_pack_int64(&p, v);
}

void mp_put_bool(struct buf *b, bool v)
{
    msgpack_packer p = packer(b);
    (void)(v ? msgpack_pack_true(&p) : msgpack_pack_false(&p));
}

void mp_put_nil(struct buf *b)
{
    msgpack_packer p = packer(b);
    (void)msgpack_pack_nil(&p);
}

void mp_put_key(struct buf *b, const char *key)
{
    mp_put_str(b, span_of(key));
}

struct mp_fields mp_fields_begin(struct buf *b)
{
    struct mp_fields fields = {.buf = b, .at = b->len};
    (void)buf_append(b, "\xdf\0\0\0\0", MAP32_HEADER); /* the buffer remembers */
    return fields;
}

void mp_field_str(struct mp_fields *f, const char *key, struct span s)
{
    if (s.ptr == NULL)
        return;
    mp_put_key(f->buf, key);
    mp_put_str(f->buf, s);
    f->count++;
}

void mp_field_int(struct mp_fields *f, const char *key, int64_t v)
{
    mp_put_key(f->buf, key);
    mp_put_int(f->buf, v);
    f->count++;
}

void mp_field_bool(struct mp_fields *f, const char *key, bool v)
{
    mp_put_key(f->buf, key);
    mp_put_bool(f->buf, v);
    f->count++;
}

void mp_fields_end(struct mp_fields *f)
{
    if (buf_error(f->buf) != 0)
        return; /* there may be no header to fill in */
    for (unsigned i = 0; i < 4; i++)
        f->buf->ptr[f->at + 1 + i] = (char)(uint8_t)(f->count >> (24 - 8 * i));
}
