/* Owns: the text while it is not on the screen.
 *
 * Invariant: nothing but the line prints while is_shown. */
#include "edit_inner.h"

#include "base/buf.h"
#include "base/mem.h"

#include <signal.h>
#include <stdio.h>

/* Whether the terminal says where pasted text begins and ends. */
static const char PASTES_MARKED[] = "\033[?2004h", PASTES_PLAIN[] = "\033[?2004l";

/* Showing. */

struct edit_text edit_look(const struct edit *e)
{
    return e->is_shown ? line_look(e->line)
                       : (struct edit_text){e->hidden, e->hidden_len, e->hidden_cursor};
}

void edit_hold(struct edit *e, wchar_t *text, size_t len, size_t cursor)
{
    mem_free(e->hidden);
    e->hidden = text;
    e->hidden_len = len;
    e->hidden_cursor = cursor;
}

void edit_take_text(struct edit *e)
{
    struct edit_text now = edit_look(e);
    wchar_t *text = mem_new_array(now.len + 1, sizeof *text);
    memcpy(text, now.chars, now.len * sizeof *text);
    edit_hold(e, text, now.len, now.cursor);
    e->is_shown = false;
}

void edit_hide(struct edit *e)
{
    CHECK_MAGIC(e, EDIT_MAGIC);
    if (!e->is_shown)
        return;
    edit_take_text(e);
    line_clear(e->line);
}

void edit_show(struct edit *e)
{
    CHECK_MAGIC(e, EDIT_MAGIC);
    if (!e->is_open || e->is_shown)
        return;
    line_begin(e->line, e->hidden, e->hidden_cursor);
    edit_hold(e, NULL, 0, 0);
    e->is_shown = true;
    (void)fflush(stdout);
}

void edit_replace(struct edit *e, struct span text)
{
    size_t len = 0;
    CHECK_MAGIC(e, EDIT_MAGIC);
    CHECK(e->is_open);
    edit_hide(e);
    wchar_t *chars = edit_text_wide(text, &len);
    edit_hold(e, chars, len, len);
    edit_show(e);
}

bool edit_is_open(const struct edit *e)
{
    CHECK_MAGIC(e, EDIT_MAGIC);
    return e->is_open;
}

bool edit_is_touched(const struct edit *e)
{
    CHECK_MAGIC(e, EDIT_MAGIC);
    return e->is_touched;
}

char *edit_text(const struct edit *e)
{
    struct buf out;
    size_t len = 0;
    CHECK_MAGIC(e, EDIT_MAGIC);
    struct edit_text now = edit_look(e);
    buf_init(&out, EDIT_HELD_MAX);
    edit_text_utf8(&now, &out);
    return buf_take(&out, &len);
}

/* Life. */

void edit_stop_keys(struct edit *e)
{
    keyboard_stop(e->keyboard);
    (void)fputs(PASTES_PLAIN, stdout);
    (void)fflush(stdout);
    e->is_open = e->is_pasting = false;
}

void edit_discard(struct edit *e)
{
    CHECK_MAGIC(e, EDIT_MAGIC);
    keyboard_discard(e->keyboard);
}

void edit_open(struct edit *e, struct span text)
{
    size_t len = 0;
    CHECK_MAGIC(e, EDIT_MAGIC);
    CHECK(!e->is_open);
    wchar_t *chars = edit_text_wide(text, &len);
    edit_hold(e, chars, len, len);
    e->is_open = true;
    e->is_touched = false;
    (void)fputs(PASTES_MARKED, stdout);
    edit_show(e);
    keyboard_start(e->keyboard);
}

void edit_close(struct edit *e)
{
    CHECK_MAGIC(e, EDIT_MAGIC);
    if (!e->is_open)
        return;
    edit_hide(e);
    edit_hold(e, NULL, 0, 0);
    edit_stop_keys(e);
}

void edit_remember(struct edit *e, struct span text)
{
    size_t len = 0;
    CHECK_MAGIC(e, EDIT_MAGIC);
    wchar_t *chars = edit_text_wide(text, &len);
    line_remember(e->line, chars);
    mem_free(chars);
}

static void on_resized(void *arg)
{
    struct edit *e = arg;
    CHECK_MAGIC(e, EDIT_MAGIC);
    bool was_shown = e->is_shown;
    edit_hide(e);
    line_resize(e->line);
    if (was_shown)
        edit_show(e);
}

/* Ctrl-Z, in whatever state: the shell gets the terminal as it was. */
static void on_suspended(void *arg)
{
    struct edit *e = arg;
    CHECK_MAGIC(e, EDIT_MAGIC);
    if (e->is_open)
        (void)fputs(PASTES_PLAIN, stdout);
    (void)fflush(stdout);
    line_suspend(e->line);
    (void)raise(SIGSTOP);
}

/* The screen is the shell's work by now: the text is drawn below it. */
static void on_continued(void *arg)
{
    struct edit *e = arg;
    CHECK_MAGIC(e, EDIT_MAGIC);
    line_resume(e->line);
    if (e->is_open)
        (void)fputs(PASTES_MARKED, stdout);
    if (!e->is_shown)
        return;
    edit_take_text(e);
    edit_show(e);
}

struct edit *edit_new(struct loop *loop, const char *prompt, const struct edit_hooks *hooks)
{
    struct line *line = line_new(prompt);
    if (line == NULL)
        return NULL;
    struct edit *e = MEM_NEW(struct edit);
    e->magic = EDIT_MAGIC;
    e->hooks = *hooks;
    e->line = line;
    struct keyboard_hooks keys = edit_keyboard_hooks(e);
    e->keyboard = keyboard_new(loop, &keys);
    e->resized = watch_signal(loop, SIGWINCH, on_resized, e);
    e->suspended = watch_signal(loop, SIGTSTP, on_suspended, e);
    e->continued = watch_signal(loop, SIGCONT, on_continued, e);
    return e;
}

void edit_free(struct edit *e)
{
    if (e == NULL)
        return;
    edit_close(e);
    line_free(e->line);
    watch_free(e->resized);
    watch_free(e->suspended);
    watch_free(e->continued);
    keyboard_free(e->keyboard);
    e->magic = 0;
    mem_free(e);
}
