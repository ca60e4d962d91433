/* Which calls, which JSON, which text. Each way of playing is tried in turn; the first that has
 * something to say is it. */
#include "play.h"

#include "base/mem.h"
#include "schema.h"
#include "shown.h"
#include "words.h"

enum { ARGUMENTS_MAX = 64 * 1024, TEXT_MAX = 64 * 1024, TOLD_MAX = 400 };

/* What is played upon. */
struct stage {
    const struct json *request;
    const struct talk *talk;
    struct span text; /* the user's, without the script's words */
    struct json_doc *docs[TALK_CALLS_MAX];
    const struct json *results[TALK_CALLS_MAX]; /* those that are JSON */
    size_t result_count;
};

static void open_results(struct stage *s)
{
    for (size_t i = 0; i < s->talk->call_count; i++) {
        struct json_doc **doc = &s->docs[s->result_count];
        if (json_parse(s->talk->calls[i].result, doc, NULL) == 0) {
            s->results[s->result_count] = json_root(*doc);
            s->result_count++;
        }
    }
}

static struct schema_hints hints_of(const struct stage *s, size_t nth)
{
    return (struct schema_hints){
        .text = s->text, .results = s->results, .result_count = s->result_count, .nth = nth};
}

/* Calls. */

static void add_call(struct play *p, struct span name, struct span arguments)
{
    size_t i = p->call_count++;
    p->names[i] = span_dup(name);
    p->arguments[i] = span_dup(arguments);
    p->calls[i] = (struct call){.name = p->names[i], .arguments = span_of(p->arguments[i])};
}

static void call_tool(struct play *p, const struct stage *s, const struct talk_tool *tool,
                      size_t nth)
{
    struct schema_hints hints = hints_of(s, nth);
    struct buf arguments;
    buf_init(&arguments, ARGUMENTS_MAX);
    schema_fill(&arguments, tool->parameters, &hints);
    add_call(p, tool->name, buf_error(&arguments) == 0 ? buf_as_span(&arguments) : SPAN_LIT("{}"));
    buf_release(&arguments);
}

/* The names that the script's `tool` has, between commas; called with the same arguments each. */
static bool play_script(struct play *p, const struct script *script)
{
    struct span rest = span_of(script->tool);
    while (rest.len > 0 && p->call_count < CALLS_MAX) {
        struct span name = span_cut(&rest, ',');
        if (name.len > 0)
            add_call(p, name, tool_arguments());
    }
    return p->call_count > 0;
}

static struct talk_tool best_tool(const struct stage *s)
{
    struct talk_tool best = talk_tool_at(s->request, 0);
    int most = 0;
    for (size_t i = 0; i < talk_tool_count(s->request); i++) {
        struct talk_tool tool = talk_tool_at(s->request, i);
        int score = 2 * words_score(s->text, tool.name) + words_score(s->text, tool.description);
        if (score > most) {
            best = tool;
            most = score;
        }
    }
    return best;
}

static bool was_called(const struct talk *talk, struct span name)
{
    for (size_t i = 0; i < talk->call_count; i++)
        if (span_equal(talk->calls[i].name, name))
            return true;
    return false;
}

/* The tool that fits best; one that asks for a number is called for each that the text has. */
static void play_first_calls(struct play *p, const struct stage *s)
{
    struct talk_tool tool = best_tool(s);
    size_t times = 1;
    if (schema_is_of_number(tool.parameters))
        while (times < CALLS_MAX && words_code(s->text, times).ptr != NULL)
            times++;
    for (size_t i = 0; i < times; i++)
        call_tool(p, s, &tool, i);
}

/* A tool that was not asked yet, and can be now: the results have what it needs. */
static void play_next_call(struct play *p, const struct stage *s)
{
    struct schema_hints hints = hints_of(s, 0);
    for (size_t i = 0; i < talk_tool_count(s->request) && p->call_count == 0; i++) {
        struct talk_tool tool = talk_tool_at(s->request, i);
        if (!was_called(s->talk, tool.name) && schema_is_met(tool.parameters, &hints))
            call_tool(p, s, &tool, 0);
    }
}

static bool play_calls(struct play *p, const struct stage *s)
{
    if (talk_tool_count(s->request) == 0 || s->talk->prefill.ptr != NULL)
        return false;
    if (s->talk->call_count == 0)
        play_first_calls(p, s);
    else if (s->talk->has_tool_results)
        play_next_call(p, s);
    return p->call_count > 0;
}

/* Texts. */

static bool play_json(struct play *p, const struct stage *s)
{
    const struct json *schema = NULL;
    bool is_wanted = talk_wants_json(s->request, &schema);
    struct span shown = shown_best(s->talk->system, s->text);
    if (shown.ptr == NULL && is_wanted)
        shown = shown_best(s->talk->user, s->text);
    if (shown.ptr == NULL && schema != NULL) {
        struct schema_hints hints = hints_of(s, 0);
        struct buf json;
        buf_init(&json, TEXT_MAX);
        schema_fill(&json, schema, &hints);
        p->text = buf_take(&json, NULL);
    } else if (shown.ptr != NULL || is_wanted) {
        p->text = span_dup(shown.ptr != NULL ? shown : SPAN_LIT("{\"answer\": \"simulated\"}"));
    }
    return p->text != NULL;
}

/* Its beginning, in whole characters. */
static struct span beginning_of(struct span text)
{
    size_t len = text.len < TOLD_MAX ? text.len : TOLD_MAX;
    while (len > 0 && len < text.len && ((unsigned char)text.ptr[len] & 0xc0) == 0x80)
        len--;
    return span_make(text.ptr, len);
}

static void play_results(struct play *p, const struct talk *talk)
{
    struct buf text;
    if (!talk->has_tool_results)
        return;
    buf_init(&text, TEXT_MAX);
    (void)buf_text(&text, "This is a simulated answer, made of what the tools said."); /* it fits,
                                                                                        as all */
    for (size_t i = 0; i < talk->call_count; i++) {
        struct span told = beginning_of(talk->calls[i].result);
        struct span name = beginning_of(talk->calls[i].name);
        (void)buf_printf(&text, "\n\n%.*s: %.*s%s", SPAN_ARG(name), SPAN_ARG(told),
                         told.len < talk->calls[i].result.len ? " ..." : "");
    }
    p->text = buf_take(&text, NULL);
}

void play_init(struct play *p, const struct script *script, const struct json *request,
               const struct talk *talk)
{
    struct stage stage = {.request = request, .talk = talk};
    struct buf text;
    bool is_said = script->tokens >= 0 || script->is_self || script->is_clock;
    *p = (struct play){.call_count = 0};
    if ((!talk->has_tool_results && play_script(p, script)) || is_said)
        return;
    buf_init(&text, talk->user.len + 1);
    script_rest(talk->user, &text);
    stage.text = buf_as_span(&text);
    open_results(&stage);
    if (!play_calls(p, &stage) && !play_json(p, &stage))
        play_results(p, talk);
    for (size_t i = 0; i < stage.result_count; i++)
        json_free(stage.docs[i]);
    buf_release(&text);
}

void play_release(struct play *p)
{
    for (size_t i = 0; i < p->call_count; i++) {
        mem_free(p->names[i]);
        mem_free(p->arguments[i]);
    }
    mem_free(p->text);
    *p = (struct play){.call_count = 0};
}
