/* libcurl's multi interface on libevent: its sockets, its one timer, its finished transfers. Owns
 * the multi handle and the list of transfers; knows nothing of requests. Invariant: after every
 * entry into libcurl the finished transfers are read out, and nothing enters it under its own
 * callbacks. */
#include "fetch/multi.h"
#include "base/mem.h"
#include <event2/event.h>
#include <event2/event_struct.h>

enum { WATCH_MAGIC = 0x77617463 };

/* One socket of libcurl's, kept by curl_multi_assign. */
struct watch {
    uint32_t magic;
    struct event event;
    struct fetcher *fetcher;
};

static unsigned fetchers; /* libcurl's global state lives while there is one */

static void read_finished(struct fetcher *fetcher)
{
    int left;
    CURLMsg *msg;
    while ((msg = curl_multi_info_read(fetcher->multi, &left)) != NULL) {
        if (msg->msg != CURLMSG_DONE)
            continue;
        CURLcode result = msg->data.result; /* msg dies with the handle's removal */
        struct fetch *fetch = NULL;
        CHECK(curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &fetch) == CURLE_OK);
        CHECK_MAGIC(fetch, FETCH_MAGIC);
        fetch_complete(fetch, result);
    }
}

static void enter(struct fetcher *fetcher, curl_socket_t fd, int bits)
{
    CHECK(fetcher->depth == 0);
    int running;
    CHECK(curl_multi_socket_action(fetcher->multi, fd, bits, &running) == CURLM_OK);
    read_finished(fetcher);
}

static void on_socket_ready(evutil_socket_t fd, short what, void *arg)
{
    struct watch *watch = arg;
    CHECK_MAGIC(watch, WATCH_MAGIC);
    int bits = ((what & EV_READ) != 0 ? CURL_CSELECT_IN : 0) |
               ((what & EV_WRITE) != 0 ? CURL_CSELECT_OUT : 0);
    enter(watch->fetcher, fd, bits); /* may free the watch */
}

static void on_curl_timer(void *arg)
{
    struct fetcher *fetcher = arg;
    CHECK_MAGIC(fetcher, FETCHER_MAGIC);
    enter(fetcher, CURL_SOCKET_TIMEOUT, 0);
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
    (void)easy;
    struct fetcher *fetcher = arg;
    CHECK_MAGIC(fetcher, FETCHER_MAGIC);
    struct watch *watch = known;
    if (watch != NULL)
        (void)event_del(&watch->event); /* it was added here */
    if (what == CURL_POLL_REMOVE) {
        mem_free(watch);
        return 0;
    }
    if (watch == NULL) {
        watch = MEM_NEW(struct watch);
        watch->magic = WATCH_MAGIC;
        watch->fetcher = fetcher;
        CHECK(curl_multi_assign(fetcher->multi, fd, watch) == CURLM_OK);
    }
    short bits = EV_PERSIST;
    if ((what & CURL_POLL_IN) != 0)
        bits |= EV_READ;
    if ((what & CURL_POLL_OUT) != 0)
        bits |= EV_WRITE;
    CHECK(event_assign(&watch->event, loop_base(fetcher->loop), fd, bits, on_socket_ready, watch) ==
          0);
    CHECK(event_add(&watch->event, NULL) == 0);
    return 0;
}

static int on_curl_timeout(CURLM *multi, long after_ms, void *arg)
{
    (void)multi;
    struct fetcher *fetcher = arg;
    CHECK_MAGIC(fetcher, FETCHER_MAGIC);
    if (after_ms < 0)
        timer_stop(&fetcher->timer);
    else
        timer_start(&fetcher->timer, after_ms);
    return 0;
}

static void on_acts(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct fetcher *fetcher = arg;
    CHECK_MAGIC(fetcher, FETCHER_MAGIC);
    struct fetch *fetch;
    while ((fetch = TAILQ_FIRST(&fetcher->acts)) != NULL) {
        TAILQ_REMOVE(&fetcher->acts, fetch, act_link);
        fetch->has_act = false;
        fetch_act(fetch); /* may free it, and any other */
    }
    read_finished(fetcher);
}

void fetcher_want_act(struct fetcher *fetcher, struct fetch *fetch)
{
    if (fetch->has_act)
        return;
    fetch->has_act = true;
    TAILQ_INSERT_TAIL(&fetcher->acts, fetch, act_link);
    event_active(fetcher->act, 0, 0);
}

void fetcher_remove(struct fetch *fetch)
{
    struct fetcher *fetcher = fetch->fetcher;
    CHECK(fetcher->depth == 0);
    if (fetch->has_act)
        TAILQ_REMOVE(&fetcher->acts, fetch, act_link);
    fetch->has_act = false;
    TAILQ_REMOVE(&fetcher->all, fetch, link);
    if (fetch->is_added)
        CHECK(curl_multi_remove_handle(fetcher->multi, fetch->easy) == CURLM_OK);
    fetch->is_added = false;
}

struct fetcher *fetcher_new(struct loop *loop)
{
    if (fetchers++ == 0)
        CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
    struct fetcher *fetcher = MEM_NEW(struct fetcher);
    fetcher->magic = FETCHER_MAGIC;
    fetcher->loop = loop;
    TAILQ_INIT(&fetcher->all);
    TAILQ_INIT(&fetcher->acts);
    timer_init(&fetcher->timer, loop, on_curl_timer, fetcher);
    fetcher->act = event_new(loop_base(loop), -1, 0, on_acts, fetcher);
    fetcher->multi = curl_multi_init();
    CHECK(fetcher->act != NULL && fetcher->multi != NULL);
    CHECK(curl_multi_setopt(fetcher->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket) == CURLM_OK);
    CHECK(curl_multi_setopt(fetcher->multi, CURLMOPT_SOCKETDATA, fetcher) == CURLM_OK);
    CHECK(curl_multi_setopt(fetcher->multi, CURLMOPT_TIMERFUNCTION, on_curl_timeout) == CURLM_OK);
    CHECK(curl_multi_setopt(fetcher->multi, CURLMOPT_TIMERDATA, fetcher) == CURLM_OK);
    return fetcher;
}

void fetcher_on_leaving(struct fetcher *fetcher, void (*on_leaving)(void *arg), void *arg)
{
    CHECK_MAGIC(fetcher, FETCHER_MAGIC);
    fetcher->on_leaving = on_leaving;
    fetcher->leaving_arg = arg;
}

void fetcher_free(struct fetcher *fetcher)
{
    if (fetcher == NULL)
        return;
    CHECK_MAGIC(fetcher, FETCHER_MAGIC);
    struct fetch *fetch;
    while ((fetch = TAILQ_FIRST(&fetcher->all)) != NULL) {
        fetcher_remove(fetch);
        fetch_free(fetch);
    }
    CHECK(curl_multi_cleanup(fetcher->multi) == CURLM_OK);
    event_free(fetcher->act);
    timer_release(&fetcher->timer);
    fetcher->magic = 0;
    mem_free(fetcher);
    if (--fetchers == 0)
        curl_global_cleanup();
}
