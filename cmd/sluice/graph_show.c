/* Owns: the text of parts that are not on yet. Invariant: what is on is the text of the parts
 * before `front`, and of `front` as far as it has come; parallel parts behind it wait until its
 * node is over. */
#include "graph_show.h"

#include "base/mem.h"
#include "follow.h"
#include "wire/limits.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PARTS_MAX = 4096, NODE_MAX = 128, TOLD_MAX = 160 };

struct part {
    char node[NODE_MAX];
    struct buf text; /* that waits */
    bool is_begun;   /* something of it is on */
    bool is_over;    /* its node is */
};

struct graph_show {
    struct part *parts;
    size_t count, front;
    bool has_text;   /* something is on */
    bool is_in_line; /* and its last line is not ended */
    bool is_mixed;   /* both outputs go to the same place: a line beside begins a line */
};

static bool is_same_place(void)
{
    struct stat out, err;
    return fstat(STDOUT_FILENO, &out) == 0 && fstat(STDERR_FILENO, &err) == 0 &&
           out.st_dev == err.st_dev && out.st_ino == err.st_ino;
}

struct graph_show *graph_show_new(void)
{
    struct graph_show *s = MEM_NEW(struct graph_show);
    s->is_mixed = is_same_place();
    return s;
}

void graph_show_free(struct graph_show *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->count; i++)
        buf_release(&s->parts[i].text);
    mem_free(s->parts);
    mem_free(s);
}

/* Text. */

static void put(struct graph_show *s, struct span text)
{
    (void)fwrite(text.ptr, 1, text.len, stdout);
    s->is_in_line = text.ptr[text.len - 1] != '\n';
}

static void put_of_part(struct graph_show *s, struct part *part, struct span text)
{
    if (text.len == 0)
        return;
    if (!part->is_begun && s->has_text)
        put(s, SPAN_LIT("\n\n"));
    part->is_begun = s->has_text = true;
    put(s, text);
}

static void put_waiting(struct graph_show *s, struct part *part)
{
    put_of_part(s, part, buf_as_span(&part->text));
    buf_reset(&part->text);
}

/* On to the parts behind those that are over. */
static void advance(struct graph_show *s)
{
    while (s->front + 1 < s->count && s->parts[s->front].is_over) {
        s->front++;
        put_waiting(s, &s->parts[s->front]);
    }
}

static struct part *part_of(struct graph_show *s, size_t number)
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

static void show_delta(struct graph_show *s, const struct sse_event *event, const struct json *data)
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
    (void)fflush(stdout);
}

static void show_rest(struct graph_show *s)
{
    for (size_t i = s->front; i < s->count; i++)
        put_waiting(s, &s->parts[i]);
    if (s->is_in_line)
        put(s, SPAN_LIT("\n"));
    (void)fflush(stdout);
}

/* Lines beside it. */

static void begin_line(struct graph_show *s)
{
    if (s->is_in_line && s->is_mixed) {
        (void)fputc('\n', stdout);
        (void)fflush(stdout);
        s->is_in_line = false;
    }
}

/* In one line, whole characters. */
static void tell(struct span text)
{
    size_t len = text.len < TOLD_MAX ? text.len : TOLD_MAX;
    while (len > 0 && len < text.len && ((unsigned char)text.ptr[len] & 0xc0) == 0x80)
        len--;
    for (size_t i = 0; i < len; i++)
        (void)fputc((unsigned char)text.ptr[i] < ' ' ? ' ' : text.ptr[i], stderr);
    (void)fputs(len < text.len ? " ...\n" : "\n", stderr);
}

static void end_node(struct graph_show *s, struct span node)
{
    for (size_t i = s->front; i < s->count; i++)
        if (span_is(node, s->parts[i].node))
            s->parts[i].is_over = true;
    advance(s);
    (void)fflush(stdout);
}

static void show_step(struct graph_show *s, const struct sse_event *event, const struct json *data)
{
    struct span node = json_string(json_get(data, "node"));
    (void)event;
    struct span status = json_string(json_get(data, "status"));
    const struct json *error = json_get(data, "error");
    struct span code = json_string(json_get(error, "code"));
    int64_t step = 0, ms = -1;
    (void)json_int(json_get(data, "step"), &step); /* 0 when it is not told */
    if (span_is(status, "progress"))
        return; /* something of an agent was kept: its calls and results are told already */
    begin_line(s);
    (void)fprintf(stderr, "%3lld  %-20.*s %-8.*s %.*s", (long long)step, SPAN_ARG(node),
                  SPAN_ARG(json_string(json_get(data, "kind"))), SPAN_ARG(status));
    if (!span_is(status, "started") && json_int(json_get(data, "ms"), &ms))
        (void)fprintf(stderr, "  %lld ms", (long long)ms);
    if (code.ptr != NULL)
        (void)fprintf(stderr, "  %.*s: ", SPAN_ARG(code));
    tell(json_string(json_get(error, "message")));
    if (span_is(status, "finished") || span_is(status, "failed"))
        end_node(s, node);
}

static void show_call(struct graph_show *s, const struct sse_event *event, const struct json *data)
{
    (void)event;
    begin_line(s);
    (void)fprintf(stderr, "     %.*s calls %.*s ", SPAN_ARG(json_string(json_get(data, "node"))),
                  SPAN_ARG(json_string(json_get(data, "name"))));
    tell(json_string(json_get(data, "arguments")));
}

static void show_result(struct graph_show *s, const struct sse_event *event,
                        const struct json *data)
{
    begin_line(s);
    (void)fprintf(stderr, "     %s ",
                  json_bool(json_get(data, "is_error"), false) ? "error" : "got");
    tell(json_raw(event->data, "result"));
}

static void show_reset(struct graph_show *s, const struct sse_event *event, const struct json *data)
{
    (void)event;
    (void)data;
    begin_line(s);
    (void)fputs("     the worker was lost: its last step begins again, and its text with it\n",
                stderr);
}

static void show_end(struct graph_show *s, struct span type, const struct json *data)
{
    struct span why = json_string(json_get(data, "reason"));
    const struct json *error = json_get(data, "error");
    show_rest(s);
    if (why.ptr == NULL)
        why = json_string(json_get(data, "finish_reason"));
    if (why.ptr == NULL)
        why = json_string(json_get(error, "message"));
    (void)fprintf(stderr, "%.*s: ", SPAN_ARG(type));
    tell(why);
}

void graph_show_event(struct graph_show *s, const struct sse_event *event, const struct json *data)
{
    static const struct {
        const char *type;
        void (*show)(struct graph_show *s, const struct sse_event *event, const struct json *data);
    } rows[] = {{"delta", show_delta},
                {"step", show_step},
                {"tool_call", show_call},
                {"tool_result", show_result},
                {"reset", show_reset}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (span_is(event->type, rows[i].type))
            rows[i].show(s, event, data);
    if (follow_is_end(event->type))
        show_end(s, event->type, data);
}
