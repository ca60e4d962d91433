/* Frames compared byte for byte: one buffer, a frame and what an answer of it is made of. */
#ifndef SLUICE_TESTS_FORMAT_TEST_H
#define SLUICE_TESTS_FORMAT_TEST_H

#include "format.h"

#include "llmsim_test.h"

static const struct frame frame = {.id = "id-1",
                                   .model = {"sim", 3},
                                   .call = {"find", {"{\"q\": 1}", 8}, false},
                                   .at_ms = 7008,
                                   .input_tokens = 12,
                                   .wants_usage = true,
                                   .tells_usage = true,
                                   .index = 1,
                                   .thought = 0xab};
static const struct call calls[] = {{"find", {"{\"q\": 1}", 8}, false},
                                    {"look", {"{\"a\"", 4}, true}};
static const struct spent spent = {.output = 5, .reasoning = 2, .took_ms = 30};
static struct buf out;

static int setup(void **state)
{
    (void)state;
    buf_init(&out, 16 * 1024 * 1024);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buf_release(&out);
    return 0;
}

static inline void assert_out(const char *wanted)
{
    assert_int_equal(buf_error(&out), 0);
    assert_string_equal(out.len == 0 ? "" : out.ptr, wanted);
    buf_reset(&out);
}

static inline void assert_failure(const struct format *format, struct failure failure,
                                  const char *wanted)
{
    format->failure(&out, &failure);
    assert_out(wanted);
}

/* Reads a request's switches from its JSON. */
static inline int look(const struct format *format, const char *body, struct asked *asked)
{
    struct json_doc *doc;
    struct err err;
    assert_int_equal(json_parse(span_of(body), &doc, &err), 0);
    *asked = (struct asked){.max_tokens = -1};
    int rc = format->look(json_root(doc), asked, &err);
    json_free(doc);
    return rc;
}

#define FORMAT_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
