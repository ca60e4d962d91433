/* The board: GET /v1/admin/stream. Everybody who watches it gets the same look at the whole, once a
 * second; while nobody watches, nothing is asked. */
#ifndef SLUICE_API_BOARD_H
#define SLUICE_API_BOARD_H

#include "api/context.h"

struct board *board_new(struct api *api);
void board_drain(struct board *board); /* ends the streams; their clients come back elsewhere */
void board_free(struct board *board);  /* after the servers and the bus */

#endif
