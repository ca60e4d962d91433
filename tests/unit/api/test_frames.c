/* Events that readers get and no log has: without id, so that a cursor stays where it is. */
#include "api/frames.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_frame(const struct buf *got, const char *want)
{
    assert_int_equal(buf_error(got), 0);
    assert_string_equal(got->ptr, want);
}

static void test_both_kinds(void **state)
{
    const struct frame frame = {.generation = "g1", .chat = "c1", .at_ms = 12};
    struct buf out;
    (void)state;
    buf_init(&out, 4096);
    frame_put_rewound(&out, &frame, 7);
    assert_frame(&out, "event: rewound\ndata: {\"type\":\"rewound\",\"generation_id\":\"g1\","
                       "\"done\":false,\"chat_id\":\"c1\",\"at\":12,\"after\":7}\n\n");
    buf_reset(&out);
    frame_put_position(&out, &frame, 3);
    assert_frame(&out, "event: queued\ndata: {\"type\":\"queued\",\"generation_id\":\"g1\","
                       "\"done\":false,\"chat_id\":\"c1\",\"at\":12,\"position\":3}\n\n");
    buf_release(&out);
}

static void test_without_a_chat(void **state)
{
    const struct frame frame = {.generation = "g1", .chat = "", .at_ms = 12};
    struct buf out;
    (void)state;
    buf_init(&out, 4096);
    frame_put_position(&out, &frame, 0);
    assert_frame(&out, "event: queued\ndata: {\"type\":\"queued\",\"generation_id\":\"g1\","
                       "\"done\":false,\"chat_id\":null,\"at\":12,\"position\":0}\n\n");
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_kinds),
        cmocka_unit_test(test_without_a_chat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
