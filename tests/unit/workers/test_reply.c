/* The reply: what is committed to a chat, and the output of a stateless generation. */
#include "model/reply.h"

#include "worker_test.h"

struct fixture {
    struct reply reply;
    struct buf out;
    struct mp_doc *doc;
};

static int setup(void **state)
{
    static struct fixture f;
    reply_init(&f.reply, 4096);
    buf_init(&f.out, 8192);
    f.doc = NULL;
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    reply_release(&f->reply);
    if (f->doc != NULL)
        mp_close(f->doc);
    buf_release(&f->out);
    return 0;
}

static void say(struct fixture *f, enum event_kind kind, int64_t part, const char *text)
{
    reply_put_piece(&f->reply, &(struct piece){.kind = kind, .part = part, .text = span_of(text)});
}

static void call(struct fixture *f, enum event_kind kind, const char *arguments)
{
    reply_put_call(&f->reply, &(struct call_piece){.kind = kind,
                                                   .part = 1,
                                                   .call_id = SPAN_LIT("c1"),
                                                   .name = SPAN_LIT("find"),
                                                   .arguments = span_of(arguments)});
}

static struct span field(struct fixture *f, const char *name)
{
    if (f->doc == NULL) {
        const struct reply_facts facts = {.id = SPAN_LIT("msg_1"),
                                          .generation = SPAN_LIT("gen_1"),
                                          .model = SPAN_LIT("m"),
                                          .finish_reason = SPAN_LIT("stop"),
                                          .metadata = SPAN_LIT("{\"steps\":[]}"),
                                          .created_at_ms = 77,
                                          .usage = usage_none()};
        reply_put_message(&f->out, &f->reply, &facts);
        assert_int_equal(mp_open(buf_as_span(&f->out), &f->doc), 0);
    }
    return mp_str(mp_get(mp_root(f->doc), name), SPAN_NONE);
}

static void a_message_has_what_was_said(void **state)
{
    struct fixture *f = *state;
    say(f, EVENT_REASONING, 0, "hm");
    say(f, EVENT_DELTA, 1, "Hello ");
    say(f, EVENT_DELTA, 1, "you");
    assert_span(field(f, "content"), SPAN_LIT("Hello you"));
    assert_span(field(f, "reasoning"), SPAN_LIT("hm"));
    assert_span(field(f, "tool_calls"), SPAN_NONE);
    assert_span(field(f, "role"), SPAN_LIT("assistant"));
    assert_span(field(f, "id"), SPAN_LIT("msg_1"));
    assert_span(field(f, "generation_id"), SPAN_LIT("gen_1"));
    assert_span(field(f, "finish_reason"), SPAN_LIT("stop"));
    assert_span(field(f, "metadata"), SPAN_LIT("{\"steps\":[]}"));
    assert_int_equal(mp_int(mp_get(mp_root(f->doc), "created_at"), 0), 77);
    assert_int_equal(mp_int(mp_get(mp_root(f->doc), "v"), 0), 1);
    assert_true(span_starts_with(field(f, "usage"), "{\"input\":0,"));
}

static void parts_stand_apart(void **state)
{
    struct fixture *f = *state;
    say(f, EVENT_DELTA, 0, "one");
    say(f, EVENT_DELTA, 2, "two");
    assert_span(field(f, "content"), SPAN_LIT("one\n\ntwo"));
}

static void a_refusal_is_the_content_where_there_is_no_text(void **state)
{
    struct fixture *f = *state;
    say(f, EVENT_REFUSAL, 0, "no");
    assert_span(field(f, "content"), SPAN_LIT("no"));
    mp_close(f->doc);
    f->doc = NULL;
    buf_reset(&f->out);
    say(f, EVENT_DELTA, 1, "well");
    assert_span(field(f, "content"), SPAN_LIT("well"));
}

static void whole_calls_are_kept(void **state)
{
    struct fixture *f = *state;
    call(f, EVENT_TOOL_CALL_DELTA, "{");
    assert_true(f->reply.has_calls);
    call(f, EVENT_TOOL_CALL, "{\"q\":1}");
    call(f, EVENT_TOOL_CALL, "not json \"");
    assert_span(
        field(f, "tool_calls"),
        SPAN_LIT("[{\"call_id\":\"c1\",\"name\":\"find\",\"arguments\":\"{\\\"q\\\":1}\"},"
                 "{\"call_id\":\"c1\",\"name\":\"find\",\"arguments\":\"not json \\\"\"}]"));
    assert_span(field(f, "content"), SPAN_LIT(""));
}

static void output_has_null_for_what_there_is_none_of(void **state)
{
    struct fixture *f = *state;
    reply_put_output(&f->out, &f->reply);
    assert_span(buf_as_span(&f->out),
                SPAN_LIT("{\"text\":null,\"reasoning\":null,\"tool_calls\":null}"));
    buf_reset(&f->out);
    say(f, EVENT_DELTA, 0, "a\nb");
    call(f, EVENT_TOOL_CALL, "{}");
    reply_put_output(&f->out, &f->reply);
    assert_span(
        buf_as_span(&f->out),
        SPAN_LIT("{\"text\":\"a\\nb\",\"reasoning\":null,\"tool_calls\":[{\"call_id\":\"c1\","
                 "\"name\":\"find\",\"arguments\":\"{}\"}]}"));
}

/* A signature, of a part of its own where reasoning is redacted, is no text. */
static void a_signature_leaves_no_trace(void **state)
{
    struct fixture *f = *state;
    say(f, EVENT_REASONING, 0, "hm");
    say(f, EVENT_REASONING, 0, "");
    say(f, EVENT_REASONING, 1, "");
    say(f, EVENT_REASONING, 2, "so");
    assert_span(buf_as_span(&f->reply.reasoning.text), SPAN_LIT("hm\n\nso"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_signature_leaves_no_trace), TEST(a_message_has_what_was_said),
        TEST(parts_stand_apart),           TEST(a_refusal_is_the_content_where_there_is_no_text),
        TEST(whole_calls_are_kept),        TEST(output_has_null_for_what_there_is_none_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
