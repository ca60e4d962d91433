/* What a request means for its model. */
#include "model/request.h"

#include "base/mem.h"
#include "worker_test.h"

static char first[] = "first", second[] = "second", gone[] = "gone", batch[] = "graph.batch",
            interactive[] = "stream.interactive", system_text[] = "the chat's";
static struct conf_model models[] = {{.name = first}, {.name = second}};
static const struct conf conf = {
    .models = models, .model_count = 2, .queue_batch_timeout = 77, .queue_interactive_timeout = 7};

static void the_request_names_the_model_then_the_chat(void **state)
{
    (void)state;
    struct claimed c = {.chat_model = second};
    assert_span(request_model(&conf, &c), SPAN_LIT("second"));
    c.chat_model = gone; /* it is no longer configured */
    assert_span(request_model(&conf, &c), SPAN_NONE);
    c.chat_model = NULL;
    assert_span(request_model(&conf, &c), SPAN_NONE);
    c.job.model = SPAN_LIT("gone"); /* who asks for it by name hears that it is not there */
    assert_span(request_model(&conf, &c), SPAN_LIT("gone"));
}

static void an_empty_system_prompt_is_one(void **state)
{
    (void)state;
    struct claimed c = {.chat_system = system_text};
    assert_span(request_system(&c), SPAN_LIT("the chat's"));
    c.job.system = SPAN_LIT("");
    assert_span(request_system(&c), SPAN_LIT(""));
}

static void images_and_tools_are_seen(void **state)
{
    (void)state;
    struct job job = {.attachments = SPAN_LIT("[{\"type\":\"text\"}]")};
    assert_false(request_has_images(&job));
    assert_false(request_has_tools(&job));
    job.attachments = SPAN_LIT("[{\"type\":\"text\"},{\"type\":\"image\"}]");
    assert_true(request_has_images(&job));
    job = (struct job){.messages = SPAN_LIT("[{\"content\":\"image_url\"}]"),
                       .params = SPAN_LIT("{\"temperature\":1}")};
    assert_false(request_has_images(&job));
    assert_false(request_has_tools(&job));
    job.messages = SPAN_LIT("[{\"content\":[{\"text\":\"\"},{\"image_url\":{}}]}]");
    job.params = SPAN_LIT("{\"tools\":[{}]}");
    assert_true(request_has_images(&job));
    assert_true(request_has_tools(&job));
}

static void patience_is_the_lanes(void **state)
{
    (void)state;
    assert_int_equal(request_patience_ms(&conf, &(struct claimed){.lane = batch}), 77);
    assert_int_equal(request_patience_ms(&conf, &(struct claimed){.lane = interactive}), 7);
}

static void behind(const char *params, const char *prefill, const char *expected)
{
    char *made = request_params_behind(span_of(params), span_of(prefill));
    if (expected == NULL)
        assert_null(made);
    else
        assert_string_equal(made, expected);
    mem_free(made);
}

/* "One two three" is three tokens by the estimate. */
static void what_is_there_counts_as_max_tokens(void **state)
{
    (void)state;
    behind("{\"max_tokens\":10}", "One two three", "{\"max_tokens\":7}");
    behind("{\"stop\":[\"a\"],\"max_tokens\":10,\"extra\":{\"max_tokens\":9}}", "One two three",
           "{\"stop\":[\"a\"],\"max_tokens\":7,\"extra\":{\"max_tokens\":9}}");
    behind("{\"max_tokens\":4}", "One two three", "{\"max_tokens\":1}");
    behind("{\"max_tokens\":1}", "One two three", "{\"max_tokens\":1}");
    behind("{\"max_tokens\":10}", NULL, NULL);
    behind("{\"max_tokens\":10}", "", NULL);
    behind("{\"temperature\":1}", "One", NULL);
    behind("{\"max_tokens\":null}", "One", NULL);
    behind("{\"max_tokens\":1e3}", "One", NULL);
    behind(NULL, "One", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_request_names_the_model_then_the_chat),
        cmocka_unit_test(an_empty_system_prompt_is_one),
        cmocka_unit_test(images_and_tools_are_seen),
        cmocka_unit_test(patience_is_the_lanes),
        cmocka_unit_test(what_is_there_counts_as_max_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
