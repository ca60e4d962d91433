/* bench-http: the least that a JSON endpoint on libevent costs. MODE evhttp is libevent's own HTTP
 * server, bare a bufferevent that answers each blank line. Prints `listening http://address`. */
#include <stdbool.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define JSON "{\"status\":\"ok\"}"
static const char ANSWER[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                             "Content-Length: 15\r\n\r\n" JSON;
_Static_assert(sizeof JSON - 1 == 15, "the length is written out above");

static void on_request(struct evhttp_request *request, void *arg)
{
    struct evbuffer *out = evhttp_request_get_output_buffer(request);
    (void)arg;
    (void)evbuffer_add(out, JSON, sizeof JSON - 1);
    (void)evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type",
                            "application/json");
    evhttp_send_reply(request, 200, "OK", NULL);
}

static void on_readable(struct bufferevent *bev, void *arg)
{
    struct evbuffer *in = bufferevent_get_input(bev);
    struct evbuffer_ptr end;
    (void)arg;
    while ((end = evbuffer_search(in, "\r\n\r\n", 4, NULL)).pos >= 0) {
        (void)evbuffer_drain(in, (size_t)end.pos + 4);
        (void)bufferevent_write(bev, ANSWER, sizeof ANSWER - 1);
    }
}

static void on_end(struct bufferevent *bev, short what, void *arg)
{
    (void)what, (void)arg;
    bufferevent_free(bev);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer,
                      int size, void *arg)
{
    struct bufferevent *bev =
        bufferevent_socket_new(evconnlistener_get_base(listener), fd, BEV_OPT_CLOSE_ON_FREE);
    (void)peer, (void)size, (void)arg;
    bufferevent_setcb(bev, on_readable, NULL, on_end, NULL);
    (void)bufferevent_enable(bev, EV_READ | EV_WRITE);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    struct event_config *config = event_config_new();
    (void)event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST |
                                            EVENT_BASE_FLAG_PRECISE_TIMER);
    struct event_base *base = event_base_new_with_config(config);
    bool is_bare = argc == 2 && strcmp(argv[1], "bare") == 0;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct evconnlistener *listener = evconnlistener_new_bind(
        base, is_bare ? on_accept : NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, 1024,
        (const struct sockaddr *)&address, (int)size);
    if (listener == NULL || argc != 2)
        return 2;
    struct evhttp *http = evhttp_new(base);
    evhttp_set_gencb(http, on_request, NULL);
    if (!is_bare)
        (void)evhttp_bind_listener(http, listener);
    (void)getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&address, &size);
    (void)printf("listening http://127.0.0.1:%d\n", ntohs(address.sin_port));
    (void)fflush(stdout);
    return event_base_dispatch(base);
}
