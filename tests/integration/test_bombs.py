"""F38: what lies in Redis is not believed. Bombs of msgpack in a job, a log, a chat's messages: refused, nobody dies, memory stays flat."""
import pytest

from support.client import TERMINAL, request
from support.stack import Stack

BOMBS = {
    "array of 2^25": b"\xdd\x01\xff\xff\xff",
    "map of 2^25": b"\xdf\x01\xff\xff\xff",
    "string of 2 GB": b"\xdb\x7f\xff\xff\xffx",
    "bin of 4 GB": b"\xc6\xff\xff\xff\xff",
    "depth of 100,000": b"\x91" * 100_000 + b"\xc0",
    "event with an array of 2^32": b"\x94\x05\x0c\xcf\x00\x00\x00\x00\x00\x00\x00\x01\xdd\xff\xff\xff\xff",
    "nothing": b"",
    "noise": bytes(range(256)) * 8,
}


def key_of(stack, pattern):
    return stack.redis.keys(f"sluice:*{pattern}*")[0]


@pytest.mark.parametrize("name", BOMBS)
def test_in_a_job(name):
    with Stack(workers=0) as stack:
        stream = stack.api().new_chat("!sim tokens=2", on_disconnect="continue")
        stack.redis.hset(key_of(stack, f"gen:*{stream.generation}"), "request", BOMBS[name])
        worker = stack.start_worker()
        end = stream.until(*TERMINAL)
        assert end.type == "failed" and end.data["restore"]["message"] == "!sim tokens=2"
        assert worker.is_alive() and stack.api().new_chat("!sim tokens=2").read_all()[-1].type == "done"


def test_in_logs_and_messages(stack):
    api, process, worker = stack.api(), stack.api_processes[0], stack.worker_processes[0]
    for warm in range(3):
        api.new_chat("!sim tokens=2").read_all()
    before = process.memory_kb(), worker.memory_kb()
    for name, bomb in BOMBS.items():
        stream = api.new_chat("!sim tokens=3")
        stream.read_all()
        log = key_of(stack, f"log:*{stream.generation}")
        stack.redis.lset(log, 2, bomb)
        reader = api.stream(stream.generation)
        if reader.status == 200:
            reader.read_all()
        assert api.generation(stream.generation)[0] in (200, 500, 503), name
        messages = key_of(stack, f"msgs:*{stream.chat}")
        stack.redis.lset(messages, 1, bomb)
        assert request("GET", f"{api.url}/v1/chats/{stream.chat}")[0] in (200, 500, 503), name
        following = api.message(stream.chat, "!sim tokens=2")
        assert following.until(*TERMINAL).type in ("done", "failed"), name
        assert process.is_alive() and worker.is_alive(), name
    grown = process.memory_kb() - before[0], worker.memory_kb() - before[1]
    print(f"figure: after {3 * len(BOMBS)} bombs the API grew by {grown[0]} kB, the worker by {grown[1]} kB")
    assert max(grown) < 30 * 1024
    assert api.new_chat("!sim tokens=2").read_all()[-1].type == "done"
