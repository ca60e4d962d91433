/* Ids. From outside they are checked here before they go into a key; ours are minted here. */
#ifndef SLUICE_BASE_ID_H
#define SLUICE_BASE_ID_H

#include "base/span.h"
#include <stddef.h>

enum {
    ID_MAX = 128,       /* chat and generation ids: [A-Za-z0-9_.:-]{1,128}, not of dots alone */
    ID_TENANT_MAX = 64, /* [a-z0-9_-]{1,64} */
    ID_USER_MAX = 128   /* bytes of UTF-8 without control characters */
};

/* A string that fits any id, with its NUL. */
struct id {
    char text[ID_MAX + 1];
};

bool id_is_valid(struct span s);
bool id_is_tenant(struct span s);
bool id_is_user(struct span s); /* not the empty one */
/* `prefix`_ and 26 characters of Crockford base32: 128 random bits from getrandom. */
struct id id_mint(const char *prefix);
/* Copies a checked span (CHECKs id_is_valid). */
struct id id_from(struct span s);

#endif
