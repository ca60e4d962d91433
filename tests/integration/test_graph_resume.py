"""A worker is killed within a graph: another one goes on behind the last checkpoint, and what was shown is never shown twice.

Scenario: kill -9 of the only graph worker at a moment that the test can name (a step's event, a shown token), then a new one;
the leases are short. The provider's journal counts how often each step asked its model; self-describing tokens prove that no
text is there twice.
"""

import json
import re

import pytest

from support.graphs import kept, parts, reply, rows, steps
from support.processes import wait_until
from support.stack import Stack

CONFIG = """
models:
  - {name: default, base_url: "%(url)s", model: sim}
  - {name: able, base_url: "%(url)s", model: sim, supports: [prefill]}
"""
# Said of one step, its first request never ends. Only those that have the fault are counted.
STALLS = "fault=stall@5 fail_times=1"
GRAPHS = {
    "line": r"""
graph: line
start: one
nodes:
  - {id: one, kind: llm, prompt: "!sim tokens=2 one", next: shown}
  - {id: shown, kind: llm, visible: true, history: none, prompt: "!sim tokens=10 text=self delay_ms=20 shown", next: quiet}
  - {id: quiet, kind: llm, prompt: "!sim tokens=10 delay_ms=20 {{ .input.metadata.quiet }} quiet", next: second}
  - {id: second, kind: llm, visible: true, history: none, prompt: "!sim tokens=40 text=self delay_ms=20 {{ .input.metadata.second }} second", next: last}
  - {id: last, kind: set, visible: true, value: '[(.out | keys), (.out.one.text | length > 0)]', next: end}
""",
    "able": r"""
graph: able
start: one
nodes:
  - {id: one, kind: set, visible: true, value: '"First."', next: two}
  - {id: two, kind: llm, model: able, visible: true, history: none, prompt: "!sim tokens=40 text=self delay_ms=20 fault=stall@10 fail_times=1 two", next: last}
  - {id: last, kind: set, visible: true, value: '.out.two.text', next: end}
""",
    "short": r"""
graph: short
start: two
nodes:
  - {id: two, kind: llm, model: able, visible: true, history: none, params: {max_tokens: 30},
     prompt: "!sim tokens=40 delay_ms=200 two", next: end}
""",
    "both": r"""
graph: both
start: both
nodes:
  - id: both
    kind: parallel
    fail: collect
    branches:
      quick: {kind: llm, visible: true, prompt: "!sim tokens=4 text=self delay_ms=150 quick"}
      slow: {kind: llm, visible: true, prompt: "!sim tokens=60 text=self delay_ms=100 slow"}
      quiet: {kind: set, value: '1'}
    next: last
  - {id: last, kind: set, visible: true, value: '.out.both | keys', next: end}
""",
    "each": r"""
graph: each
start: each
nodes:
  - {id: each, kind: map, over: '[range(8)]', concurrency: 2,
     do: {kind: llm, history: none, prompt: "!sim tokens=4 delay_ms=100 item {{ .item }}"}, next: last}
  - {id: last, kind: set, visible: true, value: '.out.each | length', next: end}
""",
    "outer": r"""
graph: outer
start: inside
nodes:
  - {id: inside, kind: graph, graph: inner, next: last}
  - {id: last, kind: set, visible: true, value: '.out.inside', next: end}
""",
    "inner": r"""
graph: inner
start: a
nodes:
  - {id: a, kind: llm, prompt: "!sim tokens=2 a", next: b}
  - {id: b, kind: llm, prompt: "!sim tokens=10 delay_ms=20 fault=stall@5 fail_times=1 b", next: c}
  - {id: c, kind: set, visible: true, value: '"\(.out.a.text | length > 0) \(.out.b.text | length > 0)"', next: end}
""",
    "asks": r"""
graph: asks
start: which
nodes:
  - {id: which, kind: ask, prompt: "Which?", next: think}
  - {id: think, kind: llm, prompt: "!sim tokens=10 delay_ms=100 think", next: last}
  - {id: last, kind: set, visible: true, value: '.out.which.message', next: end}
""",
    "again": r"""
graph: again
start: both
nodes:
  - id: both
    kind: parallel
    retry: {times: 5, on: [bad_json], backoff_ms: 1000}
    branches:
      good: {kind: llm, prompt: "!sim tokens=2 good"}
      json: {kind: llm, output: json, prompt: "!sim tokens=2 json"}
    on_error: last
    next: last
  - {id: last, kind: set, visible: true, value: '.error.code', next: end}
""",
    "seconds": r"""
graph: seconds
start: one
limits: {seconds: 8}
nodes:
  - {id: one, kind: llm, prompt: "!sim tokens=30 delay_ms=100 one", next: two}
  - {id: two, kind: llm, prompt: "!sim first_ms=60000 two", on_error: last, next: last}
  - {id: last, kind: set, visible: true, value: '1', next: end}
""",
    "caught": r"""
graph: caught
start: wrong
nodes:
  - {id: wrong, kind: set, value: 'error("oh")', on_error: think, next: end}
  - {id: think, kind: llm, prompt: "!sim tokens=10 delay_ms=100 think", next: last}
  - {id: last, kind: set, visible: true, value: '.error.node + " " + .error.code', next: end}
""",
}


@pytest.fixture(scope="module")
def stack():
    with Stack(graphs=GRAPHS, config=CONFIG, env={"SLUICE_WORKER_LEASE": "3s"}) as running:
        yield running


def until_step(stream, node, status):
    while True:
        event = stream.until("step")
        if (event.data["node"], event.data["status"]) == (node, status):
            return event


def crash(stack):
    stack.graph_processes[-1].kill()
    stack.start_graph_worker()


def asked(stack, generation):
    """How often each prompt was sent."""
    counts = {}
    for row in stack.journal(generation):
        word = row["messages"][-1]["content"] if row["messages"][-1]["role"] == "user" else row["messages"][-2]["content"]
        word = re.sub(r"!sim |\S+=\S+", "", word).strip()
        counts[word] = counts.get(word, 0) + 1
    return counts


def until_asked(stack, stream, word):
    """A step is told of before its model is asked."""
    wait_until(lambda: word in asked(stack, stream.generation), f"the request of {word}")


def tokens(text):
    return [int(word.split(":")[1]) for word in text.split()]


def started(stream):
    return [e.data["epoch"] for e in stream.events if e.type == "started"]


def test_inside_a_quiet_step_behind_a_shown_one(stack):
    """What was shown is whole: nothing is half-shown, so it goes on whatever the policy is."""
    stream = stack.api().new_chat("x", graph="line", metadata={"quiet": STALLS})
    until_step(stream, "quiet", "started")
    until_asked(stack, stream, "quiet")
    crash(stack)
    stream.read_all()
    assert stream.events[-1].type == "done" and started(stream) == [1, 2]
    assert asked(stack, stream.generation) == {"one": 1, "shown": 1, "quiet": 2, "second": 1}
    assert not [e for e in stream.events if e.type == "reset"]
    texts = list(parts(stream).values())
    assert tokens(texts[0]) == list(range(10)) and tokens(texts[1]) == list(range(40)) and len(texts) == 3
    assert json.loads(texts[2]) == [["one", "quiet", "second", "shown"], True]
    message = stack.api().chat(stream.chat)[1]["messages"][1]
    assert message["content"] == reply(stream) and [r["node"] for r in rows(message)] == [
        "one",
        "shown",
        "quiet",
        "second",
        "last",
    ]
    assert [e.id for e in stream.events] == list(range(1, len(stream.events) + 1))
    assert stream.events[-1].data["usage"]["source"] == "estimated" and stream.events[-1].data["usage"]["output"] >= 62


def test_inside_the_first_step(stack):
    stream = stack.api().new_chat("x", graph="each")
    stream.until("started")
    crash(stack)
    stream.read_all()
    assert stream.events[-1].type == "done" and stream.text == "8"


def test_a_half_shown_step_interrupts_by_default(stack):
    stream = stack.api().new_chat("x", graph="line", metadata={"second": STALLS})
    until_step(stream, "second", "started")
    stream.until("delta")
    crash(stack)
    stream.read_all()
    assert stream.events[-1].type == "interrupted" and stream.events[-1].data["error"]["code"] == "worker_lost"
    assert stack.api().chat(stream.chat)[0] == 404
    assert asked(stack, stream.generation) == {"one": 1, "shown": 1, "quiet": 1, "second": 1}


def test_a_half_shown_step_begins_again(stack):
    stream = stack.api().new_chat("x", graph="line", on_interrupt="restart", metadata={"second": STALLS})
    until_step(stream, "second", "started")
    stream.until("delta")
    crash(stack)
    stream.read_all()
    assert stream.events[-1].type == "done"
    resets = [e for e in stream.events if e.type == "reset"]
    first = next(e for e in stream.events if e.type == "delta" and e.data["node"] == "second")
    assert len(resets) == 1 and resets[0].data["after"] == first.id - 1
    texts = list(parts(stream).values())
    assert tokens(texts[0]) == list(range(10)) and tokens(texts[1]) == list(range(40)) and len(texts) == 3
    assert asked(stack, stream.generation) == {"one": 1, "shown": 1, "quiet": 1, "second": 2}
    assert stack.api().chat(stream.chat)[1]["messages"][1]["content"] == reply(stream)


def test_a_half_shown_step_goes_on_where_its_model_can(stack):
    stream = stack.api().new_chat("x", graph="able", on_interrupt="continue")
    until_step(stream, "two", "started")
    for _ in range(3):
        stream.until("delta")
    crash(stack)
    stream.read_all()
    assert stream.events[-1].type == "done" and not [e for e in stream.events if e.type == "reset"]
    sent = stack.journal(stream.generation)
    texts = parts(stream)
    shown = sent[-1]["messages"][-1]["content"]
    assert len(sent) == 2 and sent[-1]["messages"][-1]["role"] == "assistant"
    assert len(texts) == 3 and texts[1].startswith(shown) and len(texts[1]) > len(shown)
    assert texts[2] == texts[1], "the step's result is the whole text"
    assert stack.api().chat(stream.chat)[1]["messages"][1]["content"] == reply(stream)


def test_what_was_shown_counts_as_max_tokens(stack):
    stream = stack.api().new_chat("x", graph="short", on_interrupt="continue")
    for _ in range(3):
        stream.until("delta")
    crash(stack)
    stream.read_all()
    first, second = stack.journal(stream.generation)
    shown = len(second["messages"][-1]["content"].split())
    assert first["params"]["max_tokens"] == 30 and 1 <= second["params"]["max_tokens"] <= 30 - shown
    assert stream.events[-1].data["finish_reason"] == "length" and shown < len(stream.text.split()) <= 30


def test_where_it_cannot_go_on_it_begins_again(stack):
    stream = stack.api().new_chat("x", graph="line", on_interrupt="continue", metadata={"second": STALLS})
    until_step(stream, "second", "started")
    stream.until("delta")
    crash(stack)
    stream.read_all()
    assert stream.events[-1].type == "done" and len([e for e in stream.events if e.type == "reset"]) == 1
    assert tokens(list(parts(stream).values())[1]) == list(range(40))


def test_only_the_missing_branch_runs_again(stack):
    stream = stack.api().new_chat("x", graph="both", on_interrupt="restart")
    until_step(stream, "both/quick", "finished")
    crash(stack)
    stream.read_all()
    assert stream.events[-1].type == "done"
    assert asked(stack, stream.generation) == {"quick": 1, "slow": 2}
    deltas = [e.data for e in kept(stream) if e.type == "delta"]
    texts = {node: "".join(d["text"] for d in deltas if d["node"] == node) for node in ("both/quick", "both/slow")}
    assert tokens(texts["both/quick"]) == list(range(4)) and tokens(texts["both/slow"]) == list(range(60))
    message = stack.api().chat(stream.chat)[1]["messages"][1]
    assert message["content"] == reply(stream) and "both/quick" in [r["node"] for r in rows(message)]


def test_a_map_runs_only_what_is_missing(stack):
    stream = stack.api().new_chat("x", graph="each")
    until_step(stream, "each/3", "finished")
    crash(stack)
    stream.read_all()
    assert stream.events[-1].type == "done" and stream.text == "8"
    counts = asked(stack, stream.generation)
    assert set(counts) == {f"item {i}" for i in range(8)} and sum(counts.values()) <= 10
    again = [e.type for e in stream.events].index("started", 2)  # the second worker's
    done = [e.data["node"].removeprefix("each/") for e in stream.events[:again] if e.type == "step" and e.data["status"] == "finished"]
    assert len(done) >= 4 and {counts[f"item {i}"] for i in done} == {1}


def test_inside_a_sub_graph(stack):
    stream = stack.api().new_chat("x", graph="outer")
    until_step(stream, "inside/b", "started")
    until_asked(stack, stream, "b")
    crash(stack)
    stream.read_all()
    assert stream.events[-1].type == "done" and stream.text == "true true"
    assert asked(stack, stream.generation) == {"a": 1, "b": 2}


def test_again_and_again(stack):
    stalls = {"quiet": STALLS, "second": "fault=stall@5 fail_times=3"}  # those of quiet count too
    stream = stack.api().new_chat("x", graph="line", on_interrupt="restart", metadata=stalls)
    until_step(stream, "quiet", "started")
    until_asked(stack, stream, "quiet")
    crash(stack)
    until_step(stream, "second", "started")
    stream.until("delta")
    crash(stack)
    until_step(stream, "second", "started")
    stream.until("delta")
    crash(stack)
    stream.read_all()
    assert stream.events[-1].type == "done" and started(stream) == [1, 2, 3, 4]
    texts = list(parts(stream).values())
    assert tokens(texts[0]) == list(range(10)) and tokens(texts[1]) == list(range(40))
    assert stack.api().chat(stream.chat)[1]["messages"][1]["content"] == reply(stream)


def test_behind_an_answer(stack):
    api = stack.api()
    first = api.new_chat("x", graph="asks")
    first.read_all()
    assert first.events[-1].data["finish_reason"] == "ask"
    second = api.message(first.chat, "this one")
    until_step(second, "think", "started")
    crash(stack)
    second.read_all()
    assert second.events[-1].type == "done" and second.text == "this one"


def test_behind_a_caught_error(stack):
    stream = stack.api().new_chat("x", graph="caught")
    until_step(stream, "think", "started")
    crash(stack)
    stream.read_all()
    assert stream.events[-1].type == "done" and stream.text == "wrong bad_expression"
    assert len([s for s in steps(stream) if s[1] == "wrong" and s[3] == "started"]) == 1


def test_a_worker_that_ends_in_order_hands_it_back(stack):
    """SIGTERM twice: no more time. A quiet step is handed back, and another worker goes on."""
    stream = stack.api().new_chat("x", graph="line", metadata={"quiet": STALLS})
    until_step(stream, "quiet", "started")
    until_asked(stack, stream, "quiet")
    worker = stack.graph_processes[-1]
    worker.signal(15)
    worker.signal(15)
    stack.start_graph_worker()
    stream.read_all()
    assert stream.events[-1].type == "done" and worker.wait() == 0
    assert asked(stack, stream.generation)["shown"] == 1
    wait_until(lambda: stack.redis.zcard("sluice:{s00}:open") == 0, "nothing to be open")


def test_in_a_back_off(stack):
    """A branch's failure is not kept where its parent tries again: the next worker asks that branch anew, and only that one."""
    stream = stack.api().new_chat("x", graph="again")
    until_step(stream, "both", "retrying")
    before = asked(stack, stream.generation)
    crash(stack)
    stream.read_all()
    assert stream.events[-1].type == "done" and stream.text == "bad_json"
    counts = asked(stack, stream.generation)
    assert counts["json"] >= before["json"] + 6, "all tries of the new claim"


def test_the_limit_of_seconds_goes_over_claims(stack):
    """Three of eight seconds were used by the first worker: the second one has the rest."""
    stream = stack.api().new_chat("x", graph="seconds")
    until_step(stream, "two", "started")
    crash(stack)
    again = stream.until("started").data["at"]
    stream.read_all()
    assert stream.events[-1].type == "failed" and "two: limit_seconds" in stream.events[-1].data["error"]["message"]
    assert stream.events[-1].data["at"] - again < 7500, "anew that were eight"
