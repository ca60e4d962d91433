/* The history that a model is shown: the newest whole turns that fit, oldest first. */
#include "model/history.h"

#include "worker_test.h"

enum { MESSAGES_MAX = 16 };

struct fixture {
    struct buf bytes[MESSAGES_MAX];
    struct span messages[MESSAGES_MAX];
    size_t count;
    struct history history;
};

static int setup(void **state)
{
    static struct fixture f;
    f.count = 0;
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    history_release(&f->history);
    for (size_t i = 0; i < f->count; i++)
        buf_release(&f->bytes[i]);
    return 0;
}

static void add_with(struct fixture *f, const char *role, const char *content,
                     const char *attachments)
{
    struct buf *b = &f->bytes[f->count];
    buf_init(b, 4096);
    struct mp_fields fields = mp_fields_begin(b);
    mp_field_int(&fields, "v", 1);
    mp_field_str(&fields, "role", span_of(role));
    mp_field_str(&fields, "content", span_of(content));
    if (attachments != NULL)
        mp_field_str(&fields, "attachments", span_of(attachments));
    mp_field_str(&fields, "tool_calls", SPAN_LIT("[{\"call_id\":\"c\"}]"));
    mp_fields_end(&fields);
    f->messages[f->count++] = buf_as_span(b);
}

static void add(struct fixture *f, const char *role, const char *content)
{
    add_with(f, role, content, NULL);
}

static void add_turns(struct fixture *f)
{
    add(f, "user", "1111");
    add(f, "assistant", "2222");
    add(f, "user", "3333");
    add(f, "assistant", "4444");
}

static void read(struct fixture *f, size_t max_bytes)
{
    history_init(&f->history, f->messages, f->count, max_bytes);
}

static void say(struct fixture *f, struct span attachments)
{
    history_add(&f->history, &(struct llm_message){.role = "user",
                                                   .content = SPAN_LIT("new"),
                                                   .attachments = attachments});
}

static void check(const struct fixture *f, size_t i, const char *role, const char *content)
{
    assert_string_equal(f->history.messages[i].role, role);
    assert_span(f->history.messages[i].content, span_of(content));
    assert_true(f->history.messages[i].tool_calls.ptr == NULL);
}

static void nothing_but_the_new_message(void **state)
{
    struct fixture *f = *state;
    read(f, 1000);
    assert_int_equal(f->history.count, 0);
    say(f, SPAN_NONE);
    assert_int_equal(f->history.count, 1);
    check(f, 0, "user", "new");
}

static void attachments_come_along_and_count(void **state)
{
    struct fixture *f = *state;
    add_with(f, "user", "1", "[1234567]");
    add(f, "assistant", "2");
    add_with(f, "user", "3", "[{}]");
    read(f, 16);
    assert_int_equal(f->history.count, 3);
    assert_span(f->history.messages[0].attachments, SPAN_LIT("[1234567]"));
    assert_true(f->history.messages[1].attachments.ptr == NULL);
    assert_span(f->history.messages[2].attachments, SPAN_LIT("[{}]"));
    say(f, SPAN_LIT("[7]"));
    assert_span(f->history.messages[3].attachments, SPAN_LIT("[7]"));
    history_release(&f->history);
    read(f, 15);
    assert_int_equal(f->history.count, 1);
}

static void a_model_that_cannot_see_is_shown_no_image(void **state)
{
    struct fixture *f = *state;
    add_with(f, "user", "1", "[{\"type\":\"image\",\"data\":\"x\"}, {\"type\":\"text\"}]");
    add(f, "assistant", "2");
    add_with(f, "user", "3", "[{\"type\":\"image\"}]");
    read(f, 1000);
    history_hide_images(&f->history);
    say(f, SPAN_LIT("[{\"type\":\"image\"}]"));
    assert_span(f->history.messages[0].attachments, SPAN_LIT("[{\"type\":\"text\"}]"));
    assert_true(f->history.messages[1].attachments.ptr == NULL);
    assert_span(f->history.messages[2].attachments, SPAN_LIT("[]"));
    assert_span(f->history.messages[3].attachments, SPAN_LIT("[{\"type\":\"image\"}]"));
}

static void what_it_owns_outlives_what_it_was_read_from(void **state)
{
    struct fixture *f = *state;
    struct history shared;
    add_turns(f);
    add_with(f, "user", "5", "[{\"type\":\"image\"}]");
    read(f, 1000);
    history_own(&f->history);
    for (size_t i = 0; i < f->count; i++)
        memset(f->bytes[i].ptr, 'x', f->bytes[i].len);
    history_share(&shared, f->history.messages, f->history.count);
    history_hide_images(&shared);
    history_add(&shared, &(struct llm_message){.role = "assistant", .content = SPAN_LIT("6")});
    history_add(&shared, &(struct llm_message){.role = "user", .content = SPAN_LIT("7")});
    assert_int_equal(f->history.count, 5);
    check(f, 0, "user", "1111");
    check(f, 3, "assistant", "4444");
    assert_span(f->history.messages[4].attachments, SPAN_LIT("[{\"type\":\"image\"}]"));
    assert_int_equal(shared.count, 7);
    assert_span(shared.messages[2].content, SPAN_LIT("3333"));
    assert_span(shared.messages[4].attachments, SPAN_LIT("[]"));
    assert_span(shared.messages[6].content, SPAN_LIT("7"));
    history_release(&shared);
}

static void all_that_fits_oldest_first(void **state)
{
    struct fixture *f = *state;
    add_turns(f);
    read(f, 16);
    assert_int_equal(f->history.count, 4);
    say(f, SPAN_NONE);
    check(f, 0, "user", "1111");
    check(f, 3, "assistant", "4444");
    check(f, 4, "user", "new");
}

static void whole_turns_only(void **state)
{
    struct fixture *f = *state;
    add_turns(f);
    read(f, 15); /* one byte less: the older turn goes as a whole */
    assert_int_equal(f->history.count, 2);
    check(f, 0, "user", "3333");
    check(f, 1, "assistant", "4444");
}

static void none_when_not_even_the_newest_fits(void **state)
{
    struct fixture *f = *state;
    add_turns(f);
    read(f, 7);
    assert_int_equal(f->history.count, 0);
}

static void a_page_that_begins_within_a_turn(void **state)
{
    struct fixture *f = *state;
    add(f, "assistant", "2222");
    add(f, "user", "3333");
    add(f, "assistant", "4444");
    read(f, 1000);
    assert_int_equal(f->history.count, 2);
    check(f, 0, "user", "3333");
}

static void what_cannot_be_read_ends_the_history(void **state)
{
    struct fixture *f = *state;
    add_turns(f);
    f->messages[1] = SPAN_LIT("\xc1");
    read(f, 1000);
    assert_int_equal(f->history.count, 2);
    check(f, 0, "user", "3333");
    history_release(&f->history);
    f->messages[3] = SPAN_LIT("");
    read(f, 1000);
    assert_int_equal(f->history.count, 0);
}

static void an_unknown_role_ends_the_history(void **state)
{
    struct fixture *f = *state;
    add(f, "user", "1");
    add(f, "wizard", "2");
    add(f, "user", "3");
    add(f, "assistant", "4");
    read(f, 1000);
    assert_int_equal(f->history.count, 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(nothing_but_the_new_message),
        TEST(a_model_that_cannot_see_is_shown_no_image),
        TEST(attachments_come_along_and_count),
        TEST(what_it_owns_outlives_what_it_was_read_from),
        TEST(all_that_fits_oldest_first),
        TEST(whole_turns_only),
        TEST(none_when_not_even_the_newest_fits),
        TEST(a_page_that_begins_within_a_turn),
        TEST(what_cannot_be_read_ends_the_history),
        TEST(an_unknown_role_ends_the_history),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
