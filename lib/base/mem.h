/* Memory: the only file that calls malloc. Out of memory aborts (the service manager restarts,
 * leases bring jobs back), so no function here returns NULL. Sizes from outside are compared with a
 * named limit before they come here. */
#ifndef SLUICE_BASE_MEM_H
#define SLUICE_BASE_MEM_H

#include <stddef.h>

void *mem_new(size_t size);                           /* zeroed; size > 0 */
void *mem_new_array(size_t count, size_t size);       /* zeroed, overflow-checked */
void *mem_grow(void *old, size_t count, size_t size); /* realloc, overflow-checked */
void *mem_dup(const void *bytes, size_t size);        /* owned copy, one NUL added behind it */
char *mem_strdup(const char *text);                   /* owned copy; NULL gives NULL */
__attribute__((format(printf, 1, 2))) char *mem_printf(const char *format, ...); /* owned */
void mem_free(void *memory); /* NULL is a no-op */

/* For a process that lives long: what one large text took goes back to the system when it is freed,
 * instead of staying for the next one. */
void mem_give_back_large(void);

/* One zeroed struct. */
#define MEM_NEW(type) ((type *)mem_new(sizeof(type)))

#endif
