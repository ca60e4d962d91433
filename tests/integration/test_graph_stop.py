"""A stop reaches a graph everywhere: between steps and inside each kind of them; nothing new starts, the provider is closed, the turn is rolled back.

Scenario: graphs that are slow in one place each; the stop comes by the API, by the flag that any service may set, or because the turn is interrupted by the next one.
"""
import time

import pytest

from support.graphs import steps
from support.processes import wait_until
from support.stack import Stack

GRAPHS = {
    "slow": r"""
graph: slow
start: one
nodes:
  - {id: one, kind: set, value: '1', next: two}
  - {id: two, kind: llm, prompt: "!sim tokens=1000 delay_ms=20", next: three}
  - {id: three, kind: llm, visible: true, prompt: "!sim tokens=5", next: end}
""",
    "shown": r"""
graph: shown
start: one
nodes:
  - {id: one, kind: llm, visible: true, prompt: "!sim tokens=1000 delay_ms=20", next: end}
""",
    "prefill": r"""
graph: prefill
start: one
nodes:
  - {id: one, kind: llm, visible: true, prompt: "!sim first_ms=60000 tokens=5", next: end}
""",
    "both": r"""
graph: both
start: both
nodes:
  - id: both
    kind: parallel
    branches:
      left: {kind: llm, visible: true, prompt: "!sim tokens=1000 delay_ms=20"}
      right: {kind: llm, visible: true, prompt: "!sim tokens=1000 delay_ms=20"}
      deep: {kind: graph, graph: slow}
    next: end
""",
    "each": r"""
graph: each
start: each
limits: {steps: 500}
nodes:
  - {id: each, kind: map, over: '[range(100)]', concurrency: 4, do: {kind: llm, prompt: "!sim tokens=10 delay_ms=50 {{ .item }}"}, next: last}
  - {id: last, kind: set, visible: true, value: '1', next: end}
""",
    "backoff": r"""
graph: backoff
start: one
nodes:
  - {id: one, kind: llm, output: json, prompt: "!sim tokens=2", retry: {times: 5, on: [bad_json], backoff_ms: 20000}, next: last}
  - {id: last, kind: set, visible: true, value: '1', next: end}
""",
    "spin": r"""
graph: spin
start: one
limits: {steps: 10000, seconds: 100}
nodes:
  - {id: one, kind: set, value: '(.out.one // 0) + 1', next: two}
  - {id: two, kind: branch, cases: [{if: '.out.one < 0', then: last}], else: one}
  - {id: last, kind: set, visible: true, value: '1', next: end}
""",
}
SLOW = sorted(GRAPHS)
MOST_S = 10  # a gross bound: each would go on for longer


@pytest.fixture(scope="module")
def stack():
    with Stack(graphs=GRAPHS, env={"SLUICE_LIMITS_EVENTS": "30000"}) as running:
        yield running


def under_way(stack, graph, **fields):
    """The stream of a generation that is in the middle of it."""
    stream = stack.api().new_chat("hello", graph=graph, **fields)
    if graph == "backoff":
        wait_for_step(stream, "retrying")
    elif graph == "each":
        for _ in range(6):
            wait_for_step(stream, "finished")
    elif graph == "spin":
        for _ in range(50):
            wait_for_step(stream, "finished")
    elif graph in ("shown", "both"):
        stream.until("delta")
    else:
        wait_until(lambda: stack.journal(stream.generation), "the provider to be asked")
    return stream


def wait_for_step(stream, status):
    while stream.until("step").data["status"] != status:
        pass


def check_stopped(stack, stream, reason):
    stream.read_all()
    end = stream.events[-1]
    assert end.type == "stopped" and end.data["reason"] == reason and end.data["restore"]["message"] == "hello" and end.data["committed"] is False
    assert stack.api().chat(stream.chat)[0] == 404
    asked = stack.wait_provider_closed(stream.generation)
    time.sleep(0.3)  # nothing may come: the only thing to wait for is time
    assert len(stack.journal(stream.generation)) == len(asked), "asked after the stop"
    record = stack.api().generation(stream.generation)[1]
    assert record["state"] == "stopped"
    wait_until(lambda: stack.api().generation(stream.generation)[1]["usage"]["settled"], "the usage to be settled")
    return asked


@pytest.mark.parametrize("graph", SLOW)
def test_by_the_api(stack, graph):
    stream = under_way(stack, graph)
    answer = stack.api().stop(stream.generation)[1]
    at = time.monotonic()
    assert answer["outcome"] == "stopped"
    check_stopped(stack, stream, "user")
    assert stream.events[-1].at - at < MOST_S


@pytest.mark.parametrize("graph", SLOW)
def test_by_the_flag(stack, graph):
    stream = under_way(stack, graph)
    stack.redis.set(f"chat_stop:{stream.chat}", "1", ex=60)
    at = time.monotonic()
    check_stopped(stack, stream, "flag")
    assert stream.events[-1].at - at < MOST_S
    assert stack.flag(stream.chat) is None


def test_by_the_next_turn(stack):
    api = stack.api()
    first = under_way(stack, "both")
    second = api.message(first.chat, "hello", graph="slow", if_busy="interrupt")
    check_stopped(stack, first, "busy")
    wait_until(lambda: stack.journal(second.generation), "the second turn to ask")
    api.stop(second.generation)
    check_stopped(stack, second, "user")


def test_before_it_is_claimed(stack):
    """The worker holds still: the stop answers at once, and the generation never runs."""
    worker = stack.graph_processes[0]
    worker.signal(19)
    try:
        stream = stack.api().new_chat("hello", graph="shown")
        assert stack.api().stop(stream.generation)[1]["outcome"] == "stopped"
        stream.read_all()
    finally:
        worker.signal(18)
    assert stream.events[-1].type == "stopped" and not steps(stream)


def test_usage_of_what_was_stopped(stack):
    """Both branches, told by estimate; and with `upstream_on_stop: drain` the exact figures, read on silently."""
    stream = under_way(stack, "both")
    stack.api().stop(stream.generation)
    check_stopped(stack, stream, "user")
    usage = stack.api().generation(stream.generation)[1]["usage"]
    assert usage["source"] == "estimated" and usage["output"] > 0 and usage["input"] > 0


def test_what_is_drained(stack):
    stream = under_way(stack, "each", upstream_on_stop="drain")
    stack.api().stop(stream.generation)
    stream.read_all()
    assert stream.events[-1].type == "stopped"
    usage = wait_until(lambda: (lambda u: u if u["settled"] else None)(stack.api().generation(stream.generation)[1]["usage"]), "the usage to be settled")
    asked = stack.journal(stream.generation)
    assert usage["source"] == "provider" and all(r["end"] == "complete" for r in asked)
    assert usage["output"] == sum(r["tokens"] for r in asked)


def test_no_memory_of_it_stays(stack):
    """Many stops, one after the other: the worker has nothing under way behind them."""
    for _ in range(10):
        stream = under_way(stack, "both")
        stack.api().stop(stream.generation)
        stream.read_all()
    wait_until(lambda: stack.provider_stats()["open"] == 0, "all provider connections to be closed")
    wait_until(lambda: stack.graph_metrics()["sluice_graph_steps"] == 0, "no step to be under way")
    wait_until(lambda: stack.graph_metrics()["sluice_generations_running"] == 0, "no generation to be under way")
