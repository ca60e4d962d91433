/* Objects in a text, and which of them is meant. */
#include "shown.h"

#include "wire/json.h"
#include "words.h"

/* The run from a brace to its own closing one; SPAN_NONE: it is never closed. */
static struct span braced(struct span text)
{
    size_t depth = 0;
    bool is_in_string = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (is_in_string && c == '\\')
            i++;
        else if (c == '"')
            is_in_string = !is_in_string;
        else if (!is_in_string && c == '{')
            depth++;
        else if (!is_in_string && c == '}' && --depth == 0)
            return span_make(text.ptr, i + 1);
    }
    return SPAN_NONE;
}

static bool has_members(struct span text)
{
    struct json_doc *doc = NULL;
    bool has = json_parse(text, &doc, NULL) == 0 && json_count(json_root(doc)) > 0;
    json_free(doc);
    return has;
}

/* The next object that is one; `rest` moves behind it. */
static bool next_object(struct span *rest, struct span *object)
{
    for (size_t i = 0; i < rest->len; i++) {
        if (rest->ptr[i] != '{')
            continue;
        struct span run = braced(span_make(rest->ptr + i, rest->len - i));
        if (run.ptr == NULL || !has_members(run))
            continue;
        *object = run;
        *rest = span_make(run.ptr + run.len, rest->len - i - run.len);
        return true;
    }
    return false;
}

struct span shown_best(struct span instruction, struct span message)
{
    size_t len = instruction.len < SHOWN_LOOKED_AT ? instruction.len : SHOWN_LOOKED_AT;
    struct span rest = span_make(instruction.ptr, len), object, next = SPAN_NONE, best = SPAN_NONE;
    int most = 0;
    for (bool is_there = next_object(&rest, &object); is_there; object = next) {
        const char *behind = rest.ptr;
        is_there = next_object(&rest, &next);
        const char *until = is_there ? next.ptr : rest.ptr + rest.len;
        int score = 2 * words_score(message, object) +
                    words_score(message, span_make(behind, (size_t)(until - behind)));
        if (best.ptr == NULL || score > most || most == 0) {
            best = object;
            most = score;
        }
    }
    return best;
}
