#include "connection.h"

#include "base/buf.h"
#include "base/check.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SOURCES = 64, REQUEST_BYTES = 64 * 1024 };

int connection_open(const struct sockaddr_in *to, size_t index, int epoll, uint64_t tag)
{
    struct sockaddr_in from = {.sin_family = AF_INET};
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = tag};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(index % SOURCES));
    (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on,
                     sizeof on);                                    /* else fewer ports */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* else slower, and seen so */
    if (bind(fd, (const struct sockaddr *)&from, sizeof from) != 0 ||
        connect(fd, (const struct sockaddr *)to, sizeof *to) != 0) {
        close(fd);
        return -1;
    }
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
    return fd;
}

static void put_with_id(struct buf *out, const char *template, const char *id)
{
    const char *hole;
    for (; (hole = strstr(template, "%ID%")) != NULL; template = hole + 4) {
        (void)buf_append(out, template, (size_t)(hole - template));
        (void)buf_text(out, id);
    }
    (void)buf_text(out, template);
}

bool connection_ask(int fd, const char *address, const char *path, const char *body, const char *id)
{
    struct buf text, out;
    buf_init(&text, REQUEST_BYTES);
    buf_init(&out, 2 * REQUEST_BYTES);
    if (body != NULL)
        put_with_id(&text, body, id);
    (void)buf_printf(&out, "%s ", body == NULL ? "GET" : "POST");
    put_with_id(&out, path, id);
    (void)buf_printf(&out, " HTTP/1.1\r\nHost: %s\r\nAccept: */*\r\n", address);
    if (body != NULL)
        (void)buf_printf(&out, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
                         text.len);
    (void)buf_text(&out, "\r\n");
    (void)buf_span(&out, buf_as_span(&text));
    CHECK(buf_error(&text) == 0 && buf_error(&out) == 0);
    bool is_whole = send(fd, out.ptr, out.len, MSG_NOSIGNAL) == (ssize_t)out.len;
    buf_release(&text);
    buf_release(&out);
    return is_whole;
}
