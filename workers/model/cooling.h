/* Models that want to be left alone: a provider that said Retry-After is not asked before its time
 * by any generation of this process. Then one asks, as a probe; the others wait on, a second at a
 * time, until it is known to have come through. Other processes learn of it by asking themselves.
 */
#ifndef SLUICE_WORKERS_MODEL_COOLING_H
#define SLUICE_WORKERS_MODEL_COOLING_H

#include <stdint.h>

struct cooling;

struct cooling *cooling_new(void);
void cooling_free(struct cooling *cooling);
/* By the model's configured name. */
void cooling_start(struct cooling *cooling, const char *model, int64_t ms);
void cooling_end(struct cooling *cooling, const char *model);              /* it answers */
int64_t cooling_left_ms(const struct cooling *cooling, const char *model); /* 0: it may be asked */
/* It is asked now: whoever comes behind waits for what becomes of it. */
void cooling_probe(struct cooling *cooling, const char *model);

#endif
