/* Owns: what was read and is no key yet, or waits while it is stopped. */
#include "keyboard.h"

#include "base/buf.h"
#include "base/mem.h"
#include "loop/watch.h"

#include <errno.h>
#include <unistd.h>

enum {
    KEYBOARD_MAGIC = 0x6b657973,
    READ_BYTES = 4096,
    TYPED_MAX = 2 * READ_BYTES, /* one reading behind what waited */
    SETTLE_MS = 60              /* an escape with nothing behind it for so long was the key */
};

struct keyboard {
    uint32_t magic;
    struct loop *loop;
    struct keyboard_hooks hooks;
    struct watch *input; /* NULL: it is stopped */
    struct timer settle;
    struct buf typed;
};

/* Each key is taken off first: its hook may stop this, start it again, and discard what waits. */
static void take_keys(struct keyboard *k, bool is_all)
{
    while (k->input != NULL) {
        struct span rest = buf_as_span(&k->typed);
        struct key key = keys_next(&rest, is_all);
        if (key.kind == KEY_NONE)
            break;
        buf_consume(&k->typed, k->typed.len - rest.len);
        k->hooks.on_key(key, k->hooks.arg);
    }
    if (k->input == NULL)
        return;
    if (k->typed.len > 0)
        timer_start(&k->settle, SETTLE_MS);
    if (k->hooks.on_pause != NULL)
        k->hooks.on_pause(k->hooks.arg);
}

static void on_settled(void *arg)
{
    struct keyboard *k = arg;
    CHECK_MAGIC(k, KEYBOARD_MAGIC);
    take_keys(k, true);
}

static void on_input(void *arg)
{
    struct keyboard *k = arg;
    char bytes[READ_BYTES];
    CHECK_MAGIC(k, KEYBOARD_MAGIC);
    ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        keyboard_stop(k);
        k->hooks.on_gone(k->hooks.arg);
        return;
    }
    timer_stop(&k->settle);
    CHECK(buf_append(&k->typed, bytes, (size_t)n) == 0); /* less than a reading waited */
    take_keys(k, false);
}

struct keyboard *keyboard_new(struct loop *loop, const struct keyboard_hooks *hooks)
{
    struct keyboard *k = MEM_NEW(struct keyboard);
    k->magic = KEYBOARD_MAGIC;
    k->loop = loop;
    k->hooks = *hooks;
    buf_init(&k->typed, TYPED_MAX);
    timer_init(&k->settle, loop, on_settled, k);
    return k;
}

void keyboard_free(struct keyboard *k)
{
    if (k == NULL)
        return;
    keyboard_stop(k);
    timer_release(&k->settle);
    buf_release(&k->typed);
    k->magic = 0;
    mem_free(k);
}

void keyboard_start(struct keyboard *k)
{
    CHECK_MAGIC(k, KEYBOARD_MAGIC);
    if (k->input == NULL)
        k->input = watch_readable(k->loop, STDIN_FILENO, on_input, k);
    if (k->typed.len > 0)
        timer_start(&k->settle, 0);
}

void keyboard_stop(struct keyboard *k)
{
    CHECK_MAGIC(k, KEYBOARD_MAGIC);
    watch_free(k->input);
    k->input = NULL;
    timer_stop(&k->settle);
}

void keyboard_discard(struct keyboard *k)
{
    CHECK_MAGIC(k, KEYBOARD_MAGIC);
    buf_reset(&k->typed);
}
