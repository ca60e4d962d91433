/* What a request means for its model. */
#include "model/request.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_request_names_the_model_then_the_chat),
        cmocka_unit_test(an_empty_system_prompt_is_one),
        cmocka_unit_test(images_and_tools_are_seen),
        cmocka_unit_test(patience_is_the_lanes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
