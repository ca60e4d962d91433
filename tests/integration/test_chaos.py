"""The promises under trouble: chats go on, are stopped, repeated, left and read again while workers, API processes, Redis and the connections between them die,
freeze or lose what they had. A compact selection with fixed seeds; SLUICE_LONG=1 takes longer and more seeds.
"""
import os
import random
import signal
import time

import pytest

from support import chaos
from support.client import TERMINAL, in_background, request, text_of
from support.processes import wait_until
from support.stack import Stack
from support.turns import Turn, check_history, new_id, script_of

IS_LONG = os.environ.get("SLUICE_LONG") == "1"
SEEDS = range(1, 6) if IS_LONG else [1]
LEASE = {"SLUICE_WORKER_LEASE": "3s"}
ALWAYS = ["--appendfsync", "always"]


def seconds(short):
    return short * 10 if IS_LONG else short


@pytest.mark.parametrize("seed", SEEDS)
def test_processes_die_and_freeze_and_redis_restarts(seed):
    """Everything at once with appendfsync always: nothing that was answered is lost, told twice or told wrong."""
    attacks = [chaos.kill_worker, chaos.restart_worker, chaos.freeze_worker, chaos.freeze_api, chaos.freeze_redis, chaos.forget_scripts, chaos.kill_redis]
    with Stack(apis=2, workers=2, env=LEASE, redis_args=ALWAYS) as stack, chaos.Load(stack, seed) as load:
        chaos.attack(stack, load, seed, attacks, seconds(12))


@pytest.mark.parametrize("seed", SEEDS)
def test_what_redis_loses_is_told(seed):
    """F6: a Redis that loses the end of what it had acknowledged: every reader gets one terminal event, or is told rewound or gone; no text of two runs is mixed;
    the histories hold whole turns."""
    attacks = [chaos.lose_tail, chaos.lose_tail, chaos.kill_worker, chaos.freeze_api]
    with Stack(apis=2, workers=2, env=LEASE) as stack, chaos.Load(stack, seed, may_lose=True, tokens=200) as load:
        chaos.attack(stack, load, seed, attacks, seconds(7))


def test_a_log_that_grew_anew_is_told():
    """The tail is lost with the claim, and before the API process looks again another run has written past the reader's cursor."""
    with Stack(workers=0, env=LEASE) as stack:
        stream = stack.api().new_chat(script_of(200, delay_ms=30), on_disconnect="continue")
        stream.until("queued")
        path = max(stack.folder.glob("appendonlydir/*.incr.aof"))
        time.sleep(0.3)  # the sweepers' and reapers' writes may be lost with it
        size = path.stat().st_size
        first = stack.start_worker()
        for _ in range(5):
            stream.until("delta")
        stack.api_processes[0].signal(signal.SIGSTOP)
        first.kill()
        stack.redis_process.kill()
        os.truncate(path, size)
        stack.start_redis()
        stack.start_worker()
        wait_until(lambda: any(stack.redis.llen(k) > 20 for k in stack.redis.keys(chaos.P + "live:*")), "the log to be long again")
        stack.api_processes[0].signal(signal.SIGCONT)
        events = stream.read_all()
        at = [e.type for e in events].index("rewound")
        assert events[at].data["after"] == 0 and events[-1].type == "done"
        assert [e.id for e in events[at + 1:]] == list(range(1, len(events) - at))
        words = text_of(events[at + 1:]).split()
        assert [w.split(":")[1] for w in words] == [str(n) for n in range(200)] and len({w.split(":")[0] for w in words}) == 1


@pytest.mark.parametrize("seed", SEEDS)
def test_lost_commands_and_lost_replies(seed):
    """Connections of workers to Redis are cut at every moment: what is sent again is done once."""
    with Stack(apis=1, workers=0, env=LEASE) as stack:
        proxies = [chaos.LossyProxy(stack, f"{seed}-{n}", 0.02) for n in range(2)]
        for proxy in proxies:
            stack.start_worker({"SLUICE_REDIS_URL": proxy.url})
        with chaos.Load(stack, seed):
            time.sleep(seconds(5))
            wait_until(lambda: sum(proxy.cuts for proxy in proxies) > 20, "connections to be cut")
            for proxy in proxies:
                proxy.share = 0


def test_a_full_redis_stops_and_recovers():
    """F10: begin answers 503, a stop still stops, also without its scripts in the cache; whoever has room again within 30 s goes on as if nothing had been."""
    with Stack(env=LEASE) as stack:
        api = stack.api()
        streams = [api.new_chat(script_of(tokens, delay_ms=10), on_disconnect="continue") for tokens in (5000, 5000, 300, 5000)]
        for stream in streams:
            stream.until("delta")
        stack.redis.config_set("maxmemory", "1")
        status, headers, _ = request("POST", api.url + "/v1/chats", {"message": "x"})
        assert status == 503 and "Retry-After" in headers
        for stream in streams[:2]:
            answer = api.stop(stream.generation)[1]
            assert answer["outcome"] == "stopped" and stream.read_all()[-1].id == answer["seq"]
            for family in ("SCRIPT", "FUNCTION"):
                stack.redis.execute_command(family, "FLUSH")
        assert api.stop(new_id("gen"))[1]["outcome"] == "will_stop"
        if IS_LONG:
            assert streams[3].until(*TERMINAL).data["error"]["code"] == "worker_lost"
        stack.redis.config_set("maxmemory", "0")
        assert api.new_chat(script_of(3)).read_all()[-1].type == "done"
        events = streams[2].read_all()
        assert events[-1].type == ("interrupted" if IS_LONG else "done") and [e.id for e in events] == list(range(1, len(events) + 1))
        assert IS_LONG or len(text_of(events).split()) == 300
        api.stop(streams[3].generation)
        chaos.check_quiet(stack)


def test_a_storm_of_stops_stops_once():
    """The same generation stopped by 50 clients at once, by id and by chat, over two API processes: exactly one is told `stopped`, all are told the same seq."""
    rng = random.Random(6)
    with Stack(apis=2) as stack:
        for _ in range(20 if IS_LONG else 5):
            turn = Turn(lambda: rng.choice(stack.api_processes).url, new_id("chat"), script_of(5000), 5000)
            reader = in_background(turn.follow, turn.begin())
            time.sleep(rng.uniform(0, 0.5))
            for stop in [in_background(turn.stop, n % 2 == 0) for n in range(50)]:
                stop.result()
            reader.result()
            turn.check()
            assert sum(a["outcome"] == "stopped" for a in turn.stops) == 1 and {a["seq"] for a in turn.stops} == {turn.end.id}
        chaos.check_quiet(stack)


def test_one_slot_and_many_waiting():
    """200 generations wait for one slot and 120 of them are stopped: each is done or stopped, and who was told that it was never asked was never asked."""
    rng = random.Random(5)
    with Stack(apis=2, env={**LEASE, "SLUICE_WORKER_SLOTS": "1"}) as stack:
        turns = [Turn(lambda: rng.choice(stack.api_processes).url, new_id("chat"), script_of(5, delay_ms=1), 5, patience_s=chaos.PATIENCE_S) for _ in range(200)]
        readers = [in_background(turn.follow, turn.begin()) for turn in turns]
        for turn in rng.sample(turns, 120):
            turn.stop(by_chat=rng.random() < 0.5)
        for reader in readers:
            reader.result(chaos.PATIENCE_S)
        asked = {row["generation_id"] for row in stack.journal()}
        for turn in turns:
            turn.check()
            check_history(stack.api().url, turn.chat, [turn])
            assert turn.end.data["usage"]["source"] != "none" or turn.generation not in asked
        chaos.check_quiet(stack)
