/* The chat page and its files: part of the program, the same for everybody. What a browser has is
 * asked for again by its strong ETag; the headers allow a page its own scripts, styles and
 * requests, and nothing else. */
#ifndef SLUICE_API_WEB_H
#define SLUICE_API_WEB_H

#include "http/http.h"

struct web_file {
    const char *folder; /* under /web/; "": none */
    const char *name;
    const char *begin, *end;
    const char *type;
};

/* Answers with the file, or 304. */
void web_reply(struct http_request *request, const struct web_file *file);
/* The ETag of bytes: a quoted digest of them. */
enum { WEB_ETAG_MAX = 40 };
void web_etag(struct span bytes, char out[static WEB_ETAG_MAX]);
/* Whether If-None-Match (RFC 9110 13.1.2) names it; SPAN_NONE does not. */
bool web_is_known(struct span if_none_match, const char *etag);

#endif
