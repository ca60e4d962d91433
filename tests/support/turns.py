"""A client that holds Sluice to its promises under any trouble: it begins a turn under an id of its own, asks again until that is accepted, reads, comes back
with its cursor until it was told the end, and keeps what it saw. The checks know nothing of how Sluice works.
"""
import http.client
import json
import time
import uuid

from support.client import TERMINAL, Stream, get_json, request

READ_S = 6  # a stream that is silent for so long is left and read again: a frozen API process sends no comments either
TROUBLE = (OSError, http.client.HTTPException)


def new_id(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:16]}"


def script_of(tokens, delay_ms=5, first_ms=0):
    return f"!sim tokens={tokens} delay_ms={delay_ms} first_ms={first_ms} text=self"


class Turn:
    """One turn of a chat; of none: a stateless generation. `url` gives the API process to ask next."""

    def __init__(self, url, chat, message, tokens, generation=None, patience_s=60):
        self.url, self.chat, self.message, self.tokens = url, chat, message, tokens
        self.generation = generation or new_id("gen")
        self.events = []
        self.stops = []  # what they answered
        self.refused = None  # the status of a refusal that is no trouble: 409, 429
        self.is_gone = False  # told that it, or its log, is not there any more
        self.rewound = 0
        self.end_s = time.monotonic() + patience_s

    # -- doing ---------------------------------------------------------------------------------------------------------------

    def _wait(self, what):
        assert time.monotonic() < self.end_s, f"{self.generation} hangs, {what}: {self.events[-3:]}"
        time.sleep(0.05)

    def begin(self):
        """The stream of the accepted request, or None when it was refused."""
        fields = {"generation_id": self.generation, "on_disconnect": "continue"}
        if self.chat is None:
            path, body = "/v1/generations", {"messages": [{"role": "user", "content": self.message}], **fields}
        else:
            path, body = f"/v1/chats/{self.chat}/messages", {"message": self.message, **fields}
        while True:
            try:
                stream = Stream("POST", self.url() + path, body, timeout=READ_S)
            except TROUBLE:
                self._wait("begin")
                continue
            if stream.status == 200:
                return stream
            if stream.status != 503:
                self.refused = stream.status
                return None
            self._wait("begin")

    def take(self, stream):
        """Reads a stream to its end, or to the terminal event and what should not follow it."""
        for event in stream:
            if event.type == "rewound":
                self.rewound += 1
                self.events = [e for e in self.events if e.id <= event.data["after"]]
            elif event.type != "queued" or event.id is not None:  # a later position is no event of the log
                self.events.append(event)

    @property
    def end(self):
        return self.events[-1] if self.events and self.events[-1].type in TERMINAL else None

    def follow(self, stream=None):
        """Reads on and comes back until the end is known."""
        if stream is not None:
            self.take(stream)
        while not (self.end or self.is_gone):
            self._wait("follow")
            headers = {"Last-Event-ID": str(self.events[-1].id)} if self.events else {}
            try:
                stream = Stream("GET", f"{self.url()}/v1/generations/{self.generation}/stream", headers=headers, timeout=READ_S)
            except TROUBLE:
                continue
            if stream.status == 200:
                self.take(stream)
            else:
                assert stream.status in (204, 404, 410, 503), stream.error
                self.is_gone = stream.status != 503

    def run(self):
        stream = self.begin()
        if stream is not None:
            self.follow(stream)
        return self

    def stop(self, by_chat=False):
        """Asks the same question until it is answered; None: nothing is known of it."""
        key = {"Idempotency-Key": new_id("stop")}
        path = f"/v1/chats/{self.chat}/stop" if by_chat and self.chat else f"/v1/generations/{self.generation}/stop"
        while True:
            try:
                status, _, answer = request("POST", self.url() + path, {}, key, timeout=READ_S)
            except TROUBLE:
                status = 503
            if status == 200:
                self.stops.append(json.loads(answer))
                return self.stops[-1]
            if status == 404:
                return None
            assert status == 503, (status, answer)
            self._wait("stop")

    # -- checking ------------------------------------------------------------------------------------------------------------

    @property
    def words(self):
        return "".join(e.data["text"] for e in self.events if e.type == "delta").split()

    def check(self, may_lose=False):
        """One terminal event, no gap, every token once and in order, nothing after the end. may_lose: Redis may have lost what it had acknowledged."""
        story = f"{self.generation}: {[(e.id, e.type) for e in self.events][-12:]} gone={self.is_gone} rewound={self.rewound} stops={self.stops}"
        words = [word.split(":") for word in self.words]
        assert may_lose or not (self.is_gone or self.rewound), story
        assert [e.id for e in self.events] == list(range(1, len(self.events) + 1)), story
        assert {e.data["generation_id"] for e in self.events} <= {self.generation}, story
        assert sum(e.type in TERMINAL for e in self.events) == (1 if self.end else 0) and (self.end or self.is_gone), story
        assert [int(n) for _, n in words] == list(range(len(words))) and len({request for request, _ in words}) <= 1, f"{story} {self.words}"
        if self.end and self.end.type == "done":
            assert len(words) == self.tokens, f"{story}: {len(words)} of {self.tokens} tokens"
        if self.end and self.end.type != "done":
            assert self.end.data["restore"]["message"] == self.message, story
        if not may_lose:
            self._check_stops(story)

    def _check_stops(self, story):
        for answer in self.stops:
            if answer["generation_id"] == self.generation and answer["outcome"] != "will_stop":
                assert answer["outcome"] in ("stopped", f"already_{self.end.type}"), story
                assert answer["seq"] == self.end.id and answer["state"] == self.end.type, story
        assert sum(answer["outcome"] == "stopped" for answer in self.stops) <= 1, story

    def check_log(self):
        """Who comes now is shown what was shown."""
        again = Stream("GET", f"{self.url()}/v1/generations/{self.generation}/stream").read_all()
        assert [e.data for e in again] == [e.data for e in self.events], f"{self.generation}: another log now: {again[-3:]} {self.events[-3:]}"


def check_history(url, chat, turns, may_lose=False):
    """Whole turns only, in order, each once, and exactly those that were told done."""
    status, record = get_json(f"{url}/v1/chats/{chat}")
    messages = record["messages"] if status == 200 else []
    done = {turn.generation: turn for turn in turns if turn.end and turn.end.type == "done"}
    told = [m["generation_id"] for m in messages[::2]]
    assert [m["role"] for m in messages] == ["user", "assistant"] * (len(messages) // 2), messages
    assert told == [m["generation_id"] for m in messages[1::2]] and len(set(told)) == len(told), told
    if may_lose:
        return  # a turn that was told done may be lost, or answered again
    assert told == list(done), (chat, told, list(done))
    for user, reply in zip(messages[::2], messages[1::2]):
        turn = done[user["generation_id"]]
        assert user["content"] == turn.message and reply["content"].split() == turn.words, (user, reply)
