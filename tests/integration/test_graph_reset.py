"""What a `reset` voids and is true all the same is told again behind it: a reader that forgets what it must still knows which tools were called, and with what result.

Scenario: a text is half shown while an agent beside it calls a tool; the worker is killed, and the next one begins the text again (on_interrupt: restart).
"""
import pytest

from support.graphs import kept, parts, steps
from support.stack import Stack

TOOL = 'tools:\n  - {id: find_order, description: Look up an order., parameters: {type: object, properties: {number: {type: string}}}, http: {url: "http://tools.test/order/5"}}\n'


def both(name, visible, answer):
    """slow shows its first words before the agent calls its tool."""
    return f"""
graph: {name}
start: both
{TOOL}
nodes:
  - id: both
    kind: parallel
    branches:
      slow: {{kind: llm, visible: true, prompt: "!sim tokens=60 text=self delay_ms=100 slow"}}
      desk: {{kind: agent, visible: {visible}, tools: [find_order], prompt: "!sim tool=find_order first_ms=600 {answer} desk"}}
    next: last
  - {{id: last, kind: set, visible: true, value: '.out.both.desk.calls | map(.name)', next: end}}
"""


QUICK, SLOW = "tokens=3 delay_ms=1", "tokens=60 delay_ms=100"
GRAPHS = {f"{look}_{pace}": both(f"{look}_{pace}", visible, answer) for look, visible in (("hidden", "false"), ("shown", "true")) for pace, answer in (("over", QUICK), ("open", SLOW))}


@pytest.fixture(scope="module")
def stack(tools):
    with Stack(graphs=GRAPHS, graph_workers=0, env={"SLUICE_WORKER_LEASE": "1s", "SLUICE_GRAPH_HOSTS": tools.rule}) as running:
        running.start_graph_worker()
        yield running


def of_tools(stream):
    return [(e.type, e.data["call_id"]) for e in kept(stream) if e.type in ("tool_call", "tool_result")]


@pytest.mark.parametrize("graph", sorted(GRAPHS))
def test_calls_of_tools_stay_true(stack, tools, graph):
    stream = stack.api().new_chat("x", graph=graph, on_interrupt="restart")
    stream.until("tool_result")
    while graph.endswith("over") and ("both/desk", "finished") not in [s[1::2] for s in steps(stream)]:
        stream.until("step")
    told = of_tools(stream)
    assert [t[0] for t in told] == ["tool_call", "tool_result"]
    stack.graph_processes[-1].kill()
    stack.start_graph_worker()
    stream.read_all()
    assert stream.events[-1].type == "done", stream.events[-1]
    (reset,) = [e for e in stream.events if e.type == "reset"]
    assert any(e.type == "tool_call" and reset.data["after"] < e.id < reset.id for e in stream.events), "the call is among what is void"
    assert of_tools(stream) == told, "and is told once more, with its result"
    assert len(tools.of(stream.generation)) == 1, "but not made once more"
    calls = [e.data for e in kept(stream) if e.type.startswith("tool")]
    assert {c["node"] for c in calls} == {"both/desk"} and calls[1]["result"]["number"] == "5" and calls[1]["is_error"] is False
    assert ("both/desk", "finished") in [(e.data["node"], e.data["status"]) for e in kept(stream) if e.type == "step"]
    texts = parts(stream)
    assert len(texts) == (3 if graph.startswith("shown") else 2) and list(texts.values())[-1] == '["find_order"]'
