/* Jobs: round trip, versions, damaged ones; usage as JSON. */
#include "base/mem.h"
#include "wire/job.h"
#include "wire/limits.h"
#include "wire_test.h"

static void assert_same(const struct job *a, const struct job *b)
{
    assert_int_equal(a->is_stateless, b->is_stateless);
    assert_span(a->message, b->message);
    assert_span(a->messages, b->messages);
    assert_span(a->attachments, b->attachments);
    assert_span(a->model, b->model);
    assert_span(a->graph, b->graph);
    assert_span(a->system, b->system);
    assert_span(a->params, b->params);
    assert_span(a->metadata, b->metadata);
    assert_span(a->upstream, b->upstream);
    assert_span(a->traceparent, b->traceparent);
}

static void assert_round_trip(const struct job *job)
{
    struct buf b;
    struct job back;
    struct mp_doc *doc;
    buf_init(&b, LIMIT_MP_BYTES);
    job_encode(&b, job);
    assert_int_equal(buf_error(&b), 0);
    assert_int_equal(job_decode(buf_as_span(&b), &back, &doc), 0);
    memset(b.ptr, 0, b.len); /* the job keeps no span into it */
    assert_int_equal(back.version, JOB_VERSION);
    assert_same(job, &back);
    mp_close(doc);
    buf_release(&b);
}

static void jobs_come_back_as_they_went(void **state)
{
    (void)state;
    const struct job whole = {.is_stateless = true,
                              .message = SPAN_LIT("Hi \xf0\x9f\x98\x80 \"there\"\n"),
                              .messages = SPAN_LIT("[{\"role\":\"user\"}]"),
                              .attachments = SPAN_LIT("[]"),
                              .model = SPAN_LIT("demo"),
                              .graph = SPAN_LIT("plan"),
                              .system = SPAN_LIT("be brief"),
                              .params = SPAN_LIT("{\"seed\":12345678901234567890}"),
                              .metadata = SPAN_LIT("{}"),
                              .upstream = SPAN_LIT("drain"),
                              .traceparent = SPAN_LIT("00-0af7-b7ad-01")};
    const struct job least = {.message = SPAN_LIT("")};
    const struct job nothing = {0};
    assert_round_trip(&whole);
    assert_round_trip(&least);
    assert_round_trip(&nothing);
}

static void a_long_message_comes_back(void **state)
{
    (void)state;
    enum { LONG = 256 * 1024 };
    char *text = mem_new_array(LONG, 1);
    memset(text, 'm', LONG);
    const struct job job = {.message = span_make(text, LONG)};
    assert_round_trip(&job);
    mem_free(text);
}

static const struct {
    struct span bytes;
    int rc;
} jobs[] = {
    {BYTES("\x81\xa1v\x01"), 0},
    {BYTES("\x82\xa1v\x01\xa5"
           "later\x92\x01\x02"),
     0}, /* an unknown key */
    {BYTES("\x82\xa1v\x01\xa7message\xc0"), 0},
    {BYTES("\x81\xa1v\x02"), -ERR_NOT_SUPPORTED},
    {BYTES("\x81\xa1v\x00"), -ERR_MALFORMED},
    {BYTES("\x81\xa1v\xa1"
           "1"),
     -ERR_MALFORMED},
    {BYTES("\x80"), -ERR_MALFORMED},
    {BYTES("\x90"), -ERR_MALFORMED},
    {BYTES(""), -ERR_MALFORMED},
    {BYTES("\x82\xa1v\x01\xa7message\x05"), -ERR_MALFORMED},
    {BYTES("\x82\xa1v\x01\xabtraceparent\x90"), -ERR_MALFORMED},
    {BYTES("\x82\xa1v\x01"), -ERR_MALFORMED},
};

static void versions_and_damage_are_seen(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(jobs); i++) {
        struct job job = {.version = -7};
        struct mp_doc *doc = NULL;
        assert_int_equal(job_decode(jobs[i].bytes, &job, &doc), jobs[i].rc);
        assert_int_equal(job.version, jobs[i].rc == 0 ? 1 : -7);
        assert_int_equal(doc == NULL, jobs[i].rc != 0);
        mp_close(doc);
    }
}

static void usage_renders_null_for_what_is_not_known(void **state)
{
    (void)state;
    const struct usage unknown = usage_unknown(), none = usage_none();
    const struct usage provider = {12, 5, -1, 0, USAGE_PROVIDER, true};
    const struct usage estimated = {12, 5, -1, -1, USAGE_ESTIMATED, false};
    struct buf b;
    buf_init(&b, 1024);
    usage_put_json(&b, &unknown);
    usage_put_json(&b, &none);
    usage_put_json(&b, &provider);
    usage_put_json(&b, &estimated);
    assert_buf(&b, "{\"input\":null,\"output\":null,\"cached\":null,\"reasoning\":null,"
                   "\"source\":\"unknown\",\"settled\":false}"
                   "{\"input\":0,\"output\":0,\"cached\":0,\"reasoning\":0,"
                   "\"source\":\"none\",\"settled\":true}"
                   "{\"input\":12,\"output\":5,\"cached\":null,\"reasoning\":0,"
                   "\"source\":\"provider\",\"settled\":true}"
                   "{\"input\":12,\"output\":5,\"cached\":null,\"reasoning\":null,"
                   "\"source\":\"estimated\",\"settled\":false}");
    buf_release(&b);
}

static void usage_goes_there_and_back(void **state)
{
    static const struct usage rows[] = {{12, 5, 3, 2, USAGE_PROVIDER, false},
                                        {12, 5, -1, -1, USAGE_ESTIMATED, false},
                                        {0, 0, 0, 0, USAGE_NONE, false},
                                        {-1, -1, -1, -1, USAGE_UNKNOWN, false}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct mp_doc *doc = NULL;
        struct buf b;
        buf_init(&b, 1024);
        struct mp_fields f = mp_fields_begin(&b);
        usage_field(&f, "usage", &rows[i]);
        mp_fields_end(&f);
        assert_int_equal(mp_open(buf_as_span(&b), &doc), 0);
        struct usage back = usage_read(mp_get(mp_root(doc), "usage"));
        assert_int_equal(back.input, rows[i].input);
        assert_int_equal(back.output, rows[i].output);
        assert_int_equal(back.cached, rows[i].cached);
        assert_int_equal(back.reasoning, rows[i].reasoning);
        assert_int_equal(back.source, rows[i].source);
        mp_close(doc);
        buf_release(&b);
    }
}

static void usage_of_no_known_source_is_unknown(void **state)
{
    static const int64_t sources[] = {-1, USAGE_NONE + 1};
    (void)state;
    assert_int_equal(usage_read(NULL).source, USAGE_UNKNOWN);
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        struct mp_doc *doc = NULL;
        struct buf b;
        buf_init(&b, 1024);
        struct mp_fields f = mp_fields_begin(&b);
        mp_field_int(&f, "input", 3);
        mp_field_int(&f, "source", sources[i]);
        mp_fields_end(&f);
        assert_int_equal(mp_open(buf_as_span(&b), &doc), 0);
        struct usage back = usage_read(mp_root(doc));
        assert_int_equal(back.source, USAGE_UNKNOWN);
        assert_int_equal(back.input, -1);
        mp_close(doc);
        buf_release(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_come_back_as_they_went),
        cmocka_unit_test(a_long_message_comes_back),
        cmocka_unit_test(versions_and_damage_are_seen),
        cmocka_unit_test(usage_renders_null_for_what_is_not_known),
        cmocka_unit_test(usage_goes_there_and_back),
        cmocka_unit_test(usage_of_no_known_source_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
