/* Chats through the bus: read, listed, changed, deleted. */
#include "bus/bus_fixture.h"

static void on_done(int status, void *arg)
{
    struct house *h = arg;
    h->came = true;
    h->status = status;
}

static void on_view(int status, const struct chat_view *view, void *arg)
{
    struct house *h = arg;
    h->came = true;
    h->status = status;
    if (status != 0)
        return;
    h->was_found = view->record_count > 0;
    h->length = (int64_t)view->message_count;
    h->committed = view->has_more;
    keep_text(h->text, sizeof h->text, view->active_generation);
    keep_text(h->state, sizeof h->state, field_find(view->active, view->active_count, "state"));
    keep_text(h->token, sizeof h->token, view->message_count > 0 ? view->messages[0] : SPAN_NONE);
}

static void view(struct house *h, size_t limit, const char *before)
{
    h->came = false;
    const struct chat_look look = {"default", "c", limit, 1 << 20, before};
    turn_read_chat(h->bus, &look, on_view, h);
    house_wait(h);
    assert_int_equal(h->status, 0);
}

static void on_rows(int status, const struct chat_row *rows, size_t count, bool has_more, void *arg)
{
    struct house *h = arg;
    h->came = true;
    h->status = status;
    h->length = (int64_t)count;
    h->committed = has_more;
    h->text[0] = h->state[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        size_t used = strlen(h->text);
        (void)snprintf(h->text + used, sizeof h->text - used, "%.*s/%.*s ", SPAN_ARG(rows[i].chat),
                       SPAN_ARG(rows[i].active));
        keep_text(h->state, sizeof h->state,
                  field_find(rows[i].record, rows[i].record_count, "title"));
    }
}

static const char *list(struct house *h, size_t limit, const char *after, const char *user)
{
    h->came = false;
    turn_list_chats(h->bus, "default", limit, after, user, on_rows, h);
    house_wait(h);
    assert_int_equal(h->status, 0);
    return h->text;
}

static void on_gone(int status, bool existed, void *arg)
{
    struct house *h = arg;
    h->came = true;
    h->status = status;
    h->was_found = existed;
}

/* A message as it is committed: {"id": <id>}. */
static struct span message(struct buf *b, const char *id)
{
    buf_reset(b);
    struct mp_fields f = mp_fields_begin(b);
    mp_field_str(&f, "id", span_of(id));
    mp_fields_end(&f);
    return buf_as_span(b);
}

static void one_turn(struct house *h, const char *chat, const char *generation, const char *user)
{
    struct begin begin = usual_begin(chat, generation);
    struct buf b;
    buf_init(&b, 1000);
    begin.user = user[0] == '\0' ? SPAN_NONE : span_of(user);
    begin.user_message = message(&b, generation);
    assert_int_equal(house_begin(h, &begin), BEGIN_QUEUED);
    (void)house_claim(h);
    assert_int_equal(house_finish(h, generation, "done", 1), FINISH_MINE);
    buf_release(&b);
}

static void chats_are_read_listed_and_deleted(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    struct begin next = usual_begin("c", "g3");
    view(h, 10, "");
    assert_false(h->was_found);
    one_turn(h, "d", "d1", "ann");
    run_for(h->loop, 2); /* the index counts in milliseconds */
    one_turn(h, "c", "g1", "");
    one_turn(h, "c", "g2", "");
    (void)house_begin(h, &next);
    view(h, 10, "");
    assert_true(h->was_found);
    assert_int_equal(h->length, 4);
    assert_false(h->committed);
    assert_string_equal(h->text, "g3");
    assert_string_equal(h->state, "queued");
    view(h, 3, "");
    assert_int_equal(h->length, 3);
    assert_true(h->committed);
    view(h, 10, "g2"); /* g1's two messages are before the one with id g2 */
    assert_int_equal(h->length, 2);
    view(h, 10, "nobody");
    assert_int_equal(h->length, 0);
    view(h, 0, "");
    assert_int_equal(h->length, 0);

    assert_string_equal(list(h, 10, "", ""), "c/g3 d/ ");
    assert_string_equal(h->state, "hi");
    assert_string_equal(list(h, 1, "", ""), "c/g3 ");
    assert_true(h->committed);
    assert_string_equal(list(h, 10, "c", ""), "d/ ");
    assert_false(h->committed);
    assert_string_equal(list(h, 10, "", "ann"), "d/ ");
    assert_string_equal(list(h, 10, "", "bob"), "");

    for (int i = 0; i < 2; i++) {
        h->came = false;
        turn_delete(h->bus, "default", "c", on_gone, h);
        house_wait(h);
        assert_int_equal(h->status, 0);
        assert_int_equal(h->was_found, i == 0);
    }
    assert_string_equal(list(h, 10, "", ""), "d/ ");
    assert_string_equal(house_stop(h, "", "g3", "user"), "already_stopped");
}

static int change(struct house *h, const char *chat, struct span title, struct span metadata)
{
    h->came = false;
    turn_change_chat(h->bus, &(struct chat_change){"default", chat, title, metadata, SPAN_NONE},
                     on_done, h);
    house_wait(h);
    return h->status;
}

static void a_chat_gets_another_title(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    struct begin begin = usual_begin("c", "g");
    assert_int_equal(change(h, "c", SPAN_LIT("new"), SPAN_NONE), -ERR_NOT_FOUND);
    (void)house_begin(h, &begin);
    (void)house_claim(h);
    (void)house_finish(h, "g", "done", 1);
    assert_int_equal(change(h, "c", SPAN_LIT("new"), SPAN_NONE), 0);
    assert_int_equal(change(h, "c", SPAN_NONE, SPAN_LIT("{}")), 0);
    assert_string_equal(redis_say(&h->redis, "HGET sluice:{s00}:chat:default:c title"),
                        "$3\r\nnew\r\n");
    assert_string_equal(redis_say(&h->redis, "HGET sluice:{s00}:chat:default:c metadata"),
                        "$2\r\n{}\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_chat_gets_another_title, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(chats_are_read_listed_and_deleted, house_setup,
                                        house_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
