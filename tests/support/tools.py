"""Tools for graphs, as a server that a test scripts by the path: it counts, hangs, fails, is cut off, and keeps everything that
came: method, path, headers (names in lower case), body, when it came and when the client closed the connection on it.

    /echo               200: {method, query, body} of the request
    /order/<number>     200: {number, state}
    /status/<code>      that status; ?retry_after=<seconds> besides
    /flaky/<n>          503 for the first n requests to this path, then 200
    /hang               no answer; ends when the client closes
    /late?ms=<ms>       200 after so long
    /gate/<name>        waits until the test calls open(name)
    /bytes?n=<n>        200: n letters; /raw/<hex>: these bytes; /empty: none, 204
    /headers?n=<n>      200 with so many headers of their own
    /cut                half of what its Content-Length says; /reset: closed before an answer
    /redirect?to=<url>  302 there
"""

import http.server
import json
import select
import socket
import threading
import time
import urllib.parse

from support.processes import wait_until


class Seen:
    """One request, kept from its arrival."""

    def __init__(self, handler, body):
        parts = urllib.parse.urlsplit(handler.path)
        self.method, self.path, self.query = (
            handler.command,
            urllib.parse.unquote(parts.path),
            dict(urllib.parse.parse_qsl(parts.query)),
        )
        self.headers = {name.lower(): value for name, value in handler.headers.items()}
        self.body, self.at, self.closed_at, self.status = body, time.monotonic(), None, None

    @property
    def key(self):
        return self.headers.get("idempotency-key")

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.method} {self.path} {self.key} {self.status}>"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", headers=None, content_type="application/json"):
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
        self.seen.status = status
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def wait_closed(self, timeout, event=None):
        """Until the client closes, `event` comes, or the time is over. Whether it closed."""
        end = time.monotonic() + timeout
        while time.monotonic() < end and not (event and event.is_set()) and not self.server.tools.is_over:
            if select.select([self.connection], [], [], 0.005)[0] and not self.connection.recv(1, socket.MSG_PEEK):
                self.seen.closed_at = time.monotonic()
                return True
        return False

    def play(self):
        seen, tools = self.seen, self.server.tools
        name, _, rest = seen.path.lstrip("/").partition("/")
        if name == "echo":
            self.answer(200, {"method": seen.method, "query": seen.query, "body": seen.body.decode("utf-8", "replace")})
        elif name == "order":
            self.answer(200, {"number": rest, "state": f"order {rest} is packed"}, {"X-Two": "a", "Set-Cookie": "session=1"})
        elif name == "status":
            self.answer(
                int(rest), {"said": rest}, {"Retry-After": seen.query["retry_after"]} if "retry_after" in seen.query else None
            )
        elif name == "flaky":
            is_good = tools.count(seen.path) > int(rest)
            self.answer(200 if is_good else 503, {"tries": tools.count(seen.path)})
        elif name == "hang":
            self.wait_closed(120)
            self.close_connection = True
        elif name == "late":
            if not self.wait_closed(int(seen.query["ms"]) / 1000):
                self.answer(200, {"late": True})
        elif name == "gate":
            if not self.wait_closed(60, tools.gate(rest)):
                self.answer(200, {"gate": rest})
        elif name == "bytes":
            self.answer(200, b"x" * int(seen.query["n"]), content_type="text/plain")
        elif name == "raw":
            self.answer(200, bytes.fromhex(rest))
        elif name == "headers":
            self.answer(200, {}, {f"x{i:x}": "" for i in range(int(seen.query["n"]))})
        elif name == "empty":
            self.answer(204)
        elif name == "redirect":
            self.answer(302, b"", {"Location": seen.query["to"]})
        elif name in ("cut", "reset"):
            if name == "cut":
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
            self.wfile.flush()
            self.close_connection = True
        else:
            self.answer(404, {"error": "no such tool"})

    def handle_one(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.seen = Seen(self, body)
        self.server.tools.add(self.seen)
        try:
            self.play()
        except (BrokenPipeError, ConnectionResetError):
            self.seen.closed_at = time.monotonic()
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = handle_one


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        pass  # a client that goes away is no error here


class Tools:
    """Use as a context manager; `port` is where it listens on loopback. `rule` makes graphs know it as http://tools.test."""

    def __init__(self):
        self.lock, self.requests, self.gates, self.is_over = threading.Lock(), [], {}, False

    def __enter__(self):
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.tools = self
        self.port = self.server.server_address[1]
        self.rule = f"tools.test=127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.is_over = True
        self.server.shutdown()
        self.server.server_close()

    def add(self, seen):
        with self.lock:
            self.requests.append(seen)

    def gate(self, name):
        with self.lock:
            return self.gates.setdefault(name, threading.Event())

    def open(self, name):
        self.gate(name).set()

    def of(self, generation, path=None):
        """The requests of a generation, told by their keys, oldest first."""
        with self.lock:
            return [s for s in self.requests if (s.key or "").startswith(f"{generation}:") and (path is None or s.path == path)]

    def count(self, path):
        with self.lock:
            return sum(s.path == path for s in self.requests)

    def wait(self, generation, count=1, path=None):
        wait_until(lambda: len(self.of(generation, path)) >= count, f"{count} tool requests of {generation}")
        return self.of(generation, path)
