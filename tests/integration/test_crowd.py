"""F16 and F18: a crowd at the door. Thousands of idle readers cost little each; those that do not read or read slowly, and those that send slowly, cost bounded memory and do
not slow the others down. Short here; SLUICE_CROWD=10000 (tests/run --figures, --long) is full size."""
import os

from support.crowd import Crowd, lateness, post, read, shuffled
from support.http_corpus import GET, POST
from support.processes import wait_until
from support.stack import Stack

READERS = int(os.environ.get("SLUICE_CROWD", 400))
IS_LONG = READERS > 1000
WARM = 20
GENERATIONS = 10  # with those measured fewer than the 32 that a model takes at once
PATIENCE_S = 100
GROSS_MS = 5000  # a busy machine stands still at times


def test_an_idle_reader_costs_little():
    with Stack(workers=0, env={"SLUICE_LOG_LEVEL": "info"}) as stack:
        process = stack.api_processes[0]
        with Crowd(process.url) as crowd:
            crowd.add_all([(post(b"x"), "idle")] * WARM, PATIENCE_S)
            before = process.memory_kb()
            crowd.add_all([(post(b"x"), "idle")] * (READERS - WARM), PATIENCE_S)
            assert crowd.statuses() == {200: READERS} and stack.metrics(process)["sluice_http_streams"] == READERS
            each = (process.memory_kb() - before) * 1024 / (READERS - WARM)
            print(f"figure: {READERS} idle readers, each of its own generation: {each:.0f} bytes each")
            assert crowd.over() == 0
            assert each < 64 * 1024  # with sanitizers


def test_readers_that_read_slowly_or_not_at_all_hurt_nobody():
    """Of all readers a tenth never reads and a tenth reads 100 bytes a second, of a log that is far larger than what a socket holds."""
    with Stack(env={"SLUICE_LOG_LEVEL": "info", "SLUICE_WORKER_SLOTS": "1000", "SLUICE_LIMITS_OUTPUT": "4MiB", "SLUICE_LIMITS_SSE_STALL": "10m"}) as stack:
        process, api = stack.api_processes[0], stack.api()
        large = api.new_chat("!sim tokens=100000 delay_ms=0 text=self", on_disconnect="continue")
        large.read_all()
        alone = lateness(process.url, 5)
        idle = [api.new_chat("!sim tokens=1 first_ms=118000", on_disconnect="continue") for _ in range(GENERATIONS)]
        generations = [s.generation for s in idle]
        before = process.memory_kb()
        with Crowd(process.url) as crowd:
            modes = shuffled(["stalled"] * (READERS // 10) + ["slow"] * (READERS // 10) + ["idle"] * (READERS * 8 // 10))
            crowd.add_all([(read(generations[n % GENERATIONS] if mode == "idle" else large.generation), mode) for n, mode in enumerate(modes)], PATIENCE_S)
            wait_until(lambda: stack.metrics(process)["sluice_http_streams"] >= 0.95 * READERS + GENERATIONS, "the streams", PATIENCE_S)
            first = process.memory_kb()
            among = lateness(process.url, 10)
            grown, later = process.memory_kb() - before, process.memory_kb() - first
            print(f"figure: {READERS} readers, {READERS // 5} of them slow or stalled: the API grew by {grown} kB, in the next 10 s by {later} kB")
            print(f"figure: tokens late by p50 {alone[0]:.1f} ms, p99 {alone[1]:.1f} ms alone; among the crowd p50 {among[0]:.1f} ms, p99 {among[1]:.1f} ms")
            assert stack.metrics(process)["sluice_http_stalled_total"] == 0
            assert grown < READERS * 64 + READERS // 5 * 300  # kB, with sanitizers
            assert among[1] < max(10 * alone[1], GROSS_MS)
        wait_until(lambda: stack.metrics(process)["sluice_http_streams"] <= GENERATIONS, "the crowd to go", PATIENCE_S)
        for stream in idle:
            stream.close()


def test_whoever_sends_slowly_is_gone_in_time():
    """F18: half of them drip a header, half a body: too slowly for the pace, or fast enough and then too long."""
    each = READERS // 4
    with Stack(env={"SLUICE_LOG_LEVEL": "info"}) as stack:
        process = stack.api_processes[0]
        alone = lateness(process.url, 3)
        before = process.memory_kb()
        ways = [(GET + b"X: ", b"a", 5), (GET + b"X: ", b"a" * 40, 10), (POST + b"Content-Length: 9000\r\n\r\n", b"a", 5), (POST + b"Content-Length: 90000\r\n\r\n", b"a" * 40, 30)]
        with Crowd(process.url) as crowd:
            drips = [(crowd.add(first, "drip", more), seconds) for first, more, seconds in ways for _ in range(each)]
            among = lateness(process.url, 3)
            grown = process.memory_kb() - before
            quick = [(member, seconds) for member, seconds in drips if seconds < 30 or IS_LONG]
            wait_until(lambda: all(member.is_over for member, _ in quick), "the slow senders to go", PATIENCE_S)
            late = max(member.ended - member.began - seconds for member, seconds in quick)
            assert all(member.head.startswith(b"HTTP/1.1 408 ") for member, _ in quick)
            print(f"figure: {4 * each} slow senders: gone at most {late:.1f} s after their time, the API grew by {grown} kB")
            print(f"figure: tokens late by p99 {alone[1]:.1f} ms alone; among the slow senders {among[1]:.1f} ms")
            assert late < 20 and grown < 64 * READERS and among[1] < max(10 * alone[1], GROSS_MS)
