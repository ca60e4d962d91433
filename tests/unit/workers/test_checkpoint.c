/* Checkpoints in the outbox: each goes alone with its event and in its place, is told once it is in
 * the log, goes again as it was after a lost answer or a lost tail, and what counts as half shown
 * is at every moment what the events in the log add up to. */
#include "common/outbox.h"

#include "base/mem.h"
#include "worker_test.h"
#include <stdio.h>

enum { LENGTH = 7, LOG_MAX = 4000, KEPT_MS = 100 };

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

static void say(struct outbox *o, const char *text)
{
    outbox_put_piece(o, &(struct piece){.kind = EVENT_DELTA, .text = span_of(text)});
}

static void count_told(void *arg)
{
    ++*(int *)arg;
}

static void keep(struct outbox *o, const char *field, struct span value, bool is_shown, int *told)
{
    struct mp_fields f = outbox_begin_map(o, EVENT_STEP, 1);
    mp_field_str(&f, "node", span_of(field));
    outbox_end_kept(
        o, &f,
        &(struct run_checkpoint){field, value, is_shown, told == NULL ? NULL : count_told, told});
}

static void tell(struct outbox *o)
{
    struct run_checkpoint c;
    while (outbox_next_told(o, &c))
        c.on_logged(c.arg);
}

static void one_goes_alone_and_in_its_place(void **state)
{
    struct outbox *o = *state;
    struct outbox_batch batch;
    char field[] = "3/0", value[] = "a\0b";
    say(o, "before");
    keep(o, field, span_make(value, 3), false, NULL);
    say(o, "behind");
    memset(field, 'x', 3); /* it was copied */
    memset(value, 'x', 3);
    outbox_take(o, &batch);
    assert_true(batch.count == 1 && batch.first == LENGTH + 1 && batch.checkpoint == NULL);
    assert_true(outbox_logged(o, LENGTH + 1, 1));
    outbox_take(o, &batch);
    assert_true(batch.count == 1 && batch.first == LENGTH + 2);
    assert_non_null(batch.checkpoint);
    assert_string_equal(batch.checkpoint->field, "3/0");
    assert_span(batch.checkpoint->value, span_make("a\0b", 3));
    assert_false(batch.checkpoint->is_shown);
    assert_true(outbox_logged(o, LENGTH + 2, 1));
    outbox_take(o, &batch);
    assert_true(batch.count == 1 && batch.first == LENGTH + 3 && batch.checkpoint == NULL);
}

static void an_empty_value_is_one(void **state)
{
    struct outbox *o = *state;
    struct outbox_batch batch;
    keep(o, "1/sent", SPAN_LIT(""), false, NULL);
    outbox_take(o, &batch);
    assert_non_null(batch.checkpoint);
    assert_int_equal(batch.checkpoint->value.len, 0);
    assert_non_null(batch.checkpoint->value.ptr);
}

static void it_is_told_once_when_it_is_in_the_log(void **state)
{
    struct outbox *o = *state;
    struct outbox_batch batch;
    int told = 0;
    keep(o, "1", SPAN_LIT("v"), false, &told);
    keep(o, "2", SPAN_LIT("v"), false, &told);
    tell(o);
    assert_int_equal(told, 0);
    outbox_take(o, &batch);
    assert_true(outbox_logged(o, LENGTH + 1, 1));
    tell(o);
    assert_int_equal(told, 1);
    assert_true(outbox_logged(o, LENGTH, 2)); /* its tail was lost: the first goes again */
    outbox_take(o, &batch);
    assert_string_equal(batch.checkpoint->field, "1");
    assert_true(outbox_logged(o, LENGTH + 1, 3));
    tell(o);
    assert_int_equal(told, 1);
    outbox_take(o, &batch);
    assert_true(outbox_logged(o, LENGTH + 2, 4));
    tell(o);
    assert_int_equal(told, 2);
    assert_int_equal(o->untold, 0);
}

static void what_is_dropped_is_not_told(void **state)
{
    struct outbox *o = *state;
    int told = 0;
    keep(o, "1", SPAN_LIT("v"), false, &told);
    assert_int_equal(o->untold, 1);
    outbox_reset(o, LENGTH);
    assert_int_equal(o->untold, 0);
    tell(o);
    assert_int_equal(told, 0);
}

static void it_counts_until_it_is_forgotten(void **state)
{
    struct outbox *o = *state;
    struct outbox_batch batch;
    keep(o, "1", SPAN_LIT("0123456789"), false, NULL);
    size_t bytes = o->waiting_bytes;
    assert_true(bytes > 10);
    outbox_take(o, &batch);
    assert_true(outbox_logged(o, LENGTH + 1, 1));
    assert_true(o->waiting_bytes == 0 && o->kept_bytes == bytes);
    outbox_forget(o, 0, bytes - 1);
    assert_int_equal(o->kept_bytes, 0);
}

static bool next_is_first_visible(struct outbox *o)
{
    struct outbox_batch batch;
    outbox_take(o, &batch);
    assert_int_equal(batch.count, 1);
    assert_true(outbox_logged(o, batch.first, 1));
    return batch.is_first_visible;
}

static void the_first_visible_one_is_counted_anew(void **state)
{
    struct outbox *o = *state;
    say(o, "a");
    assert_true(next_is_first_visible(o));
    assert_true(o->is_shown);
    say(o, "b");
    assert_false(next_is_first_visible(o));
    keep(o, "1", SPAN_LIT("v"), true, NULL); /* another step's text is half shown */
    assert_false(next_is_first_visible(o));
    assert_true(o->is_shown);
    say(o, "c");
    assert_false(next_is_first_visible(o));
    keep(o, "2", SPAN_LIT("v"), false, NULL);
    assert_false(next_is_first_visible(o));
    assert_false(o->is_shown);
    assert_true(o->has_checkpoint);
    say(o, "d");
    assert_true(next_is_first_visible(o));
    assert_true(o->is_shown);
}

/* What Redis does with a batch; it remembers, for each length of the log, what it held then. */
struct fake_redis {
    struct fake_state {
        bool is_shown;
        int steps; /* the last that was kept */
    } at[LOG_MAX + 1];
    bool is_visible[LOG_MAX + 1];  /* event of that seq */
    int64_t before[LOG_MAX + 1];   /* the length before the call that made it so long */
    int64_t first_ms[LOG_MAX + 1]; /* when the event of that seq came first */
    int64_t length;
};

static uint32_t random_next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static int64_t fake_take(struct fake_redis *r, const struct outbox_batch *batch, int64_t now)
{
    if (batch->first != r->length + 1)
        return r->length;
    assert_true(r->length + (int64_t)batch->count < LOG_MAX);
    struct fake_state state = r->at[r->length];
    int64_t before = r->length;
    for (size_t i = 0; i < batch->count; i++) {
        int64_t seq;
        enum event_kind kind;
        assert_int_equal(event_peek(batch->events[i], &seq, &kind), 0);
        assert_int_equal(seq, ++r->length);
        r->is_visible[seq] = event_is_visible(kind);
        r->first_ms[seq] = r->first_ms[seq] == 0 ? now : r->first_ms[seq];
        r->at[seq] = state; /* of lengths within a batch nobody asks */
    }
    if (batch->checkpoint != NULL) {
        assert_int_equal(batch->count, 1);
        state = (struct fake_state){batch->checkpoint->is_shown, state.steps + 1};
        char field[16];
        (void)snprintf(field, sizeof field, "%d", state.steps);
        assert_string_equal(batch->checkpoint->field, field);
    } else if (batch->is_first_visible) {
        state.is_shown = true;
    }
    r->at[r->length] = state;
    r->before[r->length] = before;
    return r->length;
}

/* The last call is lost, with all that it had done; not what is older than what is kept. */
static void fake_lose(struct fake_redis *r, int64_t now)
{
    int64_t before = r->before[r->length];
    if (r->length > 0 && now - r->first_ms[before + 1] < KEPT_MS)
        r->length = before;
}

/* Whatever is lost, a step is kept exactly when its event is in the log, and the record says that
 * text is half shown exactly when a visible event lies behind the last one of those. */
static void play(uint32_t seed)
{
    static struct fake_redis r;
    struct outbox o;
    struct outbox_batch batch;
    char field[16];
    int steps = 0, told = 0;
    r = (struct fake_redis){.length = 0};
    outbox_init(&o, 0);
    for (int64_t now = 1; now < 400 || !outbox_is_empty(&o); now++) {
        uint32_t dice = random_next(&seed) % 10;
        if (now < 400 && dice < 4) {
            say(&o, "x");
            continue;
        }
        if (now < 400 && dice < 6) {
            (void)snprintf(field, sizeof field, "%d", ++steps);
            keep(&o, field, SPAN_LIT("v"), false, &told);
            continue;
        }
        if (dice == 9 && now < 400)
            fake_lose(&r, now);
        outbox_take(&o, &batch);
        if (batch.count == 0) {
            outbox_doubt(&o);
            outbox_take(&o, &batch);
        }
        int64_t length = fake_take(&r, &batch, now);
        bool is_shown = false;
        for (int64_t i = 1; i <= r.length; i++)
            is_shown = r.is_visible[i] || (is_shown && r.at[i].steps == r.at[i - 1].steps);
        assert_int_equal(r.at[r.length].is_shown, is_shown);
        if (dice != 8) /* else the answer is lost */
            assert_true(outbox_logged(&o, length, now));
        tell(&o);
        outbox_forget(&o, now - KEPT_MS, SIZE_MAX);
    }
    assert_int_equal(r.at[r.length].steps, steps);
    assert_int_equal(told, steps);
    assert_int_equal(r.at[r.length].is_shown, o.is_shown);
    outbox_release(&o);
}

static void any_mishap_leaves_steps_and_shown_as_the_log_is(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 200; seed++)
        play(seed);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(one_goes_alone_and_in_its_place),
        TEST(an_empty_value_is_one),
        TEST(it_is_told_once_when_it_is_in_the_log),
        TEST(what_is_dropped_is_not_told),
        TEST(it_counts_until_it_is_forgotten),
        TEST(the_first_visible_one_is_counted_anew),
        cmocka_unit_test(any_mishap_leaves_steps_and_shown_as_the_log_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
