"""Time and tries: timeout_s of nodes, retry with its back-off, and who is never tried again.

Scenario: models that fail so often, or hang; the step's events tell of each try, the provider's journal of each request.
"""
import json
import re

import pytest

from support.graphs import parts, steps
from support.processes import BIN, Process, wait_until
from support.stack import Stack

GRAPHS = {
    "json": r"""
graph: json
start: one
nodes:
  - {id: one, kind: llm, output: json, prompt: "!sim tokens=2", retry: {times: 2, on: [bad_json], backoff_ms: 100}, on_error: sorry, next: end}
  - {id: sorry, kind: set, visible: true, value: '.error', next: end}
""",
    "hangs": r"""
graph: hangs
start: one
nodes:
  - {id: one, kind: llm, prompt: "!sim first_ms=60000", timeout_s: 1, retry: {times: 1, on: [timeout], backoff_ms: 0}, on_error: sorry, next: end}
  - {id: sorry, kind: set, visible: true, value: '.error', next: end}
""",
    "shown": r"""
graph: shown
start: one
nodes:
  - {id: one, kind: llm, visible: true, prompt: "!sim tokens=1000 delay_ms=50", timeout_s: 4, retry: {times: 3, on: [timeout], backoff_ms: 0}, on_error: sorry, next: end}
  - {id: sorry, kind: set, visible: true, value: '.error.code', next: end}
""",
    "children": r"""
graph: children
start: both
nodes:
  - id: both
    kind: parallel
    timeout_s: 4
    branches:
      slow: {kind: llm, prompt: "!sim tokens=1000 delay_ms=50"}
      deep: {kind: graph, graph: deep}
    on_error: sorry
    next: end
  - {id: sorry, kind: set, visible: true, value: '.error', next: end}
""",
    "deep": r"""
graph: deep
start: one
nodes:
  - {id: one, kind: llm, visible: true, prompt: "!sim tokens=1000 delay_ms=50", next: end}
""",
    "child": r"""
graph: child
start: each
nodes:
  - {id: each, kind: map, over: '[1, 2]', concurrency: 2, fail: collect, do: {kind: llm, output: json, history: none, prompt: "!sim tokens=2", retry: {times: 1, on: [bad_json], backoff_ms: 0}}, next: say}
  - {id: say, kind: set, visible: true, value: '[.out.each[].error.code]', next: end}
""",
    "thinks": r"""
graph: thinks
start: one
nodes:
  - {id: one, kind: llm, prompt: "!sim reasoning=8000 tokens=1 delay_ms=0", on_error: two, next: end}
  - {id: two, kind: llm, prompt: "!sim tokens=8000 delay_ms=0", on_error: sorry, next: end}
  - {id: sorry, kind: set, visible: true, value: '.error', next: end}
""",
    "much": r"""
graph: much
start: one
nodes:
  - {id: one, kind: set, visible: true, value: '"x" * 3000', next: one}
""",
}

MANY = """
graph: many
start: one
limits: {steps: 248}
nodes:
  - {id: one, kind: set, value: '(.out.one // 0) + 1', next: two}
  - {id: two, kind: branch, cases: [{if: '.out.one >= 100', then: say}], else: one}
  - {id: say, kind: set, value: '.out.one', visible: true, next: end}
"""

LOUD = """
graph: loud
start: one
limits: {steps: 248}
nodes:
  - {id: one, kind: set, visible: true, value: '"x"', next: one}
"""


@pytest.fixture(scope="module")
def stack():
    with Stack(graphs=GRAPHS, env={"SLUICE_LIMITS_OUTPUT": "16KiB"}) as running:
        yield running


def run(stack, graph):
    stream = stack.api().new_chat("x", graph=graph)
    stream.read_all()
    return stream


def of_node(stream, node):
    return [s[3] for s in steps(stream) if s[1] == node]


def test_bad_json_is_tried_again(stack):
    stream = run(stack, "json")
    assert json.loads(stream.text)["code"] == "bad_json"
    assert of_node(stream, "one") == ["started", "retrying", "retrying", "failed"]
    asked = stack.journal(stream.generation)
    assert len(asked) == 3
    assert asked[1]["at_ms"] - asked[0]["at_ms"] >= 100 and asked[2]["at_ms"] - asked[1]["at_ms"] >= 200
    assert stream.events[-1].data["usage"]["output"] == 6, "each try counts"
    errors = [e.data["error"]["code"] for e in stream.events if e.type == "step" and "error" in e.data]
    assert errors == ["bad_json"] * 3


def test_counters(stack):
    wait_until(lambda: stack.graph_metrics()["sluice_graph_steps"] == 0, "no step to be under way")
    before = stack.graph_metrics()
    run(stack, "json")
    after = wait_until(lambda: (m := stack.graph_metrics())["sluice_graph_steps"] == 0 and m, "no step to be under way")
    changed = {name: after[name] - before[name] for name in after if name.startswith("sluice_graph_steps")}
    assert changed == {'sluice_graph_steps_total{end="finished"}': 1, 'sluice_graph_steps_total{end="failed"}': 1, "sluice_graph_steps_retried_total": 2, "sluice_graph_steps": 0}


def test_timeout_of_a_step(stack):
    stream = run(stack, "hangs")
    assert json.loads(stream.text) == {"node": "one", "code": "timeout", "message": "It took too long."}
    assert of_node(stream, "one") == ["started", "retrying", "failed"]
    asked = stack.wait_provider_closed(stream.generation)
    assert [r["end"] for r in asked] == ["client_closed"] * 2
    failed = next(e.data for e in stream.events if e.type == "step" and e.data["status"] == "failed")
    assert 2000 <= failed["ms"] < 30_000, "two tries of a second"


def test_what_has_shown_text_is_not_tried_again(stack):
    stream = run(stack, "shown")
    assert of_node(stream, "one") == ["started", "failed"] and len(stack.journal(stream.generation)) == 1
    texts = parts(stream)
    assert len(texts) == 2 and texts[1] == "timeout"


def test_timeout_of_children_closes_all(stack):
    stream = run(stack, "children")
    assert json.loads(stream.text)["code"] == "timeout"
    assert [r["end"] for r in stack.wait_provider_closed(stream.generation)] == ["client_closed"] * 2


def test_children_are_tried_again(stack):
    stream = run(stack, "child")
    assert json.loads(stream.text) == ["bad_json"] * 2 and len(stack.journal(stream.generation)) == 4
    assert of_node(stream, "each/0") == ["started", "retrying", "failed"]


def test_the_limit_of_the_reply(stack):
    stream = run(stack, "much")
    assert stream.events[-1].type == "failed" and stream.events[-1].data["error"]["code"] == "output_limit"
    assert len(stream.text) <= 16 * 1024


def test_many_steps_do_not_wait_for_each_other(stack):
    """Past half of limits.events text is gathered for 250 ms each; steps, whose checkpoints go alone, are not held up by that."""
    with Stack(graphs={"many": MANY}, env={"SLUICE_LIMITS_EVENTS": "500"}) as running:
        stream = run(running, "many")
    times = [e.at for e in stream.events if e.type == "step"]
    first, second = times[250] - times[0], times[-1] - times[250]
    assert stream.text == "100" and second < first + 10, (first, second, stream.events[-1])


def test_a_log_that_is_full_says_so():
    """Each step shows a piece: the log is full before limits.steps is reached. What has begun still ends in it."""
    with Stack(graphs={"loud": LOUD}, env={"SLUICE_LIMITS_EVENTS": "500"}) as running:
        stream = run(running, "loud")
    error = stream.events[-1].data["error"]
    assert stream.events[-1].type == "failed" and error["code"] == "output_limit" and error["message"] == "It has more events than limits.events."
    assert 490 < len(stream.events) <= 502 and len(of_node(stream, "one")) % 2 == 0


def test_more_steps_than_a_log_can_hold_are_refused_at_the_start():
    """Else the graph would end late, in the middle of what it does. The same at a reload, which changes nothing."""
    with Stack(graphs={"many": MANY}, env={"SLUICE_LIMITS_EVENTS": "500"}) as running:
        wrong = MANY.replace("248", "249")
        told = r"many\.yaml:4:17: limits\.steps is 249, and limits\.events, 500 in the configuration, has room for 248; write at most that, or let limits\.events be 502"
        running.write_graph("many", wrong)
        running.graph_processes[0].signal(1)
        running.graph_processes[0].wait_log(r"graph\.kept")
        assert re.search(r"graph\.wrong at=.*" + told, running.graph_processes[0].read_log())
        assert run(running, "many").text == "100"
        worker = Process("wrong", [BIN / "sluice-graph-worker"], running.folder, {**running.settings(), "SLUICE_GRAPH_FOLDER": str(running.graph_folder)})
        assert worker.wait() == 1 and re.search(told, worker.read_log())
        worker.stop()


def test_what_is_hidden_has_the_limit_too(stack):
    """Nobody reads it, so no output is counted: the step fails, not the generation."""
    stream = run(stack, "thinks")
    assert stream.events[-1].type == "done" and json.loads(stream.text)["code"] == "too_large"
    assert of_node(stream, "one") == of_node(stream, "two") == ["started", "failed"]
