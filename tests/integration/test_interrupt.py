"""A worker that goes while its reply is half shown: killed, or told to end. `interrupted` ends it, `continue` goes on with the same visible answer, `restart` voids it
and begins again. The self-describing tokens show that nothing is missing and nothing stands twice; the committed reply holds what counts.
"""
import signal

import pytest

from support.client import TERMINAL, text_of
from support.processes import wait_until
from support.stack import Stack

CONFIG = """
models:
  - {name: default, base_url: "%(url)s", model: sim, supports: [tools, prefill]}
  - {name: plain, base_url: "%(url)s", model: sim}
"""
TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {}}}]
TOKENS = 60
SLOW = f"!sim tokens={TOKENS} delay_ms=10 text=self fault=stall@10 fail_times=1"  # the first worker never gets further


@pytest.fixture(scope="module")
def stack():
    with Stack(workers=0, config=CONFIG, env={"SLUICE_WORKER_LEASE": "3s", "SLUICE_WORKER_DRAIN": "200ms"}) as running:
        yield running


def kill(worker):
    worker.kill()


def drain(worker):
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 0


ENDS = pytest.mark.parametrize("end,code", [(kill, "worker_lost"), (drain, "drained")])


def broken(stack, end, script=SLOW, until="delta", **fields):
    """A stream whose worker ended after the second of its events of this type; another worker is there."""
    worker = stack.start_worker()
    stream = stack.api().new_chat(script, on_disconnect="continue", **fields)
    for _ in range(2):
        stream.until(until)
    end(worker)
    return stream, stack.start_worker()


def finish(stack, stream, other):
    try:
        events = stream.read_all()
        assert [e.id for e in events] == list(range(1, len(events) + 1)) and sum(e.type in TERMINAL for e in events) == 1
        again = stack.api().stream(stream.generation).read_all()
        assert [e.data for e in again] == [e.data for e in events], "who comes later reads the same"
        return events
    finally:
        assert other.stop() == 0


def numbers(text):
    return [int(word.split(":")[1]) for word in text.split()]


def reply(stack, stream):
    messages = stack.api().chat(stream.chat)[1]["messages"]
    assert [m["role"] for m in messages] == ["user", "assistant"]
    return messages[1]["content"]


@ENDS
def test_interrupted_keeps_the_text_in_the_log_only(stack, end, code):
    stream, other = broken(stack, end)
    events = finish(stack, stream, other)
    last = events[-1]
    assert last.type == "interrupted" and last.data["error"]["code"] == code and last.data["resumable"] is True
    assert last.data["restore"]["message"] == SLOW and len(stack.journal(stream.generation)) == 1
    assert stack.api().chat(stream.chat)[0] == 404
    if end is drain:
        assert last.data["usage"]["source"] == "estimated" and last.data["usage"]["output"] >= len(numbers(text_of(events)))


@ENDS
def test_continue_goes_on_with_the_same_answer(stack, end, code):
    stream, other = broken(stack, end, on_interrupt="continue")
    events = finish(stack, stream, other)
    assert events[-1].type == "done" and numbers(text_of(events)) == list(range(TOKENS))
    assert [e.data["epoch"] for e in events if e.type == "started"] == [1, 2]
    assert {e.data["part"] for e in events if e.type == "delta"} == {0}, "the same visible answer"
    assert reply(stack, stream) == text_of(events)
    first, second = stack.journal(stream.generation)
    assert second["messages"][-1]["role"] == "assistant" and text_of(events).startswith(second["messages"][-1]["content"])
    usage = events[-1].data["usage"]
    assert usage["source"] == "estimated", "what the lost worker used is an estimate"
    assert usage["output"] >= TOKENS


def test_what_was_shown_counts_as_max_tokens(stack):
    """The answer as a whole is as long as the client asked for, not each half of it."""
    stream, other = broken(stack, kill, f"!sim tokens={TOKENS} delay_ms=120", on_interrupt="continue", params={"max_tokens": 50})
    events = finish(stack, stream, other)
    first, second = stack.journal(stream.generation)
    shown = len(second["messages"][-1]["content"].split())
    assert first["params"]["max_tokens"] == 50 and shown > 0 and 1 <= second["params"]["max_tokens"] <= 50 - shown
    assert events[-1].data["finish_reason"] == "length" and shown < len(text_of(events).split()) <= 50


@ENDS
def test_restart_voids_what_was_shown(stack, end, code):
    stream, other = broken(stack, end, on_interrupt="restart")
    events = finish(stack, stream, other)
    reset = next(e for e in events if e.type == "reset")
    first_visible = next(e for e in events if e.type == "delta").id
    assert events[-1].type == "done" and reset.data["after"] == first_visible - 1
    void = [e for e in events if reset.data["after"] < e.id <= reset.id]
    assert {e.type for e in void} == {"delta", "reset"}
    counts = [e for e in events if e not in void]
    assert numbers(text_of(counts)) == list(range(TOKENS)) and reply(stack, stream) == text_of(counts)
    assert [len(row["messages"]) for row in stack.journal(stream.generation)] == [1, 1]


def test_a_model_without_prefill_cannot_continue(stack):
    stream, other = broken(stack, kill, on_interrupt="continue", model="plain")
    last = finish(stack, stream, other)[-1]
    assert last.type == "interrupted" and last.data["error"]["code"] == "worker_lost" and last.data["resumable"] is True
    assert len(stack.journal(stream.generation)) == 1 and stack.api().chat(stream.chat)[0] == 404
    assert last.data["usage"]["source"] == "estimated"


def test_a_begun_call_of_a_tool_is_not_gone_on_from(stack):
    worker = stack.start_worker()
    stream = stack.api().generate([{"role": "user", "content": "!sim tool=look tokens=40 delay_ms=60"}], on_disconnect="continue",
                                  on_interrupt="continue", params={"tools": TOOLS})
    stream.until("tool_call_delta")
    worker.kill()
    other = stack.start_worker()
    last = finish(stack, stream, other)[-1]
    assert last.type == "interrupted" and last.data["resumable"] is False
    assert len(stack.journal(stream.generation)) == 1


def test_a_thought_alone_is_thought_again(stack):
    stream, other = broken(stack, kill, script="!sim reasoning=40 tokens=5 delay_ms=60 text=self", until="reasoning", on_interrupt="continue")
    events = finish(stack, stream, other)
    assert events[-1].type == "done" and "reset" in [e.type for e in events]
    assert numbers(text_of(events)) == list(range(5))


def test_a_stop_while_the_log_is_read_back_wins(stack):
    stream, other = broken(stack, kill, on_interrupt="continue")
    answer = stack.api().stop(stream.generation)[1]
    events = finish(stack, stream, other)
    assert answer["outcome"] == "stopped" and events[-1].id == answer["seq"] and events[-1].type == "stopped"


def test_the_limits_count_what_was_shown_before(stack):
    worker = stack.start_worker({"SLUICE_LIMITS_OUTPUT": "2KiB"})
    stream = stack.api().new_chat("!sim tokens=2000 delay_ms=20 text=self", on_disconnect="continue", on_interrupt="continue")
    while len(text_of(stream.events)) < 1200:
        stream.until("delta")
    worker.kill()
    other = stack.start_worker({"SLUICE_LIMITS_OUTPUT": "2KiB"})
    events = finish(stack, stream, other)
    assert events[-1].data["error"]["code"] == "output_limit" and len(text_of(events)) <= 2048
    wait_until(lambda: stack.provider_stats()["open"] == 0, "the provider to be closed")
