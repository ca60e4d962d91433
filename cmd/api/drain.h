/* Ending the process on SIGTERM: nothing new is accepted, streams are closed spread over a few
 * seconds, so that their clients do not all come back to the other processes in one moment; then
 * the loop stops. */
#ifndef SLUICE_API_DRAIN_H
#define SLUICE_API_DRAIN_H

#include "api/context.h"

struct drain {
    uint32_t magic;
    struct api *api;
    struct timer timer;
    int64_t began_ms;
};

void drain_init(struct drain *drain, struct api *api);
void drain_start(struct drain *drain);
void drain_release(struct drain *drain);

#endif
