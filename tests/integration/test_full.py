"""F10: a full Redis (maxmemory, noeviction) or one that may not write (its log's disk is full). Nothing new is begun: 503 with Retry-After. What runs ends `interrupted` with its
partial text kept, a stop still works, and all goes on by itself when there is room again."""
import os
import resource
import time

import pytest

from support.client import in_background, request
from support.processes import wait_until
from support.stack import Stack

IS_LONG = os.environ.get("SLUICE_LONG") == "1"


def fill(stack):
    """No room for one more write that needs memory."""
    stack.redis.config_set("maxmemory-policy", "noeviction")
    stack.redis.config_set("maxmemory", 1)


def make_room(stack):
    stack.redis.config_set("maxmemory", 0)


def begin(url):
    began = time.monotonic()
    status, headers, _ = request("POST", url + "/v1/chats", {"message": "!sim tokens=1"})
    return status, headers.get("Retry-After"), time.monotonic() - began


def assert_gapless(stream):
    """Tokens from 0 on, none twice and none left out."""
    words = stream.text.split()
    assert words and words == [f"{words[0].rpartition(':')[0]}:{n}" for n in range(len(words))]


def end_of(stack, stream):
    """The terminal event of a generation that was running, its record, and what both must say."""
    event = stream.read_all()[-1]
    record = stack.api().generation(stream.generation)[1]
    assert event.type == record["state"] == "interrupted" and event.data["error"]["code"] == record["error"]["code"]
    assert record["output"]["text"] == stream.text, "the partial text is kept"
    assert_gapless(stream)
    assert stack.wait_provider_closed(stream.generation)
    return event


def test_a_full_redis():
    with Stack(env={"SLUICE_WORKER_DRAIN": "1s"}) as stack:
        api = stack.api()
        kept = api.new_chat("!sim tokens=3")
        kept.read_all()
        running = api.new_chat("!sim tokens=2000 delay_ms=20 text=self", on_disconnect="continue")
        stopped = api.new_chat("!sim tokens=2000 delay_ms=20 text=self", on_disconnect="continue")
        for stream in (running, stopped):
            for _ in range(5):
                stream.until("delta")
        fill(stack)
        status, retry_after, seconds = begin(api.url)
        assert (status, retry_after) == (503, "1") and seconds < 15
        assert api.stop(stopped.generation)[1]["outcome"] == "stopped"
        events = stopped.read_all()
        assert events[-1].type == "stopped"
        assert stack.wait_provider_closed(stopped.generation)
        assert api.get(f"/v1/generations/{kept.generation}")[0] == 200
        make_room(stack)
        wait_until(lambda: begin(api.url)[0] == 200, "begin to work again")
        for _ in range(100):
            running.until("delta")  # what came meanwhile was held back, and is there
        assert api.stop(running.generation)[1]["outcome"] == "stopped"
        running.read_all()
        assert_gapless(running)
        again = api.new_chat("!sim tokens=3")
        assert again.read_all()[-1].type == "done"


@pytest.mark.skipif(not IS_LONG, reason="takes 45 s")
def test_a_redis_that_stays_full():
    """For over half a minute: the worker gives the generation up, and its end needs no memory."""
    with Stack() as stack:
        api = stack.api()
        running = api.new_chat("!sim tokens=20000 delay_ms=20 text=self", on_disconnect="continue")
        for _ in range(5):
            running.until("delta")
        fill(stack)
        began = time.monotonic()
        event = end_of(stack, running)
        print(f"figure: a generation on a full Redis ended as {event.data['error']['code']} after {time.monotonic() - began:.0f} s")
        assert event.data["error"]["code"] == "worker_lost" and begin(api.url)[0] == 503
        make_room(stack)
        wait_until(lambda: begin(api.url)[0] == 200, "begin to work again", 15)


def test_a_redis_whose_log_cannot_grow():
    """As with a full disk: Redis refuses every write, a stop's too, until there is room again. Reading goes on, and the worker holds what comes."""
    with Stack(env={"SLUICE_WORKER_LEASE": "2s"}) as stack:
        api, redis = stack.api(), stack.redis_process.pid
        running = api.new_chat("!sim tokens=20000 delay_ms=20 text=self", on_disconnect="continue")
        for _ in range(5):
            running.until("delta")
        _, hard = resource.prlimit(redis, resource.RLIMIT_FSIZE)
        resource.prlimit(redis, resource.RLIMIT_FSIZE, (1, hard))
        wait_until(lambda: stack.redis.info("persistence")["aof_last_write_status"] == "err", "Redis to see it")
        status, retry_after, seconds = begin(api.url)
        assert (status, retry_after) == (503, "1") and seconds < 15
        assert api.stop(running.generation)[0] == 503
        assert api.generation(running.generation)[0] == 200
        resource.prlimit(redis, resource.RLIMIT_FSIZE, (hard, hard))
        wait_until(lambda: begin(api.url)[0] == 200, "begin to work again")
        outcome = api.stop(running.generation)[1]["outcome"]  # the worker went on in time, or another one took its lease for lost
        assert outcome in ("stopped", "already_interrupted")
        assert running.read_all()[-1].type == outcome.removeprefix("already_")
        assert_gapless(running)
        assert stack.wait_provider_closed(running.generation)
