/* What handlers ask of a request. Each function answers the request itself when it refuses, and
 * returns false then. */
#ifndef SLUICE_API_REQUEST_H
#define SLUICE_API_REQUEST_H

#include "api/context.h"
#include "api/who.h"

/* Who asks. Only for the request whose handler is running: what goes on later keeps it. */
struct who request_who(const struct api *api, struct http_request *r);
/* Refuses query parameters that are not among `names`. */
MUST_USE bool request_has_query(struct http_request *r, const char *const *names, size_t count);
MUST_USE bool request_has_no_query(struct http_request *r);
/* The {name} of the path as a chat's or generation's id. */
MUST_USE bool request_path_id(struct http_request *r, const char *name, struct id *out);
/* The {tenant} of an admin path. */
MUST_USE bool request_path_tenant(struct http_request *r, char out[static ID_TENANT_MAX + 1]);
/* An id in the query; "" when absent. */
MUST_USE bool request_query_id(struct http_request *r, const char *name, struct id *out);
MUST_USE bool request_query_int(struct http_request *r, const char *name, int64_t min, int64_t max,
                                int64_t otherwise, int64_t *out);
/* The JSON text of a POST: application/json, or no body at all (then empty). */
MUST_USE bool request_json(struct http_request *r, struct span *out);
/* Idempotency-Key: 1 to 128 printable characters; "" when absent. What a token's holder sends is
 * told apart from what others of the tenant send. */
MUST_USE bool request_idempotency_key(const struct api *api, struct http_request *r,
                                      struct id *out);
/* The reader's cursor: Last-Event-ID, else ?after=; -1 when there is none. */
MUST_USE bool request_cursor(struct http_request *r, int64_t *out);

#endif
