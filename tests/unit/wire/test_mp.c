/* msgpack: what the check lets through and refuses, that bombs cost no memory, reading and writing.
 */
#include "base/mem.h"
#include "wire/limits.h"
#include "wire/mp.h"
#include "wire/mp_token.h"
#include "wire_test.h"
#include <sys/resource.h>

static const struct {
    struct span bytes;
    int64_t value;
} ints[] = {
    {BYTES("\x00"), 0},
    {BYTES("\x7f"), 127},
    {BYTES("\xff"), -1},
    {BYTES("\xe0"), -32},
    {BYTES("\xcc\xff"), 255},
    {BYTES("\xcd\xff\xff"), 65535},
    {BYTES("\xce\xff\xff\xff\xff"), 4294967295},
    {BYTES("\xcf\x7f\xff\xff\xff\xff\xff\xff\xff"), INT64_MAX},
    {BYTES("\xd0\x80"), -128},
    {BYTES("\xd0\x7f"), 127},
    {BYTES("\xd1\x80\x00"), -32768},
    {BYTES("\xd2\x80\x00\x00\x00"), -2147483648LL},
    {BYTES("\xd3\x80\x00\x00\x00\x00\x00\x00\x00"), INT64_MIN},
};

static const struct {
    struct span bytes;
    const char *text;
} strings[] = {
    {BYTES("\xa0"), ""},
    {BYTES("\xa2hi"), "hi"},
    {BYTES("\xd9\x02hi"), "hi"},
    {BYTES("\xda\x00\x02hi"), "hi"},
    {BYTES("\xdb\x00\x00\x00\x02hi"), "hi"},
    {BYTES("\xc4\x00"), ""},
    {BYTES("\xc4\x02hi"), "hi"},
    {BYTES("\xc5\x00\x02hi"), "hi"},
    {BYTES("\xc6\x00\x00\x00\x02hi"), "hi"},
};

static const struct span others[] = {
    BYTES("\xc0"),
    BYTES("\xc2"),
    BYTES("\xc3"),
    BYTES("\xca\x00\x00\x00\x00"),
    BYTES("\xcb\x00\x00\x00\x00\x00\x00\x00\x00"),
    BYTES("\xcf\xff\xff\xff\xff\xff\xff\xff\xff"),
    BYTES("\x90"),
    BYTES("\x92\x01\x02"),
    BYTES("\xdc\x00\x01\xc0"),
    BYTES("\xdd\x00\x00\x00\x01\xc0"),
    BYTES("\x80"),
    BYTES("\x81\xa1k\x92\x01\x91\x90"),
    BYTES("\xde\x00\x01\xa1k\xc0"),
    BYTES("\xdf\x00\x00\x00\x01\xa1k\xc0"),
};

/* Whole it is sound; cut anywhere, or with a byte behind it, it is not. The bytes are copied so
 * that ASan sees a read too far. */
static void assert_whole_only(struct span bytes)
{
    assert_int_equal(mp_check(bytes), 0);
    for (size_t len = 0; len < bytes.len; len++) {
        char *cut = len == 0 ? NULL : mem_new_array(len, 1);
        if (cut != NULL)
            memcpy(cut, bytes.ptr, len);
        assert_int_equal(mp_check(span_make(cut, len)), -ERR_MALFORMED);
        mem_free(cut);
    }
    struct buf longer;
    buf_init(&longer, 1024);
    assert_int_equal(buf_span(&longer, bytes), 0);
    assert_int_equal(buf_byte(&longer, '\0'), 0);
    assert_int_equal(mp_check(buf_as_span(&longer)), -ERR_MALFORMED);
    buf_release(&longer);
}

static void whole_values_pass_and_cut_ones_do_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(ints); i++)
        assert_whole_only(ints[i].bytes);
    for (size_t i = 0; i < COUNT(strings); i++)
        assert_whole_only(strings[i].bytes);
    for (size_t i = 0; i < COUNT(others); i++)
        assert_whole_only(others[i]);
}

static void ints_and_strings_of_every_form_are_read(void **state)
{
    (void)state;
    struct mp_doc *doc;
    for (size_t i = 0; i < COUNT(ints); i++) {
        assert_int_equal(mp_open(ints[i].bytes, &doc), 0);
        assert_true(mp_is_int(mp_root(doc)));
        assert_true(mp_int(mp_root(doc), 1) == ints[i].value);
        mp_close(doc);
    }
    for (size_t i = 0; i < COUNT(strings); i++) {
        assert_int_equal(mp_open(strings[i].bytes, &doc), 0);
        assert_true(mp_is_str(mp_root(doc)));
        assert_span(mp_str(mp_root(doc), SPAN_NONE), span_of(strings[i].text));
        mp_close(doc);
    }
}

static void reserved_and_extension_bytes_are_refused(void **state)
{
    (void)state;
    static const unsigned char leads[] = {0xc1, 0xc7, 0xc8, 0xc9, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8};
    for (size_t i = 0; i < COUNT(leads); i++) {
        char bytes[32] = {0};
        bytes[0] = (char)leads[i];
        for (size_t len = 1; len <= sizeof(bytes); len++)
            assert_int_equal(mp_check(span_make(bytes, len)), -ERR_MALFORMED);
    }
}

/* `depth` arrays, each in the one before, the innermost with or without an item. */
static int check_nested(size_t depth, bool is_filled)
{
    char *bytes = mem_new_array(depth + 1, 1);
    memset(bytes, 0x91, depth);
    if (!is_filled)
        bytes[depth - 1] = (char)0x90;
    int rc = mp_check(span_make(bytes, is_filled ? depth + 1 : depth));
    mem_free(bytes);
    return rc;
}

static void depth_is_bounded(void **state)
{
    (void)state;
    assert_int_equal(check_nested(LIMIT_MP_DEPTH, true), 0);
    assert_int_equal(check_nested(LIMIT_MP_DEPTH, false), 0);
    assert_int_equal(check_nested(LIMIT_MP_DEPTH + 1, true), -ERR_MALFORMED);
    assert_int_equal(check_nested(LIMIT_MP_DEPTH + 1, false), -ERR_MALFORMED);
    assert_int_equal(check_nested(100 * 1000, true), -ERR_MALFORMED);
}

/* An array32 of `items` small ints. */
static int check_wide(uint32_t items)
{
    struct buf b;
    buf_init(&b, LIMIT_MP_BYTES);
    mp_put_array(&b, items);
    for (uint32_t i = 0; i < items; i++)
        mp_put_int(&b, 1);
    int rc = mp_check(buf_as_span(&b));
    buf_release(&b);
    return rc;
}

static void nodes_and_bytes_are_bounded(void **state)
{
    (void)state;
    assert_int_equal(check_wide(LIMIT_MP_NODES - 1), 0);
    assert_int_equal(check_wide(LIMIT_MP_NODES), -ERR_MALFORMED);

    struct buf b;
    buf_init(&b, LIMIT_MP_BYTES + 16);
    char *text = mem_new_array(LIMIT_MP_BYTES, 1);
    mp_put_str(&b, span_make(text, LIMIT_MP_BYTES - 5)); /* behind a header of 5 */
    assert_int_equal(mp_check(buf_as_span(&b)), 0);
    buf_reset(&b);
    mp_put_str(&b, span_make(text, LIMIT_MP_BYTES - 4));
    assert_int_equal(mp_check(buf_as_span(&b)), -ERR_MALFORMED);
    mem_free(text);
    buf_release(&b);
}

/* The token reader refuses a container at its header already, when its items can't all be there. */
static void a_token_promises_no_more_than_there_is(void **state)
{
    (void)state;
    static const struct span promises[] = {
        BYTES("\x91"),  BYTES("\x92\x01"), BYTES("\x81\xa1"), BYTES("\xde\x00\x02\x01\x02\x03"),
        BYTES("\xa2x"), BYTES(""),
    };
    for (size_t i = 0; i < COUNT(promises); i++) {
        struct span rest = promises[i];
        struct mp_token token = {.count = 77};
        assert_false(mp_token_next(&rest, &token));
        assert_span(rest, promises[i]);
        assert_int_equal(token.count, 77);
    }
}

static const struct span bombs[] = {
    BYTES("\xdd\xff\xff\xff\xff"),
    BYTES("\xdd\x01\xff\xff\xff"),
    BYTES("\xdf\xff\xff\xff\xff"),
    BYTES("\xdf\x01\xff\xff\xff"),
    BYTES("\xdc\xff\xff"),
    BYTES("\xde\xff\xff"),
    BYTES("\xdb\x7f\xff\xff\xff"),
    BYTES("\xdb\xff\xff\xff\xff"),
    BYTES("\xc6\x7f\xff\xff\xff"),
    BYTES("\xc9\x7f\xff\xff\xff\x01"),
    BYTES("\x92\xdd\x00\x00\x00\x02\x01"),
    BYTES("\xdf\x80\x00\x00\x00\xa1k\x01"),
    BYTES("\x9f\x9f\x9f\x9f"),
    BYTES("\x91\xdd\x01\xff\xff\xff\xc0\xc0"),
};

/* F38: headers that promise gigabytes are refused, and not a megabyte is touched for them. */
static void bombs_are_refused_with_flat_memory(void **state)
{
    (void)state;
    struct rusage before, after;
    struct mp_doc *doc = NULL;
    assert_int_equal(getrusage(RUSAGE_SELF, &before), 0);
    for (int round = 0; round < 1000; round++) {
        for (size_t i = 0; i < COUNT(bombs); i++)
            assert_int_equal(mp_open(bombs[i], &doc), -ERR_MALFORMED);
    }
    assert_int_equal(getrusage(RUSAGE_SELF, &after), 0);
    assert_null(doc);
    assert_in_range(after.ru_maxrss - before.ru_maxrss, 0, 1024); /* kB */
}

static void containers_are_walked(void **state)
{
    (void)state;
    /* {"a": 1, "n": nil, 7: "seven", "l": [true, "x"], "a": 2} */
    struct span bytes = SPAN_LIT("\x85\xa1"
                                 "a\x01\xa1n\xc0\x07\xa5seven\xa1l\x92\xc3\xa1x\xa1"
                                 "a\x02");
    struct mp_doc *doc;
    assert_int_equal(mp_open(bytes, &doc), 0);
    const struct mp_value *map = mp_root(doc), *list = mp_get(map, "l"), *key, *value;
    assert_true(mp_is_map(map) && !mp_is_array(map));
    assert_int_equal(mp_count(map), 5);
    assert_int_equal(mp_int(mp_get(map, "a"), 0), 1); /* the first of two */
    assert_null(mp_get(map, "n"));
    assert_null(mp_get(map, "seven"));
    mp_pair(map, 2, &key, &value);
    assert_int_equal(mp_int(key, 0), 7);
    assert_span(mp_str(value, SPAN_NONE), SPAN_LIT("seven"));
    assert_true(mp_is_array(list) && !mp_is_map(list));
    assert_int_equal(mp_count(list), 2);
    assert_true(mp_is_bool(mp_at(list, 0)) && mp_bool(mp_at(list, 0), false));
    assert_null(mp_at(list, 2));
    assert_null(mp_at(map, 0));
    assert_null(mp_get(list, "a"));
    mp_close(doc);
}

static void other_types_read_as_the_default(void **state)
{
    (void)state;
    struct mp_doc *doc;
    /* A float and an integer that no int64_t holds. */
    assert_int_equal(mp_open(SPAN_LIT("\x92\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00"
                                      "\xcf\xff\xff\xff\xff\xff\xff\xff\xff"),
                             &doc),
                     0);
    for (size_t i = 0; i < 3; i++) { /* the third is NULL */
        const struct mp_value *v = mp_at(mp_root(doc), i);
        assert_false(mp_is_int(v) || mp_is_str(v) || mp_is_bool(v) || mp_is_array(v) ||
                     mp_is_map(v));
        assert_int_equal(mp_is_nil(v), i == 2);
        assert_int_equal(mp_int(v, 5), 5);
        assert_true(mp_bool(v, true));
        assert_span(mp_str(v, SPAN_LIT("other")), SPAN_LIT("other"));
        assert_null(mp_dup_str(v));
        assert_int_equal(mp_count(v), 0);
    }
    mp_close(doc);
    mp_close(NULL);
}

static void a_copy_outlives_the_bytes(void **state)
{
    (void)state;
    char bytes[] = "\xa5hello";
    struct mp_doc *doc = NULL;
    assert_int_equal(mp_open_copy(span_make(bytes, 6), &doc), 0);
    memset(bytes, 0, sizeof(bytes));
    assert_span(mp_str(mp_root(doc), SPAN_NONE), SPAN_LIT("hello"));
    char *copy = mp_dup_str(mp_root(doc));
    assert_string_equal(copy, "hello");
    mem_free(copy);
    mp_close(doc);
    doc = NULL;
    assert_int_equal(mp_open_copy(span_make(bytes, 6), &doc), -ERR_MALFORMED);
    assert_null(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_values_pass_and_cut_ones_do_not),
        cmocka_unit_test(ints_and_strings_of_every_form_are_read),
        cmocka_unit_test(reserved_and_extension_bytes_are_refused),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(nodes_and_bytes_are_bounded),
        cmocka_unit_test(a_token_promises_no_more_than_there_is),
        cmocka_unit_test(bombs_are_refused_with_flat_memory),
        cmocka_unit_test(containers_are_walked),
        cmocka_unit_test(other_types_read_as_the_default),
        cmocka_unit_test(a_copy_outlives_the_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
