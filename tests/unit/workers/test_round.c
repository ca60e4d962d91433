/* Turns of agents: what is kept of them comes back as it was; what is damaged or newer is refused.
 */
#include "base/err.h"
#include "base/mem.h"
#include "graph/round.h"
#include "wire/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct round made(size_t calls)
{
    struct round r = {.text = mem_strdup("Let me look."),
                      .reasoning = mem_strdup("[{\"type\":\"reasoning\",\"text\":\"hm\"}]"),
                      .model = mem_strdup("small"),
                      .finish_reason = mem_strdup("tool_calls"),
                      .usage = {.input = 7, .output = 3, .cached = -1, .reasoning = 2},
                      .next_part = 4,
                      .calls = mem_new_array(calls, sizeof(struct round_call)),
                      .call_count = calls};
    r.usage.source = USAGE_PROVIDER;
    for (size_t i = 0; i < calls; i++) {
        r.calls[i].id = mem_printf("call_%zu", i);
        r.calls[i].name = mem_strdup("find");
        r.calls[i].arguments = mem_printf("{\"n\": \"%zu\\n\"}", i);
    }
    round_complete(&r);
    return r;
}

static void a_turn_comes_back_as_it_was(void **state)
{
    (void)state;
    for (size_t calls = 0; calls <= 3; calls++) {
        struct round r = made(calls), back = {.text = NULL};
        struct buf bytes;
        buf_init(&bytes, 4096);
        round_write(&r, &bytes);
        assert_int_equal(buf_error(&bytes), 0);
        assert_int_equal(round_read(buf_as_span(&bytes), &back), 0);
        assert_string_equal(back.text, r.text);
        assert_string_equal(back.reasoning, r.reasoning);
        assert_string_equal(back.model, "small");
        assert_string_equal(back.finish_reason, "tool_calls");
        assert_int_equal(back.next_part, 4);
        assert_int_equal(back.usage.input, 7);
        assert_int_equal(back.usage.cached, -1);
        assert_int_equal(back.usage.reasoning, 2);
        assert_int_equal(back.usage.source, USAGE_PROVIDER);
        assert_int_equal(back.call_count, calls);
        for (size_t i = 0; i < calls; i++) {
            assert_string_equal(back.calls[i].id, r.calls[i].id);
            assert_string_equal(back.calls[i].arguments, r.calls[i].arguments);
        }
        if (calls == 0)
            assert_null(back.calls_json);
        else
            assert_string_equal(back.calls_json, r.calls_json);
        round_release(&r);
        round_release(&back);
        buf_release(&bytes);
    }
}

static void its_calls_are_said_in_openais_form(void **state)
{
    (void)state;
    struct round r = made(1);
    assert_string_equal(r.calls_json,
                        "[{\"id\":\"call_0\",\"type\":\"function\",\"function\":{\"name\":\"find\","
                        "\"arguments\":\"{\\\"n\\\": \\\"0\\\\n\\\"}\"}}]");
    assert_int_equal(json_check(span_of(r.calls_json), NULL), 0);
    round_release(&r);
}

static void a_result_comes_back_and_completes_the_turn(void **state)
{
    (void)state;
    struct round r = made(2);
    for (size_t i = 0; i < 2; i++) {
        struct buf bytes;
        assert_false(round_has_all_results(&r));
        buf_init(&bytes, 4096);
        r.calls[i].result = mem_strdup("found \xc3\xa4");
        r.calls[i].is_error = i == 1;
        round_write_result(&r.calls[i], &bytes);
        mem_free(r.calls[i].result);
        r.calls[i].result = NULL;
        r.calls[i].is_error = false;
        assert_int_equal(round_read_result(buf_as_span(&bytes), &r.calls[i]), 0);
        assert_string_equal(r.calls[i].result, "found \xc3\xa4");
        assert_int_equal(r.calls[i].is_error, i == 1);
        buf_release(&bytes);
    }
    assert_true(round_has_all_results(&r));
    round_release(&r);
}

/* Whatever byte of it is lost or changed: it is refused, or it is sound; never a crash. */
static void what_is_damaged_is_refused(void **state)
{
    (void)state;
    struct round r = made(2), back = {.text = NULL};
    struct round_call call = {.result = NULL};
    struct buf bytes;
    buf_init(&bytes, 4096);
    round_write(&r, &bytes);
    for (size_t i = 0; i < bytes.len; i++)
        assert_int_equal(round_read(span_make(bytes.ptr, i), &back), -ERR_MALFORMED);
    for (size_t i = 0; i < bytes.len; i++) {
        char *copy = mem_dup(bytes.ptr, bytes.len);
        copy[i] = (char)(copy[i] ^ 0x55);
        if (round_read(span_make(copy, bytes.len), &back) == 0)
            round_release(&back);
        if (round_read_result(span_make(copy, bytes.len), &call) == 0)
            mem_free(call.result);
        call.result = NULL;
        mem_free(copy);
    }
    buf_release(&bytes);
    round_release(&r);
}

static void what_is_newer_is_refused(void **state)
{
    (void)state;
    struct buf bytes;
    struct round back;
    struct round_call call = {.result = NULL};
    buf_init(&bytes, 256);
    struct mp_fields f = mp_fields_begin(&bytes);
    mp_field_int(&f, "v", ROUND_VERSION + 1);
    mp_field_str(&f, "text", SPAN_LIT("x"));
    mp_field_str(&f, "result", SPAN_LIT("x"));
    mp_fields_end(&f);
    assert_int_equal(round_read(buf_as_span(&bytes), &back), -ERR_NOT_SUPPORTED);
    assert_int_equal(round_read_result(buf_as_span(&bytes), &call), -ERR_NOT_SUPPORTED);
    assert_null(call.result);
    buf_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_turn_comes_back_as_it_was),
        cmocka_unit_test(its_calls_are_said_in_openais_form),
        cmocka_unit_test(a_result_comes_back_and_completes_the_turn),
        cmocka_unit_test(what_is_damaged_is_refused),
        cmocka_unit_test(what_is_newer_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
