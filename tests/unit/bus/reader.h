/* A reader that asserts what every reader is promised: each event once, in order, as what its seq
 * says. */
#ifndef SLUICE_TESTS_READER_H
#define SLUICE_TESTS_READER_H

#include "bus/bus_fixture.h"

struct reader {
    struct house *house;
    struct feed *feed;
    int64_t last, rewound, length;
    int opens, ends, events, rewinds, status;
    char state[32], chat[64];
    bool has_terminal, is_over;
    int64_t close_at, pause_at; /* in its own hook; 0: never */
};

static inline void on_event(struct span event, int64_t seq, bool is_terminal, void *arg)
{
    struct reader *r = arg;
    struct event_view view;
    assert_int_equal(r->opens, 1);
    assert_int_equal(r->ends, 0);
    assert_int_equal(seq, r->last + 1);
    assert_int_equal(event_open(event, &view), 0);
    assert_int_equal(view.seq, seq);
    event_close(&view);
    r->last = seq;
    r->events++;
    r->has_terminal = is_terminal;
    if (seq == r->close_at) {
        feed_close(r->feed);
        r->feed = NULL;
    } else if (seq == r->pause_at) {
        feed_pause(r->feed);
    }
}

static inline void on_rewound(int64_t after, void *arg)
{
    struct reader *r = arg;
    assert_true(after < r->last);
    r->rewinds++;
    r->last = r->rewound = after;
}

static inline void on_end(int status, void *arg)
{
    struct reader *r = arg;
    r->ends++;
    r->status = status;
    r->is_over = true;
}

static inline void on_open(struct span state, struct span chat, int64_t length, void *arg)
{
    struct reader *r = arg;
    r->opens++;
    r->length = length;
    keep_text(r->state, sizeof r->state, state);
    keep_text(r->chat, sizeof r->chat, chat);
}

static inline void read_from(struct reader *r, struct hub *hub, struct house *h,
                             const char *generation, int64_t after)
{
    r->house = h;
    r->last = after;
    r->feed = feed_open(hub, "default", generation, after,
                        &(struct feed_hooks){on_event, on_rewound, on_end, on_open, r});
    assert_int_equal(r->opens + r->ends + r->events, 0);
}

static inline void running(struct house *h, const char *chat, const char *generation)
{
    struct begin begin = usual_begin(chat, generation);
    assert_int_equal(house_begin(h, &begin), BEGIN_QUEUED);
    assert_true(house_claim(h));
}

static inline struct hub *hub_up(struct house *h)
{
    struct hub *hub = hub_new(h->bus, h->loop);
    for (int i = 0; i < 500 && !hub_is_up(hub); i++)
        run_for(h->loop, 2);
    assert_true(hub_is_up(hub));
    return hub;
}

static inline bool has_opened(void *arg)
{
    return ((struct reader *)arg)->opens == 1;
}

static inline bool is_at_4(void *arg)
{
    return ((struct reader *)arg)->last >= 4;
}

static inline unsigned dice(unsigned sides)
{
    return (unsigned)random() % sides;
}

#endif
