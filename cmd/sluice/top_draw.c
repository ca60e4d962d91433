/* Sections of rows share the height: first each gets its least, by its importance, then they take
 * turns. */
#include "show.h"
#include "top_rows.h"

#include <inttypes.h>

enum { HEAD_ROWS = 4, FOOT_ROWS = 2, SECTION_ROWS = 2 };

static const size_t BY_IMPORTANCE[SECTIONS] = {RUNNING, LANES, WORKERS, DEAD, FAILURES, TENANTS};

/* How many rows of each are shown. */
static void share(size_t room, const size_t want[SECTIONS], size_t got[SECTIONS])
{
    bool is_more = true;
    for (size_t k = 0; k < SECTIONS; k++) {
        size_t i = BY_IMPORTANCE[k];
        size_t least = want[i] < TOP_SECTIONS[i].least ? want[i] : TOP_SECTIONS[i].least;
        got[i] = least > 0 && room >= SECTION_ROWS + least ? least : 0;
        room -= got[i] > 0 ? SECTION_ROWS + got[i] : 0;
    }
    while (room > 0 && is_more) {
        is_more = false;
        for (size_t k = 0; k < SECTIONS && room > 0; k++) {
            size_t i = BY_IMPORTANCE[k];
            if (got[i] == 0 || got[i] == want[i])
                continue;
            got[i]++;
            room--;
            is_more = true;
        }
    }
}

/* The picture. */

static void put_line(const struct top_picture *p, struct row *row, const char *colour,
                     struct buf *out)
{
    struct span text = row_cut(buf_as_span(&row->text), p->columns);
    while (text.len > 0 && text.ptr[text.len - 1] == ' ')
        text.len--;
    bool is_lit = p->has_colour && *colour != '\0' && text.len > 0;
    (void)buf_printf(out, "%s%.*s%s\n", is_lit ? colour : "", SPAN_ARG(text),
                     is_lit ? "\033[0m" : "");
    buf_release(&row->text);
}

static struct row begin_row(void)
{
    struct row row = {.is_marked = false};
    buf_init(&row.text, ROW_BYTES_MAX);
    return row;
}

static void put_heading(const struct top_picture *p, const struct section *section, struct buf *out)
{
    struct row row = begin_row();
    row_put_spaces(&row, 2);
    for (size_t i = 0; section->columns[i].title != NULL; i++)
        row_put_cell(&row, &section->columns[i], span_of(section->columns[i].title));
    put_line(p, &row, "\033[1m", out);
}

static void put_more(const struct top_picture *p, size_t count, struct buf *out)
{
    struct row row = begin_row();
    (void)buf_printf(&row.text, "  ... %zu more", count);
    put_line(p, &row, "\033[2m", out);
}

/* The first row that is shown: so that the selected one is among them. */
static size_t first_row(const struct top_picture *p, size_t which, size_t want, size_t got)
{
    if (which != RUNNING || p->selected >= want || p->selected + 2 < got)
        return 0;
    size_t first = p->selected + 2 - got;
    return first + got > want ? want - got : first;
}

static void put_section(const struct top_picture *p, size_t which, size_t want, size_t got,
                        struct buf *out)
{
    const struct section *section = &TOP_SECTIONS[which];
    size_t first = first_row(p, which, want, got), left = want - got - first;
    (void)buf_byte(out, '\n');
    put_heading(p, section, out);
    for (size_t i = 0; i < got; i++) {
        struct row row = begin_row();
        struct row cells = begin_row();
        if (left > 0 && i + 1 == got) {
            put_more(p, left + 1, out);
            buf_release(&row.text);
            buf_release(&cells.text);
            continue;
        }
        section->put(p, first + i, &cells);
        (void)buf_text(&row.text, cells.is_marked ? "> " : "  ");
        (void)buf_span(&row.text, buf_as_span(&cells.text));
        put_line(p, &row, cells.is_marked ? "\033[7m" : cells.is_dim ? "\033[2m" : "", out);
        buf_release(&cells.text);
    }
}

static int64_t number(const struct json *object, const char *name)
{
    int64_t n = -1;
    return json_int(json_get(object, name), &n) ? n : -1;
}

static void put_spread(const struct json *recent, const char *name, const char *what,
                       struct buf *out)
{
    const struct json *spread = json_get(recent, name);
    (void)buf_printf(out, "   %s ", what);
    row_put_duration(number(spread, "p50_us"), out);
    if (number(spread, "p95_us") >= 0) {
        (void)buf_text(out, ", p95 ");
        row_put_duration(number(spread, "p95_us"), out);
    }
}

/* Tokens a second in the slots, the newest at the right. */
static void put_sparks(const struct top_picture *p, struct buf *out)
{
    static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    const struct json *slots = json_get(p->overview, "slots");
    size_t room = p->columns > 40 ? p->columns - 10 : 30, all = json_count(slots);
    int64_t most = 1, slot_ms = number(p->overview, "slot_ms"), now = number(p->overview, "at");
    for (size_t i = 0; i < all; i++) {
        int64_t tokens = number(json_at(slots, i), "tokens");
        most = tokens > most ? tokens : most;
    }
    if (slot_ms <= 0)
        return;
    size_t at = 0;
    for (size_t k = room; k-- > 0;) {
        int64_t begin = (now / slot_ms - (int64_t)k) * slot_ms, tokens = 0;
        while (at < all && number(json_at(slots, at), "at") < begin)
            at++;
        if (at < all && number(json_at(slots, at), "at") == begin)
            tokens = number(json_at(slots, at), "tokens");
        (void)buf_text(out, blocks[tokens <= 0 ? 0 : 1 + tokens * 7 / most]);
    }
}

static void put_head(const struct top_picture *p, struct buf *out)
{
    const struct json *o = p->overview, *recent = json_get(o, "recent");
    const struct json *ended = json_get(recent, "ended");
    static const char *const ends[] = {"done", "stopped", "failed", "interrupted"};
    double rate = 0;
    struct row row = begin_row();
    (void)buf_printf(&row.text, "sluice top  %s", p->server);
    put_line(p, &row, "\033[1;36m", out);
    row = begin_row();
    (void)json_number(json_get(o, "tokens_per_second"), &rate); /* 0 when it is not told */
    (void)buf_printf(&row.text, "%.1f tokens/s", rate);
    put_spread(recent, "first_token", "first token p50", &row.text);
    put_spread(recent, "stop", "stop p50", &row.text);
    put_line(p, &row, "", out);
    row = begin_row();
    (void)buf_printf(&row.text,
                     "%" PRId64 " running, %" PRId64 " delayed, %" PRId64 " dead; the last minute:",
                     number(o, "running_total"), number(o, "delayed"), number(o, "dead"));
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        (void)buf_printf(&row.text, "%s %" PRId64 " %s", i == 0 ? "" : ",", number(ended, ends[i]),
                         ends[i]);
    put_line(p, &row, "", out);
    row = begin_row();
    put_sparks(p, &row.text);
    put_line(p, &row, "\033[36m", out);
}

void top_draw(const struct top_picture *p, struct buf *out)
{
    size_t want[SECTIONS], got[SECTIONS] = {0}, lines = out->len;
    struct row foot = begin_row();
    if (p->overview != NULL) {
        for (size_t i = 0; i < SECTIONS; i++)
            want[i] = TOP_SECTIONS[i].count(p);
        size_t room = p->rows == 0                      ? SIZE_MAX / 2
                      : p->rows > HEAD_ROWS + FOOT_ROWS ? p->rows - HEAD_ROWS - FOOT_ROWS
                                                        : 0;
        share(room, want, got);
        put_head(p, out);
        for (size_t i = 0; i < SECTIONS; i++)
            if (got[i] > 0)
                put_section(p, i, want[i], got[i], out);
    }
    size_t used = 0;
    for (; lines < out->len; lines++)
        used += out->ptr[lines] == '\n';
    for (; p->rows > 0 && used + 1 < p->rows; used++)
        (void)buf_byte(out, '\n');
    show_put_short(span_of(p->note), &foot.text);
    put_line(p, &foot, "\033[2m", out);
    out->ptr[--out->len] = '\0'; /* the foot's line end */
}
