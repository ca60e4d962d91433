"""Thousands of HTTP clients on one thread: readers of event streams that read, read slowly or do not read, and senders that send slowly."""
import json
import pathlib
import random
import re
import selectors
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from support.http_corpus import HOST  # noqa: E402
from support.processes import wait_until  # noqa: E402

CLOCK = re.compile(rb"@(\d+)")  # a busy worker puts tokens together
TICK_S = 0.25  # what slow clients do, they do this often


class Member:
    def __init__(self, sock, mode):
        self.sock, self.mode, self.head, self.is_over, self.tail = sock, mode, b"", False, b""
        self.began, self.ended = time.monotonic(), None


class Crowd:
    """Use as a context manager. Modes: `idle` reads what comes; `clock` reads tokens of text=clock and keeps how late each was (lateness, in ms); `slow` reads 25 bytes each
    quarter of a second; `stalled` never reads; `drip` sends a byte of `more` each quarter of a second and reads what is said."""

    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        self.address = (parts.hostname, parts.port)
        self.selector = selectors.DefaultSelector()
        self.members, self.slow, self.lateness = [], [], []
        self.lock = threading.Lock()
        self.is_done = False
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_done = True
        self.thread.join(30)
        for member in self.members:
            member.sock.close()
        self.selector.close()

    def add(self, request, mode="idle", more=None):
        sock = socket.socket()
        if mode in ("slow", "stalled"):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        sock.settimeout(30)
        sock.connect(self.address)
        sock.sendall(request)
        sock.setblocking(False)
        member = Member(sock, mode)
        member.more = more
        with self.lock:
            self.members.append(member)
            if mode in ("slow", "drip"):
                self.slow.append(member)
            if mode != "stalled" and mode != "slow":
                self.selector.register(sock, selectors.EVENT_READ, member)
        return member

    def add_all(self, requests, timeout):
        """Adds (request, mode) pairs, a hundred at a time: each must be answered before the next come. Who got 503, as on a busy machine,
        asks again."""
        end, left = time.monotonic() + timeout, list(requests)
        while left:
            now, left = left[:100], left[100:]
            fresh = [self.add(request, mode) for request, mode in now]
            wait_until(lambda: all(self._is_answered(m) for m in fresh), "a hundred answers", end - time.monotonic())
            for member, pair in zip(fresh, now):
                if member.head[9:12] == b"503":
                    self._drop(member)
                    left.append(pair)

    def _is_answered(self, member):
        if member.mode == "stalled":  # which leaves what it looks at
            try:
                member.head = member.sock.recv(12, socket.MSG_PEEK)
            except BlockingIOError:
                pass
        return len(member.head) >= 12

    def _drop(self, member):
        self._leave(member)
        self.members.remove(member)
        member.sock.close()

    def statuses(self):
        """{status: how many}; 0: none yet."""
        counts = {}
        for member in self.members:
            status = int(member.head[9:12]) if len(member.head) >= 12 else 0
            counts[status] = counts.get(status, 0) + 1
        return counts

    def over(self):
        return sum(member.is_over for member in self.members)

    def _leave(self, member):
        with self.lock:
            if member.is_over:
                return
            member.is_over, member.ended = True, time.monotonic()
            if member.mode not in ("slow", "stalled"):
                self.selector.unregister(member.sock)
            if member in self.slow:
                self.slow.remove(member)

    def _read(self, member, most):
        try:
            piece = member.sock.recv(most)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        if not piece:
            self._leave(member)
            return
        if len(member.head) < 12:
            member.head += piece[:64]
        if member.mode == "clock":
            now = time.monotonic_ns() // 1000
            text = member.tail + piece
            end = 0
            for match in CLOCK.finditer(text):
                if match.end() < len(text):  # the number is whole
                    self.lateness.append((now - int(match.group(1))) / 1000)
                    end = match.end()
            member.tail = text[max(end, len(text) - 40):]

    def _tick(self):
        with self.lock:
            slow = list(self.slow)
        for member in slow:
            if member.mode == "slow":
                self._read(member, 25)
                continue
            try:
                member.sock.send(member.more)
            except OSError:
                pass  # it was told, or will be, why

    def _run(self):
        due = time.monotonic() + TICK_S
        while not self.is_done:
            with self.lock:
                is_empty = not self.selector.get_map()
            events = [] if is_empty else self.selector.select(0.05)
            if is_empty:
                time.sleep(0.05)
            for key, _ in events:
                self._read(key.data, 65536)
            if time.monotonic() >= due:
                due += TICK_S
                self._tick()


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))]


def shuffled(values, seed=1):
    values = list(values)
    random.Random(seed).shuffle(values)
    return values


def post(message):
    body = b'{"message":"%s","on_disconnect":"continue"}' % message
    return b"POST /v1/chats HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def read(generation):
    return b"GET /v1/generations/%s/stream HTTP/1.1\r\n" % generation.encode() + HOST + b"\r\n"


def lateness(url, seconds, streams=20):
    """p50 and p99 of how late tokens are, in ms, from their making in the provider to a client of the API. The clients are a process of their own: a crowd in this one does not
    count as lateness."""
    output = subprocess.run([sys.executable, __file__, url, str(seconds), str(streams)], check=True, capture_output=True, timeout=300).stdout
    return json.loads(output)


def measure(url, seconds, streams):
    with Crowd(url) as crowd:
        crowd.add_all([(post(b"!sim tokens=%d delay_ms=50 text=clock" % (seconds * 20)), "clock")] * streams, 60)
        wait_until(lambda: crowd.over() == streams, "the measured streams to end", 60 + seconds)
        assert crowd.statuses() == {200: streams} and len(crowd.lateness) == streams * seconds * 20
        return [percentile(crowd.lateness, share) for share in (0.5, 0.99)]


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
