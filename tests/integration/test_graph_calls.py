"""What a graph asks of others: models as agents in the three provider formats, their tools, and plain requests.

Scenario: a tool server (support/tools.py) that counts and can hang, fail and be cut off; agents on the simulated provider; every request's Idempotency-Key; stops inside a tool that
hangs; workers that are killed while a request is under way. The secret that the graphs use must be found nowhere but in the tool server's own records.
"""
import json
import signal
import statistics
import time

import pytest

from support.client import TERMINAL, text_of
from support.processes import wait_until
from support.stack import Stack
from support.tools import Tools

FORMATS = ("openai", "anthropic", "ollama")
by_format = pytest.mark.parametrize("name", FORMATS)
SECRET = "s3cret-canary-7f"
NUMBER = "{type: object, properties: {number: {type: string}}, required: [number]}"
STOPS, MOST_MS = 20, 2000
DENIED = ("localhost", "127.0.0.1", "169.254.169.254", "other.test", "tools.test:81", "[::1]", "2130706433", "x.tools.test")


def agent(graph, model="openai", url="http://tools.test/order/{{ .args.number }}", more="", tool_more="", method="GET", next_="end", node_more=""):
    return f"""
graph: {graph}
start: desk
tools:
  - id: find_order
    description: Look up an order by its number.
    parameters: {NUMBER}
    http: {{method: {method}, url: "{url}", headers: {{Authorization: "Bearer {{{{ $secret.crm }}}}"}}}}
    {tool_more}
nodes:
  - {{id: desk, kind: agent, model: {model}, history: chat, visible: true, tools: [find_order], system: "You help with orders.", prompt: "{{{{ .input.message }}}}", next: {next_}{more}}}
  {node_more}
"""


def http(graph, request, more="", show=".out.ask | tojson", limits=""):
    """One http node, and what came of it, or of its failure, as the reply."""
    return f"""
graph: {graph}
start: ask
{limits}
nodes:
  - {{id: ask, kind: http, {request}, on_error: wrong, next: show{more}}}
  - {{id: show, kind: set, value: '{show}', visible: true, next: end}}
  - {{id: wrong, kind: set, value: '"failed: " + (.error | tojson)', visible: true, next: end}}
"""


GET = 'method: GET, response: json, url: "http://tools.test/{{ .input.message }}"'
RAW = 'method: GET, response: json, url: "http://tools.test/raw/{{ .input.message }}"'
GRAPHS = {
    **{f"desk_{n}": agent(f"desk_{n}", n) for n in FORMATS},
    "desk_gate": agent("desk_gate", url="http://tools.test/gate/{{ .args.number }}"),
    "desk_missing": agent("desk_missing", url="http://tools.test/status/404"),
    "desk_large": agent("desk_large", url="http://tools.test/bytes?n=5000", tool_more="max_bytes: 100"),
    "desk_inside": agent("desk_inside", url="http://169.254.169.254/{{ .args.number }}"),
    "desk_away": agent("desk_away", url="http://away.test/{{ .args.number }}"),
    "desk_slow": agent("desk_slow", url="http://tools.test/hang", tool_more="timeout_s: 0.2"),
    "desk_limit": agent("desk_limit", more=", max_turns: 1"),
    "desk_hang": agent("desk_hang", url="http://tools.test/hang", tool_more="timeout_s: 60"),
    "desk_keyed": agent("desk_keyed", url="http://tools.test/gate/{{ .args.number }}", method="POST", tool_more="timeout_s: 60"),
    "desk_once": agent("desk_once", url="http://tools.test/gate/{{ .args.number }}", method="POST", tool_more="{effect: once, timeout_s: 60}".strip("{}").replace(", ", "\n    ")),
    "desk_hidden": agent("desk_hidden", url="http://tools.test/gate/{{ .args.number }}", method="POST", tool_more="timeout_s: 60", next_="show").replace("visible: true, tools", "visible: false, tools")
    + "  - {id: show, kind: set, value: '.out.desk.text', visible: true, next: end}\n",
    "get": http("get", GET),
    "text": http("text", GET.replace("json", "text")),
    "raw": http("raw", RAW),
    "raw_text": http("raw_text", RAW.replace("json", "text")),
    "many": http("many", 'method: GET, url: "http://tools.test/headers?n={{ .input.message }}"', show=".out.ask.headers | length"),
    "post": http("post", 'method: POST, url: "http://tools.test/echo?q={{ .input.message }}", headers: {X-Key: "k {{ $secret.crm }}"}, body: {text: "{{ .input.message }}", list: [1, "{{ .input.metadata }}"]}'),
    "small": http("small", 'method: GET, url: "http://tools.test/bytes?n={{ .input.message }}", response: text, max_bytes: 1000'),
    "redirect": http("redirect", 'method: GET, url: "http://tools.test/redirect?to={{ .input.message }}"'),
    "expects": http("expects", 'method: GET, url: "http://tools.test/status/{{ .input.message }}", expect: [404, 302]'),
    "away": http("away", GET.replace("tools.test", "away.test")),
    **{f"denied_{i}": http(f"denied_{i}", f'method: GET, url: "http://{host}/{{{{ .input.message }}}}"') for i, host in enumerate(DENIED)},
    "impatient": http("impatient", 'method: GET, url: "http://tools.test/hang", timeout_s: 0.2'),
    "patient": http("patient", 'method: GET, url: "http://tools.test/flaky/2", retry: {times: 3, on: [5xx], backoff_ms: 50}'),
    "limited": http("limited", 'method: GET, url: "http://tools.test/status/429?retry_after=1", retry: {times: 1, on: [429], backoff_ms: 0}'),
    "hang": http("hang", 'method: GET, url: "http://tools.test/hang", timeout_s: 60'),
    "keyed": http("keyed", 'method: POST, response: json, url: "http://tools.test/gate/{{ .input.message }}", body: {}, timeout_s: 60'),
    "once": http("once", 'method: POST, url: "http://tools.test/gate/{{ .input.message }}", body: {}, effect: once, timeout_s: 60'),
    "once_tries": http("once_tries", 'method: POST, url: "http://tools.test/{{ .input.message }}", body: {}, effect: once, timeout_s: 5, retry: {times: 3, on: [5xx, connect, timeout, 429], backoff_ms: 10}'),
    "once_above": """
graph: once_above
start: each
nodes:
  - {id: each, kind: map, over: '["flaky/0", "status/503"]', concurrency: 1, retry: {times: 2, on: [5xx, http_status], backoff_ms: 10}, on_error: wrong, next: show,
     do: {kind: http, method: POST, url: "http://tools.test/{{ .item }}", headers: {X-Chat: "{{ .input.chat_id }}"}, body: {}, effect: once}}
  - {id: show, kind: set, value: '"no"', visible: true, next: end}
  - {id: wrong, kind: set, value: '"failed: " + (.error | tojson)', visible: true, next: end}
""".replace(", http_status", ""),
    "again_later": """
graph: again_later
start: each
nodes:
  - {id: each, kind: map, over: '["flaky/0", "flaky/01"]', concurrency: 1, retry: {times: 1, on: [5xx], backoff_ms: 2000}, next: show,
     do: {kind: http, method: POST, response: json, url: "http://tools.test/{{ .item }}", body: {}}}
  - {id: show, kind: set, value: '.out.each | map(.status)', visible: true, next: end}
""",
    "again_above": """
graph: again_above
start: inside
nodes:
  - {id: inside, kind: graph, graph: again_inside, retry: {times: 2, on: [5xx], backoff_ms: 10}, next: show}
  - {id: show, kind: set, value: '.out.inside', visible: true, next: end}
""",
    "again_inside": """
graph: again_inside
start: first
nodes:
  - {id: first, kind: http, method: POST, url: "http://tools.test/echo", body: {}, effect: once, next: caught}
  - {id: caught, kind: set, value: 'error("no")', on_error: model, next: end}
  - {id: model, kind: llm, prompt: "!sim tokens=7", next: second}
  - {id: second, kind: http, method: POST, response: json, url: "http://tools.test/flaky/1?of={{ .input.generation_id }}", body: {}, next: show}
  - {id: show, kind: set, value: '[.error.node, .out.second.body.tries]', visible: true, next: end}
""",
    "once_away": http("once_away", 'method: POST, url: "http://away.test/x", body: {}, effect: once, retry: {times: 2, on: [connect], backoff_ms: 10}'),
}


@pytest.fixture(scope="module")
def tools():
    with Tools() as server:
        yield server


def open_stack(tools, env=None, graph_workers=1):
    """One stack whose models are called as their formats."""
    stack = Stack(graphs=GRAPHS, graph_workers=0, apis=0, env={"T_CRM": SECRET, **(env or {})})
    stack.__enter__()
    places = {"openai": stack.provider_url, "anthropic": stack.llmsim_url, "ollama": stack.llmsim_url}
    config = stack.folder / "sluice.yaml"
    config.write_text(
        json.dumps(
            {
                "models": [{"name": n, "provider": n, "base_url": places[n], "model": "sim", "supports": ["tools", "image"]} for n in FORMATS],
                "graph": {"hosts": [tools.rule, "away.test=127.0.0.1:1", "localhost", "private.test", "169.254.169.254"]},
                "secrets": [{"name": "crm", "value": "env:T_CRM"}],
            }
        )
    )
    stack.env["SLUICE_CONFIG"] = str(config)
    try:
        stack.start_api()
        for _ in range(graph_workers):
            stack.start_graph_worker()
    except BaseException:
        stack.__exit__(AssertionError, None, None)
        raise
    return stack


@pytest.fixture(scope="module")
def stack(tools):
    stack = open_stack(tools)
    try:
        yield stack
    except BaseException:
        stack.__exit__(AssertionError, None, None)
        raise
    stack.__exit__(None, None, None)


def run(stack, graph, message, **fields):
    stream = stack.api().new_chat(message, graph=graph, on_disconnect="continue", **fields)
    assert stream.status == 200, stream.error
    return stream, stream.read_all()


def of_type(events, *types):
    return [e.data for e in events if e.type in types]


def outcome(stack, graph, message):
    """What the http node's result, or its failure, is: (result or None, error or None)."""
    stream, events = run(stack, graph, message)
    assert events[-1].type == "done", events[-1]
    text = text_of(events)
    return (None, json.loads(text[len("failed: ") :])) if text.startswith("failed: ") else (json.loads(text), None)


def tool_answers(row):
    """What the provider was told of its tools' answers, in any format."""
    texts = []
    for message in row["messages"]:
        content = message.get("content")
        if message.get("role") == "tool":
            texts.append(content)
        for block in content if isinstance(content, list) else []:
            if block.get("type") == "tool_result":
                texts.append("".join(part["text"] for part in block["content"]))
    return texts


# -- agents --------------------------------------------------------------------------------------------------------------------


@by_format
def test_a_round_of_tools(stack, tools, name):
    """The model calls, the tool is asked once with a key of its own, the answer goes back, the model speaks; events, usage and the committed turn tell it."""
    stream, events = run(stack, f"desk_{name}", "Where is order 17?")
    done, (asked,) = events[-1], tools.of(stream.generation)
    assert done.type == "done" and "packed" in text_of(events), events
    assert asked.path == "/order/17" and asked.method == "GET" and asked.key == f"{stream.generation}:1/t1/c0"
    assert asked.headers["authorization"] == f"Bearer {SECRET}" and asked.body == b""
    first, second = stack.journal(stream.generation)
    assert first["format"] == second["format"] == name and not tool_answers(first)
    assert [json.loads(text) for text in tool_answers(second)] == [{"number": "17", "state": "order 17 is packed"}]
    (call,), (result,) = of_type(events, "tool_call"), of_type(events, "tool_result")
    assert call["name"] == "find_order" and json.loads(call["arguments"]) == {"number": "17"} and call["node"] == "desk"
    assert result["call_id"] == call["call_id"] and result["result"] == {"number": "17", "state": "order 17 is packed"} and result["is_error"] is False and result["node"] == "desk"
    assert done.data["usage"]["source"] == "provider" and done.data["usage"]["output"] == first["tokens"] + second["tokens"]
    assert done.data["model"] == name and done.data["finish_reason"] == "stop"
    reply = stack.api().chat(stream.chat)[1]["messages"][1]
    assert reply["content"] == text_of(events) and [s["node"] for s in reply["metadata"]["steps"]] == ["desk"]


@by_format
def test_parallel_calls_go_out_at_once(stack, tools, name):
    """Three calls in one turn: all are open before one is answered; the answers stand in the order of the calls."""
    graph = "desk_gate" if name == "openai" else f"desk_{name}"
    stream = stack.api().new_chat("Where are the orders 117, 123 and 142?", graph=graph, on_disconnect="continue")
    asked = tools.wait(stream.generation, 3)
    if name == "openai":
        assert all(a.status is None for a in asked)
        for number in ("142", "117", "123"):
            tools.open(number)
    events = stream.read_all()
    assert events[-1].type == "done" and len(tools.of(stream.generation)) == 3
    assert {a.path.rsplit("/")[-1]: a.key for a in asked} == {n: f"{stream.generation}:1/t1/c{i}" for i, n in enumerate(("117", "123", "142"))}
    calls, results = of_type(events, "tool_call"), of_type(events, "tool_result")
    assert len(calls) == len(results) == 3 and {c["call_id"] for c in calls} == {r["call_id"] for r in results}
    told = tool_answers(stack.journal(stream.generation)[1])
    assert [n in text for n, text in zip(("117", "123", "142"), told)] == [True] * 3, told


def test_errors_of_tools_are_told_to_the_model(stack, tools):
    for graph, words in (
        ("desk_missing", "Error: http_status: the tool answered 404.\n"),
        ("desk_inside", "Error: denied_host: 169.254.169.254 is a link-local address"),
        ("desk_slow", "Error: timeout: "),
        ("desk_large", "x" * 100 + "\n[cut here: the answer is longer than 100 bytes]"),
    ):
        stream, events = run(stack, graph, "Where is order 17?")
        assert events[-1].type == "done", (graph, events[-1])
        (told,), (result,) = tool_answers(stack.journal(stream.generation)[1]), of_type(events, "tool_result")
        assert told.startswith(words) and result["result"] == told and result["is_error"] is (graph != "desk_large"), (graph, told)


def test_a_tool_that_is_none_is_told_to_the_model(stack, tools):
    stream, events = run(stack, "desk_openai", "!sim tool=delete_all")
    told = tool_answers(stack.journal(stream.generation)[1])
    assert told[0] == "Error: there is no such tool. The tools are: find_order" and not tools.of(stream.generation)


def test_the_last_turn_may_not_call(stack, tools):
    stream, events = run(stack, "desk_limit", "Where is order 17?")
    assert events[-1].type == "failed" and events[-1].data["error"]["code"] == "step_failed" and "desk: tool_limit: " in events[-1].data["error"]["message"]
    assert not tools.of(stream.generation) and len(stack.journal(stream.generation)) == 1


# -- requests ------------------------------------------------------------------------------------------------------------------


def test_a_result_has_status_headers_and_body(stack):
    result, _ = outcome(stack, "get", "order/5")
    assert result["status"] == 200 and result["body"] == {"number": "5", "state": "order 5 is packed"}
    assert result["headers"]["x-two"] == "a" and result["headers"]["content-type"] == "application/json" and "set-cookie" not in result["headers"]
    assert outcome(stack, "get", "empty")[0]["body"] is None
    assert json.loads(outcome(stack, "text", "order/5")[0]["body"])["number"] == "5"


def test_headers_are_looked_at_up_to_a_number(stack):
    """A server that sends thousands does not hold up the whole worker: each is looked for among the others."""
    assert outcome(stack, "many", "7000")[0] == 256


def test_what_is_sent(stack, tools):
    stream, events = run(stack, "post", "a b&c=d/é")
    (asked,) = tools.of(stream.generation)
    assert asked.method == "POST" and asked.path == "/echo" and asked.query == {"q": "a b&c=d/é"} and asked.key == f"{stream.generation}:1"
    assert asked.headers["x-key"] == f"k {SECRET}" and asked.headers["content-type"] == "application/json" and asked.headers["host"] == "tools.test"
    assert asked.json == {"text": "a b&c=d/é", "list": [1, None]}


def test_every_failure_has_its_code(stack, tools):
    for graph, message, code, status in (
        ("get", "status/404", "http_status", 404),
        ("get", "status/500", "http_status", 500),
        ("get", "redirect?to=http://tools.test/order/1", "http_status", 404),  # ? is encoded, and no such path is there
        ("redirect", "http://tools.test/order/1", "http_status", 302),
        ("expects", "200", "http_status", 200),
        ("raw", "7b", "bad_json", 200),
        ("raw", "20", "bad_json", 200),
        ("raw_text", "ff", "bad_json", 200),
        ("small", "1001", "too_large", None),
        ("get", "cut", "connect", None),
        ("get", "reset", "connect", None),
        ("away", "x", "connect", None),
        ("impatient", "x", "timeout", None),
        *((f"denied_{i}", "x", "denied_host", None) for i in range(len(DENIED))),
        ("get", "..", "bad_expression", None),
    ):
        result, error = outcome(stack, graph, message)
        assert error and error["code"] == code and error.get("status") == status and error["node"] == "ask", (graph, message, result, error)
    metrics = stack.metrics("http://" + stack.graph_processes[0].wait_log(r"metrics=(\S+)").group(1))
    assert metrics["sluice_graph_denied_total"] >= len(DENIED) and metrics["sluice_graph_requests_total"] >= 10 and metrics["sluice_graph_connections"] == 0
    assert outcome(stack, "expects", "404")[0]["status"] == 404
    assert outcome(stack, "small", "1000")[0]["body"] == "x" * 1000


def test_where_a_host_is_nobody_is_told(stack):
    """`away.test=127.0.0.1:1` says where it is: people and models read its name, the log has the address."""
    error = outcome(stack, "away", "x")[1]
    assert error["message"] == "No connection to away.test could be made."
    stream, events = run(stack, "desk_away", "Where is order 5?")
    said = json.dumps([e.data for e in events]) + json.dumps(stack.journal(stream.generation))
    assert "No connection to away.test could be made." in said and "127.0.0.1" not in said
    assert any("127.0.0.1" in line for line in stack.graph_processes[0].read_log().splitlines() if " graph.request " in line and stream.generation in line)


def test_retries_keep_their_key_and_their_manners(stack, tools):
    stream, events = run(stack, "patient", "x")
    asked = tools.of(stream.generation)
    assert [a.status for a in asked] == [503, 503, 200] and {a.key for a in asked} == {f"{stream.generation}:1"}
    assert [e["status"] for e in of_type(events, "step") if e["node"] == "ask"].count("retrying") == 2
    stream, events = run(stack, "limited", "x")
    first, second = tools.of(stream.generation)
    assert second.at - first.at >= 0.95 and "http_status" in text_of(events)  # Retry-After: 1


def test_once_is_once_over_all_tries(stack, tools):
    for message, code in (("status/503", "http_status"), ("reset", "effect_unknown"), ("cut", "effect_unknown"), ("hang", "effect_unknown")):
        stream, events = run(stack, "once_tries", message)
        assert len(tools.of(stream.generation)) == 1, (message, tools.of(stream.generation))
        assert code in text_of(events) or "effect_unknown" in text_of(events), text_of(events)
    stream, events = run(stack, "once_away", "x")  # it never left: another try may send it
    assert [e["status"] for e in of_type(events, "step") if e["node"] == "ask"].count("retrying") == 2 and '"connect"' in text_of(events)


def test_once_is_once_over_all_tries_of_what_is_above_it(stack, tools):
    """The map is tried again: the child that was answered is not run again, the other one's request is not sent again."""
    stream, events = run(stack, "once_above", "x")
    assert [seen.path for seen in tools.of(stream.generation)] == ["/flaky/0", "/status/503"], tools.of(stream.generation)
    assert "retrying" in [e["status"] for e in of_type(events, "step")] and "effect_unknown" in text_of(events), text_of(events)


def test_a_sub_graph_that_is_tried_again_goes_on_where_it_failed(stack, tools):
    before = tools.count("/flaky/1")
    stream, events = run(stack, "again_above", "x")
    assert text_of(events) == '["caught",%d]' % (before + 2) and events[-1].type == "done", events
    assert [seen.path for seen in tools.of(stream.generation)] == ["/echo", "/flaky/1", "/flaky/1"]
    assert len(stack.journal(stream.generation)) == 1 and events[-1].data["usage"]["output"] == 7


# -- stops ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("graph", ["hang", "desk_hang"])
def test_a_stop_closes_a_tool_that_hangs(stack, tools, graph):
    """The tool's server sees its connection closed: measured from the moment that the stop is asked for."""
    took, answered = [], []
    for _ in range(STOPS):
        stream = stack.api().new_chat("Where is order 17?", graph=graph)
        (asked,) = tools.wait(stream.generation)
        began = time.monotonic()
        status, answer = stack.api().stop(stream.generation)
        answered.append((time.monotonic() - began) * 1000)
        assert status == 200 and answer["outcome"] == "stopped"
        wait_until(lambda: asked.closed_at, "the tool's connection to be closed")
        took.append((asked.closed_at - began) * 1000)
        assert stream.read_all()[-1].type == "stopped" and stack.api().chat(stream.chat)[0] == 404
    assert all(len(tools.of(s)) == 1 for s in {a.key.split(":")[0] for a in tools.requests if a.path == "/hang" and a.key})
    print(f"\n{graph}: closed after median {statistics.median(took):.0f} ms, at most {max(took):.0f} ms of {STOPS} (goal 250 ms); the stop's answer: median {statistics.median(answered):.0f} ms")
    assert max(took) < MOST_MS


# -- crashes -------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def frail(tools):
    """Workers that are killed, and others that take over soon."""
    stack = open_stack(tools, env={"SLUICE_WORKER_LEASE": "1s"}, graph_workers=1)
    try:
        yield stack
    except BaseException:
        stack.__exit__(AssertionError, None, None)
        raise
    stack.__exit__(None, None, None)


def kill_and_follow(stack):
    """kill -9 of the only worker; another comes."""
    stack.graph_processes.pop().kill()
    stack.start_graph_worker()


def crashed(frail, tools, graph, gate):
    """A generation whose tool hangs at the gate while its worker is killed; then the gate opens."""
    stream = frail.api().new_chat(gate if graph in ("keyed", "once") else f"Where is order {gate}?", graph=graph, on_disconnect="continue", on_interrupt="restart")
    assert stream.status == 200, stream.error
    tools.wait(stream.generation)
    kill_and_follow(frail)
    tools.open(gate)
    events = stream.read_all()
    assert sum(e.type in TERMINAL for e in events) == 1
    return stream.generation, events


def test_keyed_is_sent_again_with_the_same_key(frail, tools):
    generation, events = crashed(frail, tools, "keyed", "k1")
    asked = tools.of(generation)
    assert len(asked) == 2 and {a.key for a in asked} == {f"{generation}:1"} and '"gate":"k1"' in text_of(events).replace(" ", ""), events


def test_once_is_never_sent_again(frail, tools):
    generation, events = crashed(frail, tools, "once", "o1")
    assert len(tools.of(generation)) == 1 and "effect_unknown" in text_of(events), events


@pytest.mark.parametrize("graph,gate", [("desk_keyed", "201"), ("desk_hidden", "202")])
def test_an_agent_goes_on_with_its_calls(frail, tools, graph, gate):
    """The model is not asked for its first turn again; the call goes out again under its key; readers see every text once."""
    generation, events = crashed(frail, tools, graph, gate)
    asked, rows = tools.of(generation), frail.journal(generation)
    assert events[-1].type == "done" and len(asked) == 2 and {a.key for a in asked} == {f"{generation}:1/t1/c0"}, asked
    assert len(rows) == 2 and len(tool_answers(rows[1])) == 1 and f'"{gate}"' in tool_answers(rows[1])[0]
    usage = events[-1].data["usage"]
    assert usage["output"] == sum(row["tokens"] for row in rows), (usage, rows)
    end = [e for e in events if e.type == "reset"]
    seen = [e for e in events if not end or e.id > end[-1].id or e.id <= end[-1].data["after"]]
    assert len(of_type(seen, "tool_result")) == 1 and text_of(seen).count("packed") + text_of(seen).count("gate") == 1, seen


def test_an_agents_once_is_told_to_the_model(frail, tools):
    generation, events = crashed(frail, tools, "desk_once", "203")
    (told,) = tool_answers(frail.journal(generation)[1])
    assert len(tools.of(generation)) == 1 and told.startswith("Error: effect_unknown: ") and events[-1].type == "done"


def test_what_is_done_is_not_done_again(frail, tools):
    """Killed while the model writes its second turn: neither the first turn nor its tool is asked again."""
    stream = frail.api().new_chat("Where is order 204?", graph="desk_hidden", on_disconnect="continue", on_interrupt="restart")
    tools.wait(stream.generation)
    tools.open("204")
    wait_until(lambda: len(frail.journal(stream.generation)) == 2, "the second turn")
    kill_and_follow(frail)
    events = stream.read_all()
    assert events[-1].type == "done" and len(tools.of(stream.generation)) == 1
    assert [len(tool_answers(row)) for row in frail.journal(stream.generation)] in ([0, 1, 1], [0, 1])


def test_what_failed_before_a_crash_still_has_the_try_of_what_is_above_it(frail, tools):
    """Killed in the map's back-off: the child that failed is run again, the other one is not."""
    stream = frail.api().new_chat("x", graph="again_later", on_disconnect="continue")
    while stream.until("step").data["status"] != "retrying":
        pass
    kill_and_follow(frail)
    events = stream.read_all()
    assert text_of(events) == "[200,200]", events
    assert [seen.path for seen in tools.of(stream.generation)] == ["/flaky/0", "/flaky/01", "/flaky/01"]


# -- reloads -------------------------------------------------------------------------------------------------------------------


def test_a_reload_changes_what_may_be_reached(frail):
    path, worker = frail.folder / "sluice.yaml", frail.graph_processes[-1]
    before = path.read_text()

    def reload(hosts, times):
        path.write_text(json.dumps({**json.loads(before), "graph": {"hosts": hosts}}))
        worker.signal(signal.SIGHUP)
        wait_until(lambda: worker.read_log().count("config.reloaded") == times, "the reload")

    assert outcome(frail, "get", "order/5")[0]["status"] == 200
    reload([], 1)
    assert outcome(frail, "get", "order/5")[1]["code"] == "denied_host"
    reload(json.loads(before)["graph"]["hosts"], 2)
    assert outcome(frail, "get", "order/5")[0]["status"] == 200


# -- secrets -------------------------------------------------------------------------------------------------------------------


def test_the_secret_is_nowhere(stack, frail, tools):
    """Not in Redis, not in what readers saw, not in the logs, not with the provider."""
    assert any(SECRET in str(a.headers) for a in tools.requests)
    for running in (stack, frail):
        redis = running.redis
        readers = {b"string": redis.get, b"hash": redis.hgetall, b"list": lambda k: redis.lrange(k, 0, -1), b"set": redis.smembers, b"zset": lambda k: redis.zrange(k, 0, -1)}
        for key in redis.keys("*"):
            kind = redis.type(key)  # b"none" when it has expired meanwhile
            assert kind == b"none" or SECRET not in repr(readers[kind](key)), key
        assert SECRET not in json.dumps(running.journal())
        for process in running.processes:
            assert SECRET not in process.read_log(), process.name
