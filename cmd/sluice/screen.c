/* Owns: the terminal's settings as they were. */
#include "screen.h"

#include "keyboard.h"

#include "base/mem.h"
#include "loop/watch.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

enum { SCREEN_MAGIC = 0x73637265 };

/* The other screen, no cursor, no line goes on in the next row; and back. */
static const char ENTER[] = "\033[?1049h\033[?25l\033[?7l",
                  LEAVE[] = "\033[?7h\033[?25h\033[?1049l";

struct screen {
    uint32_t magic;
    struct screen_hooks hooks;
    struct termios before;
    struct keyboard *keyboard;
    struct watch *resized;
};

static void on_resized(void *arg)
{
    struct screen *s = arg;
    CHECK_MAGIC(s, SCREEN_MAGIC);
    s->hooks.on_size(s->hooks.arg);
}

struct screen *screen_new(struct loop *loop, const struct screen_hooks *hooks)
{
    struct termios raw;
    if (tcgetattr(STDIN_FILENO, &raw) != 0)
        return NULL;
    struct screen *s = MEM_NEW(struct screen);
    s->magic = SCREEN_MAGIC;
    s->hooks = *hooks;
    s->before = raw;
    cfmakeraw(&raw);
    raw.c_oflag |= OPOST;
    (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &raw); /* else keys come with Enter */
    (void)fputs(ENTER, stdout);
    s->resized = watch_signal(loop, SIGWINCH, on_resized, s);
    s->keyboard = keyboard_new(loop, &(struct keyboard_hooks){.on_key = hooks->on_key,
                                                              .on_gone = hooks->on_gone,
                                                              .arg = hooks->arg});
    keyboard_start(s->keyboard);
    return s;
}

void screen_free(struct screen *s)
{
    if (s == NULL)
        return;
    CHECK_MAGIC(s, SCREEN_MAGIC);
    keyboard_free(s->keyboard);
    watch_free(s->resized);
    (void)fputs(LEAVE, stdout);
    (void)fflush(stdout);
    (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &s->before); /* as well as can be */
    s->magic = 0;
    mem_free(s);
}

void screen_show(struct screen *s, struct span lines)
{
    CHECK_MAGIC(s, SCREEN_MAGIC);
    (void)fputs("\033[H", stdout);
    while (lines.ptr != NULL) {
        struct span line = span_cut(&lines, '\n');
        (void)printf("%.*s\033[K%s", SPAN_ARG(line), lines.ptr != NULL ? "\n" : "\033[J");
    }
    (void)fflush(stdout);
}

void screen_size(size_t *columns, size_t *rows)
{
    struct winsize size;
    bool is_told = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    *columns = is_told ? size.ws_col : 80;
    *rows = is_told ? size.ws_row : 24;
}

bool screen_has_colour(void)
{
    const char *terminal = getenv("TERM"), *plain = getenv("NO_COLOR"); /* https://no-color.org */
    return isatty(STDOUT_FILENO) == 1 && terminal != NULL && strcmp(terminal, "dumb") != 0 &&
           (plain == NULL || *plain == '\0');
}
