/* Errors of the whole house: one table (err.def), negative codes, an optional detail struct. */
#ifndef SLUICE_BASE_ERR_H
#define SLUICE_BASE_ERR_H

#include <stdbool.h>

enum err_code {
    ERR_OK,
#define X(name, code, status, retryable, message) ERR_##name,
#include "base/err.def"
#undef X
    ERR_COUNT
};

/* Detail for a caller that wants more than the code. `param` names the offending field or is "". */
struct err {
    enum err_code code;
    char param[64];
    char message[256];
};

/* Fills `err` (may be NULL) with `code`, `param` (may be NULL) and a printf message (NULL: the
 * table's); returns -code. Long texts are cut, at a UTF-8 boundary. */
__attribute__((format(printf, 4, 5))) int err_set(struct err *err, enum err_code code,
                                                  const char *param, const char *format, ...);

/* All four take a code as ERR_x or -ERR_x. */
const char *err_name(int code);    /* as clients see it: "bad_request" */
const char *err_message(int code); /* the table's sentence */
int err_status(int code);          /* HTTP status */
bool err_is_retryable(int code);

#endif
