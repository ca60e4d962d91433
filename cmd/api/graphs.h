/* A request that names a graph. */
#ifndef SLUICE_API_GRAPHS_H
#define SLUICE_API_GRAPHS_H

#include "api/start.h"

/* start_begin, when a worker has published the graph that the body names; else the request is
 * answered with bad_request. */
void graphs_begin(struct start *start);

#endif
