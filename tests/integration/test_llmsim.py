"""The simulated provider: every word of a script, every fault, and a journal that tells the truth. All else here relies on it."""

import email.utils
import http.client
import json
import threading
import time

import pytest

from support.client import get_json, request
from support.processes import wait_until
from support.sim import last_row


def body(message, **fields):
    return {
        "model": "sim",
        "stream": True,
        "stream_options": {"include_usage": True},
        "messages": [{"role": "user", "content": message}],
        **fields,
    }


def ask(sim, message, id_="x", timeout=20, **fields):
    """(status, frames, seconds): the data of each frame, parsed where it is JSON."""
    began = time.monotonic()
    try:
        status, _, raw = request(
            "POST", sim.url + "/v1/chat/completions", body(message, **fields), {"X-Request-Id": id_}, timeout
        )
    except http.client.IncompleteRead as cut:
        status, raw = 200, cut.partial
    frames = [part[6:] for part in raw.decode(errors="replace").split("\n\n") if part.startswith("data: ")]
    return status, frames, time.monotonic() - began


def text(frames):
    chunks = [json.loads(f) for f in frames if f.startswith("{") and f.endswith("}")]
    return "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks if c.get("choices"))


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
    calls = [
        f["choices"][0]["delta"]["tool_calls"][0] for f in frames if f["choices"] and f["choices"][0]["delta"].get("tool_calls")
    ]
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
    assert status == 200 and answer["choices"][0]["message"]["content"] == "".join(
        f"{last_row(sim)['id']}:{n} " for n in range(3)
    )
    assert answer["usage"]["completion_tokens"] == 3


def whole(sim, words, timeout=30, **fields):
    """(status, body, how it broke) of a request without a stream."""
    try:
        status, _, raw = request(
            "POST", sim.url + "/v1/chat/completions", body("!sim " + words, stream=False, **fields), timeout=timeout
        )
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
    assert (
        got == 200
        and len(json.loads(raw)["choices"][0]["message"]["content"].split()) == 3
        and last_row(sim)["end"] == "complete"
    )
    answer = json.loads(whole(sim, "tool=find delay_ms=1 fault=stall@1000")[1])["choices"][0]  # a place that is never reached
    assert answer["finish_reason"] == "tool_calls" and answer["message"]["tool_calls"][0]["function"]["name"] == "find"


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_is_noticed_at_once(sim, stream):
    connection = http.client.HTTPConnection(sim.url.split("//")[1])
    sent = json.dumps(body("!sim tokens=2 delay_ms=60000", stream=stream))
    connection.request(
        "POST", "/v1/chat/completions", sent, {"Content-Type": "application/json", "X-Request-Id": f"leaves-{stream}"}
    )
    row = lambda: next((r for r in get_json(sim.url + "/journal")[1] if r["generation_id"] == f"leaves-{stream}"), None)
    wait_until(row, "the row")
    left = time.time() * 1000
    connection.sock.close()
    connection.close()
    wait_until(lambda: row()["end"], "the row's end")
    assert row()["end"] == "client_closed" and row()["ended_ms"] - left < 20_000


def test_the_journal_is_there_from_the_arrival_on(sim):
    thread = threading.Thread(target=ask, args=(sim, "!sim first_ms=4000 tokens=1", "gen-1"), kwargs={"temperature": 0.5})
    before = time.time() * 1000
    thread.start()
    row = wait_until(
        lambda: next((r for r in get_json(sim.url + "/journal")[1] if r["generation_id"] == "gen-1"), None), "the row"
    )
    assert (
        row["end"] is None
        and row["ended_ms"] is None
        and row["format"] == "openai"
        and before - 50 <= row["at_ms"] <= time.time() * 1000 + 50
    )
    assert row["messages"] == [{"role": "user", "content": "!sim first_ms=4000 tokens=1"}] and row["params"] == {
        "temperature": 0.5
    }
    assert get_json(sim.url + "/stats")[1]["open"] == 1
    thread.join()
    row = next(r for r in get_json(sim.url + "/journal")[1] if r["generation_id"] == "gen-1")
    assert row["end"] == "complete" and row["tokens"] == 1 and row["ended_ms"] >= row["at_ms"] + 3900


def test_bad_requests(sim):
    for raw in (
        b"{",
        b"[]",
        b'{"model":"sim"}',
        b'{"model":"sim","messages":[]}',
        b'{"messages":[{"role":"user","content":"x"}]}',
    ):
        status, _, answer = request("POST", sim.url + "/v1/chat/completions", raw)
        assert status == 400 and set(json.loads(answer)["error"]) == {"message", "type", "param", "code"}
    for method, path, wanted in (("GET", "/v1/nothing", 404), ("GET", "/v1/chat/completions", 405), ("BREW", "/v1/models", 501)):
        status, _, answer = request(method, sim.url + path)
        assert status == wanted and set(json.loads(answer)["error"]) == {"message", "type", "param", "code"}
    answer = json.loads(
        request("POST", sim.url + "/v1/chat/completions", {"model": "m" * 257, "messages": [{"role": "user", "content": "x"}]})[2]
    )
    assert answer["error"]["param"] == "model" and answer["error"]["type"] == "invalid_request_error"
    assert get_json(sim.url + "/v1/models")[1]["data"][0]["id"] == "sim"


def test_hundreds_at_once_and_a_flood_that_nobody_reads(sim):
    before = sim.memory_kb()
    threads = [threading.Thread(target=ask, args=(sim, "!sim tokens=20 delay_ms=20")) for _ in range(200)]
    for t in threads:
        t.start()
    connection = http.client.HTTPConnection(sim.url.split("//")[1])
    connection.request(
        "POST", "/v1/chat/completions", json.dumps(body("!sim tokens=5000000 delay_ms=0")), {"Content-Type": "application/json"}
    )
    for t in threads:
        t.join()
    assert sim.memory_kb() - before < 60 * 1024
    connection.close()
    wait_until(lambda: get_json(sim.url + "/stats")[1]["open"] == 0, "all to be over")
