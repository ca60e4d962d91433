/* Results of llm and agent steps. */
#include "graph/said.h"
#include "wire/json.h"

enum { SAID_ROOM = 1024, CALL_ROOM = 128 };
static const char FENCE[] = "```";

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct span trim(struct span s)
{
    while (s.len > 0 && is_space(s.ptr[0]))
        s = span_make(s.ptr + 1, s.len - 1);
    while (s.len > 0 && is_space(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

/* "```json\n{...}\n```": what models put around what they were asked for. */
static struct span without_fence(struct span s)
{
    size_t mark = strlen(FENCE);
    if (s.len < 2 * mark || !span_starts_with(s, FENCE) ||
        memcmp(s.ptr + s.len - mark, FENCE, mark) != 0)
        return s;
    struct span rest = span_make(s.ptr + mark, s.len - 2 * mark);
    struct span inside = rest, word = span_cut(&inside, '\n');
    for (size_t i = 0; i < word.len; i++)
        if (strchr("{[\"", word.ptr[i]) != NULL && word.ptr[i] != '\0')
            return trim(rest); /* no word of the language's name */
    return inside.ptr == NULL ? trim(rest) : trim(inside);
}

struct span said_json(struct span text)
{
    struct span json = without_fence(trim(text));
    return json.len > 0 && json_check(json, NULL) == 0 ? json : SPAN_NONE;
}

static void put_call(struct json_writer *w, const struct said_call *call)
{
    struct span arguments = span_of(call->arguments);
    json_open(w, NULL, '{');
    json_member_str(w, "id", span_of(call->id));
    json_member_str(w, "name", span_of(call->name));
    if (arguments.len > 0 && json_check(arguments, NULL) == 0)
        json_member_raw(w, "arguments", arguments);
    else
        json_member_str(w, "arguments", arguments);
    if (call->is_over)
        json_member_bool(w, "is_error", call->is_error);
    json_close(w);
}

void said_put(const struct said *said, struct buf *out)
{
    struct span json = said_json(said->text);
    struct json_writer w = json_writer(out);
    struct buf usage;
    buf_init(&usage, SAID_ROOM);
    usage_put_json(&usage, &said->usage);
    json_open(&w, NULL, '{');
    json_member_str(&w, "text", said->text);
    if (json.len > 0 && strchr("{[", json.ptr[0]) != NULL)
        json_member_raw(&w, "json", json);
    json_member_str(&w, "finish_reason", span_of(said->finish_reason));
    json_member_raw(&w, "usage", buf_as_span(&usage));
    json_open(&w, "calls", '[');
    for (size_t i = 0; i < said->call_count; i++)
        put_call(&w, &said->calls[i]);
    json_close(&w);
    json_close(&w);
    buf_release(&usage);
}

size_t said_bytes(const struct said *said)
{
    size_t bytes = SAID_ROOM + 2 * said->text.len; /* as text, and as JSON */
    for (size_t i = 0; i < said->call_count; i++)
        bytes += CALL_ROOM + strlen(said->calls[i].id) + strlen(said->calls[i].name) +
                 strlen(said->calls[i].arguments);
    return JSON_ESCAPED * bytes;
}
