"""What a `reset` voids and is true all the same is told again behind it: a reader that forgets what it must still knows which tools were called, and with what result.

Scenario: a visible agent is held in its tool, half shown, while one beside it calls a tool of its own; then the worker is killed (on_interrupt: restart).
"""
import pytest

from support.graphs import kept, parts, steps
from support.stack import Stack


def tool(name, path):
    return f'  - {{id: {name}, description: Does it., parameters: {{type: object, properties: {{number: {{type: string}}}}}}, http: {{url: "http://tools.test/{path}"}}, timeout_s: 60}}\n'


def gate(name):
    return f"gate/{name}-{{{{ .input.generation_id }}}}"


def both(name, inner, visible):
    """slow has shown its call, and is held in it; only then desk is let go."""
    return f"""
graph: {name}
start: both
tools:
{tool("hold", gate("slow"))}
nodes:
  - id: both
    kind: parallel
    branches:
      slow: {{kind: agent, visible: true, tools: [hold], prompt: "!sim tool=hold tokens=3 delay_ms=1"}}
      desk: {{kind: graph, graph: {inner}, visible: {visible}}}
    next: last
  - {{id: last, kind: set, visible: true, value: '.out.both.desk.calls | map(.name)', next: end}}
"""


def desk(name, answer):
    return f"""
graph: {name}
start: wait
tools:
{tool("find_order", "order/5")}
nodes:
  - {{id: wait, kind: http, url: "http://tools.test/{gate("desk")}", timeout_s: 60, next: ask}}
  - {{id: ask, kind: agent, visible: true, tools: [find_order], prompt: "!sim tool=find_order {answer}", next: end}}
"""


GRAPHS = {"over": desk("over", "tokens=3 delay_ms=1"), "open": desk("open", "tokens=60 delay_ms=100")}
CASES = {f"{look}_{inner}": both(f"{look}_{inner}", inner, visible) for look, visible in (("hidden", "false"), ("shown", "true")) for inner in ("over", "open")}


@pytest.fixture(scope="module")
def stack(tools):
    with Stack(graphs={**GRAPHS, **CASES}, graph_workers=0, env={"SLUICE_WORKER_LEASE": "1s", "SLUICE_GRAPH_HOSTS": tools.rule}) as running:
        running.start_graph_worker()
        yield running


def of_desk(stream):
    return [e for e in kept(stream) if e.type in ("tool_call", "tool_result") and e.data["node"] == "both/desk/ask"]


def told(events):
    return [(e.type, e.data["call_id"]) for e in events]


@pytest.mark.parametrize("graph", sorted(CASES))
def test_calls_of_tools_stay_true(stack, tools, graph):
    """desk's agent is over, or is asking its model once more, when the worker is killed."""
    stream = stack.api().new_chat("x", graph=graph, on_interrupt="restart", on_disconnect="continue")
    assert stream.until("tool_call").data["node"] == "both/slow"
    tools.open(f"desk-{stream.generation}")
    stream.until("tool_result")
    while graph.endswith("over") and ("both/desk", "finished") not in [s[1::2] for s in steps(stream)]:
        stream.until("step")
    before = told(of_desk(stream))
    assert [kind for kind, _ in before] == ["tool_call", "tool_result"]
    stack.graph_processes[-1].kill()
    tools.open(f"slow-{stream.generation}")
    stack.start_graph_worker()
    stream.read_all()
    assert stream.events[-1].type == "done", stream.events[-1]
    (reset,) = [e for e in stream.events if e.type == "reset"]
    assert any(e.type == "tool_call" and e.data["node"] == "both/desk/ask" and reset.data["after"] < e.id < reset.id for e in stream.events), "it is among what is void"
    after = of_desk(stream)
    assert told(after) == before, "and is told once more, with its result"
    assert after[1].data["result"]["number"] == "5" and after[1].data["is_error"] is False
    assert [r.path for r in tools.of(stream.generation)].count("/order/5") == 1, "but not made once more"
    assert ("both/desk/ask", "finished") in [(e.data["node"], e.data["status"]) for e in kept(stream) if e.type == "step"]
    texts = parts(stream)
    assert len(texts) == (3 if graph.startswith("shown") else 2) and list(texts.values())[-1] == '["find_order"]'
