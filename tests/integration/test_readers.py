"""Readers: any number, cut at any moment, resuming by Last-Event-ID over any API process; every token once and in order; those that never read bounded."""
import random
import socket
import time
import urllib.parse
import uuid

from support.client import TERMINAL, Stream, in_background, text_of
from support.processes import wait_until
from support.stack import Stack


def new_id(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def assert_whole(events, tokens):
    """Self-describing tokens 0..tokens-1 once and in order; seqs without a gap; one terminal event at the end."""
    assert [e.id for e in events] == list(range(1, len(events) + 1))
    words = text_of(events).split()
    assert [int(w.split(":")[1]) for w in words] == list(range(tokens))
    assert len({w.split(":")[0] for w in words}) == 1
    assert [e.type for e in events if e.type in TERMINAL] == ["done"] and events[-1].type == "done"


def read_with_cuts(stack, generation, rng, last_id=None):
    """Reads a generation to its end, leaving at random moments and resuming, at a random API process that is alive."""
    events, cuts = [], 0
    while not events or events[-1].type not in TERMINAL:
        api = rng.choice([p for p in stack.api_processes if p.is_alive()])
        try:
            stream = Stream("GET", f"{api.url}/v1/generations/{generation}/stream", headers={"Last-Event-ID": str(events[-1].id)} if events else {})
        except OSError:
            time.sleep(0.05)
            continue
        if stream.status == 503:
            time.sleep(0.1)
            continue
        assert stream.status == 200, (stream.status, stream.error)
        leave_after = rng.randrange(1, 60)
        for event in stream:
            events.append(event)
            if len(stream.events) >= leave_after:
                stream.reset() if rng.random() < 0.5 else stream.close()
                cuts += 1
                break
    return events, cuts


def test_cut_readers_miss_nothing_and_see_nothing_twice():
    rng = random.Random(7)
    with Stack(apis=2) as stack:
        streams = []
        for _ in range(10):
            stream = stack.api(rng.randrange(2)).new_chat("!sim tokens=600 delay_ms=8 text=self", on_disconnect="continue")
            assert stream.status == 200
            streams.append(stream)
        generations = [s.generation for s in streams]
        readers = [in_background(read_with_cuts, stack, g, random.Random(n)) for n in range(3) for g in generations]
        for s in streams:
            s.close()
        time.sleep(1.5)
        stack.api_processes[1].kill()
        results = [r.result(90) for r in readers]
        for events, _ in results:
            assert_whole(events, 600)
        print(f"figure: {len(results)} readers, {sum(c for _, c in results)} cuts, one API process killed")


def test_late_readers_get_the_whole_log(stack):
    api = stack.api()
    first = api.new_chat("!sim tokens=50 text=self")
    first.read_all()
    assert_whole(first.events, 50)
    again = api.stream(first.generation)
    assert [e.data for e in again.read_all()] == [e.data for e in first.events]
    tail = api.stream(first.generation, last_id=20)
    assert [e.id for e in tail.read_all()] == list(range(21, first.events[-1].id + 1))
    assert api.stream(first.generation, query="?after=20").read_all()[0].id == 21
    assert api.stream(first.generation, last_id=first.events[-1].id).status == 204
    assert api.stream(new_id("gen")).status == 404


def test_the_chat_stream_is_what_runs_now(stack):
    api = stack.api()
    chat = new_id("chat")
    assert api.stream(chat=chat).status == 204, "never 404"
    stream = api.message(chat, "!sim tokens=200 delay_ms=20 text=self", on_disconnect="continue")
    stream.until("delta")
    active = api.stream(chat=chat)
    other = api.stream(chat=chat, last_id=3)
    same = api.stream(chat=chat, last_id=3, query=f"?generation_id={stream.generation}")
    assert_whole(active.read_all(), 200)
    assert other.read_all()[0].id == 1, "a cursor counts only with its generation"
    assert same.read_all()[0].id == 4
    stream.read_all()
    assert api.stream(chat=chat).status == 204


def test_a_gone_log_is_told(stack):
    api = stack.api()
    stream = api.new_chat("!sim tokens=2")
    stream.read_all()
    stack.redis.delete(*stack.redis.keys(f"*log:*{stream.generation}"))
    answer = api.stream(stream.generation)
    assert answer.status == 410 and answer.json["error"]["code"] == "gone"


def test_a_reader_that_never_reads_costs_no_memory():
    with Stack(env={"SLUICE_LIMITS_SSE_STALL": "60s"}) as stack:
        api = stack.api()
        warm = api.new_chat("!sim tokens=3000 delay_ms=0")
        warm.read_all()
        before = stack.api_processes[0].memory_kb()
        parts = urllib.parse.urlsplit(api.url)
        sockets = []
        for _ in range(20):
            stream = api.new_chat("!sim tokens=9000 delay_ms=0", on_disconnect="continue", params={"max_tokens": 9000})
            generation = stream.generation
            stream.close()
            s = socket.create_connection((parts.hostname, parts.port))
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.sendall(f"GET /v1/generations/{generation}/stream HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
            sockets.append((s, generation))
        for _, generation in sockets:
            wait_until(lambda g=generation: api.generation(g)[1]["state"] in TERMINAL, "the generation's end", 200)
        grown = stack.api_processes[0].memory_kb() - before
        print(f"figure: 20 readers that never read: the API grew by {grown} kB")
        assert grown < 20 * 1024
        for s, _ in sockets:
            s.close()


def test_whoever_sends_on_a_stream_or_leaves_is_noticed(stack):
    """F17: data, half-close, RST, leaving while queued."""
    api = stack.api()
    process = stack.api_processes[0]

    def streams():
        return stack.metrics(process)["sluice_http_streams"]

    wait_until(lambda: streams() == 0, "the streams before it to go")
    ways = {
        "data": lambda s: s.sock.sendall(b"GET / HTTP/1.1\r\n"),
        "half-close": lambda s: s.sock.shutdown(socket.SHUT_WR),
        "reset": lambda s: s.reset(),
        "close": lambda s: s.close(),
    }
    for name, leave in ways.items():
        stream = api.new_chat("!sim tokens=5000 delay_ms=50", on_disconnect="continue")
        stream.until("started")
        assert streams() == 1
        began = time.monotonic()
        leave(stream)
        wait_until(lambda: streams() == 0, f"{name} to be noticed", interval=0.005)
        print(f"figure: {name}: noticed after {(time.monotonic() - began) * 1000:.0f} ms")
        assert api.stop(stream.generation)[1]["outcome"] == "stopped"


def test_a_flooding_client_on_a_stream_costs_no_memory(stack):
    api = stack.api()
    stream = api.new_chat("!sim tokens=500 delay_ms=50", on_disconnect="continue")
    stream.until("started")
    before = stack.api_processes[0].memory_kb()
    try:
        for _ in range(200):
            stream.sock.sendall(b"x" * 65536)
    except OSError:
        pass
    assert stack.api_processes[0].memory_kb() - before < 4096
    api.stop(stream.generation)


def test_leaving_a_new_chat_stops_it_after_the_grace():
    with Stack(apis=2, env={"SLUICE_LIMITS_DISCONNECT_GRACE": "3s"}) as stack:
        left = stack.api(0).new_chat("!sim tokens=5000 delay_ms=20")
        left.until("delta")
        left.close()
        row = stack.wait_provider_closed(left.generation)[0]
        assert row["end"] == "client_closed"
        assert stack.api(0).generation(left.generation)[1]["reason"] == "disconnect"

        came_back = stack.api(0).new_chat("!sim tokens=150 delay_ms=20 text=self")
        came_back.until("delta")
        came_back.close()
        again = stack.api(1).stream(came_back.generation)
        assert_whole(again.read_all(), 150)

        killed = stack.api(1).new_chat("!sim tokens=5000 delay_ms=20")
        killed.until("delta")
        began = time.monotonic()
        stack.api_processes[1].kill()
        row = stack.wait_provider_closed(killed.generation)[0]
        print(f"figure: API killed with its client: provider closed after {time.monotonic() - began:.1f} s (grace 3 s)")
        assert row["end"] == "client_closed"

        known = stack.api(0).new_chat("!sim tokens=1")
        known.read_all()
        stays = stack.api(0).message(known.chat, "!sim tokens=200 delay_ms=25 text=self")
        stays.until("delta")
        stays.close()
        time.sleep(3.5)  # longer than the grace
        assert_whole(stack.api(0).stream(stays.generation).read_all(), 200)


def test_readers_survive_redis_being_away_for_a_moment(stack):
    api = stack.api()
    stream = api.new_chat("!sim tokens=500 delay_ms=15 text=self", on_disconnect="continue")
    stream.until("delta")
    for kind in ("pubsub", "normal", "pubsub"):
        stack.redis.execute_command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
        for _ in range(5):
            stream.until("delta")
    assert_whole(stream.read_all(), 500)


def test_who_waits_is_told_how_it_moves_on():
    """One slot and one user's turns: each later one moves on as those before it end. Told without id, so that a cursor stays; a reader that comes late is
    told too; who is running is told nothing."""
    with Stack(env={"SLUICE_WORKER_SLOTS": "1"}) as stack:
        api = stack.api()
        streams = [api.new_chat("!sim tokens=60 delay_ms=50") for _ in range(3)]
        last = streams[-1]
        assert last.until("queued").data["position"] in (1, 2)
        late = api.stream(last.generation, last_id=1)
        readers = [in_background(s.until, "started") for s in (last, late)]
        for reader in readers:
            reader.result(60)
        for stream in (last, late):
            told = [e for e in stream.events if e.type == "queued" and e.id is None]
            positions = [e.data["position"] for e in told]
            assert positions and positions[-1] == 0 and positions == sorted(set(positions), reverse=True), stream.events
            assert all(set(e.data) == {"type", "generation_id", "done", "chat_id", "at", "position"} for e in told)
        for stream in streams:
            api.stop(stream.generation)
