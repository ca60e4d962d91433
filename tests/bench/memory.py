"""Memory of the API under readers that only wait, that never read, and that never stop talking."""
import http.client
import json
import select
import socket
import time

from bench.servers import PROMPT


def dial(system, source):
    s = socket.socket()
    s.bind((source, 0))
    host, port = system.address.split(":")
    s.connect((host, int(port)))
    return s


def source(index):
    """Many addresses, so that neither ports nor limits per address are what is measured."""
    return f"127.0.0.{1 + index % 64}"


def start(system, generation, **prompt):
    """A generation that outlives its reader; the reader's socket, its answer begun."""
    body = json.dumps({"message": PROMPT.format(**prompt), "generation_id": generation, "on_disconnect": "continue"})
    s = dial(system, source(0))
    s.sendall(f"POST {system.path} HTTP/1.1\r\nHost: {system.address}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
    assert b" 200 " in s.recv(1024).split(b"\r\n")[0]
    return s


def read_along(system, generation, index):
    s = dial(system, source(index))
    s.sendall(f"GET /v1/generations/{generation}/stream HTTP/1.1\r\nHost: {system.address}\r\nUser-Agent: {'x' * 400}\r\n\r\n".encode())
    return s


def stop(system, generation):
    connection = http.client.HTTPConnection(system.address, timeout=10)
    connection.request("POST", f"/v1/generations/{generation}/stop", "{}", {"Content-Type": "application/json"})
    connection.getresponse().read()
    connection.close()


def read_all(sockets, is_enough, patience_s):
    """Reads whatever comes until is_enough(bytes of each socket)."""
    poller, got, end = select.epoll(), {s.fileno(): 0 for s in sockets}, time.monotonic() + patience_s
    by_fd = {s.fileno(): s for s in sockets}
    for s in sockets:
        s.setblocking(False)
        poller.register(s, select.EPOLLIN)
    while time.monotonic() < end and not is_enough(got):
        for fd, _ in poller.poll(0.1):
            data = by_fd[fd].recv(65536)
            got[fd] += len(data)
            if not data:
                poller.unregister(fd)
    poller.close()
    return got


def idle_readers(system, count):
    """Bytes of the API's own memory for each reader of an answer that has not begun."""
    generations = [f"idle{i}" for i in range(10)]
    sockets = [start(system, g, tokens=1, delay_ms=0, first_ms=600000) for g in generations]
    before = system.memory_kb("api")
    readers = []
    for i in range(0, count, 500):
        batch = [read_along(system, generations[n % 10], n) for n in range(i, min(i + 500, count))]
        read_all(batch, lambda got: all(n > 0 for n in got.values()), 30)
        readers += batch
    after = system.memory_kb("api")
    for s in readers + sockets:
        s.close()
    for g in generations:
        stop(system, g)
    return {"readers": len(readers), "kb": (after - before) / len(readers)}


def hostile_clients(system, count=20):
    """Growth of the API's memory by readers that never read a flood, and by one that sends 64 MiB into its stream."""
    flood = start(system, "flood", tokens=400000, delay_ms=0, first_ms=500)
    before = peak = system.memory_kb("api")
    stalled = [read_along(system, "flood", i) for i in range(count)]
    end = time.monotonic() + 3
    flood.setblocking(False)
    while time.monotonic() < end:
        select.select([flood], [], [], 0.05)
        try:
            flood.recv(1 << 20)
        except BlockingIOError:
            pass
        peak = max(peak, system.memory_kb("api"))
    for s in stalled + [flood]:
        s.close()
    stop(system, "flood")
    return {"stalled_kb": (peak - before) / count, "talker_kb": talker(system)}


def talker(system):
    s = start(system, "talker", tokens=1, delay_ms=0, first_ms=600000)
    before = system.memory_kb("api")
    s.settimeout(2)
    try:
        for _ in range(64):
            s.sendall(b"x" * (1 << 20))
    except OSError:
        pass  # it was thrown out, as it should be
    growth = system.memory_kb("api") - before
    s.close()
    stop(system, "talker")
    return growth
