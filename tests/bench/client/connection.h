/* A connection to the server that is measured. */
#ifndef SLUICE_BENCH_CONNECTION_H
#define SLUICE_BENCH_CONNECTION_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Connected, and watched by the epoll for reading, its events bearing `tag`; -1 when the server
 * takes none. Own addresses are many, `index` chooses one, so that ports are not used up. */
int connection_open(const struct sockaddr_in *to, size_t index, int epoll, uint64_t tag);
/* Sends one request, with `id` for each %ID% of path and body; body NULL: a GET. False when it was
 * not taken whole, which an empty socket does. */
bool connection_ask(int fd, const char *address, const char *path, const char *body,
                    const char *id);

#endif
