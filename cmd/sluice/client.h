/* A small HTTP client for the commands: one request, one whole answer, on fetch. And where the API
 * is. */
#ifndef SLUICE_CMD_CLIENT_H
#define SLUICE_CMD_CLIENT_H

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "fetch/fetch.h"
#include "wire/json.h"

enum { CLIENT_BODY_MAX = 32 * 1024 * 1024 };

/* The two listeners of the API, and where each is. */
struct client_server {
    const char *variable; /* of the environment */
    const char *otherwise;
    const char *what; /* completes "<variable> names the ..." */
};
extern const struct client_server CLIENT_API, CLIENT_ADMIN;

/* Its variable or the default, without a slash at the end; owned. */
char *client_server_url(const struct client_server *server);
/* Whether an argument is a chat's or generation's id; says so on standard error when it is none. */
bool client_is_id(const char *argument);
/* "sluice: http://...: why", and where the address comes from, on standard error. */
void client_say_unreachable(const struct client_server *server, const char *url, struct span why);
/* Whether what client_ask returned is a success with a JSON body, whose document is the caller's
 * to free; else says on standard error what it is. */
MUST_USE bool client_is_answer(const struct client_server *server, const char *url, int status,
                               struct span body, struct json_doc **out);
/* "Bearer <SLUICE_API_KEY>", owned; NULL without a key. */
char *client_authorization(void);

/* status: the HTTP status, or a negative error (body: what went wrong, for people). Borrowed during
 * the call. */
typedef void (*client_on_answer)(int status, struct span body, void *arg);

struct client_call {
    const char *method;
    const char *url;
    const char *authorization; /* or NULL */
    struct span body;          /* JSON, or SPAN_NONE */
    bool wants_async;          /* Prefer: respond-async */
    int64_t connect_ms, total_ms;
};

struct exchange;

/* Starts; `done` comes exactly once unless it is cancelled, never before this returns, also when
 * the URL is unusable. What it returns is gone with `done`. */
struct exchange *client_start(struct loop *loop, struct fetcher *fetcher,
                              const struct client_call *call, client_on_answer done, void *arg);
void client_cancel(struct exchange *exchange); /* silence afterwards; NULL is a no-op */
/* The same, waited for: the HTTP status or a negative error, the body (or what went wrong) appended
 * to `out`, whose maximum is CLIENT_BODY_MAX. */
MUST_USE int client_ask(const struct client_call *call, struct buf *out);

#endif
