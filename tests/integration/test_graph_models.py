"""What llm and agent steps say to their models, and what becomes of the answers. (How they go on after a crash:
test_graph_resume.)

Scenario: graphs with one model each on the simulated provider, whose journal tells what it was sent; answers in JSON and
others, reasoning, pictures, models that fail, and what a stopped one has used.
"""

import base64
import json

import pytest

from support.client import text_of
from support.graphs import steps
from support.processes import wait_until
from support.stack import Stack

FORMATS = ("openai", "anthropic", "ollama")
PICTURE = {"type": "image", "media_type": "image/png", "data": base64.b64encode(b"\x89PNG").decode()}
SHOW = "- {id: show, kind: set, value: '.out.ask | tojson', visible: true, next: end}\n"
SHOW += "  - {id: wrong, kind: set, value: '\"failed: \" + (.error | tojson)', visible: true, next: end}"


def llm(graph, fields, tail=SHOW, kind="llm", next_="show", tools=""):
    return (
        f"graph: {graph}\nstart: ask\n{tools}nodes:\n"
        f'  - {{id: ask, kind: {kind}, prompt: "{{{{ .input.message }}}}", {fields}, next: {next_}}}\n  {tail}\n'
    )


TOOL = """tools:
  - {id: find_order, description: Look up an order., http: {url: "http://tools.test/order/{{ .args.number }}"},
     parameters: {type: object, properties: {number: {type: string}}, required: [number]}}
"""
HIDDEN = "visible: false, history: none, on_error: wrong"
GRAPHS = {
    "plain": llm(
        "plain",
        "visible: true, system: 'Be {{ .input.metadata.tone }}.', params: {temperature: 0, max_tokens: 30}",
        tail="",
        next_="end",
    ),
    "other": llm("other", "visible: true, history: none", tail="", next_="end"),
    "result": llm("result", HIDDEN),
    "json": llm("json", HIDDEN + ', output: json, system: \'Answer {"kind":"order"} or {"kind":"other"}.\''),
    "no_json": llm("no_json", HIDDEN + ", output: json, retry: {times: 2, on: [bad_json], backoff_ms: 10}"),
    "blind": llm("blind", "visible: true, history: chat, model: blind", tail="", next_="end"),
    "slow": llm("slow", HIDDEN + ", model: slow"),
    "gone": llm("gone", HIDDEN + ", model: none_of_that_name"),
    "seeing": llm("seeing", "visible: true", tail="", next_="end"),
    **{
        f"thinks_{n}": llm(
            f"thinks_{n}",
            f"visible: true, model: {n}, tools: [find_order], params: {{reasoning_effort: low}}",
            tail="",
            kind="agent",
            next_="end",
            tools=TOOL,
        )
        for n in FORMATS
    },
    "agent_json": llm("agent_json", HIDDEN + ", output: json, tools: [find_order]", kind="agent", tools=TOOL),
    "agent": llm("agent", HIDDEN + ", tools: [find_order]", kind="agent", tools=TOOL),
}


@pytest.fixture(scope="module")
def stack(tools):
    with Stack(graphs=GRAPHS, graph_workers=0, apis=0) as stack:
        places = {"openai": stack.provider_url, "anthropic": stack.llmsim_url, "ollama": stack.llmsim_url}
        models = [
            {"name": n, "provider": n, "base_url": places[n], "model": "sim", "supports": ["tools", "image"]} for n in FORMATS
        ]
        models += [
            {"name": "blind", "base_url": stack.provider_url, "model": "sim"},
            {"name": "slow", "base_url": stack.provider_url, "model": "sim", "timeouts": {"first_token": "200ms"}},
            {"name": "none_of_that_name", "base_url": "http://127.0.0.1:1/v1", "model": "sim"},
        ]
        config = stack.folder / "sluice.yaml"
        config.write_text(json.dumps({"models": models, "graph": {"hosts": [tools.rule]}}))
        stack.env["SLUICE_CONFIG"] = str(config)
        stack.start_api()
        stack.start_graph_worker()
        yield stack


def run(stack, graph, message, chat=None, **fields):
    api = stack.api()
    fields = {"graph": graph, "on_disconnect": "continue", **fields}
    stream = api.message(chat, message, **fields) if chat else api.new_chat(message, **fields)
    assert stream.status == 200, stream.error
    return stream, stream.read_all()


def outcome(stack, graph, message):
    stream, events = run(stack, graph, message)
    assert events[-1].type == "done", events[-1]
    text = text_of(events)
    return stream, (None, json.loads(text[len("failed: ") :])) if text.startswith("failed: ") else (json.loads(text), None)


def messages_of(row):
    return [(m["role"], m["content"]) for m in row["messages"]]


def test_what_the_model_is_told(stack):
    """System prompt and prompt are filled in, params go out, the chat's turns stand before; `history: none` shows none."""
    stream, events = run(stack, "plain", "First.", metadata={"tone": "short"})
    row = stack.journal_row(stream.generation)
    assert (
        messages_of(row) == [("system", "Be short."), ("user", "First.")]
        and row["params"]["temperature"] == 0
        and row["params"]["max_tokens"] == 30
    )
    first = text_of(events)
    stream, events = run(stack, "plain", "Second.", chat=stream.chat, metadata={"tone": None})
    assert messages_of(stack.journal_row(stream.generation)) == [
        ("system", "Be ."),
        ("user", "First."),
        ("assistant", first),
        ("user", "Second."),
    ]
    stream, events = run(stack, "other", "Third.", chat=stream.chat)
    assert messages_of(stack.journal_row(stream.generation)) == [("user", "Third.")]
    assert events[-1].data["model"] == "openai" and events[-1].data["usage"]["source"] == "provider"


def test_a_result(stack):
    stream, (result, _) = outcome(stack, "result", "!sim tokens=3 delay_ms=1")
    assert (
        set(result) == {"text", "finish_reason", "usage", "calls"} and result["finish_reason"] == "stop" and result["calls"] == []
    )
    assert len(result["text"].split()) == 3 and result["usage"]["output"] == 3 == stack.journal_row(stream.generation)["tokens"]


def test_json_is_the_result_itself(stack):
    assert outcome(stack, "json", "Where is my order?")[1][0] == {"kind": "order"}
    stream, (_, error) = outcome(stack, "no_json", "!sim tokens=3 delay_ms=1")
    assert error["code"] == "bad_json" and len(stack.journal(stream.generation)) == 3
    assert [s for s in steps(stream) if s[1] == "ask" and s[3] == "retrying"] == [(1, "ask", "llm", "retrying")] * 2
    usage = stream.events[-1].data["usage"]
    assert usage["output"] == 9, "all three are counted"
    stream, (result, error) = outcome(stack, "agent_json", "Where is order 5?")
    assert error["code"] == "bad_json"


def test_an_agents_result_has_its_calls(stack):
    _, (result, _) = outcome(stack, "agent", "Where is order 5?")
    (call,) = result["calls"]
    assert (
        call["name"] == "find_order"
        and call["arguments"] == {"number": "5"}
        and call["is_error"] is False
        and "packed" in result["text"]
        and result["finish_reason"] == "stop"
    )


@pytest.mark.parametrize("name", FORMATS)
def test_reasoning_goes_back_in_a_round_of_tools(stack, tools, name):
    """It is shown, with its signature; the provider that signed it gets it again with the call."""
    stream, events = run(stack, f"thinks_{name}", "!sim reasoning=3 tool=find_order delay_ms=1")
    assert events[-1].type == "done" and len(tools.of(stream.generation)) == 1
    thoughts = [e.data for e in events if e.type == "reasoning"]
    assert {t["node"] for t in thoughts} == {"ask"} and len("".join(t["text"] for t in thoughts).split()) >= 3
    second = stack.journal(stream.generation)[1]["messages"]
    if name == "anthropic":
        (block,) = [b for m in second if m["role"] == "assistant" for b in m["content"] if b["type"] == "thinking"]
        first = [t for t in thoughts if t["part"] == thoughts[0]["part"]]
        assert (
            block["thinking"] == "".join(t["text"] for t in first)
            and block["signature"] == [t["signature"] for t in first if t.get("signature")][0]
        )
    parts = [e.data["part"] for e in events if e.type in ("reasoning", "delta", "tool_call")]
    assert parts == sorted(parts) and len(set(parts)) >= 3


def test_pictures_go_to_models_that_see(stack):
    for graph, sees in (("seeing", True), ("blind", False)):
        stream, events = run(stack, graph, "What is this?", attachments=[PICTURE])
        assert (
            events[-1].type == "done"
            and (PICTURE["data"] in json.dumps(stack.journal_row(stream.generation)["messages"])) is sees
        )
    stream, events = run(stack, "blind", "And now?", chat=stream.chat)
    assert PICTURE["data"] not in json.dumps(stack.journal(stream.generation)) and events[-1].type == "done"


def test_a_models_failure_has_its_code(stack):
    _, (_, error) = outcome(stack, "result", "!sim fault=status:400")
    assert error["code"] == "model" and error["status"] == 400
    _, (_, error) = outcome(stack, "result", "!sim tokens=5 fault=truncate@2")
    assert error["code"] == "model" and "status" not in error
    _, (_, error) = outcome(stack, "slow", "!sim first_ms=5000")
    assert error["code"] == "timeout"
    _, (_, error) = outcome(stack, "gone", "x")
    assert error["code"] == "model"


def test_a_stop_that_drains_counts_exactly(stack):
    stream = stack.api().new_chat("!sim tokens=30 delay_ms=200", graph="plain", metadata={"tone": "x"}, upstream_on_stop="drain")
    stream.until("delta")
    status, answer = stack.api().stop(stream.generation)
    assert answer["outcome"] == "stopped"
    (row,) = stack.wait_provider_closed(stream.generation)
    assert row["end"] == "complete" and row["tokens"] == 30
    usage = wait_until(lambda: (u := stack.api().generation(stream.generation)[1]["usage"])["settled"] and u, "the exact usage")
    assert usage["output"] == 30 and usage["source"] == "provider"
