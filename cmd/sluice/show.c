/* Owns: the text of parts that are not on yet. Invariant: what is on is the text of the parts
 * before `front`, and of `front` as far as it has come; parallel parts behind it wait until its
 * node is over. */
#include "show.h"

#include "base/mem.h"
#include "wire/event.h"
#include "wire/limits.h"

#include <stdio.h>

enum { PARTS_MAX = 4096, NODE_MAX = 128, TOLD_MAX = 160, LINE_MAX_BYTES = 2048 };

struct part {
    char node[NODE_MAX];
    struct buf text; /* that waits */
    bool is_begun;   /* something of it is on */
    bool is_over;    /* its node is */
};

struct show {
    struct show_sink sink;
    struct part *parts;
    size_t count, front;
    bool has_text; /* something is on */
};

struct show *show_new(const struct show_sink *sink)
{
    struct show *s = MEM_NEW(struct show);
    s->sink = *sink;
    return s;
}

void show_free(struct show *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->count; i++)
        buf_release(&s->parts[i].text);
    mem_free(s->parts);
    mem_free(s);
}

/* Text. */

static void put_of_part(struct show *s, struct part *part, struct span text)
{
    if (text.len == 0)
        return;
    if (!part->is_begun && s->has_text)
        s->sink.text(SPAN_LIT("\n\n"), s->sink.arg);
    part->is_begun = s->has_text = true;
    s->sink.text(text, s->sink.arg);
}

static void put_waiting(struct show *s, struct part *part)
{
    put_of_part(s, part, buf_as_span(&part->text));
    buf_reset(&part->text);
}

/* On to the parts behind those that are over. */
static void advance(struct show *s)
{
    while (s->front + 1 < s->count && s->parts[s->front].is_over) {
        s->front++;
        put_waiting(s, &s->parts[s->front]);
    }
}

static struct part *part_of(struct show *s, size_t number)
{
    if (number >= s->count) {
        s->parts = mem_grow(s->parts, number + 1, sizeof *s->parts);
        for (; s->count <= number; s->count++) {
            s->parts[s->count] = (struct part){.is_over = s->count < number};
            buf_init(&s->parts[s->count].text, LIMIT_OUTPUT);
        }
    }
    return &s->parts[number];
}

static void show_delta(struct show *s, const struct sse_event *event, const struct json *data)
{
    int64_t number = 0;
    (void)event;
    struct span text = json_string(json_get(data, "text"));
    if (!json_int(json_get(data, "part"), &number) || number < 0 || number >= PARTS_MAX)
        return;
    struct part *part = part_of(s, (size_t)number);
    (void)snprintf(part->node, sizeof part->node, "%.*s",
                   SPAN_ARG(json_string(json_get(data, "node"))));
    part->is_over = false;
    advance(s);
    if ((size_t)number <= s->front)
        put_of_part(s, part, text);
    else
        (void)buf_span(&part->text, text); /* the reply is not longer */
}

/* That of parts which wait is left out. */
static void show_reasoning(struct show *s, const struct sse_event *event, const struct json *data)
{
    struct span text = json_string(json_get(data, "text"));
    (void)event;
    if (s->sink.reasoning != NULL && text.len > 0 && s->front + 1 >= s->count)
        s->sink.reasoning(text, s->sink.arg);
}

static void show_rest(struct show *s)
{
    for (size_t i = s->front; i < s->count; i++)
        put_waiting(s, &s->parts[i]);
}

/* Lines beside it. */

void show_put_short(struct span text, struct buf *out)
{
    size_t len = text.len < TOLD_MAX ? text.len : TOLD_MAX;
    while (len > 0 && len < text.len && ((unsigned char)text.ptr[len] & 0xc0) == 0x80)
        len--;
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        bool is_c1 = byte == 0xc2 && i + 1 < len && (unsigned char)text.ptr[i + 1] < 0xa0;
        (void)buf_byte(out, byte < ' ' || byte == 0x7f || is_c1 ? ' ' : text.ptr[i]);
        i += is_c1 ? 1 : 0;
    }
    if (len < text.len)
        (void)buf_text(out, " ...");
}

/* The line is the caller's to begin; it is too long for nobody's names here. */
static void put_line(struct show *s, struct buf *line)
{
    s->sink.line(buf_as_span(line), s->sink.arg);
    buf_release(line);
}

static void end_node(struct show *s, struct span node)
{
    for (size_t i = s->front; i < s->count; i++)
        if (span_is(node, s->parts[i].node))
            s->parts[i].is_over = true;
    advance(s);
}

static void show_step(struct show *s, const struct sse_event *event, const struct json *data)
{
    struct span node = json_string(json_get(data, "node"));
    struct span status = json_string(json_get(data, "status"));
    const struct json *error = json_get(data, "error");
    struct span code = json_string(json_get(error, "code"));
    int64_t step = 0, ms = -1;
    struct buf line;
    (void)event;
    (void)json_int(json_get(data, "step"), &step); /* 0 when it is not told */
    if (span_is(status, "progress"))
        return; /* something of an agent was kept: its calls and results are told already */
    buf_init(&line, LINE_MAX_BYTES);
    (void)buf_printf(&line, "%3lld  %-20.*s %-8.*s %.*s", (long long)step, SPAN_ARG(node),
                     SPAN_ARG(json_string(json_get(data, "kind"))), SPAN_ARG(status));
    if (!span_is(status, "started") && json_int(json_get(data, "ms"), &ms))
        (void)buf_printf(&line, "  %lld ms", (long long)ms);
    if (code.ptr != NULL)
        (void)buf_printf(&line, "  %.*s: ", SPAN_ARG(code));
    show_put_short(json_string(json_get(error, "message")), &line);
    put_line(s, &line);
    if (span_is(status, "finished") || span_is(status, "failed"))
        end_node(s, node);
}

static void show_call(struct show *s, const struct sse_event *event, const struct json *data)
{
    struct buf line;
    struct span node = json_string(json_get(data, "node"));
    (void)event;
    buf_init(&line, LINE_MAX_BYTES);
    (void)buf_printf(&line, "     %.*s%scalls ", SPAN_ARG(node), node.len > 0 ? " " : "");
    show_put_short(json_string(json_get(data, "name")), &line);
    (void)buf_byte(&line, ' ');
    show_put_short(json_string(json_get(data, "arguments")), &line);
    put_line(s, &line);
}

static void show_result(struct show *s, const struct sse_event *event, const struct json *data)
{
    struct buf line;
    buf_init(&line, LINE_MAX_BYTES);
    (void)buf_printf(&line, "     %s ",
                     json_bool(json_get(data, "is_error"), false) ? "error" : "got");
    show_put_short(json_raw(event->data, "result"), &line);
    put_line(s, &line);
}

static void show_source(struct show *s, const struct sse_event *event, const struct json *data)
{
    struct buf line;
    (void)event;
    buf_init(&line, LINE_MAX_BYTES);
    (void)buf_text(&line, "     source ");
    show_put_short(json_string(json_get(data, "url")), &line);
    (void)buf_byte(&line, ' ');
    show_put_short(json_string(json_get(data, "title")), &line);
    put_line(s, &line);
}

static void show_reset(struct show *s, const struct sse_event *event, const struct json *data)
{
    (void)event;
    (void)data;
    s->sink.line(SPAN_LIT("     the worker was lost: its last step begins again, and its text "
                          "with it"),
                 s->sink.arg);
}

void show_put_end(struct span type, const struct json *data, struct buf *out)
{
    struct span why = json_string(json_get(data, "reason"));
    if (why.ptr == NULL)
        why = json_string(json_get(data, "finish_reason"));
    if (why.ptr == NULL)
        why = json_string(json_get(json_get(data, "error"), "message"));
    (void)buf_printf(out, "%.*s: ", SPAN_ARG(type));
    show_put_short(why, out);
}

void show_event(struct show *s, const struct sse_event *event, const struct json *data)
{
    static const struct {
        const char *type;
        void (*show)(struct show *s, const struct sse_event *event, const struct json *data);
    } rows[] = {{"delta", show_delta},   {"refusal", show_delta},  {"reasoning", show_reasoning},
                {"step", show_step},     {"tool_call", show_call}, {"tool_result", show_result},
                {"source", show_source}, {"reset", show_reset}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (span_is(event->type, rows[i].type))
            rows[i].show(s, event, data);
    if (event_is_terminal(event_kind_of(event->type)))
        show_rest(s);
}
