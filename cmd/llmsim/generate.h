/* A generation request: read, noted in the journal, and answered, in whatever format it came. */
#ifndef SLUICE_LLMSIM_GENERATE_H
#define SLUICE_LLMSIM_GENERATE_H

#include "answer.h"

/* The handler's whole work: the request is answered, or an answer to it has begun. */
void generate(struct simulator *sim, const struct format *format, struct http_request *request);

#endif
