"""What a graph asks of others: models as agents in the three provider formats, their tools, and plain requests.

Scenario: a tool server (support/tools.py) that counts and can hang, fail and be cut off; agents on the simulated provider;
every request's Idempotency-Key; stops inside a tool that hangs. The secret that the graphs use must be found nowhere but in
the tool server's own records.
"""

import json
import statistics
import time

import pytest

from support.calls import (
    DENIED,
    FORMATS,
    SECRET,
    assert_secret_is_nowhere,
    calling_stack,
    of_type,
    outcome,
    run,
    tool_answers,
)
from support.client import text_of
from support.processes import wait_until

by_format = pytest.mark.parametrize("name", FORMATS)
STOPS, MEDIAN_MS, MOST_MS = 20, 2000, 20000  # gross bounds: a busy machine stands still at times


@pytest.fixture(scope="module")
def stack(tools):
    with calling_stack(tools) as stack:
        yield stack


# -- agents --------------------------------------------------------------------------------------------------------------------


@by_format
def test_a_round_of_tools(stack, tools, name):
    """The model calls, the tool is asked once with a key of its own, the answer goes back, the model speaks; events, usage and
    the committed turn tell it."""
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
    assert (
        result["call_id"] == call["call_id"]
        and result["result"] == {"number": "17", "state": "order 17 is packed"}
        and result["is_error"] is False
        and result["node"] == "desk"
    )
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
    assert {a.path.rsplit("/")[-1]: a.key for a in asked} == {
        n: f"{stream.generation}:1/t1/c{i}" for i, n in enumerate(("117", "123", "142"))
    }
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
        assert told.startswith(words) and result["result"] == told and result["is_error"] is (graph != "desk_large"), (
            graph,
            told,
        )


def test_a_tool_that_is_none_is_told_to_the_model(stack, tools):
    stream, events = run(stack, "desk_openai", "!sim tool=delete_all")
    told = tool_answers(stack.journal(stream.generation)[1])
    assert told[0] == "Error: there is no such tool. The tools are: find_order" and not tools.of(stream.generation)


def test_the_last_turn_may_not_call(stack, tools):
    stream, events = run(stack, "desk_limit", "Where is order 17?")
    assert (
        events[-1].type == "failed"
        and events[-1].data["error"]["code"] == "step_failed"
        and "desk: tool_limit: " in events[-1].data["error"]["message"]
    )
    assert not tools.of(stream.generation) and len(stack.journal(stream.generation)) == 1


# -- requests ------------------------------------------------------------------------------------------------------------------


def test_a_result_has_status_headers_and_body(stack):
    result, _ = outcome(stack, "get", "order/5")
    assert result["status"] == 200 and result["body"] == {"number": "5", "state": "order 5 is packed"}
    assert (
        result["headers"]["x-two"] == "a"
        and result["headers"]["content-type"] == "application/json"
        and "set-cookie" not in result["headers"]
    )
    assert outcome(stack, "get", "empty")[0]["body"] is None
    assert json.loads(outcome(stack, "text", "order/5")[0]["body"])["number"] == "5"


def test_headers_are_looked_at_up_to_a_number(stack):
    """A server that sends thousands does not hold up the whole worker: each is looked for among the others."""
    assert outcome(stack, "many", "7000")[0] == 256


def test_what_is_sent(stack, tools):
    stream, events = run(stack, "post", "a b&c=d/é")
    (asked,) = tools.of(stream.generation)
    assert (
        asked.method == "POST"
        and asked.path == "/echo"
        and asked.query == {"q": "a b&c=d/é"}
        and asked.key == f"{stream.generation}:1"
    )
    assert (
        asked.headers["x-key"] == f"k {SECRET}"
        and asked.headers["content-type"] == "application/json"
        and asked.headers["host"] == "tools.test"
    )
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
        assert error and error["code"] == code and error.get("status") == status and error["node"] == "ask", (
            graph,
            message,
            result,
            error,
        )
    metrics = stack.metrics("http://" + stack.graph_processes[0].wait_log(r"metrics=(\S+)").group(1))
    assert metrics["sluice_graph_denied_total"] >= len(DENIED) and metrics["sluice_graph_requests_total"] >= 10
    wait_until(lambda: stack.graph_metrics()["sluice_graph_connections"] == 0, "no connection to be open")
    assert outcome(stack, "expects", "404")[0]["status"] == 404
    assert outcome(stack, "small", "1000")[0]["body"] == "x" * 1000


def test_where_a_host_is_nobody_is_told(stack):
    """`away.test=127.0.0.1:1` says where it is: people and models read its name, the log has the address."""
    error = outcome(stack, "away", "x")[1]
    assert error["message"] == "No connection to away.test could be made."
    stream, events = run(stack, "desk_away", "Where is order 5?")
    said = json.dumps([e.data for e in events]) + json.dumps(stack.journal(stream.generation))
    assert "No connection to away.test could be made." in said and "127.0.0.1" not in said
    assert any(
        "127.0.0.1" in line
        for line in stack.graph_processes[0].read_log().splitlines()
        if " graph.request " in line and stream.generation in line
    )


def test_retries_keep_their_key_and_their_manners(stack, tools):
    stream, events = run(stack, "patient", "x")
    asked = tools.of(stream.generation)
    assert [a.status for a in asked] == [503, 503, 200] and {a.key for a in asked} == {f"{stream.generation}:1"}
    assert [e["status"] for e in of_type(events, "step") if e["node"] == "ask"].count("retrying") == 2
    stream, events = run(stack, "limited", "x")
    first, second = tools.of(stream.generation)
    assert second.at - first.at >= 0.95 and "http_status" in text_of(events)  # Retry-After: 1


def test_once_is_once_over_all_tries(stack, tools):
    for message, code in (
        ("status/503", "http_status"),
        ("reset", "effect_unknown"),
        ("cut", "effect_unknown"),
        ("hang", "effect_unknown"),
    ):
        stream, events = run(stack, "once_tries", message)
        assert len(tools.of(stream.generation)) == 1, (message, tools.of(stream.generation))
        assert code in text_of(events) or "effect_unknown" in text_of(events), text_of(events)
    stream, events = run(stack, "once_away", "x")  # it never left: another try may send it
    assert [e["status"] for e in of_type(events, "step") if e["node"] == "ask"].count("retrying") == 2 and '"connect"' in text_of(
        events
    )


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
    print(
        f"\n{graph}: closed after median {statistics.median(took):.0f} ms, at most {max(took):.0f} ms of {STOPS} (goal 250 ms); "
        f"the stop's answer: median {statistics.median(answered):.0f} ms"
    )
    assert statistics.median(took) < MEDIAN_MS and max(took) < MOST_MS


def test_the_secret_is_nowhere(stack, tools):
    assert_secret_is_nowhere(stack, tools)
