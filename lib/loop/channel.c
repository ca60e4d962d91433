/* Owns: one socket, its two events and what waits to be written. Invariant: `writable` is added
 * exactly while something waits. */
#include "loop/channel.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CHANNEL_MAGIC = 0x6368616e, READ_BYTES = 64 * 1024 };

struct channel {
    uint32_t magic;
    int fd;
    struct event *readable, *writable; /* NULL once the other side has closed */
    struct buf waiting;
    size_t sent; /* of what waits */
    void (*on_bytes)(struct span bytes, void *arg);
    void *arg;
};

static void drop_event(struct event **event)
{
    if (*event != NULL)
        event_free(*event);
    *event = NULL;
}

/* The other side has closed: nothing comes, and nobody reads what would go. */
static void end(struct channel *c)
{
    drop_event(&c->readable);
    drop_event(&c->writable);
    buf_release(&c->waiting);
    c->sent = 0;
}

/* False: nothing is there, or it has ended. */
static bool read_some(struct channel *c)
{
    char bytes[READ_BYTES];
    ssize_t n = read(c->fd, bytes, sizeof bytes);
    if (n > 0)
        c->on_bytes(span_make(bytes, (size_t)n), c->arg);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        end(c);
    return n > 0;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct channel *c = arg;
    (void)fd, (void)what;
    CHECK_MAGIC(c, CHANNEL_MAGIC);
    (void)read_some(c); /* what is left makes it readable again */
}

void channel_drain(struct channel *c)
{
    CHECK_MAGIC(c, CHANNEL_MAGIC);
    while (c->readable != NULL && read_some(c))
        ;
}

/* How many bytes went; 0 also when the other side has closed. */
static size_t send_some(struct channel *c, struct span bytes)
{
    ssize_t n = send(c->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        end(c);
    return n < 0 ? 0 : (size_t)n;
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    struct channel *c = arg;
    (void)fd, (void)what;
    CHECK_MAGIC(c, CHANNEL_MAGIC);
    c->sent += send_some(c, span_make(c->waiting.ptr + c->sent, c->waiting.len - c->sent));
    if (c->writable == NULL || c->sent < c->waiting.len)
        return;
    CHECK(event_del(c->writable) == 0);
    buf_release(&c->waiting);
    c->sent = 0;
}

struct channel *channel_new(struct loop *loop, int fd,
                            void (*on_bytes)(struct span bytes, void *arg), void *arg)
{
    struct channel *c = MEM_NEW(struct channel);
    *c = (struct channel){.magic = CHANNEL_MAGIC, .fd = fd, .on_bytes = on_bytes, .arg = arg};
    buf_init(&c->waiting, CHANNEL_WAITING_MAX);
    CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    c->readable = event_new(loop_base(loop), fd, EV_READ | EV_PERSIST, on_readable, c);
    c->writable = event_new(loop_base(loop), fd, EV_WRITE | EV_PERSIST, on_writable, c);
    CHECK(c->readable != NULL && c->writable != NULL && event_add(c->readable, NULL) == 0);
    return c;
}

int channel_send(struct channel *c, struct span bytes)
{
    CHECK_MAGIC(c, CHANNEL_MAGIC);
    bool is_waiting = c->waiting.len > 0;
    if (bytes.len > CHANNEL_WAITING_MAX - c->waiting.len)
        return -ERR_TOO_LARGE;
    if (c->writable == NULL)
        return 0;
    size_t sent = is_waiting ? 0 : send_some(c, bytes);
    if (sent == bytes.len || c->writable == NULL)
        return 0;
    CHECK(buf_append(&c->waiting, bytes.ptr + sent, bytes.len - sent) == 0); /* compared above */
    if (!is_waiting)
        CHECK(event_add(c->writable, NULL) == 0);
    return 0;
}

void channel_free(struct channel *c)
{
    if (c == NULL)
        return;
    CHECK_MAGIC(c, CHANNEL_MAGIC);
    end(c);
    (void)close(c->fd); /* nothing to do about a failing close */
    c->magic = 0;
    mem_free(c);
}
