"""A chat from its first message on: streamed to `done`, found only then; the second turn's provider request holds the first; everything byte for byte.

Scenario: a client posts to /v1/chats, reads the events, looks at the chat and the record, then posts the next message. The simulated provider's
journal tells what was asked.
"""
import json
import re
import uuid

from support.client import get_json, in_background, request, text_of
from support.processes import wait_until

TRICKY = 'Ünïcödé "quotes" \\backslashes\\ 🙂👩‍👩‍👧‍👦\n\ttabs\u2028 and </script> ' + "x" * 100


def new_id(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def test_a_new_chat_streams_to_done_and_is_found_only_then(stack):
    api = stack.api()
    stream = api.new_chat("!sim tokens=30 delay_ms=100")
    assert stream.status == 200
    assert stream.headers["Content-Type"].startswith("text/event-stream")
    assert stream.headers["Cache-Control"] == "no-cache, no-transform"
    assert stream.headers["X-Accel-Buffering"] == "no"
    assert stream.generation and stream.chat
    stream.until("delta")
    assert api.chat(stream.chat)[0] == 404
    events = stream.read_all()
    assert stream.retry and stream.comments >= 1
    assert [e.id for e in events] == list(range(1, len(events) + 1))
    assert events[0].type == "queued" and events[1].type == "started" and events[-1].type == "done"
    assert all(e.data["type"] == e.type and e.data["seq"] == e.id and e.data["generation_id"] == stream.generation for e in events)
    assert all(("chat_id" in e.data and "at" in e.data) == (e.type not in ("delta", "reasoning")) for e in events)
    assert [e.data["done"] for e in events] == [False] * (len(events) - 1) + [True]
    done = events[-1].data
    assert done["finish_reason"] == "stop" and done["message_id"] and done["user_message_id"]
    assert done["usage"]["source"] == "provider" and done["usage"]["output"] == 30 and done["usage"]["settled"] is True
    status, chat = api.chat(stream.chat)
    assert status == 200 and chat["active"] is None
    assert [(m["role"], m["id"]) for m in chat["messages"]] == [("user", done["user_message_id"]), ("assistant", done["message_id"])]
    assert chat["messages"][1]["content"] == text_of(events)
    assert chat["title"] == "!sim tokens=30 delay_ms=100"


def test_the_second_turn_carries_the_first(stack):
    api = stack.api()
    chat = new_id("chat")
    first = api.new_chat(TRICKY, chat_id=chat, system="Be brief.", metadata={"big": 9007199254740993})
    first.read_all()
    assert first.events[-1].type == "done"
    second = api.message(chat, "And then?")
    second.read_all()
    assert second.events[-1].type == "done"
    sent = stack.journal_row(second.generation)["messages"]
    assert [m["role"] for m in sent] == ["system", "user", "assistant", "user"]
    assert sent[0]["content"] == "Be brief." and sent[1]["content"] == TRICKY and sent[2]["content"] == first.text and sent[3]["content"] == "And then?"
    _, _, raw = request("GET", f"{api.url}/v1/chats/{chat}")
    assert b"9007199254740993" in raw, "metadata is given back as it came"
    assert [m["content"] for m in json.loads(raw)["messages"]][0] == TRICKY


def test_the_record_tells_everything(stack):
    api = stack.api()
    stream = api.new_chat("!sim tokens=5", metadata={"a": [1, 2]})
    stream.read_all()
    status, record = api.generation(stream.generation)
    assert status == 200
    expected = {"generation_id", "chat_id", "state", "epoch", "attempt", "model", "request", "output", "finish_reason", "error", "usage", "restore", "metadata", "created_at", "started_at", "first_token_at", "ended_at", "seq"}
    assert expected <= set(record), expected - set(record)
    assert record["state"] == "done" and record["output"]["text"] == stream.text and record["seq"] == stream.events[-1].id
    assert record["metadata"] == {"a": [1, 2]} and record["usage"]["source"] == "provider"
    assert record["created_at"] <= record["started_at"] <= record["first_token_at"] <= record["ended_at"]


def test_stateless_reads_and_writes_no_chat(stack):
    api = stack.api()
    messages = [{"role": "system", "content": "s"}, {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "!sim tokens=4"}]
    stream = api.generate(messages)
    stream.read_all()
    assert stream.events[-1].type == "done" and stream.chat is None
    assert [m["content"] for m in stack.journal_row(stream.generation)["messages"]] == ["s", "a", "b", "!sim tokens=4"]
    assert api.generation(stream.generation)[1]["output"]["text"] == stream.text
    named = api.generate(messages, chat_id="chat-stateless")
    named.read_all()
    assert named.chat == "chat-stateless" and api.chat("chat-stateless")[0] == 404


def test_the_same_request_twice_is_one_generation(stack):
    api = stack.api()
    generation, chat = new_id("gen"), new_id("chat")
    fields = dict(chat_id=chat, generation_id=generation)
    first = api.new_chat("!sim tokens=20 delay_ms=10", **fields)
    first.until("delta")
    again = api.new_chat("!sim tokens=20 delay_ms=10", **fields)
    assert again.status == 200 and again.generation == generation
    first.read_all(), again.read_all()
    assert [e.data for e in first.events] == [e.data for e in again.events]
    late = api.new_chat("!sim tokens=20 delay_ms=10", **fields)
    assert [e.data for e in late.read_all()] == [e.data for e in first.events]
    other = api.new_chat("another text", **fields)
    assert other.status == 409 and other.json["error"]["code"] == "conflict"
    assert len(stack.journal(generation)) == 1


def test_idempotency_a_thousand_times(stack):
    """F22: parallel duplicates of one key are one job; the same key with another body is a conflict."""
    api = stack.api()
    key = {"Idempotency-Key": new_id("key")}
    body = {"message": "!sim tokens=3"}
    url = api.url + "/v1/chats"

    def once(_):
        status, headers, _ = request("POST", url, body, key, timeout=60)
        return status, headers.get("Sluice-Generation-Id")

    rounds = [in_background(lambda: [once(i) for i in range(50)]) for _ in range(20)]
    answers = [answer for r in rounds for answer in r.result(120)]
    assert len(answers) == 1000
    assert {a[0] for a in answers} == {200} and len({a[1] for a in answers}) == 1
    assert len(stack.journal(answers[0][1])) == 1
    status, _, raw = request("POST", url, {"message": "other"}, key)
    assert status == 409 and json.loads(raw)["error"]["code"] == "conflict"


def test_a_busy_chat_refuses_the_next_message(stack):
    api = stack.api()
    stream = api.new_chat("!sim tokens=400 delay_ms=50", on_disconnect="continue")
    stream.until("delta")
    refused = api.message(stream.chat, "too early")
    assert refused.status == 409 and refused.json["error"]["code"] == "busy" and refused.json["error"]["retryable"] is True
    assert api.stop(stream.generation)[1]["outcome"] == "stopped"


def test_an_existing_chat_cannot_be_new(stack):
    api = stack.api()
    stream = api.new_chat("!sim tokens=2")
    stream.read_all()
    again = api.new_chat("!sim tokens=2", chat_id=stream.chat)
    assert again.status == 409 and again.json["error"]["code"] == "exists"


def test_the_chat_list_is_by_last_commit(stack):
    api = stack.api()
    made = []
    for n in range(3):
        stream = api.new_chat(f"!sim tokens=1 number {n}")
        stream.read_all()
        made.append(stream.chat)
    status, page = api.get("/v1/chats?limit=2")
    assert status == 200 and [c["chat_id"] for c in page["data"]] == [made[2], made[1]]
    assert page["data"][0]["message_count"] == 2 and page["data"][0]["active"] is None
    _, rest = api.get(f"/v1/chats?limit=2&after={page['next']}")
    status, refused = api.get("/v1/chats?limit=0")
    assert status == 400 and refused["error"]["message"] == "limit must be a whole number from 1 to 200"
    assert rest["data"][0]["chat_id"] == made[0]


def test_models_health_and_metrics(stack):
    api = stack.api()
    assert api.get("/v1/models")[1]["data"][0]["id"] == "default"
    assert api.get("/livez")[0] == 200 and api.get("/readyz")[0] == 200
    metrics = stack.metrics(stack.api_processes[0])
    assert metrics["sluice_generations_begun_total"] >= 1
    worker = stack.worker_processes[0].wait_log(r"metrics=(?:http://)?(\S+:\d+)").group(1)
    ended = wait_until(lambda: stack.metrics(f"http://{worker}").get('sluice_generations_ended_total{state="done"}'), "ended generations in the worker's metrics")
    assert ended >= 1


def test_a_tool_call_comes_in_fragments_and_whole(stack):
    api = stack.api()
    tools = [{"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}]
    stream = api.generate([{"role": "user", "content": "!sim tool=find"}], params={"tools": tools})
    events = stream.read_all()
    fragments = [e for e in events if e.type == "tool_call_delta"]
    whole = [e for e in events if e.type == "tool_call"]
    assert len(whole) == 1 and whole[0].data["name"] == "find"
    assert "".join(e.data["arguments"] for e in fragments) == whole[0].data["arguments"]
    assert events[-1].data["finish_reason"] == "tool_calls"
    assert json.loads(whole[0].data["arguments"]) is not None


def test_refusals_are_clear(stack):
    api = stack.api()
    rows = [
        ({"message": ""}, 400, "bad_request", "message"),
        ({"message": "x", "typo": 1}, 400, "bad_request", "typo"),
        ({"message": "x", "params": {"temperature": 9}}, 400, "bad_request", "params.temperature"),
        ({"message": "x", "model": "nope"}, 400, "bad_request", "model"),
        ({"message": "x", "if_busy": "later"}, 400, "bad_request", "if_busy"),
        ({"message": "x", "webhook": True}, 400, "not_supported", "webhook"),
        ({"message": "x", "on_stop": "sometimes"}, 400, "bad_request", "on_stop"),
        ({"message": "y" * (256 * 1024 + 1)}, None, None, "message"),
    ]
    for body, status, code, param in rows:
        got, _, raw = request("POST", api.url + "/v1/chats", body)
        error = json.loads(raw)["error"]
        assert error["param"] == param, (body, error)
        if status:
            assert (got, error["code"]) == (status, code), (str(body)[:100], error)
        else:
            assert got in (400, 413)
        assert isinstance(error["retryable"], bool) and error["message"]
    status, _, raw = request("POST", api.url + "/v1/chats", b"message=x", {"Content-Type": "application/x-www-form-urlencoded"})
    assert status == 415 and json.loads(raw)["error"]["code"] == "unsupported_media_type"
    assert request("GET", api.url + "/v1/nowhere")[0] == 404
    assert request("DELETE", api.url + "/v1/models")[0] == 405


def test_a_foreign_page_cannot_drive_a_local_server(stack):
    api = stack.api()
    for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
        status, _, raw = request("POST", api.url + "/v1/chats", {"message": "x"}, headers)
        assert status == 403 and json.loads(raw)["error"]["code"] == "forbidden"
    port = re.search(r":(\d+)$", api.url).group(1)
    for host in (f"localhost:{port}", f"127.0.0.1:{port}"):
        assert request("GET", api.url + "/v1/models", headers={"Host": host, "Origin": f"http://{host}"})[0] == 200
    assert get_json(api.url + "/livez")[0] == 200
