/* The two servers of the API with their tables of routes. */
#ifndef SLUICE_API_ROUTES_H
#define SLUICE_API_ROUTES_H

#include "api/context.h"

struct http_server *routes_public(struct api *api);
struct http_server *routes_admin(struct api *api);

#endif
