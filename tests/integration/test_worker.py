"""What a worker does when things around it go wrong: no more time, a Redis that lost what it acknowledged or is full, a record that makes no sense, more
generations than the model takes. The log always holds every token once and in order, and each generation has one terminal event.
"""
import re
import signal
import time

import msgpack
import pytest

from support.client import TERMINAL, text_of
from support.processes import wait_until
from support.stack import Stack

P = "sluice:{s00}:"
LONG_LEASE = {"SLUICE_WORKER_LEASE": "15s"}
FSYNC = ["--appendfsync", "always"]


def numbers(events):
    return [int(word.split(":")[1]) for word in text_of(events).split()]


def patch_job(stack, generation, **fields):
    """Changes the request in a queued generation's record, for what the API does not let through yet."""
    key = f"{P}gen:default:{generation}"
    job = msgpack.unpackb(stack.redis.hget(key, "request"))
    stack.redis.hset(key, "request", msgpack.packb({**job, **fields}))


def settled(api, generation):
    usage = api.generation(generation)[1]["usage"]
    return usage if usage["settled"] else None


def check_whole(events, tokens):
    assert events[-1].type == "done", events[-1]
    assert sum(e.type in TERMINAL for e in events) == 1
    assert [e.id for e in events] == list(range(1, len(events) + 1))
    assert numbers(events) == list(range(tokens))


# -- usage after a stop ------------------------------------------------------------------------------------------------------


def test_the_drain_policy_reads_on_silently_for_the_exact_usage():
    with Stack(workers=0) as stack:
        api = stack.api()
        stream = api.new_chat("!sim tokens=60 delay_ms=100 text=self", on_disconnect="continue", upstream_on_stop="drain")
        stack.start_worker()
        stream.until("delta")
        answer = api.stop(stream.generation)[1]
        assert answer["outcome"] == "stopped" and stream.read_all()[-1].id == answer["seq"]
        row = stack.wait_provider_closed(stream.generation)[0]
        assert (row["end"], row["tokens"]) == ("complete", 60)
        usage = wait_until(lambda: settled(api, stream.generation), "the usage to be settled")
        assert usage["source"] == "provider" and usage["output"] == 60
        assert len(api.stream(stream.generation).read_all()) == answer["seq"], "nothing of it was logged"
        assert stack.flag(stream.chat) is None


def test_without_more_time_the_drain_policy_closes():
    with Stack(workers=0, env={"SLUICE_WORKER_DRAIN": "500ms"}) as stack:
        api = stack.api()
        stream = api.new_chat("!sim tokens=6000 delay_ms=20", on_disconnect="continue", upstream_on_stop="drain")
        worker = stack.start_worker()
        for _ in range(20):
            stream.until("delta")
        assert api.stop(stream.generation)[1]["outcome"] == "stopped"
        assert worker.stop() == 0
        row = stack.wait_provider_closed(stream.generation)[0]
        assert row["end"] == "client_closed"
        usage = settled(api, stream.generation)
        assert usage["source"] == "estimated" and 15 <= usage["output"] <= 2 + row["tokens"] * 1.15, (usage, row)  # what came to it, of what was sent


# -- signals -----------------------------------------------------------------------------------------------------------------


def test_a_second_sigterm_is_now():
    with Stack(env={"SLUICE_WORKER_DRAIN": "60s"}) as stack:
        api = stack.api()
        shown = api.new_chat("!sim tokens=6000 delay_ms=20", on_disconnect="continue")
        silent = api.new_chat("!sim first_ms=60000", on_disconnect="continue")
        shown.until("delta")
        silent.until("started")
        worker = stack.worker_processes[0]
        worker.signal(signal.SIGTERM)
        worker.wait_log(r"stage=waiting")
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0
        last = shown.read_all()[-1]
        assert last.type == "interrupted" and last.data["error"]["code"] == "drained" and last.data["resumable"] is True
        assert api.generation(silent.generation)[1]["state"] == "queued"
        wait_until(lambda: stack.provider_stats()["open"] == 0, "the provider's connections to be closed")


def test_a_second_sigterm_while_redis_is_away():
    with Stack(env={"SLUICE_WORKER_DRAIN": "60s"}) as stack:
        stream = stack.api().new_chat("!sim tokens=6000 delay_ms=20", on_disconnect="continue")
        stream.until("delta")
        stack.redis_process.signal(signal.SIGSTOP)
        worker = stack.worker_processes[0]
        worker.signal(signal.SIGTERM)
        worker.wait_log(r"stage=waiting")
        worker.signal(signal.SIGTERM)
        try:
            assert worker.wait() == 0
        finally:
            stack.redis_process.signal(signal.SIGCONT)
        stream.close()


# -- Redis -------------------------------------------------------------------------------------------------------------------


def restart_redis_without(stack, marker):
    """Kills Redis and starts it without what came into its append-only file from the first transaction with `marker` on."""
    stack.redis_process.kill()
    path = next((stack.folder / "appendonlydir").glob("*.incr.aof"))
    data = path.read_bytes()
    at = data.find(marker)
    assert at > 0
    path.write_bytes(data[: max(data.rfind(b"*1\r\n$5\r\nMULTI\r\n", 0, at), 0) or at])
    stack.start_redis()


def test_a_tail_that_redis_lost_is_appended_again():
    with Stack(env=LONG_LEASE, redis_args=FSYNC) as stack:
        api = stack.api()
        stream = api.new_chat("!sim tokens=200 delay_ms=20 text=self", on_disconnect="continue")
        while len(numbers(stream.events)) < 60:
            stream.until("delta")
        restart_redis_without(stack, b":50 ")
        rest = stream.read_all()
        assert rest[-1].type == "done"
        check_whole(api.stream(stream.generation).read_all(), 200)
        assert "worker.revival" in stack.worker_processes[0].read_log()


def test_an_end_that_redis_lost_is_said_again():
    with Stack(env=LONG_LEASE, redis_args=FSYNC) as stack:
        api = stack.api()
        stream = api.new_chat("!sim tokens=30 delay_ms=20 text=self", on_disconnect="continue")
        assert stream.read_all()[-1].type == "done"
        restart_redis_without(stack, b":25 ")
        wait_until(lambda: api.generation(stream.generation)[1].get("state") == "done", "the generation to be done again")
        check_whole(api.stream(stream.generation).read_all(), 30)
        messages = api.chat(stream.chat)[1]["messages"]
        assert len(messages) == 2 and messages[1]["content"].count(":") == 30


def test_a_full_redis_delays_and_loses_nothing():
    with Stack() as stack:
        stream = stack.api().new_chat("!sim tokens=200 delay_ms=20 text=self", on_disconnect="continue")
        stream.until("delta")
        stack.redis.config_set("maxmemory", "1mb")
        time.sleep(1)
        stack.redis.config_set("maxmemory", "0")
        events = stream.read_all()
        check_whole(events, 200)
        assert len(events) < 200, "what came meanwhile was gathered"


def test_a_frozen_redis_holds_the_provider_back():
    env = {"SLUICE_WORKER_LEASE": "20s", "SLUICE_LIMITS_OUTPUT": "8MiB"}
    with Stack(env=env) as stack:
        stream = stack.api().new_chat("!sim tokens=40000 delay_ms=0 text=self", on_disconnect="continue")
        stream.until("delta")
        stack.redis_process.signal(signal.SIGSTOP)
        try:
            said = []

            def stands_still():
                said.append(stack.journal(stream.generation)[0]["tokens"])
                return len(said) > 3 and said[-1] == said[-4]

            wait_until(stands_still, "the provider to be held back: it takes no more than it can hold", interval=0.3)
            assert said[-1] < 40000
        finally:
            stack.redis_process.signal(signal.SIGCONT)
        check_whole(stream.read_all(), 40000)


# -- limits ------------------------------------------------------------------------------------------------------------------


def test_past_half_of_the_events_text_is_gathered():
    with Stack(env={"SLUICE_LIMITS_EVENTS": "40"}) as stack:
        events = stack.api().new_chat("!sim tokens=100 delay_ms=20 text=self", on_disconnect="continue").read_all()
        check_whole(events, 100)
        assert len(events) <= 40


def test_a_model_takes_so_many_at_once():
    with Stack(workers=0) as stack:
        config = stack.folder / "sluice.yaml"
        config.write_text(f'models: [{{name: default, base_url: "{stack.provider_url}", model: sim, concurrency: 2}}]\n')
        stack.start_worker({"SLUICE_CONFIG": str(config)})
        api = stack.api()
        streams = [api.new_chat(f"!sim tokens=20 delay_ms={200 if n < 2 else 20} text=self", on_disconnect="continue") for n in range(6)]
        wait_until(lambda: stack.provider_stats()["open"] == 2, "two requests at the provider")
        wait_until(lambda: api.generation(streams[5].generation)[1]["state"] == "running", "the last one to be claimed")
        assert api.stop(streams[5].generation)[1]["outcome"] == "stopped"
        assert stack.provider_stats()["open"] <= 2
        assert [s.read_all()[-1].type for s in streams] == ["done"] * 5 + ["stopped"]
        assert stack.journal(streams[5].generation) == []
        usage = wait_until(lambda: settled(api, streams[5].generation), "the usage to be settled")
        assert usage["source"] == "none" and usage["input"] == 0, "nobody was asked"


def test_all_workers_together_hold_the_places_of_a_model():
    with Stack(workers=0) as stack:
        config = stack.folder / "sluice.yaml"
        config.write_text(f'models: [{{name: default, base_url: "{stack.provider_url}", model: sim, concurrency: 3}}]\n')
        workers = [stack.start_worker({"SLUICE_CONFIG": str(config), "SLUICE_WORKER_SLOTS": "6"}) for _ in range(2)]
        streams = [stack.api().new_chat("!sim tokens=30 delay_ms=40 text=self", on_disconnect="continue") for _ in range(12)]
        most = 0
        while any(stack.api().generation(s.generation)[1]["state"] != "done" for s in streams):
            most = max(most, stack.provider_stats()["open"])
        assert most == 3, "as many as are allowed, and no more"
        assert all(re.search(r"run\.end", w.read_log()) for w in workers), "both had their share"
        for stream in streams:
            check_whole(stream.read_all(), 30)
        wait_until(lambda: not stack.redis.exists(P + "places:default"), "all places to be given back")


def test_the_places_of_a_dead_worker_come_free():
    with Stack(workers=0) as stack:
        config = stack.folder / "sluice.yaml"
        config.write_text(f'models: [{{name: default, base_url: "{stack.provider_url}", model: sim, concurrency: 1}}]\n')
        env = {"SLUICE_CONFIG": str(config), "SLUICE_WORKER_LEASE": "2s"}
        worker = stack.start_worker(env)
        stack.api().new_chat("!sim tokens=2000 delay_ms=20", on_disconnect="continue").until("delta")
        worker.kill()
        stack.start_worker(env)
        assert stack.api().new_chat("!sim tokens=3", on_disconnect="continue").read_all()[-1].type == "done"


# -- replacing ---------------------------------------------------------------------------------------------------------------


def test_the_model_sees_what_is_before_the_replaced_message(stack):
    api = stack.api()
    chat = api.new_chat("!sim tokens=1").until("done").data["chat_id"]
    for _ in range(2):
        api.message(chat, "!sim tokens=1").read_all()
    messages = api.chat(chat)[1]["messages"]
    stream = api.message(chat, "!sim tokens=2", replace_from=messages[2]["id"])
    assert stream.until("started").data["history"] == {"sent": 2, "left_out": 0}
    assert stream.read_all()[-1].type == "done"
    asked = stack.journal_row(stream.generation)["messages"]
    assert [m["content"] for m in asked] == [m["content"] for m in messages[:2]] + ["!sim tokens=2"]
    assert [m["id"] for m in api.chat(chat)[1]["messages"][:2]] == [m["id"] for m in messages[:2]] and len(api.chat(chat)[1]["messages"]) == 4


def test_who_would_replace_what_is_gone_fails(stack):
    api = stack.api()
    chat = api.new_chat("!sim tokens=1").until("done").data["chat_id"]
    first = api.chat(chat)[1]["messages"][0]["id"]
    running = api.message(chat, "!sim tokens=20 delay_ms=150", replace_from=first, on_disconnect="continue")
    running.until("delta")
    late = api.message(chat, "!sim tokens=1", replace_from=first, if_busy="enqueue", on_disconnect="continue")
    assert running.read_all()[-1].type == "done"
    last = late.read_all()[-1]
    assert last.type == "failed" and last.data["error"]["code"] == "conflict" and last.data["usage"]["source"] == "none", "nobody was asked"
    assert [m["content"] for m in api.chat(chat)[1]["messages"]][0] == "!sim tokens=20 delay_ms=150"
    # It goes while the turn runs.
    first = api.chat(chat)[1]["messages"][0]["id"]
    running = api.message(chat, "!sim tokens=20 delay_ms=150", replace_from=first, on_disconnect="continue")
    running.until("delta")
    stack.redis.lpop(f"{P}msgs:default:{chat}")
    last = running.read_all()[-1]
    assert last.type == "failed" and last.data["error"]["code"] == "conflict" and last.data["usage"]["source"] == "provider"
    stack.worker_processes[0].wait_log(rf"run\.end gen={running.generation} .*end=failed")


# -- what makes no sense -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change,code", [({"v": 2}, "not_supported"), ({"model": "gone"}, "provider_refused"), ({"message": 7}, "internal")])
def test_a_request_that_this_worker_cannot_run_fails(change, code):
    with Stack(workers=0) as stack:
        stream = stack.api().new_chat("hello", on_disconnect="continue")
        patch_job(stack, stream.generation, **change)
        stack.start_worker()
        last = stream.read_all()[-1]
        assert last.type == "failed" and last.data["error"]["code"] == code and last.data["error"]["retryable"] is False
        assert last.data["usage"]["source"] == "none" and last.data["restore"]["message"] == "hello"
        assert stack.journal(stream.generation) == []


def test_a_chat_that_cannot_take_the_turn(stack):
    api = stack.api()
    stream = api.new_chat("!sim tokens=20 delay_ms=150", on_disconnect="continue")
    stream.until("delta")
    stack.redis.set(f"{P}msgs:default:{stream.chat}", "not a list")
    last = stream.read_all()[-1]
    assert last.type == "interrupted" and last.data["error"]["code"] == "internal"
    assert api.generation(stream.generation)[1]["usage"]["source"] == "provider"


def test_a_flag_that_was_not_for_it_only_delays(stack):
    """Whoever sees the flag asks the stop script, which may say that it is gone or was for another turn: then the generation goes on."""
    api = stack.api()
    stream = api.new_chat("!sim tokens=60 delay_ms=20 text=self", on_disconnect="continue")
    stream.until("delta")
    stack.redis.hset(f"{P}gen:default:{stream.generation}", "flag", "another")
    stack.redis.set(f"chat_stop:{stream.chat}", "1", ex=60)
    time.sleep(0.5)
    stack.redis.delete(f"chat_stop:{stream.chat}")
    check_whole(stream.read_all(), 60)


# -- gathered text -----------------------------------------------------------------------------------------------------------


def test_text_is_gathered_when_the_operator_wants_that_but_never_the_first_nor_the_end():
    with Stack(env={"SLUICE_WORKER_GATHER": "1s"}) as stack:
        events = stack.api().new_chat("!sim tokens=200 delay_ms=20 text=self").read_all()
        assert numbers(events) == list(range(200)), "nothing is lost or twice"
        deltas = [e for e in events if e.type == "delta"]
        assert len(deltas) < 20, "many tokens an event"
        assert len(numbers(deltas[:1])) < 40, "the first does not wait for others: that were 50"
        short = stack.api().new_chat("!sim tokens=3 delay_ms=0 text=self")
        began = time.monotonic()
        assert short.read_all()[-1].type == "done"
        assert time.monotonic() - began < 15
