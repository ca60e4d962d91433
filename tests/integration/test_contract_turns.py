"""The table test of the HTTP contract, part one: what starts a generation, and every event and end that follows. Each test says which names it goes through
(support/contract.py); test_contract_whole.py sees to it that none is missing. Every event of every stream is held against the table of its members.

Scenario: one API, one worker, models that are able, plain, with one timer each that is short, or out of reach, all on the simulated provider.
"""
import base64
import http.client
import json
import signal
import socket
import uuid

import pytest

from support.client import Stream, in_background, request
from support.contract import RECORD, STOP_ANSWER, check_event, check_members, check_stream, check_usage, through
from support.processes import wait_until
from support.stack import Stack

PICTURE = {"type": "image", "media_type": "image/png", "name": "dot.png", "data": base64.b64encode(b"\x89PNG not really").decode()}
NOTE = {"type": "text", "media_type": "text/plain", "name": "note.txt", "data": base64.b64encode("zwei Wörter".encode()).decode()}
LINKED = {"type": "image", "media_type": "image/png", "url": "https://pictures.example/dot.png"}
CONFIG = """
models:
  - {name: able, base_url: "%(url)s", model: sim, supports: [tools, image, prefill]}
  - {name: plain, base_url: "%(url)s", model: sim}
  - {name: claude, provider: anthropic, base_url: "%(root)s", model: sim, key: "env:SIM_KEY", supports: [tools, image, prefill]}
  - {name: eager, base_url: "%(url)s", model: sim, timeouts: {first_token: 700ms}}
  - {name: restless, base_url: "%(url)s", model: sim, timeouts: {idle: 700ms}}
  - {name: hurried, base_url: "%(url)s", model: sim, timeouts: {total: 2500ms}}
  - {name: silent, base_url: "http://127.0.0.1:%(silent)d/v1", model: sim, timeouts: {first_byte: 500ms}}
  - {name: full, base_url: "http://127.0.0.1:%(full)d/v1", model: sim, timeouts: {connect: 500ms}}
limits: {waiting_per_chat: 2, disconnect_grace: 600ms, output: 64KiB}
"""


def new_id(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def listener(backlog):
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    sock.listen(backlog)
    return sock


@pytest.fixture(scope="module")
def stack():
    silent, full = listener(64), listener(0)  # one that takes connections and says nothing; one that takes none any more
    port = full.getsockname()[1]
    fillers = []
    for _ in range(8):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(("127.0.0.1", port))
        fillers.append(filler)
    with Stack(apis=0, workers=0) as running:
        path = running.folder / "sluice.yaml"
        names = {"url": running.provider_url, "root": running.llmsim_url, "silent": silent.getsockname()[1], "full": port}
        path.write_text(CONFIG % names)
        running.env = {"SLUICE_CONFIG": str(path), "SIM_KEY": "sim-key"}
        running.start_api()
        running.start_worker()
        yield running
    for sock in (silent, full, *fillers):
        sock.close()


def post(stack, path, body, headers=None, method="POST"):
    status, headers, raw = request(method, stack.api_processes[0].url + path, body, headers)
    return status, headers, json.loads(raw) if raw else None


def sent(stack, generation):
    """What the provider was asked, once it was."""
    return wait_until(lambda: stack.journal(generation), "a provider request")[-1]


# -- routes and fields -----------------------------------------------------------------------------------------------------------


@through("route POST /v1/chats", "route POST /v1/chats/{chat_id}/messages", "field chat_id", "field message", "field model", "field system", "field metadata", "field generation_id",
         "header Sluice-Generation-Id", "header Sluice-Chat-Id", "event queued", "event started", "event delta", "event done", "finish stop", "usage provider", "value stream=true", "field stream")  # fmt: skip
def test_two_turns_of_a_chat(stack):
    chat, first = new_id("chat"), new_id("gen")
    stream = stack.api().new_chat("!sim tokens=3", chat_id=chat, generation_id=first, model="able", system="Be short.", metadata={"a": [1]}, stream=True)
    assert stream.headers["Sluice-Generation-Id"] == first and stream.headers["Sluice-Chat-Id"] == chat
    events = check_stream(stream)
    types = [e.type for e in events]  # a busy worker puts tokens together
    assert [*types[:3], types[-1]] == ["queued", "started", "delta", "done"] and set(types[2:-1]) == {"delta"} and len(stream.text.split()) == 3
    assert events[1].data["model"] == "able" and events[1].data["history"] == {"sent": 0, "left_out": 0}
    assert events[-1].data["finish_reason"] == "stop" and events[-1].data["usage"]["source"] == "provider"
    second = stack.api().message(chat, "!sim tokens=1")
    events = check_stream(second)
    asked = sent(stack, second.generation)
    assert [m["role"] for m in asked["messages"]] == ["system", "user", "assistant", "user"] and asked["messages"][0]["content"] == "Be short."
    assert events[1].data["model"] == "able" and events[1].data["history"]["sent"] == 2


@through("route POST /v1/generations", "field messages")
def test_a_stateless_generation(stack):
    messages = [{"role": "user", "content": "what"}, {"role": "assistant", "content": None, "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
                {"role": "tool", "tool_call_id": "c1", "content": "42"}, {"role": "user", "content": "!sim tokens=2"}]  # fmt: skip
    stream = stack.api().generate(messages)
    assert "Sluice-Chat-Id" not in stream.headers
    events = check_stream(stream)
    assert events[-1].type == "done" and events[-1].data["chat_id"] is None
    assert sent(stack, stream.generation)["messages"] == messages
    status, record = stack.api().generation(stream.generation)
    check_members(record, RECORD, "record")
    assert (status, record["state"], record["output"]["text"]) == (200, "done", stream.text)


@through("field attachments", "value attachment=image", "value attachment=text", "value attachment=url", "value attachment=data")
def test_attachments_reach_the_model_and_come_back(stack):
    stream = stack.api().new_chat("!sim tokens=1", model="able", attachments=[PICTURE, NOTE, LINKED])
    check_stream(stream)
    content = sent(stack, stream.generation)["messages"][-1]["content"]
    text = json.dumps(content, ensure_ascii=False)
    assert PICTURE["data"] in text and "zwei Wörter" in text and LINKED["url"] in text
    assert stack.api().chat(stream.chat)[1]["messages"][0]["attachments"] == [PICTURE, NOTE, LINKED]
    refused = stack.api().new_chat("look", model="plain", attachments=[PICTURE])
    assert (refused.status, refused.json["error"]["code"], refused.json["error"]["param"]) == (400, "bad_request", "attachments")


PARAMS = {
    "temperature": 0.5, "top_p": 0.9, "max_tokens": 7, "stop": ["END"], "seed": 3, "response_format": {"type": "json_object"}, "reasoning_effort": "low",
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}], "tool_choice": "auto",
}  # fmt: skip
BAD_PARAMS = {
    "temperature": 3, "top_p": -1, "max_tokens": 0, "stop": [1], "seed": "x", "response_format": "json", "reasoning_effort": 1, "tools": {}, "tool_choice": 4, "extra": [],
}  # fmt: skip


@through("field params", *(f"param {name}" for name in BAD_PARAMS))
def test_params_go_to_the_provider_and_are_checked(stack):
    stream = stack.api().generate([{"role": "user", "content": "!sim tokens=1"}], model="able", params={**PARAMS, "extra": {"top_k": 4}})
    check_stream(stream)
    params = sent(stack, stream.generation)["params"]
    assert {k: params[k] for k in PARAMS} == PARAMS and params["top_k"] == 4
    for name, value in [*BAD_PARAMS.items(), ("temprature", 1)]:
        refused = stack.api().generate([{"role": "user", "content": "x"}], params={name: value})
        assert (refused.status, refused.json["error"]["code"]) == (400, "bad_request") and refused.json["error"]["param"].startswith(f"params.{name}"), (name, refused.json)


@through("field lane", "value lane=interactive", "value lane=batch", "field user")
def test_lanes_and_users(stack):
    user = new_id("user")
    for lane in ("interactive", "batch"):
        stream = stack.api().new_chat("!sim tokens=1", lane=lane, user=user)
        assert check_stream(stream)[-1].type == "done"
    rows = stack.api().get(f"/v1/chats?user={user}")[1]["data"]
    assert [r["user"] for r in rows] == [user, user]


@through("field stream", "value stream=false")
def test_the_record_as_the_answer(stack):
    status, headers, record = post(stack, "/v1/chats", {"message": "!sim tokens=2", "stream": False})
    check_members(record, RECORD, "record")
    assert (status, record["state"], headers["Sluice-Generation-Id"]) == (200, "done", record["generation_id"])


@through("header Prefer", "header Location", "header Idempotency-Key")
def test_an_answer_at_once_and_the_same_again(stack):
    headers = {"Prefer": "respond-async", "Idempotency-Key": new_id("key")}
    answers = [post(stack, "/v1/chats", {"message": "!sim tokens=2"}, headers) for _ in range(2)]
    for status, told, body in answers:
        check_members(body, "generation_id chat_id state stream_url", "202")
        assert status == 202 and told["Location"] == f"/v1/generations/{body['generation_id']}" and body["stream_url"] == told["Location"] + "/stream"
    assert answers[0][2]["generation_id"] == answers[1][2]["generation_id"]
    assert check_stream(Stream("GET", stack.api_processes[0].url + answers[0][2]["stream_url"]))[-1].type == "done"
    wait_until(lambda: len(stack.journal(answers[0][2]["generation_id"])) == 1, "one provider request, not two")


@through("field webhook", "code 400 not_supported")
def test_what_this_version_cannot_do_is_never_ignored(stack):
    refused = stack.api().new_chat("x", webhook=True)
    assert (refused.status, refused.json["error"]["code"], refused.json["error"]["param"]) == (400, "not_supported", "webhook")


@through("field graph")
def test_a_graph_that_no_worker_has(stack):
    for fields, param in (({"graph": "nothing"}, "graph"), ({"graph": "plan", "model": "default"}, "graph"), ({"graph": "plan", "params": {}}, "params")):
        refused = stack.api().new_chat("x", **fields)
        assert (refused.status, refused.json["error"]["code"], refused.json["error"]["param"]) == (400, "bad_request", param), fields


# -- policies --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["discard", "keep", "keep_seen"])
@through("field on_stop", "value on_stop=discard", "value on_stop=keep", "value on_stop=keep_seen", "stop seen", "stop generation_id", "outcome stopped", "reason user", "event stopped",
         "route POST /v1/chats/{chat_id}/stop", "outcome already_stopped")  # fmt: skip
def test_what_a_stop_leaves(stack, policy):
    stream = stack.api().new_chat("!sim tokens=5000 delay_ms=10 text=self", on_stop=policy)
    for _ in range(3):
        stream.until("delta")
    seen, shown = stream.events[-1].id, stream.text
    status, answer = stack.api().stop(stream.generation, chat=stream.chat, body={"seen": seen})
    check_members(answer, STOP_ANSWER, "stop")
    end = check_stream(stream)[-1]
    assert (status, answer["outcome"], answer["state"], answer["reason"], answer["seq"]) == (200, "stopped", "stopped", "user", end.id)
    assert end.data["reason"] == "user" and end.data["restore"] == answer["restore"] and end.data["committed"] is answer["committed"] is (policy != "discard")
    status, chat = stack.api().chat(stream.chat)
    if policy == "discard":
        assert status == 404 and answer["restore"]["message"] == "!sim tokens=5000 delay_ms=10 text=self" and answer["message_id"] is None
    else:
        kept = chat["messages"][1]
        assert kept["stopped"] is True and kept["id"] == answer["message_id"] == end.data["message_id"] and answer["restore"] is None
        assert kept["content"] == (shown if policy == "keep_seen" else stream.text)
    again = stack.api().stop(stream.generation)[1]
    assert again["outcome"] == "already_stopped" and again["seq"] == end.id


@pytest.mark.parametrize("policy", ["close", "drain"])
@through("field upstream_on_stop", "value upstream_on_stop=close", "value upstream_on_stop=drain", "usage estimated")
def test_what_becomes_of_the_provider(stack, policy):
    tokens = {"close": 5000, "drain": 200}[policy]
    stream = stack.api().new_chat(f"!sim tokens={tokens} delay_ms=20", upstream_on_stop=policy)
    stream.until("delta")
    check_usage(stack.api().stop(stream.generation)[1]["usage"])
    row = stack.wait_provider_closed(stream.generation)[0]
    assert row["end"] == ("complete" if policy == "drain" else "client_closed")
    usage = wait_until(lambda: (u := stack.api().generation(stream.generation)[1]["usage"])["settled"] and u, "the usage to be settled")
    check_usage(usage)
    assert usage["source"] == ("provider" if policy == "drain" else "estimated") and (policy == "close" or usage["output"] == tokens)


@through("field on_disconnect", "value on_disconnect=continue", "value on_disconnect=stop", "reason disconnect")
def test_a_reader_that_leaves(stack):
    stops, goes_on = (stack.api().new_chat(f"!sim tokens={tokens} delay_ms=30", on_disconnect=word) for word, tokens in (("stop", 2000), ("continue", 80)))
    for stream in (stops, goes_on):
        stream.until("delta")
        stream.close()
    ended = wait_until(lambda: (r := stack.api().generation(stops.generation)[1])["state"] == "stopped" and r, "the grace to be over")
    assert ended["reason"] == "disconnect"
    assert check_stream(stack.api().stream(goes_on.generation))[-1].type == "done"


@through("field if_busy", "value if_busy=reject", "value if_busy=enqueue", "value if_busy=interrupt", "code 409 busy", "reason busy", "stop all", "code 429 queue_full", "header Retry-After")
def test_a_busy_chat(stack):
    api = stack.api()
    first = api.new_chat("!sim tokens=500 delay_ms=20")
    first.until("delta")
    refused = api.message(first.chat, "x")
    assert (refused.status, refused.json["error"]["code"], refused.json["error"]["retryable"]) == (409, "busy", True) and first.generation in refused.json["error"]["message"]
    waiting = [api.message(first.chat, f"waits {i}", if_busy="enqueue") for i in range(2)]
    over = api.message(first.chat, "one too many", if_busy="enqueue")
    assert (over.status, over.json["error"]["code"]) == (429, "queue_full") and int(over.headers["Retry-After"]) >= 1
    answer = api.stop(chat=first.chat, body={"all": True})[1]
    assert [w["generation_id"] for w in answer["waiting"]] == [s.generation for s in waiting] and answer["waiting"][1]["restore"]["message"] == "waits 1"
    assert [check_stream(s)[-1].data["reason"] for s in (first, *waiting)] == ["user"] * 3
    second = api.new_chat("!sim tokens=500 delay_ms=20")
    second.until("delta")
    third = api.message(second.chat, "!sim tokens=1", if_busy="interrupt")
    assert check_stream(third)[-1].type == "done" and check_stream(second)[-1].data["reason"] == "busy"


@through("field replace_from")
def test_a_message_and_all_after_it_give_way(stack):
    api = stack.api()
    first = api.new_chat("!sim tokens=1")
    check_stream(first)
    check_stream(api.message(first.chat, "!sim tokens=2"))
    target = api.chat(first.chat)[1]["messages"][2]["id"]
    stopped = api.message(first.chat, "!sim tokens=500 delay_ms=20", replace_from=target)
    stopped.until("delta")
    before = api.chat(first.chat)[1]["messages"]
    api.stop(stopped.generation)
    assert api.chat(first.chat)[1]["messages"] == before, "stopped: nothing changes"
    edited = api.message(first.chat, "!sim tokens=3 edited", replace_from=target)
    check_stream(edited)
    assert [m["content"] for m in api.chat(first.chat)[1]["messages"] if m["role"] == "user"] == ["!sim tokens=1", "!sim tokens=3 edited"]
    assert [m["content"] for m in sent(stack, edited.generation)["messages"] if m["role"] == "user"] == ["!sim tokens=1", "!sim tokens=3 edited"]
    nowhere = api.message(first.chat, "x", replace_from="msg_nowhere")
    assert (nowhere.status, nowhere.json["error"]["param"]) == (404, "replace_from")


# -- what a provider says --------------------------------------------------------------------------------------------------------


@through("event reasoning", "event tool_call_delta", "event tool_call", "finish tool_calls")
def test_reasoning_and_tool_calls(stack):
    for model in ("able", "claude"):
        stream = stack.api().generate([{"role": "user", "content": "!sim reasoning=3 tool=look_up"}], model=model, params={"tools": PARAMS["tools"]})
        events = check_stream(stream)
        kinds = {e.type for e in events}
        assert {"reasoning", "tool_call_delta", "tool_call"} <= kinds, kinds
        call = next(e.data for e in events if e.type == "tool_call")
        pieces = [e.data for e in events if e.type == "tool_call_delta"]
        assert call["name"] == "look_up" and "".join(p["arguments"] for p in pieces) == call["arguments"] and json.loads(call["arguments"]) is not None
        assert events[-1].data["finish_reason"] == "tool_calls"
        signatures = [e.data["signature"] for e in events if e.type == "reasoning" and "signature" in e.data]
        assert (len(signatures) == 1) is (model == "claude"), "Anthropic signs its reasoning"
        output = stack.api().generation(stream.generation)[1]["output"]
        assert output["reasoning"] and output["tool_calls"] == [{k: call[k] for k in ("call_id", "name", "arguments")}]


@through("finish length")
def test_a_reply_that_is_cut_by_max_tokens(stack):
    stream = stack.api().new_chat("!sim tokens=50", params={"max_tokens": 5})
    assert check_stream(stream)[-1].data["finish_reason"] == "length"


FAILURES = [
    # model, script, what it comes to, its code
    ("plain", "!sim tokens=9 fault=error@0", "failed", "provider_error"),
    ("plain", "!sim fault=status:400", "failed", "provider_refused"),
    ("plain", "!sim spend_cap", "failed", "provider_refused"),
    ("plain", "!sim fault=status:429 retry_after=0", "failed", "provider_rate_limited"),
    ("plain", "!sim tokens=9 fault=truncate@4", "interrupted", "provider_truncated"),
    ("full", "x", "failed", "timeout_connect"),
    ("silent", "x", "failed", "timeout_first_byte"),
    ("eager", "!sim first_ms=20000", "failed", "timeout_first_token"),
    ("restless", "!sim tokens=20 delay_ms=10 fault=stall@5", "interrupted", "timeout_idle"),
    ("hurried", "!sim tokens=2000 delay_ms=50", "interrupted", "timeout_total"),
    ("plain", "!sim tokens=20000 delay_ms=0 text=self", "failed", "output_limit"),
]


@pytest.mark.parametrize("model,script,end,code", FAILURES)
@through("event failed", "event interrupted", "outcome already_failed", "outcome already_interrupted", *(f"failure {row[3]}" for row in FAILURES))
def test_how_a_provider_fails(stack, model, script, end, code):
    stream = Stream("POST", stack.api_processes[0].url + "/v1/chats", {"message": script, "model": model, "on_disconnect": "continue"}, timeout=60)
    last = check_stream(stream)[-1]
    assert (last.type, last.data["error"]["code"]) == (end, code), last
    assert last.data["restore"]["message"] == script and stack.api().chat(stream.chat)[0] == 404
    record = stack.api().generation(stream.generation)[1]
    assert record["state"] == end and record["error"] == last.data["error"] and record["restore"] == last.data["restore"]
    assert stack.api().stop(stream.generation)[1]["outcome"] == f"already_{end}"


@through("usage none", "usage unknown")
def test_usage_is_never_a_false_zero(stack):
    queued = new_id("gen")
    assert stack.api().stop(queued)[1]["usage"]["source"] == "none"
    dead = check_stream(stack.api().new_chat("x", generation_id=queued))[-1].data["usage"]
    assert dead == {"input": 0, "output": 0, "cached": 0, "reasoning": 0, "source": "none", "settled": True}
    stream = stack.api().new_chat("!sim tokens=500 delay_ms=20")
    stream.until("delta")
    assert stack.api().stop(stream.generation)[1]["usage"] == {"input": None, "output": None, "cached": None, "reasoning": None, "source": "unknown", "settled": False}


@through("finish content_filter", "event refusal")
def test_what_a_model_will_not_say():
    """Played by a server that speaks the provider's format: the simulated one has no scruples."""
    frames = [
        {"choices": [{"index": 0, "delta": {"role": "assistant", "refusal": "I will not."}, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "content_filter"}]},
    ]
    body = "".join(f"data: {json.dumps({'id': 'x', 'object': 'chat.completion.chunk', 'created': 1, 'model': 'm', **f})}\n\n" for f in frames) + "data: [DONE]\n\n"
    answer = f"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()
    server = listener(4)

    def serve():
        connection, _ = server.accept()
        with connection:
            asked = connection.makefile("rb")
            asked.read(int(http.client.parse_headers(asked)["Content-Length"]) if asked.readline() else 0)  # all of it: what is left unread resets the connection
            connection.sendall(answer)

    served = in_background(serve)
    with Stack(provider_url=f"http://127.0.0.1:{server.getsockname()[1]}/v1") as stack:
        events = check_stream(stack.api().generate([{"role": "user", "content": "x"}]))
        assert next(e for e in events if e.type == "refusal").data["text"] == "I will not."
        assert events[-1].data["finish_reason"] == "content_filter"
    served.result()
    server.close()


def test_a_later_position_is_told_without_a_cursor(stack):
    """Held to the table too: check_event knows events without an id."""
    stack.worker_processes[0].signal(signal.SIGSTOP)
    try:
        streams = [stack.api().new_chat(f"!sim tokens=1 {i}", chat_id=new_id("line")) for i in range(2)]
        for stream in streams:
            check_event(stream.next())
        assert stack.api().stop(streams[0].generation)[1]["outcome"] == "stopped"
        later = streams[1].next()
        assert later.type == "queued" and later.id is None and later.data["position"] == 0
        check_event(later)
    finally:
        stack.worker_processes[0].signal(signal.SIGCONT)
    assert check_stream(streams[1])[-1].type == "done"
