/* Private to lib/fetch: the multi handle on our loop (multi.c), the transfers (fetch.c) and how a
 * request is written down for libcurl (request.c). Invariant: no function of libcurl is called
 * while `depth` > 0, that is, under one of its callbacks; what is wanted there is queued as an act.
 */
#ifndef SLUICE_FETCH_MULTI_H
#define SLUICE_FETCH_MULTI_H

#include "base/buf.h"
#include "fetch/fetch.h"
#include <curl/curl.h>
#include <sys/queue.h>

enum {
    FETCHER_MAGIC = 0x46455452,
    FETCH_MAGIC = 0x46455443,
    FETCH_HEAD_BYTES = 64 * 1024, /* status line and headers that are kept */
    FETCH_READ_BYTES = 8 * 1024   /* libcurl's buffer per transfer */
};

struct fetch {
    uint32_t magic;
    struct fetcher *fetcher;
    CURL *easy; /* NULL once taken out of the multi handle for good */
    struct curl_slist *headers;
    struct fetch_hooks hooks;
    struct buf head; /* header lines of the newest response, each with its CRLF */
    int status;
    int64_t started_ms;
    int64_t total_ms;
    const struct fetch_guard *guard; /* NULL: none */
    struct fetch_place place;        /* where its rule says that the host is */
    struct curl_slist *connect_to;   /* the same for libcurl */
    const char *refused; /* what an address was that the guard refused; NULL: none was */
    bool is_dialled;     /* the guard has let it connect to an address */
    bool is_added;       /* in the multi handle */
    bool is_connected;   /* the request went out */
    bool is_head_done;   /* on_head was called, or would have been */
    bool is_silent;      /* cancelled or over: no hook any more */
    bool is_paused;      /* the caller wants no body now */
    bool is_held;        /* libcurl was told so and keeps bytes back */
    bool has_act;        /* in `acts` */
    char error[CURL_ERROR_SIZE];
    TAILQ_ENTRY(fetch) link;
    TAILQ_ENTRY(fetch) act_link;
};
TAILQ_HEAD(fetch_list, fetch);

struct event;
struct fetcher {
    uint32_t magic;
    struct loop *loop;
    CURLM *multi;
    struct timer timer;            /* libcurl's one time-out */
    struct event *act;             /* runs `acts` outside libcurl */
    void (*on_leaving)(void *arg); /* NULL: nobody wants to know */
    void *leaving_arg;
    unsigned depth;
    struct fetch_list all;
    struct fetch_list acts;
};

/* multi.c */
void fetcher_want_act(struct fetcher *fetcher, struct fetch *fetch);
void fetcher_remove(struct fetch *fetch); /* out of all lists and of the multi handle, which closes
                                             a connection in use; CHECKs depth 0 */

/* request.c */
/* A new easy handle set up for `request`, its header list in fetch->headers. Options that are
 * callbacks are fetch.c's. */
MUST_USE int request_prepare(struct fetch *fetch, const struct fetch_request *request,
                             struct err *err);

/* fetch.c */
void fetch_act(struct fetch *fetch); /* what was wanted under a callback */
void fetch_complete(struct fetch *fetch,
                    CURLcode result); /* libcurl is through with it; frees it */
void fetch_free(struct fetch *fetch);

#endif
