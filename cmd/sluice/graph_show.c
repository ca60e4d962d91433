/* The sink of `sluice graph run`: text on standard output, lines on standard error. */
#include "graph_show.h"

#include "base/mem.h"
#include "show.h"
#include "words.h"

#include "wire/event.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { GRAPH_SHOW_MAGIC = 0x67736877, END_MAX = 1024 };

struct graph_show {
    uint32_t magic;
    struct show *show;
    bool is_in_line; /* the last line of text is not ended */
    bool is_mixed;   /* both outputs go to the same place: a line beside begins a line */
};

static bool is_same_place(void)
{
    struct stat out, err;
    return fstat(STDOUT_FILENO, &out) == 0 && fstat(STDERR_FILENO, &err) == 0 &&
           out.st_dev == err.st_dev && out.st_ino == err.st_ino;
}

static void put_text(struct span text, void *arg)
{
    struct graph_show *s = arg;
    CHECK_MAGIC(s, GRAPH_SHOW_MAGIC);
    words_print(stdout, text);
    (void)fflush(stdout);
    s->is_in_line = text.ptr[text.len - 1] != '\n';
}

static void put_line(struct span line, void *arg)
{
    struct graph_show *s = arg;
    CHECK_MAGIC(s, GRAPH_SHOW_MAGIC);
    if (s->is_in_line && s->is_mixed)
        put_text(SPAN_LIT("\n"), s);
    words_print(stderr, line);
    (void)fputc('\n', stderr);
}

struct graph_show *graph_show_new(void)
{
    struct graph_show *s = MEM_NEW(struct graph_show);
    s->magic = GRAPH_SHOW_MAGIC;
    s->is_mixed = is_same_place();
    s->show = show_new(&(struct show_sink){.text = put_text, .line = put_line, .arg = s});
    return s;
}

void graph_show_free(struct graph_show *s)
{
    if (s == NULL)
        return;
    show_free(s->show);
    s->magic = 0;
    mem_free(s);
}

void graph_show_event(struct graph_show *s, const struct sse_event *event, const struct json *data)
{
    show_event(s->show, event, data);
    if (event_is_terminal(event_kind_of(event->type))) {
        struct buf end;
        if (s->is_in_line)
            put_text(SPAN_LIT("\n"), s);
        buf_init(&end, END_MAX);
        show_put_end(event->type, data, &end);
        put_line(buf_as_span(&end), s);
        buf_release(&end);
    }
}
