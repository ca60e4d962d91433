"""Workers that die, freeze or are told to end; Redis that goes away; and what the readers see of it: one terminal event, nothing twice, nothing lost."""
import random
import re
import signal
import time

from support.client import TERMINAL, in_background, request, text_of
from support.processes import wait_until
from support.stack import Stack

LEASE = {"SLUICE_WORKER_LEASE": "3s"}


def worker_of(stack, generation):
    """The worker process whose log says that it claimed the generation."""
    return wait_until(lambda: next((w for w in stack.worker_processes if re.search(rf"run\.claim.*{generation}", w.read_log())), None), "the claiming worker")


def test_killed_before_the_first_token_another_runs_it():
    with Stack(workers=2, env=LEASE) as stack:
        stream = stack.api().new_chat("!sim tokens=20 text=self fault=stall@0 fail_times=1", on_disconnect="continue")
        stack.journal_row(stream.generation)
        worker_of(stack, stream.generation).kill()
        events = stream.read_all()
        assert events[-1].type == "done" and [e.type for e in events].count("started") == 2
        assert [e.data["epoch"] for e in events if e.type == "started"] == [1, 2]
        assert [int(w.split(":")[1]) for w in text_of(events).split()] == list(range(20))
        assert len(stack.journal(stream.generation)) == 2


def test_killed_after_the_first_token_it_is_interrupted():
    with Stack(workers=2, env=LEASE) as stack:
        api = stack.api()
        known = api.new_chat("!sim tokens=2")
        known.read_all()
        stream = api.message(known.chat, "!sim tokens=2000 delay_ms=20 text=self")
        for _ in range(3):
            stream.until("delta")
        worker_of(stack, stream.generation).kill()
        events = stream.read_all()
        assert events[-1].type == "interrupted" and sum(e.type in TERMINAL for e in events) == 1
        last = events[-1].data
        assert last["error"]["code"] == "worker_lost" and last["restore"]["message"].startswith("!sim") and last["resumable"] is True and last["done"] is False
        words = [int(w.split(":")[1]) for w in text_of(events).split()]
        assert words == list(range(len(words)))
        assert len(api.chat(known.chat)[1]["messages"]) == 2 and len(stack.journal(stream.generation)) == 1
        assert api.message(known.chat, "!sim tokens=2").read_all()[-1].type == "done"


def test_a_frozen_worker_cannot_write_when_it_wakes():
    with Stack(workers=2, env=LEASE) as stack:
        stream = stack.api().new_chat("!sim tokens=3000 delay_ms=10 text=self", on_disconnect="continue")
        for _ in range(3):
            stream.until("delta")
        worker = worker_of(stack, stream.generation)
        worker.signal(signal.SIGSTOP)
        events = stream.read_all()
        assert events[-1].type == "interrupted"
        length = stack.redis.llen(stack.redis.keys(f"*log:*{stream.generation}")[0])
        worker.signal(signal.SIGCONT)
        stack.wait_provider_closed(stream.generation)
        time.sleep(0.5)
        assert stack.redis.llen(stack.redis.keys(f"*log:*{stream.generation}")[0]) == length == events[-1].id
        again = stack.api().stream(stream.generation)
        assert [e.data for e in again.read_all()] == [e.data for e in events]


def test_kills_during_many_generations():
    """F2: 400 generations, 20 kills of a random worker: none lost, none without its one terminal event, no token twice; who showed nothing ends as done."""
    rng = random.Random(2)
    with Stack(workers=3, env={**LEASE, "SLUICE_WORKER_SLOTS": "64"}) as stack:
        api = stack.api()

        def one(n):
            tokens = 10 + n % 60
            stream = api.generate([{"role": "user", "content": f"!sim tokens={tokens} delay_ms=8 first_ms={(n % 5) * 60} text=self"}], on_disconnect="continue")
            assert stream.status == 200, stream.error
            return stream.read_all(), tokens

        kills = []

        def batch(first, count):
            results = []
            while len(results) < count or len(kills) < 20:
                results.append(one(first + len(results)))
            return results

        threads = [in_background(batch, t * 25, 25) for t in range(16)]
        while len(kills) < 20:
            time.sleep(rng.uniform(0.2, 0.6))
            victim = rng.choice([w for w in stack.worker_processes if w.is_alive()])
            victim.kill()
            kills.append(victim)
            stack.start_worker()
        results = [r for t in threads for r in t.result(240)]
        ends = {}
        for events, tokens in results:
            assert [e.id for e in events] == list(range(1, len(events) + 1))
            assert sum(e.type in TERMINAL for e in events) == 1 and events[-1].type in TERMINAL
            words = [int(w.split(":")[1]) for w in text_of(events).split()]
            assert words == list(range(len(words)))
            ends[events[-1].type] = ends.get(events[-1].type, 0) + 1
            if events[-1].type == "done":
                assert len(words) == tokens
            else:
                assert events[-1].type == "interrupted" and (words or events[-1].data["error"]["code"] == "crashes"), events[-1]
        print(f"figure: {len(results)} generations, {len(kills)} kills: {ends}")
        assert len(results) >= 400
        wait_until(lambda: stack.redis.zcard("sluice:{s00}:open") == 0, "nothing to be open")
        assert stack.redis.zcard("sluice:{s00}:leases") == 0


def test_a_stop_while_the_worker_is_frozen_or_dead():
    with Stack(workers=1, env=LEASE) as stack:
        api = stack.api()
        stream = api.new_chat("!sim tokens=3000 delay_ms=10", on_disconnect="continue")
        stream.until("delta")
        stack.worker_processes[0].signal(signal.SIGSTOP)
        answer = api.stop(stream.generation)[1]
        assert answer["outcome"] == "stopped" and stream.read_all()[-1].id == answer["seq"]
        stack.worker_processes[0].signal(signal.SIGCONT)
        assert stack.wait_provider_closed(stream.generation)[0]["end"] == "client_closed"
        following = api.message(stream.chat, "!sim tokens=1500 delay_ms=10", on_disconnect="continue")
        following.until("delta")
        stack.worker_processes[0].kill()
        answer = api.stop(following.generation)[1]
        assert answer["outcome"] == "stopped" and following.read_all()[-1].type == "stopped"


def test_sigterm_drains():
    with Stack(workers=1, env={"SLUICE_WORKER_DRAIN": "20s"}) as stack:
        api = stack.api()
        stream = api.new_chat("!sim tokens=60 delay_ms=100 text=self", on_disconnect="continue")
        stream.until("delta")
        old = stack.worker_processes[0]
        old.signal(signal.SIGTERM)
        old.wait_log(r"stage=waiting")
        waiting = api.new_chat("!sim tokens=3", on_disconnect="continue")
        events = stream.read_all()
        assert events[-1].type == "done" and len(text_of(events).split()) == 60
        assert old.wait() == 0
        assert api.generation(waiting.generation)[1]["state"] == "queued", "a draining worker claims nothing"
        stack.start_worker()
        assert waiting.read_all()[-1].type == "done"


def test_the_drain_limit_hands_back_what_showed_nothing():
    with Stack(workers=1, env={"SLUICE_WORKER_DRAIN": "1s"}) as stack:
        api = stack.api()
        silent = api.new_chat("!sim tokens=5 text=self fault=stall@0 fail_times=1", on_disconnect="continue")
        shown = api.new_chat("!sim tokens=3000 delay_ms=20 text=self", on_disconnect="continue")
        stack.journal_row(silent.generation)
        shown.until("delta")
        assert stack.worker_processes[0].stop() == 0
        events = shown.read_all()
        assert events[-1].type == "interrupted" and events[-1].data["error"]["code"] == "drained"
        assert api.generation(silent.generation)[1]["state"] == "queued"
        stack.start_worker()
        assert silent.read_all()[-1].type == "done"


def test_redis_restarts_in_mid_stream():
    # a lease longer than the outage and the links' back-off after it
    with Stack(env={"SLUICE_WORKER_LEASE": "10s"}, redis_args=["--appendfsync", "always"]) as stack:
        api = stack.api()
        stream = api.new_chat("!sim tokens=400 delay_ms=20 text=self", on_disconnect="continue")
        for _ in range(10):
            stream.until("delta")
        stack.redis_process.kill()
        began = time.monotonic()
        status, headers, _ = request("POST", api.url + "/v1/chats", {"message": "x"})
        assert status == 503 and "Retry-After" in headers and time.monotonic() - began < 15
        assert request("GET", api.url + "/readyz")[0] == 503 and request("GET", api.url + "/livez")[0] == 200
        stack.start_redis()
        events = stream.read_all()
        assert events[-1].type == "done", events[-1]
        assert [e.id for e in events] == list(range(1, len(events) + 1))
        assert [int(w.split(":")[1]) for w in text_of(events).split()] == list(range(400))


def test_an_api_process_ends_in_peace():
    with Stack(apis=2) as stack:
        stream = stack.api(0).new_chat("!sim tokens=300 delay_ms=20 text=self", on_disconnect="continue")
        stream.until("delta")
        assert stack.api_processes[0].stop() == 0
        events = stream.read_all()
        rest = stack.api(1).stream(stream.generation, last_id=events[-1].id).read_all()
        everything = events + rest
        assert [e.id for e in everything] == list(range(1, len(everything) + 1)) and everything[-1].type == "done"
