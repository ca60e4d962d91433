/* Tools for example graphs and for tests, under /tools: pages to search and read, orders, and one
 * that hangs. Each request is a row of the journal, with the format `tool`. */
#ifndef SLUICE_LLMSIM_TOOLS_H
#define SLUICE_LLMSIM_TOOLS_H

#include "answer.h"

/* Handlers of routes; each may answer later, after the simulator's tool_ms. */
void tools_search(struct simulator *sim, struct http_request *request);
void tools_page(struct simulator *sim, struct http_request *request);
void tools_order(struct simulator *sim, struct http_request *request);
void tools_cancel(struct simulator *sim, struct http_request *request);
void tools_hang(struct simulator *sim, struct http_request *request);

#endif
