/* What every request passes before its handler: who asks, and whether that one may. Called by the
 * servers (http_options.before); true when the request was answered, or will be.
 *
 * Public listener. Without keys: this machine only, by Host and Origin. With keys: an API key or a
 * token on every route but /livez and /readyz; and where the path names a chat or generation that a
 * token does not reach, 404.
 * Admin listener. /livez and /readyz are free. /metrics is free on a loopback address and, without
 * keys, on any. Everything else takes a key with the role admin; without keys it is served on a
 * loopback address only. */
#ifndef SLUICE_API_ACCESS_H
#define SLUICE_API_ACCESS_H

#include "api/context.h"

bool access_public(struct http_request *request, void *arg);
bool access_admin(struct http_request *request, void *arg);

#endif
