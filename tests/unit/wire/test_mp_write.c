/* msgpack out: the writers' forms, maps that count themselves, full buffers; and that damage to
 * what was written never reaches msgpack-c. */
#include "wire/limits.h"
#include "wire/mp.h"
#include "wire_test.h"

static void writers_choose_the_shortest_form(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1024);
    mp_put_array(&b, 8);
    mp_put_int(&b, 127);
    mp_put_int(&b, -32);
    mp_put_int(&b, 128);
    mp_put_str(&b, SPAN_LIT("hi"));
    mp_put_str(&b, SPAN_NONE);
    mp_put_nil(&b);
    mp_put_bool(&b, true);
    mp_put_map(&b, 1);
    mp_put_key(&b, "k");
    mp_put_bool(&b, false);
    assert_span(buf_as_span(&b), SPAN_LIT("\x98\x7f\xe0\xcc\x80\xa2hi\xc0\xc0\xc3\x81\xa1k\xc2"));
    assert_int_equal(mp_check(buf_as_span(&b)), 0);
    buf_release(&b);
}

static void fields_count_themselves(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1024);
    mp_put_array(&b, 1);
    struct mp_fields f = mp_fields_begin(&b);
    mp_field_str(&f, "s", SPAN_LIT("x"));
    mp_field_str(&f, "absent", SPAN_NONE);
    mp_field_str(&f, "e", SPAN_LIT(""));
    mp_field_int(&f, "i", -1);
    mp_field_bool(&f, "b", true);
    mp_fields_end(&f);
    assert_span(buf_as_span(&b), SPAN_LIT("\x91\xdf\x00\x00\x00\x04\xa1s\xa1x\xa1"
                                          "e\xa0\xa1i\xff\xa1"
                                          "b\xc3"));
    buf_release(&b);
}

static void a_full_buffer_is_remembered(void **state)
{
    (void)state;
    for (size_t max = 0; max < 10; max++) {
        struct buf b;
        buf_init(&b, max);
        struct mp_fields f = mp_fields_begin(&b);
        mp_field_int(&f, "key", 1);
        mp_fields_end(&f);
        assert_int_equal(buf_error(&b), -ERR_TOO_LARGE);
        buf_release(&b);
    }
}

/* Writes a random value, at most `depth` containers deep. */
static void put_random(struct buf *b, uint64_t *seed, unsigned depth)
{
    uint32_t what = random_below(seed, depth == 0 ? 5 : 7), count = random_below(seed, 4);
    char text[40];
    memset(text, 'x', sizeof(text));
    if (what == 0) {
        mp_put_nil(b);
    } else if (what == 1) {
        mp_put_bool(b, count > 1);
    } else if (what < 4) {
        mp_put_int(b, (int64_t)random_next(seed) >> random_below(seed, 64));
    } else if (what == 4) {
        mp_put_str(b, span_make(text, random_below(seed, sizeof(text))));
    } else if (what == 5) {
        mp_put_array(b, count);
        for (uint32_t i = 0; i < count; i++)
            put_random(b, seed, depth - 1);
    } else {
        mp_put_map(b, count);
        for (uint32_t i = 0; i < count; i++) {
            mp_put_key(b, "key");
            put_random(b, seed, depth - 1);
        }
    }
}

/* Whatever is written passes; whatever passes after random damage, msgpack-c takes too (mp_open
 * CHECKs it). */
static void damage_never_reaches_the_library(void **state)
{
    (void)state;
    uint64_t seed = 0x5eed;
    size_t survived = 0;
    for (int round = 0; round < 3000; round++) {
        struct buf b;
        struct mp_doc *doc;
        buf_init(&b, LIMIT_MP_BYTES);
        put_random(&b, &seed, 5);
        assert_int_equal(mp_check(buf_as_span(&b)), 0);
        for (int damage = 0; damage < 8; damage++) {
            b.ptr[random_below(&seed, (uint32_t)b.len)] = (char)random_below(&seed, 256);
            if (mp_open(buf_as_span(&b), &doc) == 0) {
                survived++;
                mp_close(doc);
            }
        }
        buf_release(&b);
    }
    assert_true(survived > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writers_choose_the_shortest_form),
        cmocka_unit_test(fields_count_themselves),
        cmocka_unit_test(a_full_buffer_is_remembered),
        cmocka_unit_test(damage_never_reaches_the_library),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
