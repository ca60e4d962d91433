"""The table test of the HTTP contract, part three: reading, stopping, changing, and who may. Each test says which names it goes through.

Scenario: one open stack on loopback without keys; one with keys, two tenants, tokens, a listed origin and limits.
"""
import hashlib
import json
import uuid

import pytest

from support.client import Stream, request
from support.contract import ACTIVE, CHAT, CHAT_ROW, MESSAGE, RECORD, STOP_ANSWER, check_members, check_stream, check_usage, through
from support.processes import wait_until
from support.stack import Stack

KEYS = {"ann": "sk_sluice_" + "a" * 43, "bob": "sk_sluice_" + "b" * 43, "root": "sk_sluice_" + "c" * 43}
ORIGIN = "https://chat.example"
CONFIG = """
api: {origins: ["%(origin)s"]}
tenants:
  - {name: first}
  - {name: second, requests_per_minute: 2}
keys:
  - {id: ann, tenant: first, role: user, sha256: "%(ann)s"}
  - {id: bob, tenant: second, role: user, sha256: "%(bob)s"}
  - {id: root, tenant: first, role: admin, sha256: "%(root)s"}
"""


def new_id(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def call(stack, method, path, body=None, key=None, headers=None, admin=False):
    """(status, headers, answer)."""
    process = stack.api_processes[0]
    headers = {**(headers or {}), **({"Authorization": f"Bearer {key}"} if key else {})}
    status, told, raw = request(method, (process.admin_url if admin else process.url) + path, body, headers)
    is_json = told.get("Content-Type", "").startswith("application/json")
    return status, told, json.loads(raw) if raw and is_json else raw


@pytest.fixture(scope="module")
def keyed():
    with Stack(apis=0, workers=0) as running:
        path = running.folder / "sluice.yaml"
        path.write_text(CONFIG % {"origin": ORIGIN, **{name: hashlib.sha256(key.encode()).hexdigest() for name, key in KEYS.items()}})
        running.env = {"SLUICE_CONFIG": str(path), "TOKEN_SECRET": "s" * 40, "SLUICE_API_TOKEN_SECRET": "env:TOKEN_SECRET"}
        running.start_api()
        running.start_worker()
        yield running


def a_chat(stack, turns=2):
    """A chat with so many committed turns, by streams that are held to the table."""
    chat = new_id("chat")
    for i in range(turns):
        check_stream(stack.api().message(chat, f"!sim tokens=2 turn {i}"))
    return chat


# -- reading ---------------------------------------------------------------------------------------------------------------------


@through("route GET /v1/chats", "query user", "query limit", "query after")
def test_the_index_of_chats(stack):
    chats = [a_chat(stack, 1) for _ in range(3)]
    status, _, page = call(stack, "GET", "/v1/chats?limit=2")
    assert status == 200 and [r["chat_id"] for r in page["data"]] == chats[:0:-1]
    for row in page["data"]:
        check_members(row, CHAT_ROW, "row")
    following = call(stack, "GET", f"/v1/chats?limit=1&after={page['next']}")[2]["data"]
    assert [r["chat_id"] for r in following] == chats[:1]
    assert call(stack, "GET", "/v1/chats?user=nobody")[2] == {"data": [], "next": None}
    for query, param in (("limit=201", "limit"), ("limit=0", "limit"), ("sort=x", "sort")):
        status, _, refused = call(stack, "GET", f"/v1/chats?{query}")
        assert (status, refused["error"]["param"]) == (400, param)


@through("route GET /v1/chats/{chat_id}", "query before")
def test_a_chat_and_what_is_being_answered(stack):
    chat = a_chat(stack, 3)
    running = stack.api().message(chat, "!sim tokens=500 delay_ms=20")
    running.until("delta")
    whole = call(stack, "GET", f"/v1/chats/{chat}")[2]
    check_members(whole, CHAT, "chat")
    check_members(whole["active"], ACTIVE, "active")
    for message in whole["messages"]:
        check_members(message, MESSAGE, "message")
    assert [m["role"] for m in whole["messages"]] == ["user", "assistant"] * 3 and whole["title"] == "!sim tokens=2 turn 0" and whole["next"] is None
    assert (whole["active"]["generation_id"], whole["active"]["message"]) == (running.generation, "!sim tokens=500 delay_ms=20")
    newest = call(stack, "GET", f"/v1/chats/{chat}?limit=2")[2]
    assert newest["messages"] == whole["messages"][-2:] and newest["next"] == whole["messages"][-2]["id"]
    assert call(stack, "GET", f"/v1/chats/{chat}?limit=3&before={newest['next']}")[2]["messages"] == whole["messages"][1:4]
    assert stack.api().stop(running.generation)[0] == 200
    assert wait_until(lambda: call(stack, "GET", f"/v1/chats/{chat}")[2]["active"] is None, "nothing to be active")


@through("route GET /v1/generations/{id}", "code 404 not_found")
def test_a_record_at_every_moment(stack):
    generation = new_id("gen")
    status, _, missing = call(stack, "GET", f"/v1/generations/{generation}")
    assert (status, missing["error"]["code"], missing["error"]["retryable"]) == (404, "not_found", False)
    stream = stack.api().new_chat("!sim tokens=30 delay_ms=20", generation_id=generation, metadata={"m": 1})
    for wanted in ("started", "delta", "done"):
        stream.until(wanted)
        record = call(stack, "GET", f"/v1/generations/{generation}")[2]
        check_members(record, RECORD, "record")
        check_usage(record["usage"])
        assert record["model"] == "default" and record["metadata"] == {"m": 1} and record["request"]["message"] == "!sim tokens=30 delay_ms=20"
    assert record["state"] == "done" and record["restore"] is None and record["output"]["text"] == stream.text
    assert record["created_at"] <= record["started_at"] <= record["first_token_at"] <= record["ended_at"] and record["seq"] == stream.events[-1].id


@through("route GET /v1/generations/{id}/stream", "header Last-Event-ID", "query after")
def test_a_stream_from_a_cursor(stack):
    stream = stack.api().new_chat("!sim tokens=5")
    events = check_stream(stream)
    for after in range(len(events)):
        for again in (stack.api().stream(stream.generation, last_id=after), stack.api().stream(stream.generation, query=f"?after={after}")):
            assert [e.data for e in check_stream(again)] == [e.data for e in events[after:]]
    assert stack.api().stream(stream.generation, last_id=events[-1].id).status == 204
    for cursor in ("-1", "x", "1.5", "9" * 30):
        assert stack.api().stream(stream.generation, query=f"?after={cursor}").status == 400
    assert stack.api().stream("gen-nowhere").status == 404


@through("route GET /v1/chats/{chat_id}/stream", "query generation_id")
def test_what_a_chat_is_answering(stack):
    chat = new_id("chat")
    assert stack.api().stream(chat=chat).status == 204, "never 404"
    stream = stack.api().message(chat, "!sim tokens=2000 delay_ms=20")
    for _ in range(3):
        stream.until("delta")
    cursor = stream.events[-1].id
    whole = stack.api().stream(chat=chat, last_id=cursor)
    behind = stack.api().stream(chat=chat, last_id=cursor, query=f"?generation_id={stream.generation}")
    other = stack.api().stream(chat=chat, last_id=cursor, query="?generation_id=another")
    assert stack.api().stop(stream.generation)[1]["outcome"] == "stopped"
    assert [check_stream(s)[0].id for s in (whole, behind, other)] == [1, cursor + 1, 1]
    assert stack.api().stream(chat=chat).status == 204


@through("route GET /v1/models", "route GET /v1/graphs", "route GET /livez", "route GET /readyz", "route GET /metrics")
def test_what_there_is(stack):
    models = call(stack, "GET", "/v1/models")[2]["data"]
    check_members(models[0], "id provider supports default", "model")
    assert call(stack, "GET", "/v1/graphs")[::2] == (200, {"data": []})
    for admin in (False, True):
        assert call(stack, "GET", "/livez", admin=admin)[0] == 200 and call(stack, "GET", "/readyz", admin=admin)[2] == {"status": "ready", "reasons": []}
    status, _, text = call(stack, "GET", "/metrics", admin=True)
    assert status == 200 and b"sluice_stops_total" in text


# -- stopping and changing -------------------------------------------------------------------------------------------------------


@through("route POST /v1/generations/{id}/stop", "outcome already_done", "outcome idle", "outcome will_stop", "header Idempotency-Key", "reason flag")
def test_outcomes_of_a_stop(stack):
    unseen = new_id("gen")
    status, _, answer = call(stack, "POST", f"/v1/generations/{unseen}/stop", {})
    check_members(answer, STOP_ANSWER, "stop")
    assert (status, answer["outcome"], answer["state"]) == (200, "will_stop", None)
    dead = check_stream(stack.api().new_chat("too late", generation_id=unseen))
    assert [e.type for e in dead] == ["stopped"] and dead[0].data["restore"]["message"] == "too late" and not stack.journal(unseen)
    chat = a_chat(stack, 1)
    key = {"Idempotency-Key": new_id("key")}
    first = call(stack, "POST", f"/v1/chats/{chat}/stop", {}, headers=key)[2]
    assert first["outcome"] == "already_done" and first["committed"] is True and first["restore"] is None and first["message_id"]
    running = stack.api().message(chat, "!sim tokens=500 delay_ms=20")
    running.until("delta")
    assert call(stack, "POST", f"/v1/chats/{chat}/stop", {}, headers=key)[2] == first, "the same key has the first one's answer: it never hits the next turn"
    stack.redis.set(f"chat_stop:{chat}", 1, ex=60)
    assert check_stream(running)[-1].data["reason"] == "flag" and wait_until(lambda: stack.flag(chat) is None, "the flag to be cleared")
    stack.redis.delete(f"sluice:{{s00}}:last:default:{chat}")  # as 10 min later
    assert call(stack, "POST", f"/v1/chats/{chat}/stop", {})[2]["outcome"] == "idle"
    assert call(stack, "POST", f"/v1/chats/{new_id('chat')}/stop", {})[0] == 404


@through("route PATCH /v1/chats/{chat_id}", "route DELETE /v1/chats/{chat_id}", "reason deleted")
def test_a_chat_is_changed_and_deleted(stack):
    chat = a_chat(stack, 1)
    status, _, changed = call(stack, "PATCH", f"/v1/chats/{chat}", {"title": "Now äöü", "metadata": {"k": [1]}})
    assert status == 200, changed
    read = call(stack, "GET", f"/v1/chats/{chat}")[2]
    assert (read["title"], read["metadata"]) == ("Now äöü", {"k": [1]})
    for body in ({"name": "x"}, {"title": 1}, {"metadata": []}):
        assert call(stack, "PATCH", f"/v1/chats/{chat}", body)[0] == 400, body
    assert call(stack, "PATCH", f"/v1/chats/{new_id('chat')}", {"title": "x"})[0] == 404
    stream = stack.api().message(chat, "!sim tokens=500 delay_ms=20", on_stop="keep")
    stream.until("delta")
    assert call(stack, "DELETE", f"/v1/chats/{chat}")[0] == 204
    end = check_stream(stream)[-1]
    assert (end.type, end.data["reason"], end.data["committed"]) == ("stopped", "deleted", False)
    assert call(stack, "GET", f"/v1/chats/{chat}")[0] == 404 and call(stack, "DELETE", f"/v1/chats/{chat}")[0] == 404


@through("code 400 bad_request", "code 409 exists", "code 409 conflict", "code 413 too_large", "code 415 unsupported_media_type")
def test_requests_that_cannot_be(stack):
    chat, generation = a_chat(stack, 1), new_id("gen")
    check_stream(stack.api().new_chat("!sim tokens=1", generation_id=generation))
    rows = [
        ("POST", "/v1/chats", {"message": "x", "colour": "red"}, {}, 400, "bad_request"),
        ("POST", "/v1/chats", b"{", {}, 400, "bad_request"),
        ("POST", "/v1/chats", {"message": "x", "chat_id": chat}, {}, 409, "exists"),
        ("POST", "/v1/chats", {"message": "y", "generation_id": generation}, {}, 409, "conflict"),
        ("POST", "/v1/chats", b'{"message": "' + b"x" * 1100000 + b'"}', {}, 413, "too_large"),
        ("POST", "/v1/chats", b"message=x", {"Content-Type": "application/x-www-form-urlencoded"}, 415, "unsupported_media_type"),
    ]
    for method, path, body, headers, status, code in rows:
        answered, _, answer = call(stack, method, path, body, headers=headers)
        assert (answered, answer["error"]["code"]) == (status, code), answer
        check_members(answer["error"], "code message param? retryable", "error")


# -- the operator ----------------------------------------------------------------------------------------------------------------


@through("route GET /v1/admin/overview", "route GET /v1/admin/stream", "route POST /v1/admin/lanes/{lane}/pause", "route POST /v1/admin/lanes/{lane}/resume",
         "route POST /v1/admin/tenants/{tenant}/generations/{id}/stop", "reason operator")  # fmt: skip
def test_the_operators_routes(stack):
    members = "at lanes tenants workers running running_total delayed dead queues failures tokens_per_second recent slot_ms slots"
    check_members(call(stack, "GET", "/v1/admin/overview", admin=True)[2], members, "overview")
    watching = Stream("GET", stack.api_processes[0].admin_url + "/v1/admin/stream")
    check_members(watching.next().data, members, "overview")
    watching.close()
    for verb in ("pause", "resume"):
        assert call(stack, "POST", f"/v1/admin/lanes/stream.batch/{verb}", {}, admin=True)[2] == {"lane": "stream.batch", "paused": verb == "pause"}
    stream = stack.api().new_chat("!sim tokens=500 delay_ms=20")
    stream.until("delta")
    answer = call(stack, "POST", f"/v1/admin/tenants/default/generations/{stream.generation}/stop", {}, admin=True)[2]
    check_members(answer, STOP_ANSWER, "stop")
    assert answer["reason"] == check_stream(stream)[-1].data["reason"] == "operator"


# -- who may ---------------------------------------------------------------------------------------------------------------------


@through("code 401 unauthorized", "header Authorization")
def test_keys(keyed):
    for headers in ({}, {"Authorization": "Bearer nobody"}, {"Authorization": KEYS["ann"]}, {"Authorization": "Basic YTpi"}):
        status, told, answer = call(keyed, "GET", "/v1/chats", headers=headers)
        assert (status, answer["error"]["code"]) == (401, "unauthorized") and told["WWW-Authenticate"].startswith("Bearer")
    assert call(keyed, "GET", "/v1/chats", key=KEYS["ann"])[0] == 200
    assert call(keyed, "GET", f"/v1/chats?key={KEYS['ann']}")[0] in (400, 401), "never in a query"


@through("code 429 rate_limited", "header Retry-After")
def test_a_tenants_rate(keyed):
    for _ in range(2):
        stream = Stream("POST", keyed.api_processes[0].url + "/v1/chats", {"message": "!sim tokens=1"}, {"Authorization": f"Bearer {KEYS['bob']}"})
        check_stream(stream)
    status, told, answer = call(keyed, "POST", "/v1/chats", {"message": "!sim tokens=1"}, key=KEYS["bob"])
    assert (status, answer["error"]["code"], answer["error"]["retryable"]) == (429, "rate_limited", True) and 1 <= int(told["Retry-After"]) <= 60
    assert call(keyed, "POST", "/v1/chats", {"message": "!sim tokens=1", "stream": False}, key=KEYS["ann"])[0] == 200, "the other tenant's is its own"


@through("route POST /v1/tokens", "query token")
def test_tokens(keyed):
    status, _, answer = call(keyed, "POST", "/v1/tokens", {"user": "ann", "ttl": 60}, key=KEYS["ann"])
    assert status == 200
    check_members(answer, "token user chat_id expires_at", "token")
    stream = Stream("POST", keyed.api_processes[0].url + "/v1/chats", {"message": "!sim tokens=1"}, {"Authorization": f"Bearer {answer['token']}"})
    check_stream(stream)
    path = f"/v1/generations/{stream.generation}/stream"
    assert Stream("GET", f"{keyed.api_processes[0].url}{path}?token={answer['token']}").status == 200
    assert call(keyed, "GET", f"/v1/chats?token={answer['token']}")[0] in (400, 401), "on stream routes only"
    other = call(keyed, "POST", "/v1/tokens", {"user": "eve"}, key=KEYS["ann"])[2]["token"]
    assert call(keyed, "GET", path, key=other)[0] == 404 and call(keyed, "GET", f"/v1/chats/{stream.chat}", key=other)[0] == 404
    assert call(keyed, "POST", "/v1/tokens", {"user": "ann", "ttl": 3601}, key=KEYS["ann"])[0] == 400
    assert call(keyed, "POST", "/v1/tokens", {"user": "ann"}, key=answer["token"])[0] == 403


@through("code 403 forbidden", "header Origin")
def test_pages_from_elsewhere(stack, keyed):
    status, _, answer = call(stack, "GET", "/v1/chats", headers={"Origin": "https://evil.example"})
    assert (status, answer["error"]["code"]) == (403, "forbidden")
    status, told, _ = call(keyed, "OPTIONS", "/v1/chats", headers={"Origin": ORIGIN, "Access-Control-Request-Method": "POST"})
    assert status in (200, 204) and told["Access-Control-Allow-Origin"] == ORIGIN and "Origin" in told["Vary"]
    for name in ("Authorization", "Content-Type", "Last-Event-ID", "Idempotency-Key", "Prefer"):
        assert name.lower() in told["Access-Control-Allow-Headers"].lower()
    status, told, _ = call(keyed, "GET", "/v1/chats", key=KEYS["ann"], headers={"Origin": ORIGIN})
    assert status == 200 and told["Access-Control-Allow-Origin"] == ORIGIN
    for name in ("Sluice-Generation-Id", "Sluice-Chat-Id", "Location", "Retry-After"):
        assert name.lower() in told["Access-Control-Expose-Headers"].lower()
    assert "Access-Control-Allow-Origin" not in call(keyed, "GET", "/v1/chats", key=KEYS["ann"], headers={"Origin": "https://evil.example"})[1]
