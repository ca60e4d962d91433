/* Owns: where on the screen the last line stands. A status is a line that whatever comes next takes
 * the place of. */
#include "chat_view.h"

#include "screen.h"
#include "show.h"
#include "style.h"
#include "words.h"

#include "base/mem.h"
#include "wire/event.h"
#include "wire/limits.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum { CHAT_VIEW_MAGIC = 0x63767721, OUT_MAX = 8 * LIMIT_OUTPUT, NOTE_MAX = 4096 };

static const char DIM[] = "\033[2m", RED[] = "\033[31m", NORMAL[] = "\033[0m";

struct chat_view {
    uint32_t magic;
    bool is_terminal, has_colour;
    bool is_in_line, has_status;
    bool is_reasoning; /* what came last was */
    struct show *show; /* of the reply that comes */
    struct style style, dim;
};

static void clear_status(struct chat_view *v)
{
    if (v->has_status)
        (void)fputs("\r\033[K", stdout);
    v->has_status = false;
}

static void begin_line(struct chat_view *v)
{
    clear_status(v);
    if (v->is_in_line)
        (void)fputc('\n', stdout);
    v->is_in_line = false;
}

static void put_styled(struct chat_view *v, struct style *style, struct span text, bool is_end)
{
    struct buf out;
    clear_status(v);
    buf_init(&out, OUT_MAX);
    style_put(style, text, &out);
    if (is_end)
        style_end(style, &out);
    if (out.len > 0)
        (void)fwrite(out.ptr, 1, out.len, stdout); /* what is lost is seen by its reader */
    buf_release(&out);
    if (text.len > 0)
        v->is_in_line = text.ptr[text.len - 1] != '\n';
}

static void end_reasoning(struct chat_view *v)
{
    if (!v->is_reasoning)
        return;
    v->is_reasoning = false;
    put_styled(v, &v->dim, SPAN_NONE, true);
    begin_line(v);
    (void)fputc('\n', stdout);
}

static void on_text(struct span text, void *arg)
{
    struct chat_view *v = arg;
    CHECK_MAGIC(v, CHAT_VIEW_MAGIC);
    if (!v->is_terminal) {
        words_print(stdout, text);
        v->is_in_line = text.ptr[text.len - 1] != '\n';
        return;
    }
    end_reasoning(v);
    put_styled(v, &v->style, text, false);
}

static void on_reasoning(struct span text, void *arg)
{
    struct chat_view *v = arg;
    CHECK_MAGIC(v, CHAT_VIEW_MAGIC);
    if (!v->is_reasoning)
        begin_line(v);
    v->is_reasoning = v->dim.is_dim = true;
    put_styled(v, &v->dim, text, false);
}

static void on_line(struct span line, void *arg)
{
    struct chat_view *v = arg;
    CHECK_MAGIC(v, CHAT_VIEW_MAGIC);
    if (v->is_terminal)
        chat_view_note(v, "%.*s", SPAN_ARG(line));
}

/* Queue and model, until there is something to read. */
static void show_status(struct chat_view *v, const struct sse_event *event, const struct json *data)
{
    struct buf status;
    int64_t position = 0;
    size_t columns, rows;
    struct span what = json_string(json_get(data, "model"));
    bool is_queued = span_is(event->type, "queued");
    if (!v->is_terminal || v->is_in_line || (!is_queued && !span_is(event->type, "started")))
        return;
    buf_init(&status, NOTE_MAX);
    if (what.ptr == NULL)
        what = json_string(json_get(data, "graph"));
    if (!is_queued)
        show_put_short(what, &status);
    else if (json_int(json_get(data, "position"), &position) && position > 0)
        (void)buf_printf(&status, "queued, %" PRId64 " before it", position);
    else
        (void)buf_text(&status, "queued, next");
    clear_status(v);
    screen_size(&columns, &rows);
    if (status.len > 0 && status.len + sizeof " ..." <= columns) { /* else not in one row */
        (void)printf("%s%.*s ...%s", v->has_colour ? DIM : "", SPAN_ARG(buf_as_span(&status)),
                     v->has_colour ? NORMAL : "");
        v->has_status = true;
    }
    buf_release(&status);
}

static void end_reply(struct chat_view *v)
{
    end_reasoning(v);
    if (v->is_terminal)
        put_styled(v, &v->style, SPAN_NONE, true);
    begin_line(v);
    show_free(v->show);
    v->show = NULL;
}

void chat_view_begin(struct chat_view *v)
{
    CHECK_MAGIC(v, CHAT_VIEW_MAGIC);
    show_free(v->show);
    v->show = show_new(&(struct show_sink){.text = on_text,
                                           .reasoning = v->is_terminal ? on_reasoning : NULL,
                                           .line = on_line,
                                           .arg = v});
}

void chat_view_event(struct chat_view *v, const struct sse_event *event, const struct json *data)
{
    CHECK_MAGIC(v, CHAT_VIEW_MAGIC);
    show_status(v, event, data);
    show_event(v->show, event, data);
    if (event_is_terminal(event_kind_of(event->type)))
        end_reply(v);
    (void)fflush(stdout);
}

void chat_view_cut(struct chat_view *v)
{
    CHECK_MAGIC(v, CHAT_VIEW_MAGIC);
    end_reply(v);
    (void)fflush(stdout);
}

void chat_view_reply(struct chat_view *v, struct span text)
{
    CHECK_MAGIC(v, CHAT_VIEW_MAGIC);
    begin_line(v);
    if (text.len > 0)
        put_styled(v, &v->style, text, true);
    begin_line(v);
    (void)fflush(stdout);
}

void chat_view_message(struct chat_view *v, struct span text)
{
    struct style plain = style_new(true);
    CHECK_MAGIC(v, CHAT_VIEW_MAGIC);
    begin_line(v);
    (void)fputs(v->has_colour ? "\033[1;36m> \033[0m" : "> ", stdout);
    put_styled(v, &plain, text, true);
    v->is_in_line = true;
    begin_line(v);
    (void)fflush(stdout);
}

/* A line of its own; whoever's words are in it, they are words only. */
static void put_line(struct chat_view *v, FILE *to, const char *colour, struct span text)
{
    struct style plain = style_new(true);
    struct buf out;
    buf_init(&out, (size_t)4 * NOTE_MAX);
    style_put(&plain, text, &out);
    style_end(&plain, &out);
    begin_line(v);
    (void)fflush(stdout);
    (void)fprintf(to, "%s%.*s%s\n", v->has_colour ? colour : "", SPAN_ARG(buf_as_span(&out)),
                  v->has_colour ? NORMAL : "");
    (void)fflush(to);
    buf_release(&out);
}

__attribute__((format(printf, 1, 0))) static char *print(const char *format, va_list args)
{
    char *text = mem_new(NOTE_MAX);
    (void)vsnprintf(text, NOTE_MAX, format, args);
    return text;
}

void chat_view_note(struct chat_view *v, const char *format, ...)
{
    va_list args;
    CHECK_MAGIC(v, CHAT_VIEW_MAGIC);
    if (!v->is_terminal)
        return;
    va_start(args, format);
    char *text = print(format, args);
    va_end(args);
    end_reasoning(v);
    put_line(v, stdout, DIM, span_of(text));
    mem_free(text);
}

void chat_view_error(struct chat_view *v, const char *format, ...)
{
    va_list args;
    CHECK_MAGIC(v, CHAT_VIEW_MAGIC);
    va_start(args, format);
    char *text = print(format, args);
    va_end(args);
    end_reasoning(v);
    char *line = mem_printf("%s%s", v->is_terminal ? "" : "sluice: ", text);
    put_line(v, v->is_terminal ? stdout : stderr, RED, span_of(line));
    mem_free(line);
    mem_free(text);
}

static void put_count(const struct json *usage, const char *name, const char *what, struct buf *out)
{
    int64_t n = 0;
    if (json_int(json_get(usage, name), &n))
        (void)buf_printf(out, "%s%" PRId64 " %s", out->len > 0 ? ", " : "", n, what);
}

void chat_view_usage(struct chat_view *v, const struct json *usage)
{
    struct buf out;
    CHECK_MAGIC(v, CHAT_VIEW_MAGIC);
    buf_init(&out, NOTE_MAX);
    put_count(usage, "input", "tokens in", &out);
    put_count(usage, "cached", "of them cached", &out);
    put_count(usage, "output", "out", &out);
    put_count(usage, "reasoning", "of them reasoning", &out);
    (void)buf_printf(&out, "%s(%.*s)", out.len > 0 ? " " : "usage ",
                     SPAN_ARG(json_string(json_get(usage, "source"))));
    if (v->is_terminal)
        chat_view_note(v, "%.*s", SPAN_ARG(buf_as_span(&out)));
    else
        words_print(stderr, buf_as_span(&out)), (void)fputc('\n', stderr);
    buf_release(&out);
}

void chat_view_gap(struct chat_view *v)
{
    CHECK_MAGIC(v, CHAT_VIEW_MAGIC);
    if (!v->is_terminal)
        return;
    begin_line(v);
    (void)fputc('\n', stdout);
}

bool chat_view_is_read(struct chat_view *v)
{
    CHECK_MAGIC(v, CHAT_VIEW_MAGIC);
    return fflush(stdout) == 0 && ferror(stdout) == 0;
}

const char *chat_view_prompt(const struct chat_view *v)
{
    CHECK_MAGIC(v, CHAT_VIEW_MAGIC);
    return v->has_colour ? "\001\033[1;36m\001>\001\033[0m\001 " : "> ";
}

struct chat_view *chat_view_new(bool is_terminal)
{
    struct chat_view *v = MEM_NEW(struct chat_view);
    v->magic = CHAT_VIEW_MAGIC;
    v->is_terminal = is_terminal;
    v->has_colour = is_terminal && screen_has_colour();
    v->style = v->dim = style_new(!v->has_colour);
    return v;
}

void chat_view_free(struct chat_view *v)
{
    if (v == NULL)
        return;
    CHECK_MAGIC(v, CHAT_VIEW_MAGIC);
    show_free(v->show);
    v->magic = 0;
    mem_free(v);
}
