/* The headers of CORS. The invariant: an answer that depends on Origin says so, errors too. */
#include "api/cors.h"

#include "api/host.h"

#define PREFLIGHT_SECONDS "7200" /* the most that browsers keep */

static const char *const PREFLIGHT[][2] = {
    {"Access-Control-Allow-Methods", "GET, POST, PATCH, DELETE"},
    {"Access-Control-Allow-Headers",
     "Authorization, Content-Type, Last-Event-ID, Idempotency-Key, Prefer"},
    {"Access-Control-Max-Age", PREFLIGHT_SECONDS},
};

static bool is_preflight(const struct http_request *request)
{
    return http_method(request) == HTTP_OPTIONS &&
           http_header(request, "Access-Control-Request-Method").ptr != NULL;
}

bool cors_before(const struct api *api, struct http_request *request)
{
    const struct conf_list *origins = &api->conf->api_origins;
    struct span origin = http_header(request, "Origin");
    if (origins->count > 0 || api->conf->key_count == 0) {
        http_add_header(request, "Vary", SPAN_LIT("Origin"));
    }
    if (origin.ptr == NULL || !host_is_listed(origin, origins)) {
        return false;
    }
    http_add_header(request, "Access-Control-Allow-Origin", origin);
    http_add_header(request, "Access-Control-Expose-Headers",
                    SPAN_LIT("Sluice-Generation-Id, Sluice-Chat-Id, Location, Retry-After"));
    return is_preflight(request);
}

void cors_answer_preflight(struct http_request *request)
{
    for (size_t i = 0; i < sizeof PREFLIGHT / sizeof PREFLIGHT[0]; i++) {
        http_add_header(request, PREFLIGHT[i][0], span_of(PREFLIGHT[i][1]));
    }
    http_reply(request, 204, NULL, SPAN_NONE);
}
