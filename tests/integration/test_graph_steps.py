"""The walk through a graph: set, branch and cycles, and the limits.

Scenario: graphs without a model, so that every step is known beforehand; what readers see of the steps, what the chat keeps, what ends a generation.
"""
import pytest

from support.stack import Stack

GRAPHS = {
    "hello": """
graph: hello
start: name
nodes:
  - {id: name, kind: set, value: '.input.message | ascii_upcase', next: which}
  - {id: which, kind: branch, cases: [{if: '.out.name == "ANN"', then: friend}], else: stranger}
  - {id: friend, kind: set, value: '"Hello, \\(.out.name)!"', visible: true, next: end}
  - {id: stranger, kind: set, value: '"Who is \\(.out.name)?"', visible: true, next: end}
""",
    "count": """
graph: count
start: one
limits: {steps: 20}
nodes:
  - {id: one, kind: set, value: '((.out.one // 0) + 1)', next: enough}
  - {id: enough, kind: branch, cases: [{if: '.out.one >= (.input.message | tonumber)', then: say}], else: one}
  - {id: say, kind: set, value: '.out.one', visible: true, next: end}
""",
}


@pytest.fixture(scope="module")
def stack():
    with Stack(graphs=GRAPHS) as running:
        yield running


def steps(stream):
    return [(e.data["step"], e.data["node"], e.data["kind"], e.data["status"]) for e in stream.events if e.type == "step"]


def test_set_and_branch(stack):
    api = stack.api()
    stream = api.new_chat("ann", graph="hello")
    done = stream.until("done").data
    assert stream.text == "Hello, ANN!" and done["finish_reason"] == "stop" and done["model"] is None
    assert steps(stream) == [(n, node, kind, status) for n, node, kind in ((1, "name", "set"), (2, "which", "branch"), (3, "friend", "set")) for status in ("started", "finished")]
