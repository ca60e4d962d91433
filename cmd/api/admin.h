/* What the admin routes share. */
#ifndef SLUICE_API_ADMIN_H
#define SLUICE_API_ADMIN_H

#include "http/http.h"

/* For actions that take no fields: the body is empty or {}. Answers and returns false otherwise. */
bool admin_has_no_fields(struct http_request *request);

#endif
