/* The only file that knows libedit. libedit asks for characters when it is told to run a command,
 * and gets those of that command, and nothing at their end; so it never waits. */
#include "line.h"

#include "base/mem.h"

#include <histedit.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

enum { LINE_MAGIC = 0x6c696e65, REMEMBERED = 200 };

static const wchar_t REDRAW[] = L"\035"; /* bound to nothing by default */

struct line {
    uint32_t magic;
    EditLine *el;
    HistoryW *history;
    wchar_t *prompt;
    const wchar_t *fed; /* the command under way, as far as libedit has not asked for it */
    size_t fed_left;
    struct termios before, raw; /* the terminal's settings; `raw` from the first line_begin on */
    bool is_raw;
};

static struct line *line_of(EditLine *el)
{
    void *arg = NULL;
    CHECK(el_wget(el, EL_CLIENTDATA, &arg) == 0);
    struct line *l = arg;
    CHECK_MAGIC(l, LINE_MAGIC);
    return l;
}

static int on_getc(EditLine *el, wchar_t *out)
{
    struct line *l = line_of(el);
    if (l->fed_left == 0)
        return 0;
    *out = *l->fed++;
    l->fed_left--;
    return 1;
}

static wchar_t *on_prompt(EditLine *el)
{
    return line_of(el)->prompt;
}

static unsigned char on_redraw(EditLine *el, wint_t key)
{
    (void)el, (void)key;
    return CC_REFRESH;
}

void line_command(struct line *l, const wchar_t *key)
{
    int count = 0;
    CHECK_MAGIC(l, LINE_MAGIC);
    l->fed = key;
    l->fed_left = wcslen(key);
    (void)el_wgets(l->el, &count); /* unbuffered: line_look tells what has become of it */
    l->fed_left = 0;
}

struct edit_text line_look(const struct line *l)
{
    CHECK_MAGIC(l, LINE_MAGIC);
    const LineInfoW *now = el_wline(l->el);
    return (struct edit_text){.chars = now->buffer,
                              .len = (size_t)(now->lastchar - now->buffer),
                              .cursor = (size_t)(now->cursor - now->buffer)};
}

/* Without a look at the screen. */
static void move_to(struct line *l, size_t cursor)
{
    struct edit_text now = line_look(l);
    (void)el_cursor(l->el, (int)cursor - (int)now.cursor); /* tells where it is then, as known */
}

static void put_in(struct line *l, const wchar_t *text)
{
    if (*text != L'\0' && el_winsertstr(l->el, text) != 0)
        (void)fputc('\a', stdout);
}

void line_move(struct line *l, size_t cursor)
{
    move_to(l, cursor);
    line_command(l, REDRAW);
}

void line_insert(struct line *l, const wchar_t *text)
{
    CHECK_MAGIC(l, LINE_MAGIC);
    put_in(l, text);
    line_command(l, REDRAW);
}

void line_begin(struct line *l, const wchar_t *text, size_t cursor)
{
    CHECK_MAGIC(l, LINE_MAGIC);
    (void)fflush(stdout);
    (void)el_wset(l->el, EL_UNBUFFERED, 0); /* what it knows of text and screen is forgotten */
    (void)el_wset(l->el, EL_UNBUFFERED, 1);
    l->is_raw = tcgetattr(STDIN_FILENO, &l->raw) == 0;
    put_in(l, text);
    line_move(l, cursor);
}

void line_clear(struct line *l)
{
    struct edit_text now = line_look(l);
    move_to(l, now.len);
    el_wdeletestr(l->el, (int)now.len);
    line_command(l, REDRAW);
    (void)fputs("\r\033[J", stdout);
}

void line_end(struct line *l)
{
    line_move(l, line_look(l).len);
    (void)fputc('\n', stdout);
}

void line_resize(struct line *l)
{
    CHECK_MAGIC(l, LINE_MAGIC);
    el_resize(l->el);
}

static void set_terminal(const struct line *l, const struct termios *settings)
{
    CHECK_MAGIC(l, LINE_MAGIC);
    if (l->is_raw)
        (void)tcsetattr(STDIN_FILENO, TCSADRAIN, settings); /* as well as can be */
}

void line_suspend(struct line *l)
{
    set_terminal(l, &l->before);
}

void line_resume(struct line *l)
{
    set_terminal(l, &l->raw);
}

void line_remember(struct line *l, const wchar_t *text)
{
    HistEventW event;
    CHECK_MAGIC(l, LINE_MAGIC);
    (void)history_w(l->history, &event, H_ENTER, text); /* what fails is not found again */
}

/* Characters are UTF-8 whatever the environment says: so are messages and replies. */
static void speak_utf8(void)
{
    if ((setlocale(LC_ALL, "") == NULL || strcmp(nl_langinfo(CODESET), "UTF-8") != 0) &&
        setlocale(LC_CTYPE, "C.UTF-8") == NULL)
        (void)setlocale(LC_ALL, "C"); /* other characters are shown as numbers then */
}

static void set_up(struct line *l)
{
    HistEventW event;
    (void)history_w(l->history, &event, H_SETSIZE, REMEMBERED);
    (void)history_w(l->history, &event, H_SETUNIQUE, 1);
    (void)el_wset(l->el, EL_CLIENTDATA, l);
    (void)el_wset(l->el, EL_GETCFN, on_getc);
    (void)el_wset(l->el, EL_PROMPT_ESC, on_prompt, L'\001');
    (void)el_wset(l->el, EL_EDITOR, L"emacs");
    (void)el_wset(l->el, EL_SIGNAL, 0);
    (void)el_wset(l->el, EL_HIST, history_w, l->history);
    (void)el_wset(l->el, EL_ADDFN, L"sluice-redraw", L"Draw what has changed", on_redraw);
    (void)el_wset(l->el, EL_BIND, REDRAW, L"sluice-redraw", NULL);
    /* Enter is one key and Ctrl-J another. */
    (void)el_wset(l->el, EL_SETTY, L"-d", L"-icrnl", L"-inlcr", NULL);
}

struct line *line_new(const char *prompt)
{
    size_t len = 0;
    speak_utf8();
    EditLine *el = el_init("sluice", stdin, stdout, stderr);
    if (el == NULL)
        return NULL;
    struct line *l = MEM_NEW(struct line);
    l->magic = LINE_MAGIC;
    l->el = el;
    (void)tcgetattr(STDIN_FILENO, &l->before); /* it has been asked by libedit just now */
    l->prompt = edit_text_wide(span_of(prompt), &len);
    l->history = history_winit();
    CHECK(l->history != NULL);
    set_up(l);
    return l;
}

void line_free(struct line *l)
{
    if (l == NULL)
        return;
    CHECK_MAGIC(l, LINE_MAGIC);
    (void)el_wset(l->el, EL_UNBUFFERED, 0); /* the terminal as it was */
    el_end(l->el);
    history_wend(l->history);
    mem_free(l->prompt);
    l->magic = 0;
    mem_free(l);
}
