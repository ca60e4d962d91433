"""The table test of the HTTP contract, part two: ends that need something to break. What a worker's death, a drain, a lost log or a queue without workers comes
to under each policy, and what the API says when Redis is away.

Scenario: a stack of its own per test, with short leases and times.
"""
import signal
import time
import uuid

import pytest

from support.client import Stream, text_of
from support.contract import check_event, check_stream, through
from support.processes import wait_until
from support.stack import Stack

CONFIG = 'models: [{name: default, base_url: "%s", model: sim, supports: [prefill]}]\n'


def new_id(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def able_stack(env=None, **options):
    """Its one model is declared for prefill."""
    stack = Stack(apis=0, workers=0, env=env or {}, **options)
    stack.__enter__()
    path = stack.folder / "sluice.yaml"
    path.write_text(CONFIG % stack.provider_url)
    stack.env["SLUICE_CONFIG"] = str(path)
    stack.start_api()
    return stack


@pytest.fixture
def stack():
    running = able_stack({"SLUICE_WORKER_LEASE": "3s", "SLUICE_KEEP_LOG": "8s"})
    try:
        yield running
    finally:
        running.__exit__(None, None, None)


def numbers(events):
    return [int(word.split(":")[1]) for word in text_of(events).split()]


def shown_then_dead(stack, policy):
    """A generation that has shown 40 of its 60 tokens when its worker is killed; another worker is there. Who begins anew has the fault once."""
    worker = stack.start_worker()
    once = " fail_times=1" if policy == "restart" else ""
    stream = stack.api().new_chat("!sim tokens=60 delay_ms=10 text=self fault=stall@40" + once, on_interrupt=policy, generation_id=new_id("gen"))
    while len(stream.text.split()) < 40:
        stream.until("delta")
    worker.kill()
    stack.start_worker()
    return stream


@through("field on_interrupt", "value on_interrupt=interrupted", "failure worker_lost", "route POST /v1/generations/{id}/continue", "code 409 cannot_continue", "code 410 gone", "route GET /v1/generations/{id}/stream")
def test_interrupted_and_continued_by_hand(stack):
    stream = shown_then_dead(stack, "interrupted")
    last = check_stream(stream)[-1]
    assert (last.type, last.data["error"]["code"], last.data["resumable"]) == ("interrupted", "worker_lost", True)
    again = Stream("POST", f"{stack.api_processes[0].url}/v1/generations/{stream.generation}/continue", {})
    assert again.status == 200 and again.generation != stream.generation
    events = check_stream(again)
    assert events[-1].type == "done" and again.text.startswith(stream.text)
    words = [int(w.split(":")[1]) for w in again.text.split()]
    assert words == list(range(60)), "the same text went on"
    messages = stack.api().chat(stream.chat)[1]["messages"]
    assert messages[1]["content"] == again.text and messages[1]["generation_id"] == again.generation
    refused = Stream("POST", f"{stack.api_processes[0].url}/v1/generations/{again.generation}/continue", {})
    assert (refused.status, refused.json["error"]["code"]) == (409, "cannot_continue")
    gone = wait_until(lambda: (s := stack.api().stream(stream.generation)).status == 410 and s, "the log to be no longer kept")
    assert gone.json["error"]["code"] == "gone"


@through("value on_interrupt=continue")
def test_continued_by_policy(stack):
    stream = shown_then_dead(stack, "continue")
    events = check_stream(stream)
    assert events[-1].type == "done"
    assert [int(w.split(":")[1]) for w in stream.text.split()] == list(range(60)), "no token twice, none lost"
    assert stack.api().chat(stream.chat)[1]["messages"][1]["content"] == stream.text


@through("value on_interrupt=restart", "event reset")
def test_restarted_by_policy(stack):
    stream = shown_then_dead(stack, "restart")
    events = check_stream(stream)
    reset = next(e for e in events if e.type == "reset")
    kept = [e for e in events if e.type == "delta" and not reset.data["after"] < e.id < reset.id]
    assert events[-1].type == "done" and numbers(kept) == list(range(60))
    assert stack.api().chat(stream.chat)[1]["messages"][1]["content"] == "".join(e.data["text"] for e in kept)


@through("failure drained")
def test_drained():
    stack = able_stack({"SLUICE_WORKER_DRAIN": "300ms"})
    try:
        worker = stack.start_worker()
        stream = stack.api().new_chat("!sim tokens=600 delay_ms=30", on_disconnect="continue")
        stream.until("delta")
        worker.signal(signal.SIGTERM)
        last = check_stream(stream)[-1]
        assert (last.type, last.data["error"]["code"], last.data["resumable"]) == ("interrupted", "drained", True)
    finally:
        stack.__exit__(None, None, None)


@through("failure queue_timeout")
def test_no_worker_took_it():
    with Stack(workers=0, env={"SLUICE_QUEUE_INTERACTIVE_TIMEOUT": "1s"}) as stack:
        last = check_stream(Stream("POST", stack.api_processes[0].url + "/v1/chats", {"message": "x"}, timeout=60))[-1]
        assert (last.type, last.data["error"]["code"], last.data["usage"]["source"]) == ("failed", "queue_timeout", "none")


@through("failure crashes", "route GET /v1/admin/dead", "route POST /v1/admin/tenants/{tenant}/generations/{id}/requeue")
def test_crashed_out_and_taken_up_again():
    stack = able_stack({"SLUICE_WORKER_LEASE": "3s"})
    try:
        stream = stack.api().new_chat("!sim tokens=3 first_ms=60000 fail_times=1", generation_id=new_id("gen"), on_disconnect="continue")
        for _ in range(5):
            worker = stack.start_worker()
            wait_until(lambda: stack.api().generation(stream.generation)[1]["state"] == "running", "a claim")
            worker.kill()
            wait_until(lambda: stack.api().generation(stream.generation)[1]["state"] != "running", "the lease to end")
        last = check_stream(stream)[-1]
        assert (last.type, last.data["error"]["code"]) == ("failed", "crashes")
        from test_admin import admin

        status, dead = admin(stack, "GET", "/v1/admin/dead")
        assert status == 200 and [(d["generation_id"], d["crashes"], d["error"]["code"]) for d in dead["data"]] == [(stream.generation, 5, "crashes")]
        status, again = admin(stack, "POST", f"/v1/admin/tenants/default/generations/{stream.generation}/requeue", {})
        assert status == 202 and again["generation_id"] != stream.generation and again["state"] == "queued", again
        assert stack.api().generation(stream.generation)[1]["state"] == "failed", "the dead one stays failed"
        assert stack.api().generation(again["generation_id"])[1]["request"]["message"] == "!sim tokens=3 first_ms=60000 fail_times=1"
        assert admin(stack, "GET", "/v1/admin/dead")[1]["data"] == []
        assert admin(stack, "POST", f"/v1/admin/tenants/default/generations/{stream.generation}/requeue", {})[0] == 404, "once"
        assert stack.api().stop(again["generation_id"])[1]["outcome"] == "stopped"
    finally:
        stack.__exit__(None, None, None)


@through("code 503 unavailable")
def test_redis_is_away():
    with Stack(workers=0) as stack:
        stack.redis_process.signal(signal.SIGSTOP)
        try:
            began = time.monotonic()
            refused = stack.api().new_chat("x")
            assert (refused.status, refused.json["error"]["code"]) == (503, "unavailable") and int(refused.headers["Retry-After"]) >= 1
            assert time.monotonic() - began < 15, "within a second, and a gross bound"
        finally:
            stack.redis_process.signal(signal.SIGCONT)


@through("event rewound")
def test_redis_lost_the_logs_tail():
    """Played by an operator's hand while the worker stands still; afterwards it appends again what was lost."""
    with Stack() as stack:
        stream = stack.api().new_chat("!sim tokens=200 delay_ms=20 text=self", generation_id=new_id("gen"))
        for _ in range(5):
            stream.until("delta")
        stack.worker_processes[0].signal(signal.SIGSTOP)
        live = wait_until(lambda: stack.redis.keys(f"sluice:*:live:default:{stream.generation}:*"), "the live log")[0]
        lengths = []  # what it said before it stood still may be on its way yet
        length = wait_until(lambda: lengths.append(stack.redis.llen(live)) or lengths[-3:] == lengths[-1:] * 3 and lengths[-1], "the log to stand still")
        stack.redis.rpop(live, 2)
        behind = stack.api().stream(stream.generation, last_id=length)
        first = behind.next()
        check_event(first)
        assert (first.type, first.id, first.data["after"]) == ("rewound", None, 0)
        stack.worker_processes[0].signal(signal.SIGCONT)
        events = check_stream(behind)[1:]
        assert [e.id for e in events] == list(range(1, len(events) + 1)) and events[-1].type == "done"
        assert numbers(events) == list(range(200))
