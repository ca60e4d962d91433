/* What each key does to the line. Runs of characters are put in together. */
#include "edit_inner.h"

#include "base/mem.h"

#include <stdio.h>

static void flush_run(struct edit *e)
{
    struct edit_text now = edit_look(e);
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
    if (e->run_len == EDIT_RUN)
        flush_run(e);
    e->run[e->run_len++] = (wchar_t)code;
    e->is_touched = true;
}

/* The text stays on the screen, and what is below it is free. */
static void end_text(struct edit *e)
{
    line_end(e->line);
    e->is_shown = false;
    edit_stop_keys(e);
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
    struct edit_text now = edit_look(e);
    size_t cursor = 0;
    if (edit_text_above(&now, &cursor))
        line_move(e->line, cursor);
    else
        command(e, KEY_CONTROL, 'P'); /* what was sent before */
}

static void go_down(struct edit *e)
{
    struct edit_text now = edit_look(e);
    size_t cursor = 0;
    if (edit_text_below(&now, &cursor))
        line_move(e->line, cursor);
    else
        command(e, KEY_CONTROL, 'N');
}

static void go_home(struct edit *e)
{
    struct edit_text now = edit_look(e);
    line_move(e->line, edit_text_line_begin(&now));
}

static void go_end(struct edit *e)
{
    struct edit_text now = edit_look(e);
    line_move(e->line, edit_text_line_end(&now));
}

static void erase_forward(struct edit *e)
{
    struct edit_text now = edit_look(e);
    if (now.cursor == now.len)
        return;
    e->is_touched = true;
    line_command(e->line, L"\004");
}

static void erase_or_leave(struct edit *e)
{
    if (edit_look(e).len == 0)
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

struct keyboard_hooks edit_keyboard_hooks(struct edit *e)
{
    return (struct keyboard_hooks){
        .on_key = on_key, .on_pause = on_pause, .on_gone = on_gone, .arg = e};
}
