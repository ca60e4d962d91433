"""The table test of the HTTP contract, part three: what only graphs have. Steps and tools as events, a question and its answer, a step that fails.

Scenario: a graph worker with the simulated provider, which has the tools too; every event of every stream is held against the table.
"""
import time

import pytest

from support.client import Stream
from support.contract import RECORD, check_members, check_stream, through
from support.graphs import rows, steps
from support.stack import Stack

GRAPHS = {
    "agent": r"""
graph: agent
start: look
tools:
  - id: search
    description: Search pages.
    parameters: {type: object, properties: {query: {type: string}}, required: [query]}
    http: {method: GET, url: "http://tools.test/tools/search?q={{ .args.query }}"}
nodes:
  - {id: look, kind: agent, visible: true, tools: [search], prompt: "{{ .input.message }}", next: end}
""",
    "asks": r"""
graph: asks
start: which
nodes:
  - {id: which, kind: ask, prompt: "Which one?", expires_s: 60, next: say}
  - {id: say, kind: set, value: '"That one: \(.out.which.message)"', visible: true, next: end}
""",
    "fails": r"""
graph: fails
start: fetch
nodes:
  - {id: fetch, kind: http, method: GET, url: "http://tools.test/tools/orders/1", on_error: again, next: say}
  - {id: again, kind: http, method: GET, url: "http://tools.test/tools/hang?seconds=60", timeout_s: 0.1, retry: {times: 1, on: [timeout], backoff_ms: 1}, next: say}
  - {id: say, kind: set, value: '"never"', visible: true, next: end}
""",
}


@pytest.fixture(scope="module")
def stack():
    stack = Stack(apis=0, workers=1, graphs=None)
    with stack:
        stack.env["SLUICE_GRAPH_HOSTS"] = f"tools.test=127.0.0.1:{stack.llmsim_url.rsplit(':', 1)[1]}"
        stack.start_api()
        for name, text in GRAPHS.items():
            stack.write_graph(name, text)
        stack.start_graph_worker()
        yield stack


def record_of(stack, generation):
    record = stack.api().generation(generation)[1]
    check_members(record, RECORD, "record")
    return record


@through("field graph", "event step", "event tool_result", "event tool_call", "status started", "status progress", "status finished", "route GET /v1/graphs")
def test_steps_and_tools(stack):
    listed = stack.api().get("/v1/graphs")[1]["data"]
    assert [g["id"] for g in listed] == ["agent", "asks", "fails"]
    for graph in listed:
        check_members(graph, "id version start nodes tools", "graph")
        check_members(graph["nodes"][0], "id kind visible", "node")
    stream = stack.api().new_chat("!sim delay_ms=1 weirs", graph="agent")
    events = check_stream(stream)
    started = next(e.data for e in events if e.type == "started")
    assert (started["graph"], started["version"]) == ("agent", listed[0]["version"])
    result = next(e.data for e in events if e.type == "tool_result")
    assert result["result"]["results"][0]["id"] == "weir" and (result["is_error"], result["node"]) == (False, "look")
    assert {e.data["node"] for e in events if e.type in ("delta", "tool_call", "tool_call_delta")} == {"look"}
    assert (events[-1].type, events[-1].data["finish_reason"], events[-1].data["model"]) == ("done", "stop", "default")
    record = record_of(stack, stream.generation)
    assert (record["graph"], record["model"], record["output"]) == ("agent", "default", {"text": stream.text, "reasoning": None, "tool_calls": None})
    messages = stack.api().chat(stream.chat)[1]["messages"]
    assert messages[1]["content"] == stream.text
    assert [(r["step"], r["node"], r["kind"], r["status"]) for r in rows(messages[1])] == [(1, "look", "agent", "finished")]


@through("finish ask")
def test_a_question_and_its_answer(stack):
    stream = stack.api().new_chat("this one", graph="asks")
    last = check_stream(stream)[-1]
    assert (last.type, last.data["finish_reason"], last.data["model"], stream.text) == ("done", "ask", None, "Which one?")
    assert 0 < last.data["resume"]["expires_at"] - time.time() * 1000 <= 60000
    record = record_of(stack, stream.generation)
    assert (record["graph"], record["finish_reason"]) == ("asks", "ask")
    answer = stack.api().message(stream.chat, "the first")
    assert check_stream(answer)[-1].data["finish_reason"] == "stop" and answer.text == "That one: the first"
    record = record_of(stack, answer.generation)
    assert record["graph"] == "asks" and "graph" not in record["request"]
    assert [m["content"] for m in stack.api().chat(stream.chat)[1]["messages"]] == ["this one", "Which one?", "the first", "That one: the first"]


@through("failure step_failed", "status retrying", "status failed", "code 409 cannot_continue")
def test_a_step_that_fails(stack):
    stream = stack.api().new_chat("x", graph="fails")
    last = check_stream(stream)[-1]
    assert (last.type, last.data["error"]["code"], last.data["error"]["node"], last.data["error"]["retryable"]) == ("failed", "step_failed", "again", False)
    assert last.data["error"]["message"].startswith("again: ") and last.data["restore"]["message"] == "x"
    assert [s[3] for s in steps(stream) if s[1] == "again"] == ["started", "retrying", "failed"]
    record = record_of(stack, stream.generation)
    assert (record["state"], record["reason"], record["error"]) == ("failed", "step_failed", last.data["error"])
    assert stack.api().chat(stream.chat)[0] == 404
    refused = Stream("POST", f"{stack.api_processes[0].url}/v1/generations/{stream.generation}/continue", {})
    assert (refused.status, refused.json["error"]["code"]) == (409, "cannot_continue")
