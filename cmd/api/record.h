/* A generation's record as an answer. */
#ifndef SLUICE_API_RECORD_H
#define SLUICE_API_RECORD_H

#include "api/context.h"
#include "api/who.h"

/* Answers the request, later: 200 and the record as JSON, or 404. */
void record_answer(struct api *api, const struct who *who, struct http_request *request,
                   const struct id *generation);

#endif
