/* What readers see of events: golden JSON and frames of every kind, absent and newer elements, raw
 * keys. */
#include "event_sample.h"
#include "wire/json.h"
#include "wire/limits.h"
#include "wire_test.h"

#define PIECE_JSON                                                                                 \
    ",\"part\":2,\"text\":\"Hi \xf0\x9f\x91\x8b\",\"node\":\"answer\",\"signature\":\"c2ln\"}"
#define CALL_JSON                                                                                  \
    ",\"part\":1,\"call_id\":\"call_1\",\"name\":\"search\",\"arguments\":\"{\\\"q\\\":\","        \
    "\"node\":\"tools\"}"
#define CHAT_JSON ",\"chat_id\":\"c1\",\"at\":1760000000000"
#define MAP_JSON                                                                                   \
    CHAT_JSON                                                                                      \
    ",\"text\":\"a \\\"word\\\"\",\"usage\":{\"input\":1},\"position\":3,\"committed\":false}"

/* The contract's words and order, kind by kind: also the golden copy of kinds.def. */
static const struct {
    int number;
    const char *name;
    bool is_visible, is_terminal;
    const char *rest; /* of the JSON, behind `done` */
} golden[] = {
    {1, "queued", false, false, MAP_JSON},
    {2, "started", false, false, MAP_JSON},
    {3, "delta", true, false, PIECE_JSON},
    {4, "reasoning", true, false, PIECE_JSON},
    {5, "refusal", true, false, PIECE_JSON},
    {6, "tool_call_delta", true, false, CALL_JSON},
    {7, "tool_call", true, false, CHAT_JSON CALL_JSON},
    {8, "tool_result", false, false, MAP_JSON},
    {9, "source", false, false, MAP_JSON},
    {10, "step", false, false, MAP_JSON},
    {11, "reset", false, false, MAP_JSON},
    {12, "done", false, true, MAP_JSON},
    {13, "stopped", false, true, MAP_JSON},
    {14, "failed", false, true, MAP_JSON},
    {15, "interrupted", false, true, MAP_JSON},
};

static void kinds_are_as_agreed(void **state)
{
    (void)state;
    assert_int_equal(COUNT(golden), EVENT_KIND_END - 1);
    for (size_t i = 0; i < COUNT(golden); i++) {
        enum event_kind kind = (enum event_kind)golden[i].number;
        assert_string_equal(event_kind_name(kind), golden[i].name);
        assert_int_equal(event_is_visible(kind), golden[i].is_visible);
        assert_int_equal(event_is_terminal(kind), golden[i].is_terminal);
        assert_int_equal(event_kind_of(span_of(event_kind_name(kind))), kind);
    }
    static const int unknown[] = {0, EVENT_KIND_END, 1000, -1};
    for (size_t i = 0; i < COUNT(unknown); i++) {
        enum event_kind kind = (enum event_kind)unknown[i];
        assert_null(event_kind_name(kind));
        assert_false(event_is_visible(kind) || event_is_terminal(kind));
    }
    assert_int_equal(event_kind_of(SPAN_LIT("nonsense")), EVENT_NONE);
    assert_int_equal(event_kind_of(SPAN_NONE), EVENT_NONE);
}

static void every_kind_renders_as_the_contract_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(golden); i++) {
        struct buf event, json, sse, expected;
        buf_init(&event, LIMIT_EVENT);
        buf_init(&json, LIMIT_EVENT);
        buf_init(&sse, LIMIT_EVENT);
        buf_init(&expected, LIMIT_EVENT);
        put_event(&event, 1000 + golden[i].number, (enum event_kind)golden[i].number);
        struct span bytes = buf_as_span(&event);
        assert_int_equal(event_to_json(&json, bytes, "gen_1", "c1"), 0);
        (void)buf_printf(&expected,
                         "{\"type\":\"%s\",\"generation_id\":\"gen_1\",\"seq\":%d,\"done\":%s%s",
                         golden[i].name, 1000 + golden[i].number,
                         golden[i].number == EVENT_DONE ? "true" : "false", golden[i].rest);
        assert_buf(&json, expected.ptr);
        assert_int_equal(json_check(buf_as_span(&json), NULL), 0);

        assert_int_equal(event_to_sse(&sse, bytes, "gen_1", "c1"), 0);
        buf_reset(&expected);
        (void)buf_printf(&expected, "id: %d\nevent: %s\ndata: %s\n\n", 1000 + golden[i].number,
                         golden[i].name, json.ptr);
        assert_buf(&sse, expected.ptr);
        buf_release(&event);
        buf_release(&json);
        buf_release(&sse);
        buf_release(&expected);
    }
}

static const struct {
    struct span bytes;
    const char *json; /* NULL: passed by */
} rendered[] = {
    /* nothing optional, and no chat */
    {BYTES("\x94\x01\x03\x00\xa1x"), "{\"type\":\"delta\",\"generation_id\":\"g\",\"seq\":1,"
                                     "\"done\":false,\"part\":0,\"text\":\"x\"}"},
    /* a bin as text, nil as node */
    {BYTES("\x95\x01\x03\x00\xc4\x01x\xc0"), "{\"type\":\"delta\",\"generation_id\":\"g\",\"seq\":"
                                             "1,\"done\":false,\"part\":0,\"text\":\"x\"}"},
    /* more elements than this build knows; a node of a type that it does not know */
    {BYTES("\x98\x01\x03\x00\xa1x\xc0\xc0\x91\x01\xc3"),
     "{\"type\":\"delta\",\"generation_id\":\"g\",\"seq\":1,\"done\":false,\"part\":0,\"text\":"
     "\"x\"}"},
    {BYTES("\x96\x01\x03\x00\xa1x\x92\xa1"
           "a\xa1"
           "b\xa1s"),
     "{\"type\":\"delta\",\"generation_id\":\"g\",\"seq\":1,\"done\":false,\"part\":0,\"text\":"
     "\"x\"}"},
    {BYTES("\x96\x01\x03\x00\xa1x\x81\xa1"
           "a\xa1"
           "b\xa1s"),
     "{\"type\":\"delta\",\"generation_id\":\"g\",\"seq\":1,\"done\":false,\"part\":0,\"text\":"
     "\"x\"}"},
    /* a tool_call without its time */
    {BYTES("\x96\x01\x07\x00\xa1"
           "c\xa1n\xa2{}"),
     "{\"type\":\"tool_call\",\"generation_id\":\"g\",\"seq\":1,\"done\":false,\"chat_id\":null,"
     "\"at\":"
     "null,\"part\":0,\"call_id\":\"c\",\"name\":\"n\",\"arguments\":\"{}\"}"},
    /* an empty map as Lua writes it */
    {BYTES("\x94\x01\x0b\x09\x90"), "{\"type\":\"reset\",\"generation_id\":\"g\",\"seq\":1,"
                                    "\"done\":false,\"chat_id\":null,\"at\":9}"},
    /* nil, a list, a float, a huge number and a key that is no text; a raw key with a line end, an
       empty one, a number */
    {BYTES("\x94\x01\x0b\x09\x88\xa1n\xc0\xa1l\x91\x01\xa1"
           "f\xca\x00\x00\x00\x00\xa1h\xcf\xff\xff\xff\xff\xff\xff\xff\xff\x05\xa1k"
           "\xa7restore\xa5{\r\n }\xa5usage\xa0\xa5"
           "error\x07"),
     "{\"type\":\"reset\",\"generation_id\":\"g\",\"seq\":1,\"done\":false,\"chat_id\":null,\"at\":"
     "9,"
     "\"n\":null,\"restore\":{   },\"usage\":null,\"error\":7}"},
    /* kinds of the future */
    {BYTES("\x92\x01\x10"), NULL},
    {BYTES("\x93\x01\xcd\x03\xe8\x81\xa1x\xc0"), NULL},
};

static void old_short_and_newer_events_render(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rendered); i++) {
        struct buf b;
        buf_init(&b, LIMIT_EVENT);
        assert_int_equal(event_to_json(&b, rendered[i].bytes, "g", ""), 0);
        if (rendered[i].json != NULL)
            assert_buf(&b, rendered[i].json);
        else
            assert_int_equal(b.len, 0);
        buf_reset(&b);
        assert_int_equal(event_to_sse(&b, rendered[i].bytes, "g", ""), 0);
        assert_int_equal(b.len == 0, rendered[i].json == NULL);
        buf_release(&b);
    }
}

static void a_full_buffer_is_told(void **state)
{
    (void)state;
    struct buf event, whole;
    buf_init(&event, LIMIT_EVENT);
    buf_init(&whole, LIMIT_EVENT);
    put_event(&event, 7, EVENT_STOPPED);
    assert_int_equal(event_to_sse(&whole, buf_as_span(&event), "g", "c"), 0);
    for (size_t max = 0; max < whole.len; max++) {
        struct buf b;
        buf_init(&b, max);
        assert_int_equal(event_to_sse(&b, buf_as_span(&event), "g", "c"), -ERR_TOO_LARGE);
        buf_release(&b);
    }
    buf_release(&event);
    buf_release(&whole);
}

static void raw_keys_are_the_listed_ones(void **state)
{
    (void)state;
    static const char *const raw[] = {"restore", "usage",    "error",       "history",
                                      "resume",  "metadata", "attachments", "tool_calls",
                                      "output",  "result",   "params"};
    for (size_t i = 0; i < COUNT(raw); i++)
        assert_true(field_is_raw(span_of(raw[i])));
    assert_false(field_is_raw(SPAN_LIT("text")));
    assert_false(field_is_raw(SPAN_LIT("usag")));
    assert_false(field_is_raw(SPAN_LIT("")));
}

static void fields_of_no_map_are_none(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 16);
    struct json_writer w = json_writer(&b);
    json_open(&w, NULL, '{');
    fields_to_json(&w, NULL);
    json_close(&w);
    assert_buf(&b, "{}");
    buf_release(&b);
}

/* A message that lies in `restore` comes out of the frame byte for byte. */
static void restore_survives_byte_for_byte(void **state)
{
    (void)state;
    static const char message[] = "\"quoted\" \\ \xf0\x9f\x98\x80 \xe2\x80\xa8 tab\t line\r\n end";
    struct buf restore, event, json;
    buf_init(&restore, 1024);
    buf_init(&event, 4096);
    buf_init(&json, 4096);
    struct json_writer w = json_writer(&restore);
    json_open(&w, NULL, '{');
    json_member_str(&w, "message", SPAN_LIT(message));
    json_close(&w);
    struct mp_fields f = event_begin_map(&event, 4, EVENT_STOPPED, AT_MS);
    mp_field_str(&f, "restore", buf_as_span(&restore));
    mp_fields_end(&f);
    assert_int_equal(event_to_json(&json, buf_as_span(&event), "g", "c"), 0);
    struct json_doc *doc;
    assert_int_equal(json_parse(buf_as_span(&json), &doc, NULL), 0);
    const struct json *back = json_get(json_get(json_root(doc), "restore"), "message");
    assert_span(json_string(back), SPAN_LIT(message));
    json_free(doc);
    buf_release(&restore);
    buf_release(&event);
    buf_release(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_are_as_agreed),
        cmocka_unit_test(every_kind_renders_as_the_contract_says),
        cmocka_unit_test(old_short_and_newer_events_render),
        cmocka_unit_test(a_full_buffer_is_told),
        cmocka_unit_test(raw_keys_are_the_listed_ones),
        cmocka_unit_test(fields_of_no_map_are_none),
        cmocka_unit_test(restore_survives_byte_for_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
