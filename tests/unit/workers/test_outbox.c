/* The outbox: text gathers while nothing takes it, seqs have no gap, what was sealed goes again as
 * it was, and a log that lost its tail is made whole while the lost events are kept. */
#include "common/outbox.h"

#include "base/mem.h"
#include "wire/limits.h"
#include "worker_test.h"
#include <stdio.h>

enum { LENGTH = 7, LOG_MAX = 4000 };

static int setup(void **state)
{
    static struct outbox o;
    outbox_init(&o, LENGTH);
    *state = &o;
    return 0;
}

static int teardown(void **state)
{
    outbox_release(*state);
    return 0;
}

static void put(struct outbox *o, enum event_kind kind, int64_t part, const char *text)
{
    outbox_put_piece(o, &(struct piece){.kind = kind, .part = part, .text = span_of(text)});
}

static void put_call(struct outbox *o, int64_t part, const char *name, const char *arguments)
{
    outbox_put_call(o, &(struct call_piece){.kind = EVENT_TOOL_CALL_DELTA,
                                            .part = part,
                                            .call_id = SPAN_LIT("call_1"),
                                            .name = name == NULL ? SPAN_NONE : span_of(name),
                                            .arguments = span_of(arguments)});
}

static void check_piece(struct span bytes, int64_t seq, enum event_kind kind, const char *text)
{
    struct event_view e;
    assert_int_equal(event_open(bytes, &e), 0);
    assert_int_equal(e.seq, seq);
    assert_int_equal(e.kind, kind);
    assert_span(event_piece(&e).text, span_of(text));
    event_close(&e);
}

static void nothing_is_empty(void **state)
{
    struct outbox *o = *state;
    struct outbox_batch batch;
    assert_true(outbox_is_empty(o));
    assert_false(o->is_shown);
    outbox_take(o, &batch);
    assert_int_equal(batch.count, 0);
}

static void text_gathers_until_it_is_taken(void **state)
{
    struct outbox *o = *state;
    struct outbox_batch batch;
    put(o, EVENT_DELTA, 0, "a");
    put(o, EVENT_DELTA, 0, "b");
    assert_int_equal(o->waiting_bytes, 2);
    outbox_take(o, &batch);
    assert_int_equal(batch.count, 1);
    assert_int_equal(batch.first, LENGTH + 1);
    assert_true(batch.is_first_visible);
    check_piece(batch.events[0], LENGTH + 1, EVENT_DELTA, "ab");
    put(o, EVENT_DELTA, 0, "c"); /* the first is sealed: a new event */
    put(o, EVENT_DELTA, 0, "d");
    assert_true(outbox_logged(o, LENGTH + 1, 1000));
    assert_int_equal(o->waiting_bytes, 2);
    outbox_take(o, &batch);
    assert_int_equal(batch.count, 1);
    assert_int_equal(batch.first, LENGTH + 2);
    assert_false(batch.is_first_visible);
    check_piece(batch.events[0], LENGTH + 2, EVENT_DELTA, "cd");
    assert_true(outbox_logged(o, LENGTH + 2, 1000));
    assert_true(outbox_is_empty(o));
    assert_int_equal(o->waiting_bytes, 0);
}

static void only_the_same_kind_part_and_node_gathers(void **state)
{
    struct outbox *o = *state;
    struct outbox_batch batch;
    const struct piece in_node = {
        .kind = EVENT_DELTA, .part = 1, .text = SPAN_LIT("d"), .node = SPAN_LIT("n")};
    put(o, EVENT_REASONING, 0, "a");
    put(o, EVENT_DELTA, 0, "b");
    put(o, EVENT_DELTA, 1, "c");
    outbox_put_piece(o, &in_node);
    outbox_put_piece(o, &in_node);
    put(o, EVENT_DELTA, 1, "e");
    outbox_take(o, &batch);
    assert_int_equal(batch.count, 5);
    check_piece(batch.events[0], LENGTH + 1, EVENT_REASONING, "a");
    check_piece(batch.events[1], LENGTH + 2, EVENT_DELTA, "b");
    check_piece(batch.events[2], LENGTH + 3, EVENT_DELTA, "c");
    check_piece(batch.events[3], LENGTH + 4, EVENT_DELTA, "dd");
    check_piece(batch.events[4], LENGTH + 5, EVENT_DELTA, "e");
}

static void nothing_joins_behind_a_signature(void **state)
{
    struct outbox *o = *state;
    struct outbox_batch batch;
    struct event_view e;
    put(o, EVENT_REASONING, 0, "a");
    outbox_put_piece(o, &(struct piece){.kind = EVENT_REASONING,
                                        .text = SPAN_LIT("b"),
                                        .signature = SPAN_LIT("sig")});
    put(o, EVENT_REASONING, 0, "c");
    outbox_take(o, &batch);
    assert_int_equal(batch.count, 2);
    check_piece(batch.events[0], LENGTH + 1, EVENT_REASONING, "ab");
    assert_int_equal(event_open(batch.events[0], &e), 0);
    assert_span(event_piece(&e).signature, SPAN_LIT("sig"));
    event_close(&e);
}

static void fragments_of_a_call_gather(void **state)
{
    struct outbox *o = *state;
    struct outbox_batch batch;
    struct event_view e;
    put_call(o, 0, "find", "{\"q\"");
    put_call(o, 0, NULL, ":1}");
    put_call(o, 1, NULL, "x");
    outbox_put_call(o, &(struct call_piece){.kind = EVENT_TOOL_CALL,
                                            .call_id = SPAN_LIT("call_1"),
                                            .name = SPAN_LIT("find"),
                                            .arguments = SPAN_LIT("{}"),
                                            .at_ms = 5});
    outbox_take(o, &batch);
    assert_int_equal(batch.count, 3);
    assert_int_equal(event_open(batch.events[0], &e), 0);
    assert_span(event_call(&e).name, SPAN_LIT("find"));
    assert_span(event_call(&e).arguments, SPAN_LIT("{\"q\":1}"));
    event_close(&e);
    assert_int_equal(event_open(batch.events[2], &e), 0);
    assert_int_equal(e.kind, EVENT_TOOL_CALL);
    assert_int_equal(e.at_ms, 5);
    event_close(&e);
}

static void gathered_text_has_a_limit(void **state)
{
    struct outbox *o = *state;
    struct outbox_batch batch;
    char *text = mem_new(OUTBOX_GATHER_BYTES + 1);
    memset(text, 'x', OUTBOX_GATHER_BYTES);
    put(o, EVENT_DELTA, 0, text);
    put(o, EVENT_DELTA, 0, "y");
    outbox_take(o, &batch);
    assert_int_equal(batch.count, 2);
    mem_free(text);
}

static void a_batch_has_limits(void **state)
{
    struct outbox *o = *state;
    struct outbox_batch batch;
    for (int i = 0; i < OUTBOX_BATCH_EVENTS + 5; i++)
        put(o, EVENT_DELTA, i, "x");
    outbox_take(o, &batch);
    assert_int_equal(batch.count, OUTBOX_BATCH_EVENTS);
    outbox_reset(o, 0);
    char *text = mem_new(LIMIT_OUTPUT + 1);
    memset(text, 'x', LIMIT_OUTPUT);
    put(o, EVENT_DELTA, 0, text);
    put(o, EVENT_DELTA, 1, text);
    outbox_take(o, &batch);
    assert_int_equal(batch.count, 1); /* one always goes, how ever large */
    assert_int_equal(batch.first, 1);
    mem_free(text);
}

static void map_events_keep_their_place(void **state)
{
    struct outbox *o = *state;
    struct outbox_batch batch;
    struct event_view e;
    struct mp_fields f = outbox_begin_map(o, EVENT_STARTED, 99);
    mp_field_str(&f, "model", SPAN_LIT("m"));
    outbox_end_map(o, &f);
    put(o, EVENT_DELTA, 0, "a");
    outbox_take(o, &batch);
    assert_int_equal(batch.count, 2);
    assert_true(batch.is_first_visible);
    assert_int_equal(event_open(batch.events[0], &e), 0);
    assert_int_equal(e.seq, LENGTH + 1);
    assert_int_equal(e.at_ms, 99);
    assert_span(mp_str(mp_get(event_fields(&e), "model"), SPAN_NONE), SPAN_LIT("m"));
    event_close(&e);
}

static void what_was_sealed_goes_again_as_it_was(void **state)
{
    struct outbox *o = *state;
    struct outbox_batch first, again;
    put(o, EVENT_DELTA, 0, "a");
    outbox_take(o, &first);
    put(o, EVENT_DELTA, 0, "b");
    outbox_take(o, &again); /* the answer was lost */
    assert_int_equal(again.count, 2);
    assert_int_equal(again.first, first.first);
    assert_true(again.is_first_visible);
    check_piece(again.events[0], LENGTH + 1, EVENT_DELTA, "a");
    check_piece(again.events[1], LENGTH + 2, EVENT_DELTA, "b");
    assert_true(outbox_logged(o, LENGTH + 1, 1)); /* the first try had arrived */
    outbox_take(o, &again);
    assert_int_equal(again.count, 1);
    assert_int_equal(again.first, LENGTH + 2);
}

static void a_lost_tail_goes_again(void **state)
{
    struct outbox *o = *state;
    struct outbox_batch batch;
    for (int i = 0; i < 4; i++)
        put(o, EVENT_DELTA, i, "x");
    outbox_take(o, &batch);
    assert_true(outbox_logged(o, LENGTH + 4, 1000));
    assert_int_equal(o->kept_bytes, 4);
    assert_true(outbox_logged(o, LENGTH + 2, 1000));
    assert_false(outbox_is_empty(o));
    assert_int_equal(o->waiting_bytes, 2);
    assert_int_equal(o->kept_bytes, 2);
    outbox_take(o, &batch);
    assert_int_equal(batch.first, LENGTH + 3);
    assert_int_equal(batch.count, 2);
    assert_true(outbox_logged(o, LENGTH + 4, 1001));
    assert_true(outbox_is_empty(o));
}

static void lengths_that_cannot_be_change_nothing(void **state)
{
    struct outbox *o = *state;
    struct outbox_batch batch;
    put(o, EVENT_DELTA, 0, "a");
    outbox_take(o, &batch);
    assert_true(outbox_logged(o, LENGTH + 1, 1000));
    put(o, EVENT_DELTA, 0, "open");
    assert_false(outbox_logged(o, LENGTH + 2, 1000)); /* never sealed */
    assert_false(outbox_logged(o, LENGTH - 1, 1000)); /* never here */
    assert_int_equal(o->length, LENGTH + 1);
    outbox_forget(o, 1001, SIZE_MAX);
    assert_false(outbox_logged(o, LENGTH, 1000)); /* forgotten */
    assert_int_equal(o->waiting_bytes, 4);
    outbox_reset(o, LENGTH);
    assert_true(outbox_is_empty(o));
    put(o, EVENT_DELTA, 0, "b");
    outbox_take(o, &batch);
    assert_int_equal(batch.first, LENGTH + 1);
    assert_false(batch.is_first_visible); /* one was shown before */
}

static void forgetting_is_by_age_and_by_size(void **state)
{
    struct outbox *o = *state;
    struct outbox_batch batch;
    for (int i = 0; i < 6; i++) {
        put(o, EVENT_DELTA, i, "1234");
        outbox_take(o, &batch);
        assert_true(outbox_logged(o, LENGTH + 1 + i, 1000 + i));
    }
    put(o, EVENT_DELTA, 9, "waits");
    outbox_forget(o, 1002, SIZE_MAX);
    assert_int_equal(o->kept_bytes, 16);
    outbox_forget(o, 0, 9);
    assert_int_equal(o->kept_bytes, 8);
    outbox_forget(o, INT64_MAX, 0);
    assert_int_equal(o->kept_bytes, 0);
    assert_int_equal(o->waiting_bytes, 5); /* never what waits */
    assert_false(outbox_is_empty(o));
}

static void doubt_sends_all_that_is_kept(void **state)
{
    struct outbox *o = *state;
    struct outbox_batch batch;
    for (int i = 0; i < 3; i++)
        put(o, EVENT_DELTA, i, "x");
    outbox_take(o, &batch);
    assert_true(outbox_logged(o, LENGTH + 3, 1000));
    outbox_doubt(o);
    outbox_take(o, &batch);
    assert_int_equal(batch.first, LENGTH + 1);
    assert_int_equal(batch.count, 3);
    assert_true(outbox_logged(o, LENGTH + 3, 9000)); /* they were there */
    outbox_forget(o, 1001, SIZE_MAX);                /* and are as old as they were */
    assert_int_equal(o->kept_bytes, 0);
    outbox_doubt(o);
    assert_true(outbox_is_empty(o));
}

/* A log that does what Redis does: it takes a batch at its place and refuses any other, loses
 * answers and tails. Whatever happens, it ends with all the text once and in order. */
struct fake_log {
    char *text[LOG_MAX];
    int64_t length;
};

static uint32_t random_next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static int64_t fake_append(struct fake_log *log, const struct outbox_batch *batch)
{
    if (batch->first != log->length + 1)
        return log->length;
    for (size_t i = 0; i < batch->count; i++) {
        struct event_view e;
        assert_int_equal(event_open(batch->events[i], &e), 0);
        assert_int_equal(e.seq, log->length + 1);
        assert_true(log->length < LOG_MAX);
        mem_free(log->text[log->length]);
        log->text[log->length++] = span_dup(event_piece(&e).text);
        event_close(&e);
    }
    return log->length;
}

static void play(uint32_t seed)
{
    struct fake_log log = {.length = 0};
    struct outbox o;
    struct outbox_batch batch;
    char number[16];
    unsigned next = 0;
    outbox_init(&o, 0);
    for (int64_t now = 1; now < 400 || !outbox_is_empty(&o); now++) {
        uint32_t dice = random_next(&seed) % 8;
        if (now < 400 && dice < 4) {
            (void)snprintf(number, sizeof number, "%u ", next++);
            put(&o, EVENT_DELTA, 0, number);
            continue;
        }
        if (dice == 7 && now < 400) /* the last ten are kept */
            log.length -= random_next(&seed) % 3 < (uint32_t)log.length ? 1 : 0;
        outbox_take(&o, &batch);
        if (batch.count == 0) {
            outbox_doubt(&o);
            outbox_take(&o, &batch);
        }
        int64_t length = fake_append(&log, &batch);
        if (dice != 6) /* else the answer is lost */
            assert_true(outbox_logged(&o, length, now));
        outbox_forget(&o, now - 100, SIZE_MAX);
    }
    unsigned expected = 0;
    for (int64_t i = 0; i < log.length; i++) {
        struct span rest = span_of(log.text[i]);
        while (rest.len > 0) {
            (void)snprintf(number, sizeof number, "%u", expected++);
            assert_span(span_cut(&rest, ' '), span_of(number));
        }
    }
    assert_int_equal(expected, next);
    for (size_t i = 0; i < LOG_MAX; i++)
        mem_free(log.text[i]);
    outbox_release(&o);
}

static void any_mishap_leaves_all_text_once_and_in_order(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 200; seed++)
        play(seed);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_empty),
        TEST(text_gathers_until_it_is_taken),
        TEST(only_the_same_kind_part_and_node_gathers),
        TEST(nothing_joins_behind_a_signature),
        TEST(fragments_of_a_call_gather),
        TEST(gathered_text_has_a_limit),
        TEST(a_batch_has_limits),
        TEST(map_events_keep_their_place),
        TEST(what_was_sealed_goes_again_as_it_was),
        TEST(a_lost_tail_goes_again),
        TEST(lengths_that_cannot_be_change_nothing),
        TEST(forgetting_is_by_age_and_by_size),
        TEST(doubt_sends_all_that_is_kept),
        cmocka_unit_test(any_mishap_leaves_all_text_once_and_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
