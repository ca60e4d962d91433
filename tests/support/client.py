"""An HTTP and SSE client of the tests: plain sockets by http.client, no cleverness, so that what is asserted is what was sent."""
import http.client
import json
import socket
import threading
import time
import urllib.parse

PIECES = ("delta", "reasoning", "refusal", "tool_call_delta")
TERMINAL = ("done", "stopped", "failed", "interrupted")


def _connect(url, timeout):
    parts = urllib.parse.urlsplit(url)
    return http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout), parts


def request(method, url, body=None, headers=None, timeout=30):
    """(status, headers, bytes). A dict body is sent as JSON."""
    connection, parts = _connect(url, timeout)
    headers = dict(headers or {})
    if isinstance(body, (dict, list)):
        body = json.dumps(body, ensure_ascii=False).encode()
    if body is not None:
        headers.setdefault("Content-Type", "application/json")
    try:
        connection.request(method, parts.path + ("?" + parts.query if parts.query else ""), body=body, headers=headers)
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()
    finally:
        connection.close()


def get_json(url, parse=True, timeout=30):
    status, _, body = request("GET", url, timeout=timeout)
    return status, (json.loads(body) if parse and body else body)


class Event:
    """One server-sent event: id (int or None), type, data (parsed), at (monotonic seconds of its arrival)."""

    def __init__(self, id_, type_, data):
        self.id, self.type, self.data, self.at = id_, type_, data, time.monotonic()

    def __repr__(self):
        return f"<{self.id} {self.type} {self.data}>"


class Stream:
    """An open event stream. Iterate for events; comments are counted. Ends at the end of the response or a broken connection."""

    def __init__(self, method, url, body=None, headers=None, timeout=30):
        self.connection, parts = _connect(url, timeout)
        data = json.dumps(body, ensure_ascii=False).encode() if isinstance(body, (dict, list)) else body
        headers = dict(headers or {})
        if data is not None:
            headers.setdefault("Content-Type", "application/json")
        self.connection.request(method, parts.path + ("?" + parts.query if parts.query else ""), body=data, headers=headers)
        self.response = self.connection.getresponse()
        self.sock = self.connection.sock or self.response.fp.raw._sock
        self.status = self.response.status
        self.headers = dict(self.response.getheaders())
        self.events, self.comments, self.retry, self.error, self.raw = [], 0, None, None, []
        self.is_over = False
        if self.status != 200:
            self.error = self.response.read()
            self.is_over = True

    @property
    def json(self):
        return json.loads(self.error)

    @property
    def generation(self):
        return self.response.headers.get("Sluice-Generation-Id")  # in whatever letters a proxy gave them

    @property
    def chat(self):
        return self.response.headers.get("Sluice-Chat-Id")

    def __iter__(self):
        while True:
            event = self.next()
            if event is None:
                return
            yield event

    def next(self):
        """The next event, or None at the end."""
        id_, type_, data = None, None, []
        while not self.is_over:
            try:
                line = self.response.readline()
            except (OSError, http.client.HTTPException):
                line = b""
            if not line:
                self.close()
                return None
            line = line.rstrip(b"\r\n")
            if not line:
                if data:
                    event = Event(int(id_) if id_ is not None else None, type_, json.loads(b"\n".join(data)))
                    self.events.append(event)
                    return event
                continue
            name, _, value = line.partition(b":")
            value = value[1:] if value.startswith(b" ") else value
            if name == b"":
                self.comments += 1
            elif name == b"id":
                id_ = value.decode()
            elif name == b"event":
                type_ = value.decode()
            elif name == b"data":
                data.append(value)
            elif name == b"retry":
                self.retry = int(value)
        return None

    def until(self, *types):
        """Reads to the first event of one of these types and returns it."""
        for event in self:
            if event.type in types:
                return event
        raise AssertionError(f"the stream ended without {types}: {self.events[-5:]}")

    def read_all(self):
        for _ in self:
            pass
        return self.events

    def close(self):
        self.is_over = True
        try:
            self.response.close()
        finally:
            self.connection.close()

    def reset(self):
        """Leaves with RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        self.close()

    @property
    def text(self):
        return text_of(self.events)


def text_of(events):
    return "".join(e.data["text"] for e in events if e.type == "delta")


def in_background(function, *args):
    """Runs function(*args) in a thread; .result() joins and returns or raises."""

    class Result:
        def run(self):
            try:
                self.value, self.failure = function(*args), None
            except BaseException as failure:  # handed on by result()
                self.value, self.failure = None, failure

        def result(self, timeout=60):
            self.thread.join(timeout)
            assert not self.thread.is_alive(), "the background call did not come back"
            if self.failure is not None:
                raise self.failure
            return self.value

    result = Result()
    result.thread = threading.Thread(target=result.run, daemon=True)
    result.thread.start()
    return result


class Api:
    """The client side of design: POST a message, stop, read."""

    def __init__(self, url):
        self.url = url

    def new_chat(self, message, headers=None, **fields):
        return Stream("POST", self.url + "/v1/chats", {"message": message, **fields}, headers)

    def message(self, chat, message, headers=None, **fields):
        return Stream("POST", f"{self.url}/v1/chats/{chat}/messages", {"message": message, **fields}, headers)

    def generate(self, messages, headers=None, **fields):
        return Stream("POST", self.url + "/v1/generations", {"messages": messages, **fields}, headers)

    def stop(self, generation=None, chat=None, body=None, headers=None):
        """(status, answer)."""
        path = f"/v1/chats/{chat}/stop" if chat is not None else f"/v1/generations/{generation}/stop"
        if chat is not None and generation is not None:
            body = {**(body or {}), "generation_id": generation}
        status, _, answer = request("POST", self.url + path, body if body is not None else {}, headers)
        return status, json.loads(answer)

    def stream(self, generation=None, chat=None, last_id=None, query=""):
        path = f"/v1/chats/{chat}/stream" if chat is not None else f"/v1/generations/{generation}/stream"
        headers = {"Last-Event-ID": str(last_id)} if last_id is not None else {}
        return Stream("GET", self.url + path + query, headers=headers)

    def get(self, path):
        return get_json(self.url + path)

    def chat(self, chat):
        return self.get(f"/v1/chats/{chat}")

    def generation(self, generation):
        return self.get(f"/v1/generations/{generation}")
