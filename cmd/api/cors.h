/* Cross-origin requests (Fetch standard, "CORS protocol"): pages of the origins that the
 * configuration lists may call the API and read its answers; no cookie is ever involved. */
#ifndef SLUICE_API_CORS_H
#define SLUICE_API_CORS_H

#include "api/context.h"

/* Adds what the answer, whatever it will be, tells a listed page. True when the request is a
 * preflight of one: cors_answer_preflight is its answer then. */
MUST_USE bool cors_before(const struct api *api, struct http_request *request);
void cors_answer_preflight(struct http_request *request);

#endif
