"""F19 in short: the HTTP edge against raw bytes. What is malformed gets its status, the connection is closed, and no second request is ever served; what is legal is answered.
Then whoever pipelines, does not read, leaves at any byte, or asks oddly: bounded, answered clearly, nothing left behind."""
import json
import os
import re
import socket
import struct
import time
import urllib.parse

import pytest

from support.client import Stream, in_background, request
from support.crowd import Crowd, read
from support.http_corpus import CLOSE, GET, HOST, LEGAL, MALFORMED
from support.processes import PATIENCE_S, wait_until
from support.stack import Stack

SILENCE_S = 0.03  # a connection that stays is silent
GROSS_S = 15  # what is answered within a second, on a busy machine


def connect(stack, receive_bytes=None):
    s = socket.socket()
    if receive_bytes:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    s.settimeout(PATIENCE_S)
    s.connect(("127.0.0.1", urllib.parse.urlsplit(stack.api_processes[0].url).port))
    return s


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def statuses_of(answer):
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


def raw(stack, data, wanted=None, half_close=False):
    """(statuses, is it closed, bytes). Reads to the end of the connection, or `wanted` answers and then silence."""
    answer = b""
    with connect(stack) as s:
        try:
            s.sendall(data)
            if half_close:
                s.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it refused before all was sent: what it said is read
        while True:
            is_enough = wanted is not None and len(statuses_of(answer)) >= wanted
            s.settimeout(SILENCE_S if is_enough else PATIENCE_S)
            try:
                piece = s.recv(65536)
            except TimeoutError:
                return statuses_of(answer), False, answer
            except ConnectionResetError:
                piece = b""
            if not piece:
                return statuses_of(answer), True, answer
            answer += piece


def ask(stack, method, path, *fields, body=b""):
    """(status, parsed JSON or bytes) of one request, its connection closed."""
    head = f"{method} {path} HTTP/1.1\r\n".encode() + HOST + b"".join(f.encode("latin-1") + b"\r\n" for f in fields)
    head += b"Content-Length: %d\r\n" % len(body) if body else b""
    statuses, closed, answer = raw(stack, head + CLOSE + body)
    assert closed and len(statuses) == 1, (path, statuses)
    text = answer.partition(b"\r\n\r\n")[2]
    return statuses[0], json.loads(text) if b"application/json" in answer and text else text


def metric(stack, name):
    return stack.metrics(stack.api_processes[0])[name]


# -- the corpus --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("group", MALFORMED)
def test_malformed_is_refused_and_closed(stack, group):
    canary = GET + b"\r\n"
    before = metric(stack, "sluice_http_requests_total")
    wrong = []
    for status, name, data in MALFORMED[group]:
        statuses, closed, answer = raw(stack, data + canary)
        error = json.loads(answer.partition(b"\r\n\r\n")[2] or b"null") if closed else None
        if statuses != [status] or not closed or not error["error"]["message"] or b"\r\nConnection: close\r\n" not in answer:
            wrong.append((name, status, statuses, closed, data[:120]))
    assert not wrong, f"(row, wanted, got, closed, request): {wrong}"
    handled = 1 + sum(status == 501 for status, _, _ in MALFORMED[group])  # the question itself; methods whose syntax is fine
    assert metric(stack, "sluice_http_requests_total") == before + handled
    print(f"{len(MALFORMED[group])} rows")


def test_legal_is_answered(stack):
    wrong = []
    for expected, stays, name, data in LEGAL:
        statuses, closed, _ = raw(stack, data, wanted=len(expected) if stays else None)
        if statuses != expected or closed == stays:
            wrong.append((name, expected, statuses, closed, data[:120]))
    assert not wrong, f"(row, wanted, got, closed, request): {wrong}"
    many = raw(stack, (GET + b"\r\n") * 500, wanted=500)
    assert many[0] == [200] * 500 and not many[1]
    assert len(LEGAL) >= 100 and sum(len(rows) for rows in MALFORMED.values()) >= 400


def test_methods_by_path(stack):
    paths = {"/v1/chats": "POST, GET, HEAD", "/v1/chats/x/messages": "POST", "/v1/chats/x/stop": "POST", "/v1/chats/x/stream": "GET, HEAD", "/v1/generations": "POST"}
    paths |= {"/v1/generations/x/stop": "POST", "/v1/generations/x/stream": "GET, HEAD", "/v1/models": "GET, HEAD", "/readyz": "GET, HEAD"}
    for path, allowed in paths.items():
        for method in ("GET", "HEAD", "PUT", "OPTIONS", "TRACE", "CONNECT"):
            statuses, _, answer = raw(stack, f"{method} {path} HTTP/1.1\r\n".encode() + HOST + CLOSE)
            if method in ("TRACE", "CONNECT"):
                assert statuses == [501]
            elif method in allowed:
                assert statuses[0] in (200, 204, 404)
            else:
                assert statuses == [204 if method == "OPTIONS" else 405] and f"\r\nAllow: {allowed}\r\n".encode() in answer, (method, path)
            if method == "HEAD":
                assert answer.endswith(b"\r\n\r\n") and answer.count(b"\r\n\r\n") == 1, path
    assert ask(stack, "OPTIONS", "/nowhere")[0] == 404


# -- pipelining, clients that do not read, clients that leave --------------------------------------------------------------------


def test_half_closed_behind_pipelined_requests(stack):
    chats = b"GET /v1/chats HTTP/1.1\r\n" + HOST + b"\r\n"  # asks Redis
    statuses, closed, _ = raw(stack, (chats + GET + b"\r\n") * 20, half_close=True)
    assert statuses == [200] * 40 and closed


def test_pipelined_behind_a_stream_is_not_served(stack):
    body = b'{"message":"!sim tokens=5000 delay_ms=20","on_disconnect":"continue"}'
    post = b"POST /v1/chats HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    for count in (1, 300, 1500):
        began = time.monotonic()
        statuses, closed, answer = raw(stack, post + (GET + b"\r\n") * count)
        assert statuses == [200] and closed and time.monotonic() - began < PATIENCE_S, (count, statuses)
        assert b"text/event-stream" in answer and b'"ok"' not in answer
        generation = re.search(rb"Sluice-Generation-Id: (\S+)", answer).group(1).decode()
        assert stack.api().stop(generation)[1]["outcome"] == "stopped"


def test_unread_answers_are_bounded(stack):
    api = stack.api()
    chat = api.new_chat("!sim tokens=1 " + "x" * 250_000)
    chat.read_all()
    ask_all = (f"GET /v1/chats/{chat.chat} HTTP/1.1\r\n".encode() + HOST + b"\r\n") * 60
    before = stack.api_processes[0].memory_kb()
    sockets = [connect(stack, receive_bytes=4096) for _ in range(10)]
    for s in sockets:
        s.sendall(ask_all)
    time.sleep(1.5)
    grown = stack.api_processes[0].memory_kb() - before
    print(f"600 unread answers of 250 kB: the API grew by {grown} kB")
    assert grown < 16 * 1024
    assert api.get("/readyz")[0] == 200
    for s in sockets[1:]:
        reset(s)
    sockets[0].shutdown(socket.SHUT_WR)
    heard = 0
    while piece := sockets[0].recv(1 << 20):
        heard += len(piece)
    sockets[0].close()
    assert heard > 60 * 250_000, "whoever reads in the end gets everything"


def test_leaving_at_any_byte(stack):
    process, body = stack.api_processes[0], b'{"message":"!sim tokens=2"}'
    stack.api().new_chat("!sim tokens=2").read_all()

    def open_files():
        return len(os.listdir(f"/proc/{process.pid}/fd"))

    files, memory = open_files(), process.memory_kb()
    requests = [b"POST /v1/chats HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body]
    requests += [f"{line} HTTP/1.1\r\n".encode() + HOST + b"\r\n" for line in ("GET /v1/chats", "GET /readyz", "GET /v1/generations/no-such/stream", "POST /v1/chats/no-such/stop")]
    for data in requests:
        for leave in (socket.socket.close, reset, lambda s: s.shutdown(socket.SHUT_WR)):
            kept = []
            for length in [*range(1, len(data), 11), len(data), len(data)]:
                s = connect(stack)
                s.sendall(data[:length])
                leave(s)
                kept.append(s)
            wait_until(lambda: metric(stack, "sluice_http_connections") <= 1 + len(kept), "connections to go")
            for s in kept:
                s.close()
    wait_until(lambda: open_files() <= files and metric(stack, "sluice_http_streams") == 0, "descriptors and streams to go")
    assert process.memory_kb() - memory < 8 * 1024


def test_many_readers_from_one_loopback_address(stack):
    """A proxy on this machine stands for everybody: no cap of its own."""
    stream = stack.api().new_chat("!sim tokens=5000 delay_ms=50", on_disconnect="continue")
    stream.until("delta")
    before = stack.api_processes[0].memory_kb()
    with Crowd(stack.api().url) as crowd:
        crowd.add_all([(read(stream.generation), "idle")] * 400, PATIENCE_S)
        assert crowd.statuses() == {200: 400} and crowd.over() == 0
        print(f"400 readers: {(stack.api_processes[0].memory_kb() - before) / 400:.1f} kB each (with sanitizers)")
    assert stack.api().stop(stream.generation)[1]["outcome"] == "stopped"
    wait_until(lambda: metric(stack, "sluice_http_streams") <= 1, "the streams to go")


# -- names, cursors, keys ------------------------------------------------------------------------------------------------------


def test_only_loopback_names_and_own_pages(stack):
    port = urllib.parse.urlsplit(stack.api().url).port
    own = {"127.0.0.1": 200, "127.0.0.1:80": 200, "LocalHost:1": 200, "[::1]": 200, "127.9.9.9": 200}
    foreign = "127.0.0.1.evil 127.0.0.1.evil.com:80 localhost. localhost.evil a.localhost evil.com [::2] [::] [::ffff:127.0.0.1] 127.1 0x7f000001 2130706433 0.0.0.0 128.0.0.1".split()
    for host, status in (own | dict.fromkeys(foreign, 403)).items():
        assert raw(stack, f"GET /livez HTTP/1.1\r\nHost: {host}\r\n".encode() + CLOSE)[0] == [status], host
    origins = dict.fromkeys([f"http://127.0.0.1:{port}", f"http://localhost:{port}", f"http://[::1]:{port}"], 200)
    origins |= dict.fromkeys(["null", "", "http://127.0.0.1", f"https://127.0.0.1:{port}", f"http://127.0.0.1:{port}.evil", f"http://127.0.0.1.evil:{port}", "file://"], 403)
    origins |= dict.fromkeys(["http://evil.com", f"http://localhost.:{port}", f"http://evil@127.0.0.1:{port}", f"http://127.0.0.1:{port}, http://evil.com"], 403)
    for origin, status in origins.items():
        assert raw(stack, f"GET /livez HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: {origin}\r\n".encode() + CLOSE)[0] == [status], origin


def test_odd_ids(stack):
    bad = ["a" * 129, "%2F", "a%2Fb", "%00", "a%00", ".", "..", "...", "%2e%2e", "a+b", "a%20b", "%c3%a9", "%ff", "a%25", "~", "a;b", "*", "%0d%0aX:1"]
    rows = dict.fromkeys(bad, 400) | dict.fromkeys(["a/b", "a//b", ""], 404) | dict.fromkeys(["a" * 128, "a.b", "%41bc", "a:b_c-d"], 404)
    for text, status in rows.items():
        for path in ("/v1/chats/%s", "/v1/generations/%s", "/v1/generations/%s/stream"):
            got, answer = ask(stack, "GET", path.replace("%s", text))
            assert got == status and answer["error"]["code"] in ("bad_request", "not_found"), (path, text)


def test_odd_cursors_and_queries(stack):
    stream = stack.api().new_chat("!sim tokens=2")
    last = stream.read_all()[-1].id
    path = f"/v1/generations/{stream.generation}/stream"
    good = {"0": 200, "00": 200, str(last - 1): 200, str(last): 204, str(last + 1): 204, str(2**53 - 1): 204}
    bad = ["-1", "+1", "abc", "1.0", "0x1", "1, 2", "1 2", "\xff", str(2**53), str(2**63 - 1), str(2**63), "9" * 30]
    for cursor, status in (good | dict.fromkeys(bad, 400)).items():
        assert ask(stack, "GET", path, f"Last-Event-ID: {cursor}")[0] == status, cursor
        assert ask(stack, "GET", f"{path}?after={urllib.parse.quote(cursor, encoding='latin-1')}")[0] == status, cursor
    assert ask(stack, "GET", f"{path}?after=1", f"Last-Event-ID: {last}")[0] == 204, "the header wins: a browser reconnects with the first URL"
    assert ask(stack, "GET", f"{path}?after={last}", "Last-Event-ID:")[0] == 204
    assert ask(stack, "GET", path, "Last-Event-ID: 1", "Last-Event-ID: 2")[0] == 400
    many = "&".join(f"p{n}" for n in range(17))
    for query in ("after=", "after", "after=1&after=1", "after=1&%61fter=2", "after=1&evil=1", "%ff=1", "%c3%a9%00", many, "a" * 5000, "%C3" * 70, "limit=1"):
        status, answer = ask(stack, "GET", f"{path}?{query}")
        assert status == 400 and answer["error"]["code"] == "bad_request", query


def test_a_cursor_beyond_a_running_log_is_told(stack):
    for cursor in (1000, 2**53 - 1):
        stream = stack.api().new_chat("!sim tokens=5000 delay_ms=30", on_disconnect="continue")
        stream.until("delta")
        again = stack.api().stream(stream.generation, last_id=cursor)
        assert again.next().type == "rewound" and stack.api().stop(stream.generation)[1]["outcome"] == "stopped"
        assert again.read_all()[-1].type == "stopped"
        stream.close()


def test_odd_idempotency_keys(stack):
    body = b'{"message":"!sim tokens=1"}'
    good = ["a" * 128, "a,b", '"q"', "../x", "{}", "%00", ":" * 128]
    for key, status in (dict.fromkeys(good, 200) | dict.fromkeys(["", "a" * 129, "a b", "a\tb", "\xe9"], 400)).items():
        fields = ("Content-Type: application/json", f"Idempotency-Key: {key}")
        assert ask(stack, "POST", "/v1/chats", *fields, body=body)[0] == status, key
    assert ask(stack, "POST", "/v1/chats", "Content-Type: application/json", "Idempotency-Key: a", "Idempotency-Key: a", body=body)[0] == 400


def test_odd_bodies(stack):
    for kind in ("application/jsonx", "text/plain", "text/json", "application/json, text/plain", "multipart/form-data", ""):
        assert ask(stack, "POST", "/v1/chats", f"Content-Type: {kind}", body=b"{}")[0] == 415, kind
    assert ask(stack, "POST", "/v1/chats", body=b"{}")[0] == 415
    bombs = [b"[" * 500_000, b'{"a":' * 150_000, b'{"metadata":' + b"[" * 32 + b"]" * 32 + b"}", b'{"message":"a","mess\\u0061ge":"b"}', b'{"message":"x","params":{"seed":1e999}}']
    bombs += [b'{"message":"x","params":{"seed":' + b"1" * 1000 + b"}}", b'{"message":"a\\u0000b"}', b'{"message":"a\x00b"}', b'{"message":"\\ud800"}', b'{"message":"\xed\xa0\x80"}']
    bombs += [b'{"message":"\xff"}', b'{"message":"\xc0\xaf"}', b" " * 2**20, b"null", b"[]", b'{"message":"x"}{}', b"\xef\xbb\xbf{}", b'{"message":NaN}', b"[" + b"1," * 200_000 + b"1]"]
    bombs += [('{"' + "é" * 200 + '":1}').encode(), b'{"\\u0001\\"<>":1}', b'{"":1}', b'{"message":"' + b"x" * (256 * 1024 + 1) + b'"}']
    bombs += [b"{" + b",".join(b'"a%d":1' % n for n in range(60_000)) + b"}"]
    for bomb in bombs:
        began = time.monotonic()
        status, answer = ask(stack, "POST", "/v1/chats", "Content-Type: application/json", body=bomb)
        assert status == 400 and answer["error"]["code"] == "bad_request" and time.monotonic() - began < GROSS_S, bomb[:60]
    body = b'{"message":"!sim tokens=1"}'.ljust(300_000)
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    answer = raw(stack, b"POST /v1/chats HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)[2]
    assert b"event: done\n" in answer, "in chunks of one byte"


# -- proxies, metrics ------------------------------------------------------------------------------------------------------------


def test_clients_of_a_trusted_proxy_are_counted():
    """Two hundred requests under way are one client's share; the proxy's connections and its other clients go on."""
    with Stack(workers=0, env={"SLUICE_API_TRUSTED_PROXIES": "127.0.0.0/8"}) as stack:
        stream = stack.api().new_chat("!sim tokens=1", on_disconnect="continue")
        read = f"GET /v1/generations/{stream.generation}/stream HTTP/1.1\r\n".encode() + HOST

        def one(client):
            while True:
                s = connect(stack)
                s.sendall(read + b"X-Forwarded-For: 6.6.6.6, %s\r\n\r\n" % client)
                status = int(s.recv(12).split()[1])
                if status != 503:  # a busy machine's: to be asked again
                    return s, status
                s.close()

        held = [one(b"8.8.8.8") for _ in range(200)]
        assert {status for _, status in held} == {200}
        refused, status = one(b"8.8.8.8")
        assert status == 429 and b"\r\nRetry-After: 1\r\n" in refused.recv(4096)
        other, status = one(b"9.9.9.9")
        assert status == 200
        reset(held[0][0])
        wait_until(lambda: one(b"8.8.8.8")[1] == 200, "room for one more")
        for s in [refused, other] + [s for s, _ in held[1:]]:
            reset(s)


def test_worker_metrics_are_no_web_pages(stack):
    port = int(re.search(r"metrics=127\.0\.0\.1:(\d+)", stack.worker_processes[0].wait_log(r"worker\.ready.*").group(0)).group(1))
    for host, status in {"127.0.0.1": 200, f"localhost:{port}": 200, "evil.example": 403, f"a.localhost:{port}": 403}.items():
        answer = b""
        with socket.create_connection(("127.0.0.1", port)) as s:
            s.sendall(f"GET /metrics HTTP/1.1\r\nHost: {host}\r\n".encode() + CLOSE)
            while piece := s.recv(65536):
                answer += piece
        assert statuses_of(answer) == [status], host


# -- Redis away, the end ---------------------------------------------------------------------------------------------------------


def test_redis_away_then_the_end():
    """Each route that needs Redis answers 503 with Retry-After within a second or so of Redis freezing; the process ends in peace with a stream and half a request open."""
    message, turn = {"message": "x"}, {"messages": [{"role": "user", "content": "x"}]}
    calls = [("GET", path, None) for path in ("/v1/chats", "/v1/chats/x", "/v1/chats/x/stream", "/v1/generations/x", "/v1/generations/x/stream", "/readyz")]
    calls += [("POST", path, {}) for path in ("/v1/chats/x/stop", "/v1/generations/x/stop")]
    calls += [("POST", path, message) for path in ("/v1/chats", "/v1/chats/x/messages")] + [("POST", "/v1/generations", turn)]
    with Stack() as stack:
        url, process = stack.api().url, stack.api_processes[0]

        def timed(method, path, body):
            began = time.monotonic()
            status, headers, _ = request(method, url + path, body)
            return path, status, headers.get("Retry-After"), time.monotonic() - began

        stack.redis_process.signal(19)  # SIGSTOP
        answers = [call.result() for call in [in_background(timed, *call) for call in calls]]
        stack.redis_process.signal(18)  # SIGCONT
        print(f"slowest 503: {max(a[3] for a in answers):.2f} s")
        for path, status, retry_after, seconds in answers:
            assert status == 503 and retry_after == "1" and seconds < GROSS_S, (path, status, retry_after, seconds)
        wait_until(lambda: stack.is_ready(url), "the API to be ready again")
        stream = Stream("POST", url + "/v1/chats", {"message": "!sim tokens=1000 delay_ms=20", "on_disconnect": "continue"})
        stream.until("delta")
        stack.api().stop(stream.generation)
        stream.read_all()
        with connect(stack) as half:
            half.sendall(GET)
            wait_until(lambda: metric(stack, "sluice_http_connections") >= 2, "it and the question itself")
            process.signal(15)
            assert b" 503 " in half.recv(4096), "half a request has a second"
            assert half.recv(4096) == b""
            assert process.wait() == 0
