/* Events: every kind through encode, peek and open, what is refused, and that the scripts use the
 * same numbers. */
#include "event_sample.h"
#include "wire/limits.h"
#include "wire_test.h"

static void every_kind_opens_as_it_was_put(void **state)
{
    (void)state;
    for (int kind = 1; kind < EVENT_KIND_END; kind++) {
        struct buf b;
        struct event_view e;
        int64_t seq;
        enum event_kind peeked;
        buf_init(&b, LIMIT_EVENT);
        put_event(&b, INT64_MAX, (enum event_kind)kind);
        assert_int_equal(event_peek(buf_as_span(&b), &seq, &peeked), 0);
        assert_true(seq == INT64_MAX);
        assert_int_equal(peeked, kind);
        assert_int_equal(event_open(buf_as_span(&b), &e), 0);
        assert_true(e.seq == INT64_MAX);
        assert_int_equal(e.kind, kind);
        if (kind >= EVENT_DELTA && kind <= EVENT_REFUSAL) {
            struct piece piece = event_piece(&e);
            assert_int_equal(piece.kind, kind);
            assert_int_equal(piece.part, 2);
            assert_span(piece.text, SPAN_LIT("Hi \xf0\x9f\x91\x8b"));
            assert_span(piece.node, SPAN_LIT("answer"));
            assert_span(piece.signature, SPAN_LIT("c2ln"));
        } else if (kind == EVENT_TOOL_CALL_DELTA || kind == EVENT_TOOL_CALL) {
            struct call_piece call = event_call(&e);
            assert_int_equal(call.kind, kind);
            assert_int_equal(call.part, 1);
            assert_span(call.call_id, SPAN_LIT("call_1"));
            assert_span(call.name, SPAN_LIT("search"));
            assert_span(call.arguments, SPAN_LIT("{\"q\":"));
            assert_span(call.node, SPAN_LIT("tools"));
            assert_true(e.at_ms == (kind == EVENT_TOOL_CALL ? AT_MS : 0));
            assert_true(call.at_ms == e.at_ms);
        } else {
            assert_true(e.at_ms == AT_MS);
            assert_int_equal(mp_int(mp_get(event_fields(&e), "position"), 0), 3);
        }
        event_close(&e);
        buf_release(&b);
    }
}

/* Optional elements that are absent take no bytes: a delta of a plain chat is as short as it can
 * be. */
static void absent_elements_take_no_room(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, LIMIT_EVENT);
    const struct piece delta = {.kind = EVENT_DELTA, .text = SPAN_LIT("x")};
    event_put_piece(&b, 5, &delta);
    assert_span(buf_as_span(&b), SPAN_LIT("\x94\x05\x03\x00\xa1x"));

    buf_reset(&b);
    const struct piece in_node = {.kind = EVENT_DELTA, .text = SPAN_LIT(""), .node = SPAN_LIT("n")};
    event_put_piece(&b, 5, &in_node);
    assert_span(buf_as_span(&b), SPAN_LIT("\x95\x05\x03\x00\xa0\xa1n"));

    buf_reset(&b);
    const struct piece is_signed = {
        .kind = EVENT_REASONING, .text = SPAN_LIT(""), .signature = SPAN_LIT("s")};
    event_put_piece(&b, 5, &is_signed);
    assert_span(buf_as_span(&b), SPAN_LIT("\x96\x05\x04\x00\xa0\xc0\xa1s"));

    buf_reset(&b);
    const struct call_piece call = {
        .kind = EVENT_TOOL_CALL_DELTA, .call_id = SPAN_LIT("c"), .arguments = SPAN_LIT("{")};
    event_put_call(&b, 5, &call);
    assert_span(buf_as_span(&b), SPAN_LIT("\x96\x05\x06\x00\xa1"
                                          "c\xc0\xa1{"));

    buf_reset(&b);
    const struct call_piece in_graph = {.kind = EVENT_TOOL_CALL,
                                        .call_id = SPAN_LIT("c"),
                                        .arguments = SPAN_LIT("{"),
                                        .node = SPAN_LIT("n")};
    event_put_call(&b, 5, &in_graph);
    assert_span(buf_as_span(&b), SPAN_LIT("\x97\x05\x07\x00\xa1"
                                          "c\xc0\xa1{\xa1n"));
    buf_release(&b);
}

static const struct span refused[] = {
    BYTES(""),
    BYTES("x"),
    BYTES("\x80"),
    BYTES("\x90"),
    BYTES("\x91\x01"),
    BYTES("\x92\xa1x\x03"),                                         /* seq is text */
    BYTES("\x92\x01\xa1x"),                                         /* kind is text */
    BYTES("\x94\x00\x03\x00\xa1x"),                                 /* seq 0 */
    BYTES("\x94\xff\x03\x00\xa1x"),                                 /* seq -1 */
    BYTES("\x94\x01\x00\x00\xa1x"),                                 /* kind 0 */
    BYTES("\x94\x01\xff\x00\xa1x"),                                 /* kind -1 */
    BYTES("\x94\x01\xcf\x00\x00\x00\x01\x00\x00\x00\x03\x00\xa1x"), /* a kind of 2^32 + 3 */
    BYTES("\x93\x01\x03\x00"),                                      /* a piece without text */
    BYTES("\x94\x01\x03\xa1p\xa1x"),                                /* part is text */
    BYTES("\x94\x01\x03\xcf\xff\xff\xff\xff\xff\xff\xff\xff\xa1x"), /* part is above INT64_MAX */
    BYTES("\x94\x01\x03\x00\x05"),                                  /* text is a number */
    BYTES("\x94\x01\x03\x00\xc0"),                                  /* text is nil */
    BYTES("\x94\x01\x03\x00\xa1"),                                  /* cut */
    BYTES("\x94\x01\x03\x00\xa1xx"),                                /* more behind */
    BYTES("\x96\x01\x06\xc0\xa1"                                    /* part is nil */
          "c\xa1n\xa1{"),
    BYTES("\x96\x01\x06\x00\xc0\xa1n\xa1{"), /* call_id is nil */
    BYTES("\x96\x01\x06\x00\xa1"             /* name is a list */
          "c\x90\xa1{"),
    BYTES("\x96\x01\x06\x00\xa1" /* arguments are nil */
          "c\xa1n\xc0"),
    BYTES("\x95\x01\x06\x00\xa1" /* no arguments */
          "c\xa1n"),
    BYTES("\x93\x01\x0c\x09"),         /* no map */
    BYTES("\x94\x01\x0c\xc0\x80"),     /* at is nil */
    BYTES("\x94\x01\x0c\x09\x91\x01"), /* a list that is not empty */
    BYTES("\x94\x01\x0c\x09\xc0"),
    BYTES("\x94\x01\x0c\x09\x81\xa1k"), /* the map is cut */
    BYTES("\xdd\x01\xff\xff\xff\x01\x03"),
    BYTES("\x92\x01\x10\x00"), /* an unknown kind with a byte behind */
};

static void what_is_no_event_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        struct buf b;
        struct event_view e = {.seq = -7};
        buf_init(&b, LIMIT_EVENT);
        assert_int_equal(event_open(refused[i], &e), -ERR_MALFORMED);
        assert_true(e.seq == -7); /* untouched */
        assert_int_equal(event_to_json(&b, refused[i], "g", "c"), -ERR_MALFORMED);
        assert_int_equal(event_to_sse(&b, refused[i], "g", "c"), -ERR_MALFORMED);
        assert_int_equal(b.len, 0);
        buf_release(&b);
    }
}

static void peek_looks_at_the_head_only(void **state)
{
    (void)state;
    int64_t seq = 0;
    enum event_kind kind = EVENT_NONE;
    /* The text is cut: a peek does not see it, an open does. */
    struct span cut = SPAN_LIT("\x94\x07\x03\x00\xa9x");
    struct event_view e;
    assert_int_equal(event_peek(cut, &seq, &kind), 0);
    assert_int_equal(seq, 7);
    assert_int_equal(kind, EVENT_DELTA);
    assert_int_equal(event_open(cut, &e), -ERR_MALFORMED);
    assert_int_equal(event_peek(SPAN_LIT("\x94\x09"), &seq, &kind), -ERR_MALFORMED);
    assert_int_equal(event_peek(SPAN_LIT("\x92\x09\xd9"), &seq, &kind), -ERR_MALFORMED);
    assert_int_equal(seq, 7); /* untouched */
}

static enum event_kind kind_named(const char *name)
{
    for (int kind = 1; kind < EVENT_KIND_END; kind++) {
        if (strcmp(event_kind_name((enum event_kind)kind), name) == 0)
            return (enum event_kind)kind;
    }
    return EVENT_NONE;
}

/* The table `local KIND = {name = number, ...}` of the scripts' prelude. */
static void the_scripts_use_the_same_numbers(void **state)
{
    (void)state;
    FILE *file = fopen(SLUICE_SOURCE_DIR "/lib/bus/scripts/common.lua", "r");
    assert_non_null(file);
    static char text[64 * 1024];
    size_t len = fread(text, 1, sizeof(text) - 1, file);
    assert_int_equal(fclose(file), 0);
    text[len] = '\0';
    const char *at = strstr(text, "local KIND = {");
    assert_non_null(at);
    at += strlen("local KIND = {");
    int found = 0, number, taken;
    char name[32];
    while (sscanf(at, " %31[a-z_] = %d%n", name, &number, &taken) == 2) {
        assert_int_equal(number, kind_named(name));
        found++;
        at += taken;
        at += strspn(at, ", \n");
    }
    assert_int_equal(*at, '}');
    assert_true(found >= 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_opens_as_it_was_put),
        cmocka_unit_test(absent_elements_take_no_room),
        cmocka_unit_test(what_is_no_event_is_refused),
        cmocka_unit_test(peek_looks_at_the_head_only),
        cmocka_unit_test(the_scripts_use_the_same_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
