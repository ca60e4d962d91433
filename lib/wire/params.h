/* What a model may be asked for besides its messages (docs/protocol.md): `params` of a request, and
 * of a graph's steps. */
#ifndef SLUICE_WIRE_PARAMS_H
#define SLUICE_WIRE_PARAMS_H

#include "wire/json.h"

struct param {
    const char *name;
    const char *wanted; /* completes "<name> must be ..." */
    bool (*fits)(const struct json *value);
};

const struct param *param_at(size_t index);       /* NULL behind the last */
const struct param *param_find(const char *name); /* NULL: there is none of that name */

#endif
