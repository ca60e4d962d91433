/* A generation's life through the bus: every outcome of begin, claim, append, finish, stop, settle,
 * release, renew, position and delete, and what is read of it. */
#include "bus/bus_fixture.h"

#include "base/metric.h"

static void begin_tells_what_happened(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    struct begin first = usual_begin("c", "g1"), second = usual_begin("c", "g2"),
                 other = usual_begin("c", "g1");
    first.idempotency_key = SPAN_LIT("key");
    assert_int_equal(house_begin(h, &first), BEGIN_QUEUED);
    assert_int_equal(h->position, 0);
    assert_string_equal(h->chat.text, "c");
    assert_int_equal(house_begin(h, &first), BEGIN_REPLAYED);
    assert_string_equal(h->state, "queued");
    other.hash = SPAN_LIT("another");
    assert_int_equal(house_begin(h, &other), BEGIN_CONFLICT);
    assert_int_equal(house_begin(h, &second), BEGIN_BUSY);
    assert_string_equal(h->generation.text, "g1");
    second.if_busy = IF_BUSY_ENQUEUE;
    assert_int_equal(house_begin(h, &second), BEGIN_WAITING);
    assert_int_equal(h->position, 1);
    struct begin key = usual_begin("c", "g3"), full = usual_begin("d", "g4"),
                 interrupt = usual_begin("c", "g5");
    key.idempotency_key = SPAN_LIT("key");
    assert_int_equal(house_begin(h, &key), BEGIN_REPLAYED);
    assert_string_equal(h->generation.text, "g1");
    full.tenant_limit = 2;
    assert_int_equal(house_begin(h, &full), BEGIN_FULL);
    assert_string_equal(house_stop(h, "", "g6", "user"), "will_stop");
    struct begin dead = usual_begin("c", "g6");
    assert_int_equal(house_begin(h, &dead), BEGIN_STOPPED);
    interrupt.if_busy = IF_BUSY_INTERRUPT;
    assert_int_equal(house_begin(h, &interrupt), BEGIN_QUEUED);
    assert_string_equal(house_stop(h, "", "g1", "user"), "already_stopped");
}

static void a_chat_that_exists_is_not_new(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    struct begin first = usual_begin("c", "g1"), again = usual_begin("c", "g2"),
                 stateless = usual_begin("", "g3");
    first.mode = again.mode = BEGIN_NEW;
    stateless.mode = BEGIN_NONE;
    (void)house_begin(h, &first);
    (void)house_claim(h);
    assert_int_equal(house_finish(h, "g1", "done", 1), FINISH_MINE);
    assert_int_equal(house_begin(h, &again), BEGIN_EXISTS);
    assert_int_equal(house_begin(h, &stateless), BEGIN_QUEUED);
    assert_string_equal(h->chat.text, "");
    (void)redis_say(&h->redis, "DEL sluice:{s00}:log:default:g1");
    assert_int_equal(house_begin(h, &first), BEGIN_GONE);
}

static void a_turn_replaces_what_it_names(void **state)
{
    /* {"id": "u1"} as msgpack */
    static const char user[] = "\x81\xa2id\xa2u1";
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    struct begin first = usual_begin("c", "g1"), unknown = usual_begin("c", "g2"),
                 second = usual_begin("c", "g3"), late = usual_begin("c", "g4");
    first.user_message = span_of(user);
    (void)house_begin(h, &first);
    (void)house_claim(h);
    assert_int_equal(house_finish(h, "g1", "done", 1), FINISH_MINE);
    unknown.replace_from = SPAN_LIT("u2");
    assert_int_equal(house_begin(h, &unknown), BEGIN_NO_MESSAGE);
    second.replace_from = late.replace_from = SPAN_LIT("u1");
    late.if_busy = IF_BUSY_ENQUEUE;
    assert_int_equal(house_begin(h, &second), BEGIN_QUEUED);
    assert_int_equal(house_begin(h, &late), BEGIN_WAITING);
    (void)house_claim(h);
    assert_int_equal(house_finish(h, "g3", "done", 1), FINISH_MINE);
    assert_int_equal(redis_number(&h->redis, "LLEN sluice:{s00}:msgs:default:c"), 2);
    assert_false(house_claim(h)); /* the late one found nothing to replace */
    assert_string_equal(house_stop(h, "", "g4", "user"), "already_failed");
}

static void a_tenants_rates_are_kept(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    struct begin first = usual_begin("c1", "g1"), second = usual_begin("c2", "g2");
    first.requests_per_minute = second.requests_per_minute = 1;
    assert_int_equal(house_begin(h, &first), BEGIN_QUEUED);
    assert_int_equal(house_begin(h, &second), BEGIN_LIMITED);
    assert_in_range(h->retry_after_ms, 50000, 60000);
    assert_int_equal(house_begin(h, &first), BEGIN_REPLAYED);
    second.tenant = "acme";
    assert_int_equal(house_begin(h, &second), BEGIN_QUEUED);
    (void)house_claim(h);
    assert_int_equal(house_finish(h, "g1", "failed", 1), FINISH_MINE); /* it used 3 tokens */
    struct begin third = usual_begin("c3", "g3");
    third.tokens_per_day = 3;
    assert_int_equal(house_begin(h, &third), BEGIN_LIMITED);
    assert_in_range(h->retry_after_ms, 1, 24 * 3600 * 1000);
    third.tokens_per_day = 4;
    assert_int_equal(house_begin(h, &third), BEGIN_QUEUED);
}

static void tenants_have_caps_of_their_own(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    struct begin first = usual_begin("c1", "g1"), second = usual_begin("c2", "g2");
    const struct tenant_cap caps[] = {{"acme", 3}, {"default", 1}};
    queue_set_caps(h->bus, caps, 2);
    (void)house_begin(h, &first);
    (void)house_begin(h, &second);
    assert_true(house_claim(h));
    assert_false(house_claim(h));
    queue_set_caps(h->bus, NULL, 0);
    assert_true(house_claim(h));
}

static void append_and_finish_are_fenced(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    struct begin begin = usual_begin("c", "g");
    assert_false(house_claim(h));
    (void)house_begin(h, &begin);
    assert_true(house_claim(h));
    assert_string_equal(h->generation.text, "g");
    assert_string_equal(h->text, "job");
    assert_int_equal(h->length, 1);
    assert_int_equal(house_append(h, "g", "chat_stop:c", 2, 3), APPEND_OK);
    assert_int_equal(h->length, 4);
    assert_int_equal(house_append(h, "g", "chat_stop:c", 2, 3), APPEND_REFUSED);
    assert_int_equal(h->length, 4);
    assert_int_equal(house_finish(h, "g", "done", 9), FINISH_BEHIND);
    assert_int_equal(h->length, 4);
    (void)redis_say(&h->redis, "SET chat_stop:c 1 EX 60");
    assert_int_equal(house_append(h, "g", "chat_stop:c", 5, 1), APPEND_FLAGGED);
    assert_string_equal(house_stop(h, "", "g", "flag"), "stopped");
    assert_int_equal(h->seq, 5);
    int64_t fenced = metric_get(METRIC_FENCED);
    assert_int_equal(house_append(h, "g", "chat_stop:c", 5, 1), APPEND_FENCED);
    assert_int_equal(metric_get(METRIC_FENCED), fenced + 1);
    assert_int_equal(house_finish(h, "g", "done", 5), FINISH_OTHER);
    assert_string_equal(h->state, "stopped");
    (void)house_finish(h, "nobody", "done", 5);
    assert_int_equal(h->finished, FINISH_GONE);
}

static void stop_answers_the_truth(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    struct begin begin = usual_begin("c", "g"), waiting = usual_begin("c", "g2");
    waiting.if_busy = IF_BUSY_ENQUEUE;
    assert_string_equal(house_stop(h, "c", "", "user"), "notfound");
    (void)house_begin(h, &begin);
    (void)house_begin(h, &waiting);
    h->came = false;
    stop_request(h->bus, &(struct stop){"default", "c", "", "user", "token", 0, true, NULL},
                 on_stopped, h);
    house_wait(h);
    assert_string_equal(h->text, "stopped");
    assert_string_equal(h->state, "{\"message\":\"hi\",\"attachments\":[],\"metadata\":{}}");
    assert_int_equal(h->seq, 2);
    assert_int_equal(h->length, 1); /* one that was waiting */
    assert_false(h->committed);
    h->came = false;
    stop_request(h->bus, &(struct stop){"default", "c", "", "user", "token", 0, true, NULL},
                 on_stopped, h);
    house_wait(h);
    assert_string_equal(h->text, "stopped"); /* the same token: the same answer */
    assert_string_equal(house_stop(h, "c", "", "user"), "already_stopped");
    assert_string_equal(house_stop(h, "x", "g", "user"), "notfound");
}

static void on_done(int status, void *arg)
{
    struct house *h = arg;
    h->came = true;
    h->status = status;
}

static int settle(struct house *h, const char *generation, const char *token)
{
    h->came = false;
    turn_settle(h->bus,
                &(struct settle){"default", "c", generation, token,
                                 SPAN_LIT("{\"input\":3,\"output\":4,\"settled\":true}"),
                                 "provider"},
                on_done, h);
    house_wait(h);
    return h->status;
}

static void on_released(int status, struct span outcome, void *arg)
{
    struct house *h = arg;
    h->came = true;
    h->status = status;
    keep_text(h->text, sizeof h->text, outcome);
}

static void settle_and_release(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    struct begin begin = usual_begin("c", "g");
    char first[160];
    (void)house_begin(h, &begin);
    (void)house_claim(h);
    memcpy(first, h->token, sizeof first);
    assert_int_equal(settle(h, "g", h->token), -ERR_CONFLICT);
    h->came = false;
    queue_release(h->bus, &(struct lease){"default", "g", h->token}, 0, SPAN_NONE, on_released, h);
    house_wait(h);
    assert_string_equal(h->text, "released");
    assert_true(house_claim(h));
    assert_string_not_equal(h->token, first);
    assert_string_equal(house_stop(h, "c", "", "user"), "stopped");
    assert_int_equal(settle(h, "g", first), -ERR_NOT_FOUND);
    assert_int_equal(settle(h, "g", h->token), 0);
    assert_string_equal(redis_say(&h->redis, "HGET sluice:{s00}:gen:default:g usrc"),
                        "$8\r\nprovider\r\n");
}

enum { LEASES = 2500 }; /* more than one part */

static void on_renewed(int status, const bool *is_held, size_t count, void *arg)
{
    struct house *h = arg;
    h->came = true;
    h->status = status;
    h->length = (int64_t)count;
    h->position = 0;
    for (size_t i = 0; i < count; i++)
        h->position += is_held[i];
}

static void leases_are_renewed_in_parts(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    struct begin begin = usual_begin("c", "g");
    struct lease *leases = mem_new_array(LEASES, sizeof *leases);
    (void)house_begin(h, &begin);
    (void)house_claim(h);
    for (size_t i = 0; i < LEASES; i++)
        leases[i] = (struct lease){"default", "g", i % 2 == 0 ? h->token : "1.other"};
    h->came = false;
    queue_renew(h->bus, leases, LEASES, on_renewed, h);
    mem_free(leases);
    house_wait(h);
    assert_int_equal(h->status, 0);
    assert_int_equal(h->length, LEASES);
    assert_int_equal(h->position, LEASES / 2);
    h->came = false;
    queue_renew(h->bus, NULL, 0, on_renewed, h);
    house_wait(h);
    assert_int_equal(h->length, 0);
}

static void on_position_known(int status, int64_t position, void *arg)
{
    struct house *h = arg;
    h->came = true;
    h->status = status;
    h->position = position;
}

static int64_t position(struct house *h, const char *generation)
{
    h->came = false;
    turn_position(h->bus, "default", generation, on_position_known, h);
    house_wait(h);
    assert_int_equal(h->status, 0);
    return h->position;
}

static void positions_are_of_this_moment(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    for (int i = 0; i < 3; i++) {
        char name[8];
        (void)snprintf(name, sizeof name, "g%d", i);
        struct begin begin = usual_begin(name, name);
        (void)house_begin(h, &begin);
        assert_int_equal(h->position, i);
    }
    assert_int_equal(position(h, "g2"), 2);
    (void)house_claim(h);
    assert_int_equal(position(h, "g0"), -1);
    assert_int_equal(position(h, "g2"), 1);
    assert_int_equal(position(h, "nobody"), -1);
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

static bool is_requeued(void *before)
{
    return metric_get(METRIC_REQUEUED) == *(int64_t *)before + 1;
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

static void the_keeper_takes_back_what_was_lost(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    struct begin begin = usual_begin("c", "g");
    (void)house_begin(h, &begin);
    (void)house_claim(h);
    struct keeper *keeper = keeper_new(h->bus, h->loop, 600000, 86400000);
    run_for(h->loop, 1200); /* the first look after a pause renews all leases */
    int64_t before = metric_get(METRIC_REQUEUED);
    (void)redis_say(&h->redis, "ZADD sluice:{s00}:leases 1 default:g");
    assert_true(run_until(h->loop, is_requeued, &before, 3000));
    keeper_free(keeper);
    assert_true(house_claim(h));
}

static void on_bell(void *arg)
{
    ((struct house *)arg)->length++;
}

static bool has_rung(void *arg)
{
    return ((struct house *)arg)->length > 0;
}

static void the_bell_rings_and_polls(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    struct bell *bell = bell_new(h->bus, h->loop, "stream", on_bell, h);
    h->length = 0;
    run_for(h->loop, 50);
    (void)redis_say(&h->redis, "LPUSH sluice:{s00}:bell:stream.batch 1");
    run_for(h->loop, 50);
    assert_int_equal(h->length, 0); /* nobody listens, nothing is popped */
    assert_int_equal(redis_number(&h->redis, "LLEN sluice:{s00}:bell:stream.batch"), 1);
    bell_listen(bell, true);
    assert_true(run_until(h->loop, has_rung, h, 700));
    h->length = 0;
    assert_true(run_until(h->loop, has_rung, h, 2000)); /* the poll */
    h->length = 0;
    (void)redis_say(&h->redis, "LPUSH sluice:{s00}:bell:stream.interactive 1");
    assert_true(run_until(h->loop, has_rung, h, 700));
    redis_kill(&h->redis);
    h->length = 0;
    run_for(h->loop, 1300);
    assert_true(h->length >= 1); /* polls with Redis away, too */
    bell_free(bell);
    queue_announce(h->bus, "w", "stream", 8, 1); /* while it is away: nothing */
}

static bool is_announced(void *arg)
{
    struct house *h = arg;
    return redis_number(&h->redis, "ZCARD sluice:{s00}:workers") == 1;
}

static void workers_are_announced(void **state)
{
    struct house *h = *state;
    if (h->bus == NULL)
        skip();
    queue_announce(h->bus, "w1", "stream", 256, 3);
    assert_true(run_until(h->loop, is_announced, h, 5000));
    assert_string_equal(redis_say(&h->redis, "GET sluice:{s00}:worker:w1"),
                        "$12\r\nstream 256 3\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(begin_tells_what_happened, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(a_chat_that_exists_is_not_new, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(a_turn_replaces_what_it_names, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(a_tenants_rates_are_kept, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(tenants_have_caps_of_their_own, house_setup,
                                        house_teardown),
        cmocka_unit_test_setup_teardown(a_chat_gets_another_title, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(append_and_finish_are_fenced, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(stop_answers_the_truth, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(settle_and_release, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(leases_are_renewed_in_parts, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(positions_are_of_this_moment, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(chats_are_read_listed_and_deleted, house_setup,
                                        house_teardown),
        cmocka_unit_test_setup_teardown(the_keeper_takes_back_what_was_lost, house_setup,
                                        house_teardown),
        cmocka_unit_test_setup_teardown(the_bell_rings_and_polls, house_setup, house_teardown),
        cmocka_unit_test_setup_teardown(workers_are_announced, house_setup, house_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
