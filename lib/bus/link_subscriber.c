/* A link that subscribes. */
#include "bus/link_state.h"

#include "bus/command.h"

void link_deliver_message(struct link *link, const struct reply *reply)
{
    static const char *const kinds[] = {[SUB_SUBSCRIBED] = "subscribe",
                                        [SUB_UNSUBSCRIBED] = "unsubscribe",
                                        [SUB_MESSAGE] = "message"};
    struct span name = reply_str(reply_at(reply, 0));
    if (link->on_message == NULL)
        return;
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++)
        if (span_is(name, kinds[kind])) {
            link->on_message((enum sub_kind)kind, reply_str(reply_at(reply, 1)),
                             reply_str(reply_at(reply, 2)), link->message_arg);
            return;
        }
}

void link_on_messages(struct link *link, link_on_message on_message, void *arg)
{
    CHECK_MAGIC(link, LINK_MAGIC);
    CHECK(link->options.is_subscriber);
    link->on_message = on_message;
    link->message_arg = arg;
}

void link_read(struct link *link)
{
    CHECK_MAGIC(link, LINK_MAGIC);
    if (link->state == LINK_UP)
        conn_read(link->conn);
}

static void send_subscription(struct link *link, const char *verb, const char *channel)
{
    struct command command;
    CHECK_MAGIC(link, LINK_MAGIC);
    CHECK(link->options.is_subscriber);
    if (link->state != LINK_UP)
        return;
    command_init(&command);
    command_text(&command, verb);
    command_text(&command, channel);
    if (conn_write(link->conn, command_bytes(&command)) != 0)
        link_break(link, "send");
    command_release(&command);
}

void link_subscribe(struct link *link, const char *channel)
{
    send_subscription(link, "SUBSCRIBE", channel);
}

void link_unsubscribe(struct link *link, const char *channel)
{
    send_subscription(link, "UNSUBSCRIBE", channel);
}
