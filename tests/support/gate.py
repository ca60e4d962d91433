"""A gate between workers and what they ask, the simulated provider and its tools: it sees every request, lets it through, holds or fails those that a test names, and tells when each
came and how its connection ended. So a test can be at any moment of a graph, for as long as it likes.

A request belongs to a generation by its X-Request-Id (models) or Idempotency-Key (`http` nodes and tools).
"""
import http.client
import io
import json
import select
import socket
import struct
import threading
import time
import urllib.parse

SLICES, SLICE_S = 6, 0.004  # an answer goes on its way in so many pieces
LOOK_S = 0.05
SO_TIMESTAMPNS = getattr(socket, "SO_TIMESTAMPNS", 35)
HELD, HALF, FAILED = "held", "half", "failed"  # never let through; half of its answer; 503 at once


def wall_s():
    """What to take from the wall's clock to have the monotonic one: of some tries the one that nothing came between."""
    tries = []
    for _ in range(20):
        before, wall, behind = time.monotonic_ns(), time.time_ns(), time.monotonic_ns()
        tries.append((behind - before, wall - (before + behind) // 2))
    return min(tries)[1] / 1e9


WALL_S = wall_s()


class Asked:
    """One request. number: among its generation's, from 1. end: None, `answered`, or `closed` by the worker before that."""

    def __init__(self, came_at, method, path, headers, body):
        self.came_at, self.method, self.path, self.body = came_at, method, path, body
        self.key = headers.get("idempotency-key")
        self.generation = headers.get("x-request-id") or (self.key or "").rpartition(":")[0]
        self.ended_at, self.end, self.number = None, None, None
        self.is_waiting, self.was_refused = False, False

    def __repr__(self):
        return f"<{self.number} {self.method} {self.path} {self.key or ''} {self.end}>"


class Gate:
    """Use as a context manager. `upstream`: where the provider and the tools are."""

    def __init__(self, upstream):
        parts = urllib.parse.urlsplit(upstream)
        self.upstream = (parts.hostname, parts.port)
        self.lock = threading.Lock()
        self.asked, self.plans, self.shut_ones = {}, {}, set()
        self.is_over = False

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1000)
        self.listener.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)  # for all of its connections, also what comes before one is accepted
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.is_over = True
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    # -- what a test says ----------------------------------------------------------------------------------------------------

    def plan(self, generation, number, what):
        """What becomes of the generation's request of that number; 0: of all of them."""
        with self.lock:
            self.plans[(generation, number)] = what

    def shut(self, generation):
        """From now on nothing is let through, neither requests nor the rest of answers."""
        with self.lock:
            self.shut_ones.add(generation)

    def open(self, generation):
        """No plan counts any more: all is let through."""
        with self.lock:
            self.shut_ones.discard(generation)
            self.plans = {k: v for k, v in self.plans.items() if k[0] != generation}

    # -- what a test asks ----------------------------------------------------------------------------------------------------

    def of(self, generation):
        with self.lock:
            return list(self.asked.get(generation, []))

    def is_at(self, generation, number):
        """The request with a plan has come so far that the plan's moment is there."""
        rows = self.of(generation)
        return len(rows) >= number and rows[number - 1].is_waiting

    # -- what it does --------------------------------------------------------------------------------------------------------

    def _accept(self):
        while not self.is_over:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client, io.BufferedReader(Timed(client)) as reader:
            asked = None
            try:
                while (asked := self._read(reader)) is not None:
                    self._answer(client, asked)
                    self._end(asked, "answered")
                    asked = None
            except OSError:
                if asked is not None:
                    self._end(asked, "closed")

    def _read(self, reader):
        reader.raw.first_at = None
        line = reader.readline()
        if not line:
            return None
        method, path, _ = line.decode().split(" ", 2)
        headers = {name.lower(): value for name, value in http.client.parse_headers(reader).items()}
        asked = Asked(reader.raw.first_at, method, path, headers, reader.read(int(headers.get("content-length", 0))))
        asked.headers = headers
        with self.lock:
            rows = self.asked.setdefault(asked.generation, [])
            rows.append(asked)
            asked.number = len(rows)
        return asked

    def _end(self, asked, end):
        asked.ended_at, asked.end = time.monotonic(), end

    def _plan_of(self, asked):
        with self.lock:
            return self.plans.get((asked.generation, asked.number)) or self.plans.get((asked.generation, 0))

    def _wait(self, client, asked, is_held):
        """Until it is held no more; OSError when the worker closes before that."""
        while is_held():
            asked.is_waiting = True
            if select.select([client], [], [], LOOK_S)[0] and not client.recv(1, socket.MSG_PEEK):
                raise OSError("closed")
            if self.is_over:
                raise OSError("over")
        asked.is_waiting = False

    def _is_shut(self, asked):
        return asked.generation in self.shut_ones

    def _answer(self, client, asked):
        if self._plan_of(asked) == FAILED:
            client.sendall(b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
            asked.was_refused = asked.is_waiting = True
            return
        self._wait(client, asked, lambda: self._is_shut(asked) or self._plan_of(asked) == HELD)
        status, reason, headers, body = self._ask(client, asked)
        kept = "".join(f"{name}: {value}\r\n" for name, value in headers if name.lower() not in ("transfer-encoding", "content-length", "connection", "keep-alive"))
        client.sendall(f"HTTP/1.1 {status} {reason}\r\n{kept}Content-Length: {len(body)}\r\n\r\n".encode())
        size = len(body) // SLICES + 1
        for n in range(SLICES):
            self._wait(client, asked, lambda n=n: self._is_shut(asked) or (n >= SLICES // 2 and self._plan_of(asked) == HALF))
            client.sendall(body[n * size:(n + 1) * size])
            time.sleep(SLICE_S)

    def _ask(self, client, asked):
        """What upstream says to it; OSError when the worker closes before that, and upstream is left then."""
        ours = ("host", "connection", "accept-encoding", "content-length", "expect", "transfer-encoding")
        head = "".join(f"{name}: {value}\r\n" for name, value in asked.headers.items() if name not in ours)
        raw = b""
        with socket.create_connection(self.upstream) as upstream:
            body = hurried(asked.body) if asked.path.startswith("/v1/") else asked.body
            upstream.sendall(f"{asked.method} {asked.path} HTTP/1.1\r\nHost: upstream\r\nConnection: close\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            while True:
                ready = select.select([client, upstream], [], [])[0]
                if client in ready and not client.recv(1, socket.MSG_PEEK):
                    raise OSError("closed")
                if upstream in ready:
                    piece = upstream.recv(65536)
                    if not piece:
                        break
                    raw += piece
        response = http.client.HTTPResponse(Said(raw))
        response.begin()
        return response.status, response.reason, response.getheaders(), response.read()


def hurried(body):
    """The same request of a model, whose answer comes all at once: how fast it goes on is the gate's business."""
    request = json.loads(body)
    for message in reversed(request["messages"]):
        if message["role"] == "user" and isinstance(message["content"], str):
            if not message["content"].startswith("!sim"):
                message["content"] = "!sim delay_ms=0 " + message["content"]
            break
    return json.dumps(request).encode()


class Timed(io.RawIOBase):
    """A socket to read from, and when the kernel had its first bytes: a busy test looks later. Of a request whose connection is closed before it is read it is the moment of
    that: never too early."""

    def __init__(self, sock):
        self.sock, self.first_at = sock, None

    def readable(self):
        return True

    def readinto(self, buffer):
        count, told, *_ = self.sock.recvmsg_into([buffer], 64)
        if self.first_at is None:
            stamps = [struct.unpack("qq", data) for level, kind, data in told if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS)]
            self.first_at = stamps[0][0] + stamps[0][1] / 1e9 - WALL_S if stamps else time.monotonic()
        return count


class Said:
    """Bytes, as a socket to read from."""

    def __init__(self, raw):
        self.raw = raw

    def makefile(self, _mode):
        return io.BytesIO(self.raw)
