/* What tools' answers and mistaken calls are in words. */
#include "graph/words.h"
#include "base/err.h"
#include "base/mem.h"
#include "wire/json.h"

enum { CHARACTER_MAX = 4 };

bool words_is_error(int status)
{
    return status < 200 || status > 299;
}

/* The end of what was cut may be half a character. */
static struct span whole_characters(struct span body)
{
    struct span whole = body;
    for (size_t i = 0; i < CHARACTER_MAX && whole.len > 0; i++) {
        if (span_is_utf8(whole))
            return whole;
        whole.len--;
    }
    return span_is_utf8(whole) ? whole : body;
}

int words_of_answer(struct buf *out, int status, struct span body, bool was_cut)
{
    struct span text = was_cut ? whole_characters(body) : body;
    if (!span_is_utf8(text) || (text.len > 0 && memchr(text.ptr, '\0', text.len) != NULL))
        return -ERR_BAD_REQUEST;
    if (words_is_error(status))
        (void)buf_printf(out, "Error: http_status: the tool answered %d.\n", status); /* it fits */
    (void)buf_span(out, text);
    if (was_cut)
        (void)buf_printf(out, "\n[cut here: the answer is longer than %zu bytes]", body.len);
    return buf_error(out);
}

char *words_of_bad_arguments(struct span arguments)
{
    struct err err;
    if (json_check(arguments, &err) != 0)
        return mem_printf(
            "Error: the arguments are not JSON: %s. Call it again with a JSON object.",
            err.message);
    if (arguments.ptr[0] != '{')
        return mem_strdup("Error: the arguments must be a JSON object.");
    return NULL;
}
