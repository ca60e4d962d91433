"""The simulated provider: every word of a script, every fault, and a journal that tells the truth. All else here relies on it."""
import email.utils
import http.client
import json
import threading
import time

import pytest

from support.client import get_json, request
from support.processes import BIN, Process, wait_until


@pytest.fixture(scope="module")
def sim(tmp_path_factory):
    process = Process("llmsim", [BIN / "sluice-llmsim", "--listen", "127.0.0.1:0"], tmp_path_factory.mktemp("llmsim"))
    process.url = process.wait_line(r"listening (http://\S+)").group(1)
    yield process
    assert process.stop() == 0


def body(message, **fields):
    return {"model": "sim", "stream": True, "stream_options": {"include_usage": True}, "messages": [{"role": "user", "content": message}], **fields}


def ask(sim, message, id_="x", timeout=20, **fields):
    """(status, frames, seconds): the data of each frame, parsed where it is JSON."""
    began = time.monotonic()
    try:
        status, _, raw = request("POST", sim.url + "/v1/chat/completions", body(message, **fields), {"X-Request-Id": id_}, timeout)
    except http.client.IncompleteRead as cut:
        status, raw = 200, cut.partial
    frames = [part[6:] for part in raw.decode(errors="replace").split("\n\n") if part.startswith("data: ")]
    return status, frames, time.monotonic() - began


def text(frames):
    chunks = [json.loads(f) for f in frames if f.startswith("{") and f.endswith("}")]
    return "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks if c.get("choices"))


def last_row(sim):
    return get_json(sim.url + "/journal")[1][-1]


def test_an_answer_by_default(sim):
    status, frames, _ = ask(sim, "hello")
    assert status == 200 and frames[-1] == "[DONE]" and len(text(frames)) > 200
    finish, usage = json.loads(frames[-3]), json.loads(frames[-2])
    assert finish["choices"][0]["finish_reason"] == "stop" and usage["choices"] == [] and usage["usage"]["completion_tokens"] > 50
    assert all(json.loads(f).get("usage") is None for f in frames[:-2])


def test_the_words(sim):
    _, frames, took = ask(sim, "!sim tokens=7 delay_ms=30 first_ms=200 text=self nonsense=1 tokens=abc")
    row = last_row(sim)
    assert text(frames) == "".join(f"{row['id']}:{n} " for n in range(7)) and ":" not in row["id"]
    assert took >= 0.2 + 6 * 0.03
    assert not any('"usage":{' in f for f in ask(sim, "!sim tokens=2 usage=none")[1])
    assert json.loads(ask(sim, "!sim tokens=50", max_tokens=3)[1][-3])["choices"][0]["finish_reason"] == "length"
    began = time.monotonic()
    frames = [json.loads(f) for f in ask(sim, "!sim tool=find first_ms=200 delay_ms=1")[1] if f != "[DONE]"]
    assert time.monotonic() - began >= 0.2 and "tool_calls" not in frames[0]["choices"][0]["delta"]
    assert frames[-2]["choices"][0]["finish_reason"] == "tool_calls"
    calls = [f["choices"][0]["delta"]["tool_calls"][0] for f in frames if f["choices"] and f["choices"][0]["delta"].get("tool_calls")]
    assert calls[0]["function"]["name"] == "find" and calls[0]["id"]
    json.loads("".join(c["function"]["arguments"] for c in calls))


@pytest.mark.parametrize(
    "fault,tokens,ends_with",
    [("truncate@3", 3, None), ("error@2", 2, "error"), ("garbage@2", 2, None), ("reset@4", None, None), ("drip", 5, "[DONE]")],
)
def test_faults_in_the_stream(sim, fault, tokens, ends_with):
    try:
        status, frames, _ = ask(sim, f"!sim tokens=5 delay_ms=2 text=self fault={fault}")
    except ConnectionError:
        status, frames = 200, []
    assert status == 200
    if tokens is not None:
        assert len(text(frames).split()) == tokens
    if ends_with:
        assert ends_with in frames[-1]
    else:
        assert "[DONE]" not in frames
    assert last_row(sim)["end"] == ("complete" if fault == "drip" else "fault")


def test_stall_and_huge_are_silent_until_the_client_leaves(sim):
    for fault in ("stall@2", "huge@1"):
        with pytest.raises(TimeoutError):
            ask(sim, f"!sim tokens=5 delay_ms=2 fault={fault}", timeout=1)
        assert wait_until(lambda: last_row(sim)["end"], "the row's end") == "client_closed"


def test_statuses(sim):
    def headers_of(words, wanted):
        got, headers, raw = request("POST", sim.url + "/v1/chat/completions", body("!sim " + words))
        assert got == wanted and json.loads(raw)["error"]["message"] and last_row(sim)["status"] == wanted
        return headers.get("Retry-After")

    for status in (400, 401, 429, 500, 503, 529):
        assert headers_of(f"fault=status:{status}", status) == ("1" if status in (429, 503) else None)
        assert headers_of(f"fault=status:{status} retry_after=7", status) == "7"
        assert headers_of(f"fault=status:{status} retry_after=none", status) is None
    at = email.utils.parsedate_to_datetime(headers_of("fault=status:429 retry_after=date:600", 429)).timestamp()
    assert 500 < at - time.time() < 700
    assert headers_of("spend_cap", 429) is None


def test_a_fault_that_hits_some_requests_only(sim):
    """fail_times counts the requests of a generation that had the fault; on_model leaves those for other models alone."""
    statuses = lambda id_, words, **fields: ask(sim, "!sim tokens=1 fault=status:503 " + words, id_, **fields)[0]
    assert [statuses("f1", "fail_times=2") for _ in range(4)] == [503, 503, 200, 200]
    assert statuses("f2", "fail_times=2") == 503  # another generation has its own count
    assert [statuses("f3", "fail_times=1 on_model=bad", model=m) for m in ("good", "bad", "bad")] == [200, 503, 200]
    assert [statuses("f4", "on_model=bad", model=m) for m in ("bad", "good", "bad")] == [503, 200, 503]
    assert [row["model"] for row in get_json(sim.url + "/journal")[1][-3:]] == ["bad", "good", "bad"]
    frames = [ask(sim, "!sim tokens=3 fault=truncate@2 fail_times=1", "f5")[1] for _ in range(2)]
    assert [f[-1] == "[DONE]" for f in frames] == [False, True]
    nameless = lambda: request("POST", sim.url + "/v1/chat/completions", body("!sim fault=status:500 fail_times=1"))[0]
    assert [nameless(), nameless()] == [500, 500]  # no generation, no count


def test_without_stream(sim):
    status, _, raw = request("POST", sim.url + "/v1/chat/completions", body("!sim tokens=3 text=self", stream=False))
    answer = json.loads(raw)
    assert status == 200 and answer["choices"][0]["message"]["content"] == "".join(f"{last_row(sim)['id']}:{n} " for n in range(3))
    assert answer["usage"]["completion_tokens"] == 3


def whole(sim, words, timeout=10, **fields):
    """(status, body, how it broke) of a request without a stream."""
    try:
        status, _, raw = request("POST", sim.url + "/v1/chat/completions", body("!sim " + words, stream=False, **fields), timeout=timeout)
        return status, raw, None
    except (OSError, http.client.HTTPException) as broken:
        return None, b"", broken


def test_faults_without_stream(sim):
    """Every fault that one body can have; none is passed over in silence."""
    assert isinstance(whole(sim, "tokens=3 delay_ms=1 fault=stall@1", timeout=1)[2], TimeoutError)
    assert wait_until(lambda: last_row(sim)["end"], "the row's end") == "client_closed"
    assert isinstance(whole(sim, "tokens=3 delay_ms=1 fault=reset@1")[2], (ConnectionError, http.client.IncompleteRead))
    for fault, status in (("truncate@1", 200), ("garbage@1", 200), ("error@1", 500)):
        got, raw, _ = whole(sim, f"tokens=3 delay_ms=1 fault={fault}")
        assert got == status and last_row(sim)["end"] == "fault" and last_row(sim)["status"] == status
        if status == 200:
            with pytest.raises(ValueError):
                json.loads(raw)
    assert len(json.loads(whole(sim, "tokens=3 delay_ms=1 fault=huge@1")[1])["choices"][0]["message"]["content"]) >= 8 << 20
    got, raw, _ = whole(sim, "tokens=3 delay_ms=1 text=self fault=drip")
    assert got == 200 and len(json.loads(raw)["choices"][0]["message"]["content"].split()) == 3 and last_row(sim)["end"] == "complete"
    answer = json.loads(whole(sim, "tool=find delay_ms=1 fault=stall@1000")[1])["choices"][0]  # a place that is never reached
    assert answer["finish_reason"] == "tool_calls" and answer["message"]["tool_calls"][0]["function"]["name"] == "find"


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_is_noticed_at_once(sim, stream):
    connection = http.client.HTTPConnection(sim.url.split("//")[1])
    sent = json.dumps(body("!sim tokens=2 delay_ms=60000", stream=stream))
    connection.request("POST", "/v1/chat/completions", sent, {"Content-Type": "application/json", "X-Request-Id": f"leaves-{stream}"})
    row = lambda: next((r for r in get_json(sim.url + "/journal")[1] if r["generation_id"] == f"leaves-{stream}"), None)
    wait_until(row, "the row")
    left = time.time() * 1000
    connection.sock.close()
    connection.close()
    wait_until(lambda: row()["end"], "the row's end")
    assert row()["end"] == "client_closed" and row()["ended_ms"] - left < 1000


def test_the_journal_is_there_from_the_arrival_on(sim):
    thread = threading.Thread(target=ask, args=(sim, "!sim first_ms=1500 tokens=1", "gen-1"), kwargs={"temperature": 0.5})
    before = time.time() * 1000
    thread.start()
    row = wait_until(lambda: next((r for r in get_json(sim.url + "/journal")[1] if r["generation_id"] == "gen-1"), None), "the row")
    assert row["end"] is None and row["ended_ms"] is None and row["format"] == "openai" and before - 50 <= row["at_ms"] <= time.time() * 1000 + 50
    assert row["messages"] == [{"role": "user", "content": "!sim first_ms=1500 tokens=1"}] and row["params"] == {"temperature": 0.5}
    assert get_json(sim.url + "/stats")[1]["open"] == 1
    thread.join()
    row = next(r for r in get_json(sim.url + "/journal")[1] if r["generation_id"] == "gen-1")
    assert row["end"] == "complete" and row["tokens"] == 1 and row["ended_ms"] >= row["at_ms"] + 1400


# -- three formats -------------------------------------------------------------------------------------------------------------


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
    tool = next((e["content_block"] for e in events if e["type"] == "content_block_start" and e["content_block"]["type"] == "tool_use"), None)
    last = next((e for e in events if e["type"] == "message_delta"), None)
    return {
        "text": joined("text"),
        "reasoning": joined("thinking"),
        "signature": joined("signature"),
        "call": (tool["name"], json.loads(joined("partial_json"))) if tool else None,
        "finish": {"end_turn": "stop", "max_tokens": "length", "tool_use": "tool"}[last["delta"]["stop_reason"]] if last else None,
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

    types = {"openai": {400: "invalid_request_error", 429: "requests", 529: "server_error"}, "anthropic": {400: "invalid_request_error", 402: "billing_error", 429: "rate_limit_error", 529: "overloaded_error"}}
    for status in (400, 401, 402, 404, 429, 500, 529):
        got = error(f"fault=status:{status}", status)
        assert isinstance(got, str) if name == "ollama" else got["message"]
        assert name == "ollama" or types[name].get(status, got["type"]) == got["type"]
    spent = error("spend_cap", 429)
    assert {"openai": lambda e: e["code"], "anthropic": lambda e: e["details"]["error_code"], "ollama": lambda e: " ".join(e.split()[5:8])}[name](spent) == {
        "openai": "insufficient_quota",
        "anthropic": "enforced_spend_limit_reached",
        "ollama": "weekly usage limit,",
    }[name]
    for fields in ({"messages": []}, {"model": 5}):
        path, own, headers, _ = FORMATS[name]
        status, _, raw = request("POST", sim.url + path, {"model": "sim", "messages": [{"role": "user", "content": "x"}], **own, **fields}, headers)
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
        assert [b["type"] for b in answer["content"]] == ["thinking", "text"] and answer["content"][1]["text"] == tokens and answer["usage"]["output_tokens"] == 3
        assert call["content"][0]["input"]["limit"] == 3 and call["stop_reason"] == "tool_use"
    else:
        assert answer["message"]["content"] == tokens and answer["message"]["thinking"] and answer["done"] and answer["eval_count"] == 3
        assert call["message"]["tool_calls"][0]["function"]["arguments"]["limit"] == 3
    assert post(sim, name, "!sim tokens=3 delay_ms=1 fault=error@1", stream=False)[0] == 500


@by_format
def test_an_unfinished_answer_is_continued(sim, name):
    """The last message is the assistant's: the answer goes on where it ended, and ends where it would have ended."""
    ask_ = lambda words, so_far: play(sim, name, "", messages=[{"role": "user", "content": "!sim delay_ms=1 " + words}, {"role": "assistant", "content": so_far}])
    got = ask_("tokens=5 text=self reasoning=2", "r1:0 r1:1 ")
    assert got["text"] == "".join(f"{last_row(sim)['id']}:{n} " for n in range(2, 5)) and got["reasoning"] == ""
    readable = play(sim, name, "tokens=6 delay_ms=1")["text"]
    assert readable[:13] + ask_("tokens=6", readable[:13])["text"] == readable


@by_format
def test_pictures_and_tool_results(sim, name):
    picture = "iVBORw0KGgo" * 1000
    content = {
        "openai": {"content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64," + picture}}, {"type": "text", "text": "!sim tokens=3 delay_ms=1"}]},
        "anthropic": {"content": [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": picture}}, {"type": "text", "text": "!sim tokens=3 delay_ms=1"}]},
        "ollama": {"content": "!sim tokens=3 delay_ms=1", "images": [picture]},
    }[name]
    got = play(sim, name, "", messages=[{"role": "user", **content}])
    assert got["output"] == 3 and last_row(sim)["messages"] == [{"role": "user", **content}]
    results = {
        "openai": [{"role": "assistant", "content": None, "tool_calls": [{"id": "call_0", "type": "function", "function": {"name": "find", "arguments": "{}"}}]}, {"role": "tool", "tool_call_id": "call_0", "content": "42"}],
        "anthropic": [{"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_0", "name": "find", "input": {}}]}, {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_0", "content": "42"}]}],
        "ollama": [{"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "find", "arguments": {}}}]}, {"role": "tool", "content": "42", "tool_name": "find"}],
    }[name]
    got = play(sim, name, "", messages=[{"role": "user", "content": "!sim tool=find tokens=2 delay_ms=1"}, *results])
    assert got["call"] is None and got["output"] == 2 and got["finish"] == "stop"


def test_what_only_anthropic_demands(sim):
    url, user = sim.url + "/v1/messages", {"role": "user", "content": "!sim tokens=1 reasoning=2 delay_ms=1"}
    good, version = {"model": "sim", "max_tokens": 9, "messages": [user]}, {"anthropic-version": "2023-06-01"}
    for sent, headers in ((good, {}), ({**good, "max_tokens": 0}, version), ({k: v for k, v in good.items() if k != "max_tokens"}, version)):
        status, _, raw = request("POST", url, sent, headers)
        assert status == 400 and json.loads(raw)["error"]["type"] == "invalid_request_error"
    thought = json.loads(request("POST", url, good, version)[2])["content"][0]
    back = lambda block: request("POST", url, {**good, "messages": [user, {"role": "assistant", "content": [block, {"type": "text", "text": "x"}]}, user]}, version)
    assert back(thought)[0] == 200
    status, _, raw = back({**thought, "thinking": thought["thinking"] + "!"})
    assert status == 400 and "signature" in json.loads(raw)["error"]["message"]


def test_lists_of_models(sim):
    assert get_json(sim.url + "/v1/models")[1]["data"][0]["object"] == "model"
    listed = json.loads(request("GET", sim.url + "/v1/models", headers={"anthropic-version": "2023-06-01"})[2])
    assert listed["data"][0]["type"] == "model" and listed["has_more"] is False
    assert get_json(sim.url + "/api/tags")[1]["models"][0]["name"] == "sim:latest" and get_json(sim.url + "/api/version")[1]["version"]


def test_bad_requests(sim):
    for raw in (b"{", b"[]", b'{"model":"sim"}', b'{"model":"sim","messages":[]}', b'{"messages":[{"role":"user","content":"x"}]}'):
        status, _, answer = request("POST", sim.url + "/v1/chat/completions", raw)
        assert status == 400 and set(json.loads(answer)["error"]) == {"message", "type", "param", "code"}
    for method, path, wanted in (("GET", "/v1/nothing", 404), ("GET", "/v1/chat/completions", 405), ("BREW", "/v1/models", 501)):
        status, _, answer = request(method, sim.url + path)
        assert status == wanted and set(json.loads(answer)["error"]) == {"message", "type", "param", "code"}
    answer = json.loads(request("POST", sim.url + "/v1/chat/completions", {"model": "m" * 257, "messages": [{"role": "user", "content": "x"}]})[2])
    assert answer["error"]["param"] == "model" and answer["error"]["type"] == "invalid_request_error"
    assert get_json(sim.url + "/v1/models")[1]["data"][0]["id"] == "sim"


def test_hundreds_at_once_and_a_flood_that_nobody_reads(sim):
    before = sim.memory_kb()
    threads = [threading.Thread(target=ask, args=(sim, "!sim tokens=20 delay_ms=20")) for _ in range(200)]
    for t in threads:
        t.start()
    connection = http.client.HTTPConnection(sim.url.split("//")[1])
    connection.request("POST", "/v1/chat/completions", json.dumps(body("!sim tokens=5000000 delay_ms=0")), {"Content-Type": "application/json"})
    for t in threads:
        t.join()
    assert sim.memory_kb() - before < 60 * 1024
    connection.close()
    wait_until(lambda: get_json(sim.url + "/stats")[1]["open"] == 0, "all to be over")
