/* Owns: the text while it is not on the screen.
 *
 * Invariant: nothing but the line prints while is_shown. Runs of characters are put in together. */
#include "edit.h"

#include "keyboard.h"
#include "line.h"

#include "base/buf.h"
#include "base/mem.h"
#include "loop/watch.h"

#include <signal.h>
#include <stdio.h>

enum {
    EDIT_MAGIC = 0x65646974,
    RUN = 512,                  /* characters that are put in at once */
    HELD_MAX = 64 * 1024 * 1024 /* of text, whoever opened it with what */
};

/* Whether the terminal says where pasted text begins and ends. */
static const char PASTES_MARKED[] = "\033[?2004h", PASTES_PLAIN[] = "\033[?2004l";

struct edit {
    uint32_t magic;
    struct edit_hooks hooks;
    struct line *line;
    struct keyboard *keyboard; /* that is started while it is open */
    struct watch *resized, *suspended, *continued;
    wchar_t run[RUN + 1]; /* typed, and not put in yet */
    size_t run_len;
    bool is_open, is_shown, is_touched;
    bool is_pasting, was_return; /* in pasted text: the last key was Enter */
    wchar_t *hidden;             /* the text while it is open and not shown */
    size_t hidden_len, hidden_cursor;
};

/* Showing. */

static struct edit_text look(const struct edit *e)
{
    return e->is_shown ? line_look(e->line)
                       : (struct edit_text){e->hidden, e->hidden_len, e->hidden_cursor};
}

static void hold(struct edit *e, wchar_t *text, size_t len, size_t cursor)
{
    mem_free(e->hidden);
    e->hidden = text;
    e->hidden_len = len;
    e->hidden_cursor = cursor;
}

/* The screen stays as it is. */
static void take_text(struct edit *e)
{
    struct edit_text now = look(e);
    wchar_t *text = mem_new_array(now.len + 1, sizeof *text);
    memcpy(text, now.chars, now.len * sizeof *text);
    hold(e, text, now.len, now.cursor);
    e->is_shown = false;
}

void edit_hide(struct edit *e)
{
    CHECK_MAGIC(e, EDIT_MAGIC);
    if (!e->is_shown)
        return;
    take_text(e);
    line_clear(e->line);
}

void edit_show(struct edit *e)
{
    CHECK_MAGIC(e, EDIT_MAGIC);
    if (!e->is_open || e->is_shown)
        return;
    line_begin(e->line, e->hidden, e->hidden_cursor);
    hold(e, NULL, 0, 0);
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
    hold(e, chars, len, len);
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
    struct edit_text now = look(e);
    buf_init(&out, HELD_MAX);
    edit_text_utf8(&now, &out);
    return buf_take(&out, &len);
}

/* Keys. */

static void flush_run(struct edit *e)
{
    struct edit_text now = look(e);
    size_t more = edit_text_bytes(e->run, e->run_len);
    if (e->run_len == 0)
        return;
    e->run[e->run_len] = L'\0';
    e->run_len = 0;
    if (edit_text_bytes(now.chars, now.len) + more > EDIT_BYTES_MAX)
        (void)fputc('\a', stdout);
    else
        line_insert(e->line, e->run);
}

static void type_char(struct edit *e, uint32_t code)
{
    if (e->run_len == RUN)
        flush_run(e);
    e->run[e->run_len++] = (wchar_t)code;
    e->is_touched = true;
}

static void stop_keys(struct edit *e)
{
    keyboard_stop(e->keyboard);
    (void)fputs(PASTES_PLAIN, stdout);
    (void)fflush(stdout);
    e->is_open = e->is_pasting = false;
}

/* The text stays on the screen, and what is below it is free. */
static void end_text(struct edit *e)
{
    line_end(e->line);
    e->is_shown = false;
    stop_keys(e);
}

static void enter(struct edit *e)
{
    char *text = edit_text(e);
    end_text(e);
    e->hooks.on_text(span_of(text), e->hooks.arg);
    mem_free(text);
}

static void leave(struct edit *e)
{
    end_text(e);
    e->hooks.on_leave(e->hooks.arg);
}

/* Keys that the line has a command for. */
static const struct {
    enum key_kind kind;
    uint32_t code;
    const wchar_t *command;
    bool is_change;
} COMMANDS[] = {
    {KEY_BACKSPACE, 0, L"\b", true},      {KEY_LEFT, 0, L"\002", false},
    {KEY_RIGHT, 0, L"\006", false},       {KEY_WORD_LEFT, 0, L"\033b", false},
    {KEY_WORD_RIGHT, 0, L"\033f", false}, {KEY_CONTROL, 'B', L"\002", false},
    {KEY_CONTROL, 'F', L"\006", false},   {KEY_CONTROL, 'K', L"\013", true},
    {KEY_CONTROL, 'L', L"\014", false},   {KEY_CONTROL, 'N', L"\016", true},
    {KEY_CONTROL, 'P', L"\020", true},    {KEY_CONTROL, 'T', L"\024", true},
    {KEY_CONTROL, 'U', L"\025", true},    {KEY_CONTROL, 'W', L"\033\b", true},
    {KEY_CONTROL, 'Y', L"\031", true},    {KEY_ALT, 'b', L"\033b", false},
    {KEY_ALT, 'd', L"\033d", true},       {KEY_ALT, 'f', L"\033f", false},
    {KEY_ALT, 0x7f, L"\033\b", true},
};

static void command(struct edit *e, enum key_kind kind, uint32_t code)
{
    for (size_t i = 0; i < sizeof COMMANDS / sizeof *COMMANDS; i++)
        if (COMMANDS[i].kind == kind && COMMANDS[i].code == code) {
            e->is_touched = e->is_touched || COMMANDS[i].is_change;
            line_command(e->line, COMMANDS[i].command);
        }
}

static void go_up(struct edit *e)
{
    struct edit_text now = look(e);
    size_t cursor = 0;
    if (edit_text_above(&now, &cursor))
        line_move(e->line, cursor);
    else
        command(e, KEY_CONTROL, 'P'); /* what was sent before */
}

static void go_down(struct edit *e)
{
    struct edit_text now = look(e);
    size_t cursor = 0;
    if (edit_text_below(&now, &cursor))
        line_move(e->line, cursor);
    else
        command(e, KEY_CONTROL, 'N');
}

static void go_home(struct edit *e)
{
    struct edit_text now = look(e);
    line_move(e->line, edit_text_line_begin(&now));
}

static void go_end(struct edit *e)
{
    struct edit_text now = look(e);
    line_move(e->line, edit_text_line_end(&now));
}

static void erase_forward(struct edit *e)
{
    struct edit_text now = look(e);
    if (now.cursor == now.len)
        return;
    e->is_touched = true;
    line_command(e->line, L"\004");
}

static void erase_or_leave(struct edit *e)
{
    if (look(e).len == 0)
        leave(e);
    else
        erase_forward(e);
}

/* And those that it has none for. */
static const struct {
    enum key_kind kind;
    uint32_t code;
    void (*act)(struct edit *e);
} ACTIONS[] = {{KEY_ENTER, 0, enter},
               {KEY_UP, 0, go_up},
               {KEY_DOWN, 0, go_down},
               {KEY_HOME, 0, go_home},
               {KEY_CONTROL, 'A', go_home},
               {KEY_END, 0, go_end},
               {KEY_CONTROL, 'E', go_end},
               {KEY_DELETE, 0, erase_forward},
               {KEY_CONTROL, 'D', erase_or_leave}};

static void take_command(struct edit *e, struct key key)
{
    flush_run(e);
    for (size_t i = 0; i < sizeof ACTIONS / sizeof *ACTIONS; i++)
        if (ACTIONS[i].kind == key.kind && ACTIONS[i].code == key.code) {
            ACTIONS[i].act(e);
            return;
        }
    command(e, key.kind, key.code);
}

/* In pasted text nothing is a command; its lines end with Enter, Ctrl-J or both. */
static void take_pasted(struct edit *e, struct key key)
{
    bool is_second = key.kind == KEY_NEW_LINE && e->was_return;
    e->was_return = key.kind == KEY_ENTER;
    if (key.kind == KEY_TEXT)
        type_char(e, key.code);
    else if (key.kind == KEY_TAB)
        type_char(e, '\t');
    else if (key.kind == KEY_ENTER || (key.kind == KEY_NEW_LINE && !is_second))
        type_char(e, '\n');
    else if (key.kind == KEY_PASTE_END)
        e->is_pasting = false;
}

static void on_key(struct key key, void *arg)
{
    struct edit *e = arg;
    CHECK_MAGIC(e, EDIT_MAGIC);
    if (e->is_pasting) {
        take_pasted(e, key);
    } else if (key.kind == KEY_PASTE_BEGIN) {
        e->is_pasting = true;
        e->was_return = false;
    } else if (key.kind == KEY_TEXT) {
        type_char(e, key.code);
    } else if (key.kind == KEY_TAB || key.kind == KEY_NEW_LINE) {
        type_char(e, key.kind == KEY_TAB ? '\t' : '\n');
    } else {
        take_command(e, key);
    }
}

static void on_pause(void *arg)
{
    struct edit *e = arg;
    CHECK_MAGIC(e, EDIT_MAGIC);
    flush_run(e);
    (void)fflush(stdout);
}

static void on_gone(void *arg)
{
    struct edit *e = arg;
    CHECK_MAGIC(e, EDIT_MAGIC);
    leave(e);
}

/* Life. */

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
    hold(e, chars, len, len);
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
    hold(e, NULL, 0, 0);
    stop_keys(e);
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
    take_text(e);
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
    e->keyboard = keyboard_new(
        loop, &(struct keyboard_hooks){
                  .on_key = on_key, .on_pause = on_pause, .on_gone = on_gone, .arg = e});
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
