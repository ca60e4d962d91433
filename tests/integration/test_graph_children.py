"""parallel and map: children at once, their parts side by side, their results in order, and what one failure does to the
others.

Scenario: the simulated provider answers as slowly as each prompt says; its journal tells what was asked, how many at the same
time, and what was closed early.
"""

import json

import pytest

from support.graphs import parts, reply, rows, steps
from support.processes import wait_until
from support.stack import Stack

GRAPHS = {
    "both": r"""
graph: both
start: both
nodes:
  - id: both
    kind: parallel
    fail: collect
    branches:
      left: {kind: llm, visible: true, prompt: "!sim tokens=20 delay_ms=100 text=self left"}
      right: {kind: llm, visible: true, prompt: "!sim tokens=20 delay_ms=100 text=self right"}
      quiet: {kind: set, value: '{a: 1}'}
      wrong: {kind: set, value: 'error("no")'}
    next: after
  - {id: after, kind: set, visible: true, next: end,
     value: '{quiet: .out.both.quiet, wrong: .out.both.wrong.error.code, left: (.out.both.left.text | length > 0),
              names: (.out.both | keys)}'}
""",
    "fast": r"""
graph: fast
start: both
nodes:
  - id: both
    kind: parallel
    fail: fast
    branches:
      slow: {kind: llm, visible: true, prompt: "!sim tokens=1000 delay_ms=20"}
      wrong: {kind: llm, prompt: "!sim tokens=100 delay_ms=20 fault=error@20"}
    on_error: sorry
    next: end
  - {id: sorry, kind: set, visible: true, value: '.error', next: end}
""",
    "each": r"""
graph: each
start: items
limits: {steps: 200}
nodes:
  - {id: items, kind: set, value: '.input.message | split(",")', next: each}
  - {id: each, kind: map, over: .out.items, concurrency: 3, fail: collect,
     do: {kind: llm, history: none, prompt: "!sim tokens=3 delay_ms=30 {{ .item }} at {{ .index }}"}, next: say}
  - {id: say, kind: set, visible: true, value: '[.out.each[] | if .error then .error.code else (.text | length > 0) end]',
     next: end}
""",
    "numbers": r"""
graph: numbers
start: each
limits: {steps: 2500}
nodes:
  - {id: each, kind: map, over: '[range(.input.message | tonumber)]', concurrency: 8, fail: fast,
     do: {kind: set, value: '.item + .index'}, next: say}
  - {id: say, kind: set, visible: true, value: '.out.each | [length, .[0], .[-1], add]', next: end}
""",
    "nolist": r"""
graph: nolist
start: each
nodes:
  - {id: each, kind: map, over: .input, do: {kind: set, value: .item}, on_error: say, next: say}
  - {id: say, kind: set, visible: true, value: '.error.code', next: end}
""",
    "nested": r"""
graph: nested
start: each
nodes:
  - {id: each, kind: map, over: '["a", "b"]', concurrency: 2,
     do: {kind: graph, graph: sub, visible: true, input: {letter: "{{ .item }}"}}, next: say}
  - {id: say, kind: set, visible: true, value: .out.each, next: end}
""",
    "sub": r"""
graph: sub
start: one
nodes:
  - {id: one, kind: set, value: '.input.letter * 2', next: two}
  - {id: two, kind: set, visible: true, value: '.out.one + "!"', next: end}
""",
}


@pytest.fixture(scope="module")
def stack():
    with Stack(graphs=GRAPHS) as running:
        yield running


def run(stack, graph, message, **fields):
    stream = stack.api().new_chat(message, graph=graph, **fields)
    stream.read_all()
    return stream


def test_branches_stream_at_once_each_with_its_part(stack):
    stream = run(stack, "both", "x")
    deltas = [e.data for e in stream.events if e.type == "delta"]
    order = [d["node"] for d in deltas if d["node"].startswith("both/")]
    assert set(order) == {"both/left", "both/right"}
    changes = sum(a != b for a, b in zip(order, order[1:]))
    assert changes > 2, f"they did not interleave: {order}"
    texts = parts(stream)
    assert len(texts) == 3 and len({d["part"] for d in deltas if d["node"] == "both/left"}) == 1
    for text in list(texts.values())[:2]:  # self-describing: every token once and in order
        assert [int(word.split(":")[1]) for word in text.split()] == list(range(20))
    assert json.loads(texts[2]) == {
        "quiet": {"a": 1},
        "wrong": "bad_expression",
        "left": True,
        "names": ["left", "quiet", "right", "wrong"],
    }
    messages = stack.api().chat(stream.chat)[1]["messages"]
    assert messages[1]["content"] == reply(stream)
    kept = {r["node"]: r["status"] for r in rows(messages[1])}
    assert kept["both/wrong"] == "failed" and kept["both/left"] == "finished" and kept["both"] == "finished"
    usage = stream.events[-1].data["usage"]
    assert usage["output"] == 40 and usage["source"] == "provider", usage


def test_the_first_failure_stops_the_others(stack):
    stream = run(stack, "fast", "x")
    text = list(parts(stream).values())
    error = json.loads(text[-1])
    assert error["node"] == "both" and error["code"] == "model" and error["message"].startswith("wrong: ")
    assert stream.events[-1].type == "done"
    closed = wait_until(lambda: [r for r in stack.journal(stream.generation) if r["end"] == "client_closed"], "the slow branch to be closed")
    assert len(closed) == 1
    assert stack.api().chat(stream.chat)[1]["messages"][1]["content"] == reply(stream)


def test_map_keeps_the_order_and_its_concurrency(stack):
    stream = run(stack, "each", "a,b,c,d,e,f,g")
    assert json.loads(stream.text) == [True] * 7
    rows = stack.journal(stream.generation)
    prompts = sorted(r["messages"][-1]["content"].split("delay_ms=30 ")[1] for r in rows)
    assert prompts == [f"{letter} at {i}" for i, letter in enumerate("abcdefg")]
    at_once = max(sum(o["at_ms"] <= r["at_ms"] < o["ended_ms"] for o in rows) for r in rows)
    assert at_once <= 3, at_once


def test_map_over_many(stack):
    stream = run(stack, "numbers", "1000")
    assert json.loads(stream.text) == [1000, 0, 1998, 999000]
    assert [s for s in steps(stream) if s[1] == "each/999"] == [
        (1, "each/999", "set", "started"),
        (1, "each/999", "set", "finished"),
    ]


def test_children_count_for_the_limit_of_steps(stack):
    stream = run(stack, "numbers", "2600")
    assert stream.events[-1].type == "failed" and "limit_steps" in stream.events[-1].data["error"]["message"]


def test_more_children_than_any_graph_may_have(stack):
    """A list of which a user decides the length makes nothing ready, and runs nothing."""
    stream = run(stack, "numbers", "50000")
    assert "limit_steps" in stream.events[-1].data["error"]["message"]
    assert {node for _, node, _, _ in steps(stream)} == {"each"}


def test_over_nothing(stack):
    assert json.loads(run(stack, "numbers", "0").text) == [0, None, None, None]


def test_over_what_is_no_list(stack):
    assert run(stack, "nolist", "x").text == "bad_expression"


def test_sub_graphs_in_a_map(stack):
    stream = run(stack, "nested", "x")
    assert sorted(list(parts(stream).values())[:2]) == ["aa!", "bb!"] and json.loads(list(parts(stream).values())[2]) == [
        "aa!",
        "bb!",
    ]
    assert {"each/0/two", "each/1/two"} <= {s[1] for s in steps(stream)}
