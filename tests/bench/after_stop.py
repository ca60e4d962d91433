"""Counts what is published after a stop, in the order in which Redis did things: a subscriber beside the load."""
import threading

import msgpack
import redis

TERMINAL_KINDS = range(12, 16)  # lib/wire/kinds.def


class AfterStop:
    """Use around a load. `late` chunks were published behind the stop of their stream, in `stops` stops."""

    def __init__(self, system):
        self.is_ours = system.name == "sluice"
        self.stopped, self.late, self.stops = set(), 0, 0
        self.redis = redis.Redis(unix_socket_path=str(system.redis))
        self.pubsub = self.redis.pubsub()

    def __enter__(self):
        if self.is_ours:
            self.pubsub.psubscribe("*:events:*")
        else:  # the moment of the SET is a message too, in its place among the chunks
            self.redis.config_set("notify-keyspace-events", "K$")
            self.pubsub.psubscribe("stream:*", "__keyspace@0__:chat_stop:*")
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.redis.publish(":events:end" if self.is_ours else "stream:end", "end")
        self.thread.join(60)
        self.pubsub.close()

    def listen(self):
        for message in self.pubsub.listen():
            if message["type"] == "pmessage":
                channel = message["channel"]
                if channel.endswith(b":end"):
                    return
                (self.ours if self.is_ours else self.theirs)(channel, message["data"])

    def ours(self, channel, data):
        if channel in self.stopped:
            self.late += 1
        elif msgpack.unpackb(data)[1] in TERMINAL_KINDS:
            self.stopped.add(channel)
            self.stops += 1

    def theirs(self, channel, data):
        stream = channel.rsplit(b":", 1)[1]
        if channel.startswith(b"__keyspace"):
            self.stopped.add(stream)
            self.stops += 1
        elif stream in self.stopped and b'"done": false' in data:
            self.late += 1
