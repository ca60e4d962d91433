/* GET /, the operator's /admin, and what they load. The invariant: nothing of a request but the
 * name of a file says what is answered. */
#include "api/web.h"

#include "api/digest.h"
#include "api/handlers.h"

#include <stdio.h>

#define WEB_HTML "text/html; charset=utf-8"
#define WEB_CSS  "text/css; charset=utf-8"
#define WEB_JS   "text/javascript; charset=utf-8"
#define WEB_SVG  "image/svg+xml"

#define WEB_FILE(folder, name, symbol, type) extern const char symbol[], symbol##_end[];
#include "api/web.def"
#undef WEB_FILE

#define WEB_FILE(folder, name, symbol, type) {folder, name, symbol, symbol##_end, type},
static const struct web_file FILES[] = {
#include "api/web.def"
};
#undef WEB_FILE

/* Images by data: are the user's own attachments. */
static const char *const HEADERS[][2] = {
    {"Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src "
                                "'self' data:; connect-src 'self'; "
                                "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
                                "require-trusted-types-for 'script'; "
                                "trusted-types 'none'"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Cache-Control", "no-cache"},
};

void web_etag(struct span bytes, char out[static WEB_ETAG_MAX])
{
    const struct digest digest = digest_of(&bytes, 1);
    (void)snprintf(out, WEB_ETAG_MAX, "\"%.32s\"", digest.hex);
}

bool web_is_known(struct span if_none_match, const char *etag)
{
    struct span rest = if_none_match;
    while (rest.ptr != NULL) {
        struct span one = span_trim(span_cut(&rest, ','));
        if (span_starts_with(one, "W/")) { /* compared weakly */
            one = span_make(one.ptr + 2, one.len - 2);
        }
        if (span_is(one, "*") || span_is(one, etag)) {
            return true;
        }
    }
    return false;
}

void web_reply(struct http_request *request, const struct web_file *file)
{
    const struct span bytes = span_make(file->begin, (size_t)(file->end - file->begin));
    char etag[WEB_ETAG_MAX];
    web_etag(bytes, etag);
    http_add_header(request, "ETag", span_of(etag));
    for (size_t i = 0; i < sizeof HEADERS / sizeof HEADERS[0]; i++) {
        http_add_header(request, HEADERS[i][0], span_of(HEADERS[i][1]));
    }
    if (web_is_known(http_header(request, "If-None-Match"), etag)) {
        http_reply(request, 304, NULL, SPAN_NONE);
    } else {
        http_reply(request, 200, file->type, bytes);
    }
}

#define ADMIN_FOLDER "admin"

static const struct web_file *find_file(struct span folder, struct span name)
{
    for (size_t i = 0; i < sizeof FILES / sizeof FILES[0]; i++) {
        if (span_is(name, FILES[i].name) && span_equal(folder, span_of(FILES[i].folder))) {
            return &FILES[i];
        }
    }
    return NULL;
}

static void reply_file(struct http_request *request, struct span folder, struct span name)
{
    const struct web_file *file = find_file(folder, name);
    if (file == NULL) {
        http_reply_code(request, ERR_NOT_FOUND);
    } else {
        web_reply(request, file);
    }
}

void get_page(struct http_request *request, void *arg)
{
    (void)arg; /* the pages find out by themselves who may see what */
    web_reply(request, &FILES[0]);
}

void get_web_file(struct http_request *request, void *arg)
{
    (void)arg; /* likewise, here and below */
    const struct span folder = http_param(request, "folder");
    const bool is_admins = span_is(folder, ADMIN_FOLDER);
    reply_file(request, folder, is_admins ? SPAN_NONE : http_param(request, "file"));
}

void get_admin_page(struct http_request *request, void *arg)
{
    (void)arg;
    reply_file(request, SPAN_LIT(ADMIN_FOLDER), SPAN_LIT("index.html"));
}

void get_admin_web_file(struct http_request *request, void *arg)
{
    (void)arg;
    reply_file(request, http_param(request, "folder"), http_param(request, "file"));
}
