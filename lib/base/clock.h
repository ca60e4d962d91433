/* Time. Two clocks: monotonic for everything that waits, wall for what people read. Tests set a
 * fake. */
#ifndef SLUICE_BASE_CLOCK_H
#define SLUICE_BASE_CLOCK_H

#include <stdint.h>

int64_t clock_mono_us(void);
int64_t clock_mono_ms(void);
int64_t clock_wall_ms(void); /* since 1970 */
/* Tests: both clocks stand at these values until clock_real. */
void clock_fake(int64_t mono_us, int64_t wall_ms);
void clock_real(void);

#endif
