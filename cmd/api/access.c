/* The gate of both listeners. The invariant: a handler runs only with api->asking set for its
 * request. */
#include "api/access.h"

#include "api/cors.h"
#include "api/handlers.h"
#include "api/host.h"
#include "api/pending.h"
#include "base/clock.h"
#include "bus/turn.h"

#include <stdio.h>

typedef void (*handler)(struct http_request *request, void *arg);

static bool is_one_of(const struct http_request *request, const handler *handlers, size_t count)
{
    const struct http_route *route = http_route_of(request);
    for (size_t i = 0; route != NULL && i < count; i++) {
        if (route->handler == handlers[i]) {
            return true;
        }
    }
    return false;
}

#define ROUTE_IS(request, ...)                                                                     \
    is_one_of((request), (const handler[]){__VA_ARGS__},                                           \
              sizeof((const handler[]){__VA_ARGS__}) / sizeof(handler))

static bool is_health(const struct http_request *request)
{
    return ROUTE_IS(request, get_livez, get_readyz);
}

/* Told to anybody: health, and the pages, which ask for a key themselves. */
static bool is_open(const struct http_request *request)
{
    return is_health(request) ||
           ROUTE_IS(request, get_page, get_web_file, get_admin_page, get_admin_web_file);
}

static bool refuse(struct http_request *request, const struct err *err)
{
    if (err->code == ERR_UNAUTHORIZED) {
        http_add_header(request, "WWW-Authenticate", SPAN_LIT("Bearer"));
    }
    http_reply_error(request, err);
    return true;
}

static bool refuse_code(struct http_request *request, enum err_code code, const char *why)
{
    struct err err;
    (void)err_set(&err, code, NULL, "%s", why); /* answered here */
    return refuse(request, &err);
}

static bool admit(struct api *api, const struct http_request *request, const struct who *who)
{
    api->asking.request = request;
    api->asking.who = *who;
    return false;
}

static bool refuse_foreign(const struct api *api, struct http_request *request)
{
    struct err err;
    return host_check(http_header(request, "Host"), http_header(request, "Origin"),
                      &api->conf->api_origins, &err) != 0 &&
           refuse(request, &err);
}

/* Without keys. They may have gone by a reload, from under a listener that others reach. */
static bool admit_local(struct api *api, struct http_request *request)
{
    if (!api->is_public_local && !is_open(request)) {
        return refuse_code(request, ERR_UNAUTHORIZED,
                           "no API keys are configured, and this is not a loopback address");
    }
    if (http_query(request, "token").ptr != NULL) {
        return refuse_code(request, ERR_BAD_REQUEST,
                           "no API keys are configured: there are no tokens");
    }
    const struct who who = who_local();
    return admit(api, request, &who);
}

/* Who asks, or false when that was refused. */
static bool identify(const struct api *api, struct http_request *request, struct who *out)
{
    struct err err = {.code = ERR_OK};
    struct span token = http_query(request, "token");
    if (token.ptr != NULL && !ROUTE_IS(request, get_chat_stream, get_generation_stream)) {
        (void)err_set(&err, ERR_BAD_REQUEST, "token", "only streams take a token in the query");
    } else if (who_identify(api->conf, http_header(request, "Authorization"), token,
                            clock_wall_ms(), out, &err) == 0) {
        return true;
    }
    (void)refuse(request, &err);
    return false;
}

/* A key's holder has so many requests under way; each of its tokens' users and chats has its own.
 */
static bool is_within_count(const struct api *api, struct http_request *request,
                            const struct who *who)
{
    char name[3 * ID_MAX + 8];
    const struct conf_key *key = conf_find_key_id(api->conf, span_of(who->key.text));
    size_t most = who->is_token || key == NULL ? 0 : (size_t)key->connections;
    (void)snprintf(name, sizeof name, "%s %s %s", who->key.text, who->chat.text, who->user);
    return http_count_against(request, name, most);
}

/* Tokens. Whose the path's chat or generation is, only the store can say. */

static bool may_be_new(const struct http_request *request)
{
    return ROUTE_IS(request, post_message, post_chat_stop, post_generation_stop);
}

static void answer_token(struct api *api, struct http_request *request, enum whose whose)
{
    struct who who;
    if (!identify(api, request, &who)) { /* a reload may have come between */
        return;
    }
    if (whose == WHOSE_NOBODYS && ROUTE_IS(request, get_chat_stream)) {
        http_reply(request, 204, NULL, SPAN_NONE); /* nothing runs there, as anybody is told */
    } else if (whose == WHOSE_MINE || (whose == WHOSE_NOBODYS && may_be_new(request))) {
        (void)admit(api, request, &who);
        http_proceed(request);
    } else {
        http_reply_code(request, ERR_NOT_FOUND);
    }
}

static void on_told(int status, enum whose whose, void *arg)
{
    struct pending *p = pending_of(arg);
    if (pending_failed(p, status)) {
        return;
    }
    struct api *api = p->api;
    struct http_request *request = pending_take(p);
    pending_free(p);
    if (request != NULL) {
        answer_token(api, request, whose);
    }
}

/* Asks whose it is; false when the path names nothing that could be another's. */
static bool ask_whose(struct api *api, struct http_request *request)
{
    struct span chat = http_param(request, "chat_id");
    struct span generation = http_param(request, "generation_id");
    const struct who *who = &api->asking.who;
    if (http_route_of(request) == NULL || (!id_is_valid(chat) && !id_is_valid(generation))) {
        return false; /* what is no id the handler refuses */
    }
    if (who->user[0] == '\0' && generation.ptr == NULL && span_is(chat, who->chat.text)) {
        return false; /* that much the path says */
    }
    struct pending *p = pending_new(api, request, sizeof *p, NULL);
    const struct id chat_id = id_is_valid(chat) ? id_from(chat) : (struct id){.text = ""};
    const struct id generation_id =
        id_is_valid(generation) ? id_from(generation) : (struct id){.text = ""};
    const struct whose_ask ask = {.tenant = p->who.tenant,
                                  .chat = chat_id.text,
                                  .generation = generation_id.text,
                                  .user = p->who.user,
                                  .only_chat = p->who.chat.text};
    turn_whose(api->bus, &ask, on_told, p);
    return true;
}

bool access_public(struct http_request *request, void *arg)
{
    struct api *api = api_of(arg);
    struct who who;
    const bool has_keys = api->conf->key_count > 0;
    const bool is_preflight = cors_before(api, request);
    if (!has_keys && refuse_foreign(api, request)) {
        return true;
    }
    if (is_preflight) {
        cors_answer_preflight(request);
        return true;
    }
    if (!has_keys) {
        return admit_local(api, request);
    }
    if (is_open(request)) {
        return admit(api, request, &(struct who){.tenant = ""});
    }
    if (!identify(api, request, &who) || !is_within_count(api, request, &who)) {
        return true;
    }
    (void)admit(api, request, &who);
    return who_is_narrow(&who) && ask_whose(api, request);
}

bool access_admin(struct http_request *request, void *arg)
{
    struct api *api = api_of(arg);
    const bool has_keys = api->conf->key_count > 0;
    const bool is_metrics = ROUTE_IS(request, get_metrics);
    struct who who = who_local();
    if (api->is_admin_local && refuse_foreign(api, request)) {
        return true;
    }
    if (is_open(request) || (is_metrics && (api->is_admin_local || !has_keys))) {
        return admit(api, request, &who);
    }
    if (!has_keys) {
        return api->is_admin_local
                   ? admit(api, request, &who)
                   : refuse_code(request, ERR_FORBIDDEN,
                                 "without API keys this is served on a loopback address only");
    }
    if (!identify(api, request, &who)) {
        return true;
    }
    return who.is_admin
               ? admit(api, request, &who)
               : refuse_code(request, ERR_FORBIDDEN, "a key with the role admin is needed");
}
