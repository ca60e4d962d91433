/* How a request is written down for libcurl: what is checked before, and the options that every
 * transfer has. Knows nothing of running transfers. */
#include "base/mem.h"
#include "base/num.h"
#include "fetch/multi.h"

static bool is_token(const char *name)
{
    return *name != '\0' &&
           name[strspn(
               name,
               "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")] ==
               '\0';
}

/* Parts of a URL as libcurl understands it, which is what it connects to. */
struct url_parts {
    char *scheme, *user, *password, *host, *port;
};

static void parts_release(struct url_parts *parts)
{
    curl_free(parts->scheme);
    curl_free(parts->user);
    curl_free(parts->password);
    curl_free(parts->host);
    curl_free(parts->port);
}

static bool cut_url(const char *url, struct url_parts *parts)
{
    CURLU *parsed = curl_url();
    CHECK(parsed != NULL);
    bool is_url =
        curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK &&
        curl_url_get(parsed, CURLUPART_SCHEME, &parts->scheme, 0) == CURLUE_OK &&
        curl_url_get(parsed, CURLUPART_HOST, &parts->host, 0) == CURLUE_OK &&
        curl_url_get(parsed, CURLUPART_PORT, &parts->port, CURLU_DEFAULT_PORT) == CURLUE_OK;
    (void)curl_url_get(parsed, CURLUPART_USER, &parts->user, 0); /* NULL: it has none */
    (void)curl_url_get(parsed, CURLUPART_PASSWORD, &parts->password, 0);
    curl_url_cleanup(parsed);
    return is_url;
}

/* What other readers of URLs take for the host's end, or for another letter. */
static bool is_ambiguous(const char *url)
{
    for (; *url != '\0'; url++)
        if (*url == '\\' || (unsigned char)*url > 0x7f)
            return true;
    return false;
}

static int ask_guard(struct fetch *fetch, const char *url, const struct url_parts *parts,
                     struct err *err)
{
    uint64_t port;
    if (is_ambiguous(url) || num_parse_u64(span_of(parts->port), &port) != 0 || port > UINT16_MAX)
        return err_set(err, ERR_BAD_REQUEST, "url", "a URL is written in ASCII, without \\");
    int result = guard_host(fetch->guard, span_of(parts->host), (unsigned)port, &fetch->place, err);
    if (result != 0 || fetch->place.port == 0)
        return result;
    char *line = mem_printf("::%s", fetch->place.text); /* for every host and port: it has one */
    fetch->connect_to = curl_slist_append(NULL, line);
    CHECK(fetch->connect_to != NULL);
    mem_free(line);
    return 0;
}

static int check_url(struct fetch *fetch, const char *url, struct err *err)
{
    struct url_parts parts = {.scheme = NULL};
    int result = 0;
    for (const char *c = url; *c != '\0'; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f)
            return err_set(err, ERR_BAD_REQUEST, "url",
                           "a URL may not hold spaces or control characters");
    if (!cut_url(url, &parts))
        result = err_set(err, ERR_BAD_REQUEST, "url", "not a URL");
    else if (strcmp(parts.scheme, "http") != 0 && strcmp(parts.scheme, "https") != 0)
        result =
            err_set(err, ERR_BAD_REQUEST, "url", "the URL must begin with http:// or https://");
    else if (parts.user != NULL || parts.password != NULL)
        result = err_set(err, ERR_BAD_REQUEST, "url", "the URL may not hold a user or password");
    else if (fetch->guard != NULL)
        result = ask_guard(fetch, url, &parts, err);
    parts_release(&parts);
    return result;
}

static void add_header(struct fetch *fetch, char *line)
{
    struct curl_slist *longer = curl_slist_append(fetch->headers, line);
    CHECK(longer != NULL);
    fetch->headers = longer;
    mem_free(line);
}

static int add_headers(struct fetch *fetch, const struct fetch_request *request, struct err *err)
{
    bool has_type = false;
    for (size_t i = 0; i < request->header_count; i++) {
        const struct fetch_header *header = &request->headers[i];
        if (!is_token(header->name))
            return err_set(err, ERR_BAD_REQUEST, "headers", "not the name of a header");
        if (header->value[strcspn(header->value, "\r\n")] != '\0')
            return err_set(err, ERR_BAD_REQUEST, header->name,
                           "a header's value may not hold a line break");
        has_type = has_type || span_is_nocase(span_of(header->name), "content-type");
        /* libcurl writes "name;" as a header without a value; "name:" would leave it out */
        add_header(fetch, *header->value == '\0'
                              ? mem_printf("%s;", header->name)
                              : mem_printf("%s: %s", header->name, header->value));
    }
    add_header(fetch, mem_strdup("Expect:")); /* no waiting for 100 Continue */
    if (!has_type)
        add_header(fetch, mem_strdup("Content-Type:")); /* libcurl's own would be a form's */
    return 0;
}

static void set_text(CURL *easy, CURLoption option, const char *text)
{
    CHECK((curl_easy_setopt)(easy, option, text) == CURLE_OK);
}

static void set_number(CURL *easy, CURLoption option, long number)
{
    CHECK((curl_easy_setopt)(easy, option, number) == CURLE_OK);
}

static void set_common(CURL *easy)
{
    static const struct {
        CURLoption option;
        long value;
    } numbers[] = {
        {CURLOPT_NOSIGNAL, 1},
        {CURLOPT_QUICK_EXIT, 1}, /* a cancel does not wait for the resolver's thread */
        {CURLOPT_FOLLOWLOCATION, 0},
        {CURLOPT_MAXREDIRS, 0},
        {CURLOPT_NETRC, CURL_NETRC_IGNORED},
        {CURLOPT_SSL_VERIFYPEER, 1},
        {CURLOPT_SSL_VERIFYHOST, 2},
        {CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1}, /* one connection each: a cancel closes it, a
                                                          pause fills its window */
        {CURLOPT_HTTP09_ALLOWED, 0},
        {CURLOPT_TCP_NODELAY, 1},
        {CURLOPT_TCP_KEEPALIVE, 1},
        {CURLOPT_BUFFERSIZE, FETCH_READ_BYTES},
    };
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        set_number(easy, numbers[i].option, numbers[i].value);
    set_text(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    set_text(easy, CURLOPT_PROXY, "");
    set_text(easy, CURLOPT_USERAGENT, "sluice/" SLUICE_VERSION);
}

static void set_method(CURL *easy, const struct fetch_request *request)
{
    bool has_body = request->body.ptr != NULL || span_is(span_of(request->method), "POST");
    if (has_body) {
        set_number(easy, CURLOPT_POST, 1);
        CHECK(curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len) ==
              CURLE_OK);
        set_text(easy, CURLOPT_COPYPOSTFIELDS,
                 request->body.ptr == NULL ? "" : request->body.ptr); /* after its size */
    } else if (span_is(span_of(request->method), "HEAD")) {
        set_number(easy, CURLOPT_NOBODY, 1);
    }
    set_text(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

int request_prepare(struct fetch *fetch, const struct fetch_request *request, struct err *err)
{
    if (!is_token(request->method))
        return err_set(err, ERR_BAD_REQUEST, "method", "not a method");
    int result = check_url(fetch, request->url, err);
    if (result == 0)
        result = add_headers(fetch, request, err);
    if (result != 0)
        return result;
    fetch->easy = curl_easy_init();
    CHECK(fetch->easy != NULL);
    set_common(fetch->easy);
    set_method(fetch->easy, request);
    set_text(fetch->easy, CURLOPT_URL, request->url);
    CHECK(curl_easy_setopt(fetch->easy, CURLOPT_HTTPHEADER, fetch->headers) == CURLE_OK);
    CHECK(curl_easy_setopt(fetch->easy, CURLOPT_CONNECT_TO, fetch->connect_to) == CURLE_OK);
    set_number(fetch->easy, CURLOPT_FRESH_CONNECT, request->is_sent_once);
    set_number(fetch->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)request->connect_ms);
    set_number(fetch->easy, CURLOPT_TIMEOUT_MS, (long)request->total_ms);
    return 0;
}
