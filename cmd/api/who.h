/* Who asks: what the request's credentials say. Every handler works for a tenant, and an id of
 * another one is answered like an id that does not exist. */
#ifndef SLUICE_API_WHO_H
#define SLUICE_API_WHO_H

#include "base/id.h"

struct who {
    char tenant[ID_TENANT_MAX + 1];
};

#endif
