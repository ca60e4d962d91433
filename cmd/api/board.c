/* The board's watchers. The invariant: the timer runs, or a look is under way, exactly while
 * somebody watches. */
#include "api/board.h"

#include "api/admin_view.h"
#include "api/handlers.h"
#include "api/request.h"
#include "base/clock.h"
#include "base/mem.h"
#include "wire/sse.h"

enum {
    BOARD_MAGIC = 0x424f4152,
    WATCHER_MAGIC = 0x57415443,
    BOARD_MS = 1000,
    BOARD_RETRY_MS = 1000,
    BOARD_JSON_MAX = 4 * 1024 * 1024,
    BOARD_WATCHERS = 64
};

struct watcher {
    uint32_t magic;
    struct board *board;
    struct http_stream *stream;
    bool has_past; /* of the figures; later looks have the newest only */
    LIST_ENTRY(watcher) link;
};

struct board {
    uint32_t magic;
    struct api *api;
    LIST_HEAD(, watcher) watchers;
    size_t count;
    struct timer timer;
    bool is_looking, has_past; /* the look under way */
    struct buf json, text;
};

static void look(struct board *board);

static void on_timer(void *arg)
{
    struct board *board = arg;
    CHECK_MAGIC(board, BOARD_MAGIC);
    look(board);
}

static void free_watcher(struct watcher *watcher)
{
    LIST_REMOVE(watcher, link);
    watcher->board->count--;
    watcher->magic = 0;
    mem_free(watcher);
}

static void on_gone(void *arg, const char *reason)
{
    struct watcher *watcher = arg;
    CHECK_MAGIC(watcher, WATCHER_MAGIC);
    (void)reason; /* nothing hangs on it */
    struct board *board = watcher->board;
    free_watcher(watcher);
    if (board->count == 0) {
        timer_stop(&board->timer);
    }
}

/* Who has not taken the last look yet gets the next one. */
static void tell(struct board *board)
{
    struct watcher *watcher = NULL;
    LIST_FOREACH(watcher, &board->watchers, link)
    {
        if (http_stream_pending(watcher->stream) == 0) {
            http_stream_write(watcher->stream, buf_as_span(&board->text));
            watcher->has_past = watcher->has_past || board->has_past;
        }
    }
}

static void on_look(int status, const struct operator_view *view, void *arg)
{
    struct board *board = arg;
    CHECK_MAGIC(board, BOARD_MAGIC);
    board->is_looking = false;
    buf_reset(&board->json);
    buf_reset(&board->text);
    if (status == 0) {
        admin_put_view(&board->json, view, clock_wall_ms());
    }
    board->has_past = board->has_past && status == 0;
    if (status == 0 && buf_error(&board->json) == 0) {
        sse_put_event(&board->text, SPAN_NONE, "overview", buf_as_span(&board->json));
    } else {
        sse_put_comment(&board->text, "unavailable");
    }
    tell(board);
    if (board->count > 0) {
        timer_start(&board->timer, BOARD_MS);
    }
}

static bool is_past_wanted(const struct board *board)
{
    const struct watcher *watcher = NULL;
    LIST_FOREACH(watcher, &board->watchers, link)
    {
        if (!watcher->has_past) {
            return true;
        }
    }
    return false;
}

static void look(struct board *board)
{
    if (!board->is_looking) {
        board->is_looking = true;
        board->has_past = is_past_wanted(board);
        operator_look(board->api->bus, board->has_past ? FIGURES_SLOTS : FIGURES_RECENT_SLOTS,
                      on_look, board);
    }
}

void get_admin_stream(struct http_request *request, void *arg)
{
    const struct api *api = api_of(arg);
    struct board *board = api->board;
    if (!request_has_no_query(request)) {
        return;
    }
    if (board->count >= BOARD_WATCHERS || api->is_draining) {
        http_reply_code(request, api->is_draining ? ERR_UNAVAILABLE : ERR_RATE_LIMITED);
        return;
    }
    if (http_method(request) == HTTP_HEAD) {
        http_reply(request, 200, "text/event-stream", SPAN_NONE);
        return;
    }
    struct watcher *watcher = MEM_NEW(struct watcher);
    watcher->magic = WATCHER_MAGIC;
    watcher->board = board;
    watcher->stream = http_stream_begin(
        request, NULL, &(struct http_stream_hooks){.on_gone = on_gone, .arg = watcher});
    LIST_INSERT_HEAD(&board->watchers, watcher, link);
    board->count++;
    buf_reset(&board->text);
    sse_put_retry(&board->text, BOARD_RETRY_MS);
    sse_put_comment(&board->text, "ok");
    http_stream_write(watcher->stream, buf_as_span(&board->text));
    timer_start(&board->timer, 0);
}

struct board *board_new(struct api *api)
{
    struct board *board = MEM_NEW(struct board);
    board->magic = BOARD_MAGIC;
    board->api = api;
    LIST_INIT(&board->watchers);
    timer_init(&board->timer, api->loop, on_timer, board);
    buf_init(&board->json, BOARD_JSON_MAX);
    buf_init(&board->text, 2 * BOARD_JSON_MAX);
    return board;
}

void board_drain(struct board *board)
{
    while (!LIST_EMPTY(&board->watchers)) {
        struct watcher *watcher = LIST_FIRST(&board->watchers);
        http_stream_close(watcher->stream);
        free_watcher(watcher);
    }
    timer_stop(&board->timer);
}

void board_free(struct board *board)
{
    if (board == NULL) {
        return;
    }
    while (!LIST_EMPTY(&board->watchers)) {
        free_watcher(LIST_FIRST(&board->watchers));
    }
    timer_release(&board->timer);
    buf_release(&board->json);
    buf_release(&board->text);
    board->magic = 0;
    mem_free(board);
}
