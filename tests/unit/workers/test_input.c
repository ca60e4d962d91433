/* What a graph is given. */
#include "graph/input.h"

#include "base/mem.h"
#include "worker_test.h"

struct fixture {
    struct claimed claimed;
    struct buf out;
    char chat[8], generation[8], user[8];
};

static int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){.chat = "c", .generation = "g", .user = "ann"};
    f.claimed.chat = f.chat;
    f.claimed.generation = f.generation;
    f.claimed.user = f.user;
    buf_init(&f.out, 4096);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    buf_release(&f->out);
    return 0;
}

static void test_full(void **state)
{
    struct fixture *f = *state;
    f->claimed.job.attachments =
        SPAN_LIT("[{\"type\":\"image\",\"media_type\":\"image/png\",\"data\":\"AAAA\"},"
                 "{\"type\":\"text\",\"name\":\"a\\\"b\",\"url\":\"https://x\"}]");
    f->claimed.job.metadata = SPAN_LIT("{\"k\":[1]}");
    input_write(&f->claimed, SPAN_LIT("say \"hi\""), &f->out);
    assert_string_equal(
        f->out.ptr,
        "{\"message\":\"say \\\"hi\\\"\",\"attachments\":[{\"type\":\"image\",\"media_type\":"
        "\"image/png\"},{\"type\":\"text\",\"name\":\"a\\\"b\",\"url\":\"https://x\"}],"
        "\"metadata\":{\"k\":[1]},\"chat_id\":\"c\",\"generation_id\":\"g\",\"user\":\"ann\"}");
}

static void test_bare(void **state)
{
    struct fixture *f = *state;
    f->chat[0] = f->user[0] = '\0';
    input_write(&f->claimed, SPAN_LIT(""), &f->out);
    assert_string_equal(f->out.ptr,
                        "{\"message\":\"\",\"attachments\":[],\"metadata\":null,\"chat_id\":null,"
                        "\"generation_id\":\"g\",\"user\":null}");
}

static void test_history(void **state)
{
    struct fixture *f = *state;
    const struct llm_message messages[] = {{.role = "user", .content = SPAN_LIT("a\n")},
                                           {.role = "assistant", .content = SPAN_LIT("b")}};
    input_write_history(messages, 2, &f->out);
    assert_string_equal(f->out.ptr, "[{\"role\":\"user\",\"content\":\"a\\n\"},"
                                    "{\"role\":\"assistant\",\"content\":\"b\"}]");
    buf_reset(&f->out);
    input_write_history(NULL, 0, &f->out);
    assert_string_equal(f->out.ptr, "[]");
}

static void test_stateless(void **state)
{
    struct history history;
    (void)state;
    char *last = input_take_messages(
        SPAN_LIT("[{\"role\":\"system\",\"content\":\"be\"},{\"role\":\"user\",\"content\":\"a\"},"
                 "{\"role\":\"tool\",\"content\":\"x\"},{\"role\":\"assistant\",\"content\":"
                 "null},{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"b\"},"
                 "{\"type\":\"image_url\"},{\"type\":\"text\",\"text\":\"c\"}]},"
                 "{\"role\":\"assistant\",\"content\":\"d\"}]"),
        &history);
    assert_string_equal(last, "bc");
    assert_int_equal(history.count, 3);
    assert_string_equal(history.messages[0].role, "system");
    assert_span(history.messages[1].content, SPAN_LIT("a"));
    assert_span(history.messages[2].content, SPAN_LIT(""));
    history_release(&history);
    mem_free(last);
}

static void test_stateless_without_a_user(void **state)
{
    struct history history;
    (void)state;
    char *last =
        input_take_messages(SPAN_LIT("[{\"role\":\"system\",\"content\":\"be\"}]"), &history);
    assert_string_equal(last, "");
    assert_int_equal(history.count, 0);
    history_release(&history);
    mem_free(last);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_full, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bare, setup, teardown),
        cmocka_unit_test_setup_teardown(test_history, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stateless, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stateless_without_a_user, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
