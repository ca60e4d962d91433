"""The walk through a graph: set, branch, cycles and sub-graphs; what goes wrong and who catches it; the limits.

Scenario: graphs without a model, so that every step is known beforehand; what readers see of the steps, what the chat keeps, what ends a generation. Errors come from expressions, since
those need nobody.
"""
import json

import pytest

from support.graphs import rows, steps
from support.stack import Stack

GRAPHS = {
    "hello": r"""
graph: hello
start: name
nodes:
  - {id: name, kind: set, value: '.input.message | ascii_upcase', next: which}
  - {id: which, kind: branch, cases: [{if: '.out.name == "ANN"', then: friend}, {if: '.out.name | length > 4', then: long}], else: stranger}
  - {id: friend, kind: set, value: '"Hello, \(.out.name)!"', visible: true, next: more}
  - {id: more, kind: set, value: '{n: (.history | length), was: .out.which}', visible: true, next: end}
  - {id: long, kind: set, value: '"A long name."', visible: true, next: end}
  - {id: stranger, kind: set, value: '"Who is \(.out.name)?"', visible: true, next: end}
""",
    "count": r"""
graph: count
start: one
limits: {steps: 20}
nodes:
  - {id: one, kind: set, value: '((.out.one // 0) + 1)', next: enough}
  - {id: enough, kind: branch, cases: [{if: '.out.one >= (.input.message | tonumber)', then: say}], else: one}
  - {id: say, kind: set, value: '.out.one', visible: true, next: end}
""",
    "input": r"""
graph: input
start: say
nodes:
  - {id: say, kind: set, value: '. + {history: (.history | length)}', visible: true, next: end}
""",
    "keys": r"""
graph: keys
start: say
nodes:
  - {id: say, kind: set, value: 'keys', visible: true, next: end}
""",
    "caught": r"""
graph: caught
start: wrong
nodes:
  - {id: wrong, kind: set, value: '.input.message | tonumber', on_error: sorry, next: good}
  - {id: good, kind: set, value: '"a number"', visible: true, next: end}
  - {id: sorry, kind: set, value: '.error', visible: true, next: end}
""",
    "uncaught": r"""
graph: uncaught
start: first
nodes:
  - {id: first, kind: set, value: '"Shown."', visible: true, next: wrong}
  - {id: wrong, kind: set, value: 'error("never")', next: end}
""",
    "runaway": r"""
graph: runaway
start: spin
nodes:
  - {id: spin, kind: set, value: '[range(1e9)] | length', on_error: sorry, next: end}
  - {id: sorry, kind: set, value: '.error.code', visible: true, next: end}
""",
    "large": r"""
graph: large
start: grow
limits: {state_bytes: 4096, steps: 40}
nodes:
  - {id: grow, kind: set, value: '(.out.grow // "x") * 2', on_error: sorry, next: grow}
  - {id: sorry, kind: set, value: '{code: .error.code, kept: (.out.grow | length)}', visible: true, next: end}
""",
    "slow": r"""
graph: slow
start: one
limits: {seconds: 1, steps: 10000}
nodes:
  - {id: one, kind: set, value: '(.out.one // 0) + 1', next: one2}
  - {id: one2, kind: branch, cases: [{if: '.out.one < 0', then: say}], else: one}
  - {id: say, kind: set, value: '1', visible: true, next: end}
""",
    "outer": r"""
graph: outer
start: inside
nodes:
  - {id: inside, kind: graph, graph: inner, visible: true, input: {word: "{{ .input.message }}", n: "{{ 1 + 1 }}"}, on_error: sorry, next: after}
  - {id: after, kind: set, value: '"after \(.out.inside)"', visible: true, next: end}
  - {id: sorry, kind: set, value: '.error', visible: true, next: end}
""",
    "quiet": r"""
graph: quiet
start: inside
nodes:
  - {id: inside, kind: graph, graph: inner, next: after}
  - {id: after, kind: set, value: '{got: .out.inside, mine: (.out | keys)}', visible: true, next: end}
""",
    "inner": r"""
graph: inner
start: look
nodes:
  - {id: look, kind: set, value: 'if .input.word == "bad" then error("no such word") else (.input.word // .input.message) end', next: say}
  - {id: say, kind: set, value: '"inner \(.out.look) \(.input.n)"', visible: true, next: end}
""",
}


@pytest.fixture(scope="module")
def stack():
    with Stack(graphs=GRAPHS, env={"SLUICE_LIMITS_EVENTS": "30000"}) as running:
        yield running


def run(stack, graph, message, **fields):
    stream = stack.api().new_chat(message, graph=graph, **fields)
    stream.read_all()
    return stream


def test_set_and_branch(stack):
    stream = run(stack, "hello", "ann", metadata={"a": 1})
    done = stream.events[-1].data
    assert stream.events[-1].type == "done" and done["finish_reason"] == "stop" and done["model"] is None
    assert done["usage"] == {"input": 0, "output": 0, "cached": 0, "reasoning": 0, "source": "none", "settled": True}
    parts = [(e.data["part"], e.data["node"], e.data["text"]) for e in stream.events if e.type == "delta"]
    assert parts == [(0, "friend", "Hello, ANN!"), (1, "more", '{"n":0,"was":"friend"}')]
    walked = ((1, "name", "set"), (2, "which", "branch"), (3, "friend", "set"), (4, "more", "set"))
    assert steps(stream) == [(n, node, kind, status) for n, node, kind in walked for status in ("started", "finished")]
    started = [e.data for e in stream.events if e.type == "started"]
    assert len(started) == 1 and started[0]["graph"] == "hello" and len(started[0]["version"]) == 64 and (started[0]["attempt"], started[0]["epoch"]) == (1, 1)
    messages = stack.api().chat(stream.chat)[1]["messages"]
    assert [m["content"] for m in messages] == ["ann", 'Hello, ANN!\n\n{"n":0,"was":"friend"}']
    assert [(r["step"], r["node"], r["kind"], r["status"]) for r in rows(messages[1])] == [(n, node, kind, "finished") for n, node, kind in walked]


def test_the_chat_keeps_its_graph_and_tells_its_history(stack):
    api = stack.api()
    first = run(stack, "hello", "ann")
    second = api.message(first.chat, "ann")
    second.read_all()
    assert second.events[-1].type == "done" and '"n":2' in second.text


def test_else_and_the_first_case_that_holds(stack):
    assert run(stack, "hello", "bob").text == "Who is BOB?"
    assert run(stack, "hello", "friedrich").text == "A long name."


def test_what_the_state_says(stack):
    stream = run(stack, "input", 'say "ä"\n', metadata={"k": [1]}, user="ann", attachments=[{"type": "text", "name": "a.txt", "media_type": "text/plain", "data": "aGk="}])
    state = json.loads(stream.text)
    assert state["input"]["message"] == 'say "ä"\n' and state["input"]["metadata"] == {"k": [1]} and state["input"]["user"] == "ann"
    assert state["input"]["chat_id"] == stream.chat and state["input"]["generation_id"] == stream.generation
    assert state["input"]["attachments"] == [{"type": "text", "name": "a.txt", "media_type": "text/plain"}]
    assert state["history"] == 0 and state["out"] == {} and state["error"] is None


def test_a_history_that_is_not_named_is_not_there(stack):
    """It may be long: an expression that does not name it does not pay for it."""
    assert json.loads(run(stack, "keys", "x").text) == ["error", "input", "out"]


def test_stateless(stack):
    messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "ann"}]
    stream = stack.api().generate(messages, graph="hello")
    stream.read_all()
    assert stream.events[-1].type == "done" and stream.text == 'Hello, ANN!{"n":2,"was":"friend"}'
    assert stack.api().generation(stream.generation)[1]["output"]["text"] == 'Hello, ANN!\n\n{"n":2,"was":"friend"}'


def test_a_cycle_ends(stack):
    stream = run(stack, "count", "9")
    assert stream.text == "9" and stream.events[-1].type == "done"
    assert [e.data["step"] for e in stream.events if e.type == "step" and e.data["status"] == "finished"] == list(range(1, 20))


def failed(stream):
    assert stream.events[-1].type == "failed", stream.events[-1]
    return stream.events[-1].data["error"]


def test_a_cycle_that_does_not_end_meets_the_limit_of_steps(stack):
    stream = run(stack, "count", "1000")
    error = failed(stream)
    assert error["code"] == "step_failed" and "limit_steps" in error["message"] and error["retryable"] is False
    assert stack.api().chat(stream.chat)[0] == 404
    assert len([s for s in steps(stream) if s[3] == "finished"]) == 20


def test_the_limit_of_seconds(stack):
    stream = run(stack, "slow", "x")
    error = failed(stream)
    assert error["code"] == "step_failed" and "limit_seconds" in error["message"]
    assert [e.data["status"] for e in stream.events if e.type == "step"][-1] == "failed"


def test_the_limit_of_the_state_can_be_caught(stack):
    answer = json.loads(run(stack, "large", "x").text)
    assert answer == {"code": "limit_state", "kept": 2048}


def test_an_error_is_caught(stack):
    assert run(stack, "caught", "12").text == "a number"
    stream = run(stack, "caught", "twelve")
    error = json.loads(stream.text)
    assert error["node"] == "wrong" and error["code"] == "bad_expression" and "status" not in error
    assert stream.events[-1].type == "done"
    row = [e.data for e in stream.events if e.type == "step" and e.data["status"] == "failed"]
    assert len(row) == 1 and row[0]["node"] == "wrong" and row[0]["error"]["code"] == "bad_expression"
    kept = rows(stack.api().chat(stream.chat)[1]["messages"][1])
    assert [(r["node"], r["status"]) for r in kept] == [("wrong", "failed"), ("sorry", "finished")] and kept[0]["error"]["code"] == "bad_expression"


def test_an_error_that_nothing_catches(stack):
    stream = run(stack, "uncaught", "x")
    error = failed(stream)
    assert error["code"] == "step_failed" and error["message"].startswith("wrong: bad_expression: ") and error["node"] == "wrong"
    assert stream.text == "Shown." and stack.api().chat(stream.chat)[0] == 404


def test_a_runaway_expression_fails_its_step_and_nothing_else(stack):
    stream = run(stack, "runaway", "x")
    assert stream.text == "bad_expression" and stream.events[-1].type == "done"
    assert run(stack, "hello", "ann").text.startswith("Hello")


def test_a_graph_that_nobody_has_is_not_taken(stack):
    stream = stack.api().new_chat("x", graph="nowhere")
    assert stream.status == 400 and stream.json["error"]["param"] == "graph"


def test_a_sub_graph(stack):
    stream = run(stack, "outer", "hi")
    parts = [(e.data["part"], e.data["node"], e.data["text"]) for e in stream.events if e.type == "delta"]
    assert parts == [(0, "inside/say", "inner hi 2"), (1, "after", "after inner hi 2")]
    assert [s[:2] for s in steps(stream) if s[3] == "started"] == [(1, "inside"), (1, "inside/look"), (1, "inside/say"), (2, "after")]


def test_a_sub_graph_shows_only_when_its_node_does(stack):
    stream = run(stack, "quiet", "hi")
    assert json.loads(stream.text) == {"got": "inner hi null", "mine": ["inside"]}


def test_an_error_inside_a_sub_graph_is_its_nodes(stack):
    error = json.loads(run(stack, "outer", "bad").text)
    assert error["node"] == "inside" and error["code"] == "bad_expression" and error["message"].startswith("look: ") and "no such word" in error["message"]
