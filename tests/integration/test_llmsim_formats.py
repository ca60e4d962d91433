"""The simulated provider in its three wire formats: each tells the same answers, faults and errors, in its own words."""

import http.client
import json

import pytest

from support.client import get_json, request
from support.processes import wait_until
from support.sim import last_row


def read_openai(raw):
    events = [json.loads(line[6:]) for line in raw.split("\n") if line.startswith("data: {")]
    deltas = [e["choices"][0]["delta"] for e in events if e.get("choices")]
    calls = [d["tool_calls"][0]["function"] for d in deltas if "tool_calls" in d]
    finish = [e["choices"][0]["finish_reason"] for e in events if e.get("choices") and e["choices"][0]["finish_reason"]]
    return {
        "text": "".join(d.get("content") or "" for d in deltas),
        "reasoning": "".join(d.get("reasoning_content") or "" for d in deltas),
        "call": (calls[0]["name"], json.loads("".join(c["arguments"] for c in calls))) if calls else None,
        "finish": {"stop": "stop", "length": "length", "tool_calls": "tool"}[finish[0]] if finish else None,
        "output": next((e["usage"]["completion_tokens"] for e in events if e.get("usage")), None),
        "error": next((e["error"]["message"] for e in events if "error" in e), None),
        "is_complete": raw.endswith("data: [DONE]\n\n"),
    }


def read_anthropic(raw):
    """Events and their order as the documentation demands them."""
    events = []
    for block in raw.split("\n\n")[:-1]:
        name, data = block.split("\n")
        events.append(json.loads(data[6:]))
        assert name == "event: " + events[-1]["type"]
    types = [e["type"] for e in events]
    assert types[:2] == ["message_start", "ping"] and types.count("content_block_stop") <= types.count("content_block_start")
    opened = [e["index"] for e in events if e["type"] == "content_block_start"]
    assert opened == list(range(len(opened)))
    deltas = [e["delta"] for e in events if e["type"] == "content_block_delta"]
    joined = lambda member: "".join(d.get(member, "") for d in deltas)
    tool = next(
        (e["content_block"] for e in events if e["type"] == "content_block_start" and e["content_block"]["type"] == "tool_use"),
        None,
    )
    last = next((e for e in events if e["type"] == "message_delta"), None)
    return {
        "text": joined("text"),
        "reasoning": joined("thinking"),
        "signature": joined("signature"),
        "call": (tool["name"], json.loads(joined("partial_json"))) if tool else None,
        "finish": (
            {"end_turn": "stop", "max_tokens": "length", "tool_use": "tool"}[last["delta"]["stop_reason"]] if last else None
        ),
        "output": last["usage"]["output_tokens"] if last and "usage" in last else None,
        "error": next((e["error"]["message"] for e in events if e["type"] == "error"), None),
        "is_complete": types[-1] == "message_stop",
    }


def read_ollama(raw):
    lines = [json.loads(line) for line in raw.split("\n") if line]
    messages = [line["message"] for line in lines if "message" in line]
    calls = [m["tool_calls"][0]["function"] for m in messages if "tool_calls" in m]
    last = lines[-1] if lines and lines[-1].get("done") else {}
    return {
        "text": "".join(m["content"] for m in messages),
        "reasoning": "".join(m.get("thinking", "") for m in messages),
        "call": (calls[0]["name"], calls[0]["arguments"]) if calls else None,
        "finish": {"stop": "tool" if calls else "stop", "length": "length", None: None}[last.get("done_reason")],
        "output": last.get("eval_count"),
        "error": next((line["error"] for line in lines if "error" in line), None),
        "is_complete": bool(last),
    }


FORMATS = {
    "openai": ("/v1/chat/completions", {"stream_options": {"include_usage": True}}, {}, read_openai),
    "anthropic": ("/v1/messages", {"max_tokens": 100000}, {"anthropic-version": "2023-06-01"}, read_anthropic),
    "ollama": ("/api/chat", {}, {}, read_ollama),
}
by_format = pytest.mark.parametrize("name", FORMATS)


def post(sim, name, message, timeout=20, messages=None, **fields):
    """(status, headers, text) of a request in a format; the text as far as it came."""
    path, own, headers, _ = FORMATS[name]
    sent = {"model": "sim", "stream": True, "messages": messages or [{"role": "user", "content": message}], **own, **fields}
    try:
        status, headers, raw = request("POST", sim.url + path, sent, {"X-Request-Id": "x", **headers}, timeout)
    except http.client.IncompleteRead as cut:
        status, headers, raw = 200, {}, cut.partial
    return status, headers, raw.decode(errors="replace")


def play(sim, name, words, **fields):
    status, _, raw = post(sim, name, "!sim " + words, **fields)
    assert status == 200
    return FORMATS[name][3](raw)


@by_format
def test_every_format_tells_the_same(sim, name):
    got = play(sim, name, "tokens=4 delay_ms=1 text=self reasoning=3")
    row = last_row(sim)
    tokens = lambda count: "".join(f"{row['id']}:{n} " for n in range(count))
    assert row["format"] == name and row["end"] == "complete" and row["tokens"] == 7 and row["model"] == "sim"
    assert (got["text"], got["reasoning"], got["finish"], got["output"]) == (tokens(4), tokens(3), "stop", 7)
    assert got["is_complete"] and got["call"] is None and (name != "anthropic" or got["signature"])
    assert play(sim, name, "tokens=2 delay_ms=1 usage=none")["output"] is None
    called = play(sim, name, "tool=find delay_ms=1")
    assert called["call"] == ("find", {"query": "simulated", "limit": 3}) and called["finish"] == "tool" and called["text"] == ""
    limit = {"options": {"num_predict": 3}} if name == "ollama" else {"max_tokens": 3}
    cut = play(sim, name, "tokens=9 delay_ms=1", **limit)
    assert cut["finish"] == "length" and cut["output"] == 3 and cut["is_complete"]
    assert play(sim, name, "tokens=0")["is_complete"]


@by_format
def test_every_format_has_every_fault(sim, name):
    for fault in ("error", "truncate", "reset"):
        try:
            got = play(sim, name, f"tokens=9 delay_ms=2 text=self fault={fault}@3")
        except ConnectionError:
            continue  # of a reset nothing may be left
        assert not got["is_complete"] and got["finish"] is None and (got["error"] is not None) == (fault == "error")
        if fault != "reset":
            assert len(got["text"].split()) == 3
    _, _, raw = post(sim, name, "!sim tokens=9 delay_ms=2 fault=garbage@3")
    with pytest.raises(ValueError):
        FORMATS[name][3](raw)
    assert play(sim, name, "tokens=3 delay_ms=1 reasoning=2 fault=drip")["is_complete"]
    for fault in ("stall@1", "huge@1"):
        with pytest.raises(TimeoutError):
            post(sim, name, f"!sim tokens=5 delay_ms=2 fault={fault}", timeout=1)
        assert wait_until(lambda: last_row(sim)["end"], "the row's end") == "client_closed"


@by_format
def test_every_format_has_its_own_errors(sim, name):
    def error(words, wanted):
        status, _, raw = post(sim, name, "!sim " + words)
        answer = json.loads(raw)
        assert status == wanted and (name != "anthropic" or answer["type"] == "error")
        return answer["error"]

    types = {
        "openai": {400: "invalid_request_error", 429: "requests", 529: "server_error"},
        "anthropic": {400: "invalid_request_error", 402: "billing_error", 429: "rate_limit_error", 529: "overloaded_error"},
    }
    for status in (400, 401, 402, 404, 429, 500, 529):
        got = error(f"fault=status:{status}", status)
        assert isinstance(got, str) if name == "ollama" else got["message"]
        assert name == "ollama" or types[name].get(status, got["type"]) == got["type"]
    spent = error("spend_cap", 429)
    assert {
        "openai": lambda e: e["code"],
        "anthropic": lambda e: e["details"]["error_code"],
        "ollama": lambda e: " ".join(e.split()[5:8]),
    }[name](spent) == {
        "openai": "insufficient_quota",
        "anthropic": "enforced_spend_limit_reached",
        "ollama": "weekly usage limit,",
    }[
        name
    ]
    for fields in ({"messages": []}, {"model": 5}):
        path, own, headers, _ = FORMATS[name]
        status, _, raw = request(
            "POST", sim.url + path, {"model": "sim", "messages": [{"role": "user", "content": "x"}], **own, **fields}, headers
        )
        assert status == 400 and ("error" in json.loads(raw))


@by_format
def test_every_format_without_a_stream(sim, name):
    def whole(words, **fields):
        status, headers, raw = post(sim, name, "!sim delay_ms=1 " + words, stream=False, **fields)
        assert status == 200 and headers["Content-Type"].startswith("application/json")
        return json.loads(raw)

    answer, tokens = whole("tokens=2 text=self reasoning=1"), "".join(f"{last_row(sim)['id']}:{n} " for n in range(2))
    call = whole("tool=find")
    if name == "openai":
        message, called = answer["choices"][0]["message"], call["choices"][0]["message"]["tool_calls"][0]["function"]
        assert message["content"] == tokens and message["reasoning_content"] and answer["usage"]["completion_tokens"] == 3
        assert called["name"] == "find" and json.loads(called["arguments"])["limit"] == 3
    elif name == "anthropic":
        assert (
            [b["type"] for b in answer["content"]] == ["thinking", "text"]
            and answer["content"][1]["text"] == tokens
            and answer["usage"]["output_tokens"] == 3
        )
        assert call["content"][0]["input"]["limit"] == 3 and call["stop_reason"] == "tool_use"
    else:
        assert (
            answer["message"]["content"] == tokens
            and answer["message"]["thinking"]
            and answer["done"]
            and answer["eval_count"] == 3
        )
        assert call["message"]["tool_calls"][0]["function"]["arguments"]["limit"] == 3
    assert post(sim, name, "!sim tokens=3 delay_ms=1 fault=error@1", stream=False)[0] == 500


@by_format
def test_an_unfinished_answer_is_continued(sim, name):
    """The last message is the assistant's: the answer goes on where it ended, and ends where it would have ended."""
    ask_ = lambda words, so_far: play(
        sim,
        name,
        "",
        messages=[{"role": "user", "content": "!sim delay_ms=1 " + words}, {"role": "assistant", "content": so_far}],
    )
    got = ask_("tokens=5 text=self reasoning=2", "r1:0 r1:1 ")
    assert got["text"] == "".join(f"{last_row(sim)['id']}:{n} " for n in range(2, 5)) and got["reasoning"] == ""
    readable = play(sim, name, "tokens=6 delay_ms=1")["text"]
    assert readable[:13] + ask_("tokens=6", readable[:13])["text"] == readable


@by_format
def test_pictures_and_tool_results(sim, name):
    picture = "iVBORw0KGgo" * 1000
    content = {
        "openai": {
            "content": [
                {"type": "image_url", "image_url": {"url": "data:image/png;base64," + picture}},
                {"type": "text", "text": "!sim tokens=3 delay_ms=1"},
            ]
        },
        "anthropic": {
            "content": [
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": picture}},
                {"type": "text", "text": "!sim tokens=3 delay_ms=1"},
            ]
        },
        "ollama": {"content": "!sim tokens=3 delay_ms=1", "images": [picture]},
    }[name]
    got = play(sim, name, "", messages=[{"role": "user", **content}])
    assert got["output"] == 3 and last_row(sim)["messages"] == [{"role": "user", **content}]
    results = {
        "openai": [
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "call_0", "type": "function", "function": {"name": "find", "arguments": "{}"}}],
            },
            {"role": "tool", "tool_call_id": "call_0", "content": "42"},
        ],
        "anthropic": [
            {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_0", "name": "find", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_0", "content": "42"}]},
        ],
        "ollama": [
            {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "find", "arguments": {}}}]},
            {"role": "tool", "content": "42", "tool_name": "find"},
        ],
    }[name]
    got = play(sim, name, "", messages=[{"role": "user", "content": "!sim tool=find tokens=2 delay_ms=1"}, *results])
    assert got["call"] is None and got["output"] == 2 and got["finish"] == "stop"


def test_what_only_anthropic_demands(sim):
    url, user = sim.url + "/v1/messages", {"role": "user", "content": "!sim tokens=1 reasoning=2 delay_ms=1"}
    good, version = {"model": "sim", "max_tokens": 9, "messages": [user]}, {"anthropic-version": "2023-06-01"}
    for sent, headers in (
        (good, {}),
        ({**good, "max_tokens": 0}, version),
        ({k: v for k, v in good.items() if k != "max_tokens"}, version),
    ):
        status, _, raw = request("POST", url, sent, headers)
        assert status == 400 and json.loads(raw)["error"]["type"] == "invalid_request_error"
    thought = json.loads(request("POST", url, good, version)[2])["content"][0]
    back = lambda block: request(
        "POST",
        url,
        {**good, "messages": [user, {"role": "assistant", "content": [block, {"type": "text", "text": "x"}]}, user]},
        version,
    )
    assert back(thought)[0] == 200
    status, _, raw = back({**thought, "thinking": thought["thinking"] + "!"})
    assert status == 400 and "signature" in json.loads(raw)["error"]["message"]


def test_lists_of_models(sim):
    assert get_json(sim.url + "/v1/models")[1]["data"][0]["object"] == "model"
    listed = json.loads(request("GET", sim.url + "/v1/models", headers={"anthropic-version": "2023-06-01"})[2])
    assert listed["data"][0]["type"] == "model" and listed["has_more"] is False
    assert (
        get_json(sim.url + "/api/tags")[1]["models"][0]["name"] == "sim:latest"
        and get_json(sim.url + "/api/version")[1]["version"]
    )
