"""Chats as they are kept: title and metadata changed, removed with all that runs and waits in them, read page by page.

Scenario: one API, one worker. Pages are bounded in bytes as well as in messages.
"""
import json
import uuid

import msgpack
import pytest

from support.client import request
from support.processes import wait_until


def new_id(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def change(api, chat, body):
    status, _, raw = request("PATCH", f"{api.url}/v1/chats/{chat}", body)
    return status, json.loads(raw)


def delete(api, chat):
    return request("DELETE", f"{api.url}/v1/chats/{chat}")[0]


def a_chat(api, **fields):
    stream = api.new_chat("!sim tokens=2", **fields)
    stream.until("done")
    return stream.chat


# -- PATCH -----------------------------------------------------------------------------------------------------------------------


def test_title_and_metadata_change_and_the_rest_stays(stack):
    api = stack.api()
    chat = a_chat(api, metadata={"a": 1})
    before = api.chat(chat)[1]
    status, answer = change(api, chat, {"title": "Ünïcödé 🙂"})
    assert status == 200 and answer == {"chat_id": chat, "title": "Ünïcödé 🙂", "metadata": {"a": 1}, "created_at": before["created_at"]}
    assert change(api, chat, {"metadata": {"b": 9007199254740993}})[1]["title"] == "Ünïcödé 🙂"
    after = api.chat(chat)[1]
    assert after == {**before, "title": "Ünïcödé 🙂", "metadata": {"b": 9007199254740993}}
    assert [r["title"] for r in api.get("/v1/chats?limit=200")[1]["data"] if r["chat_id"] == chat] == ["Ünïcödé 🙂"]
    assert change(api, chat, {"metadata": None})[1]["metadata"] is None and change(api, chat, {})[1]["title"] == "Ünïcödé 🙂"
    api.message(chat, "!sim tokens=1", metadata={"of": "the turn"}).until("done")
    assert api.chat(chat)[1]["title"] == "Ünïcödé 🙂", "the first message's title does not come back"


@pytest.mark.parametrize("body,param", [({"title": 7}, "title"), ({"title": None}, "title"), ({"title": "x" * 1025}, "title"), ({"metadata": []}, "metadata"), ({"metadata": {"a": "x" * 17000}}, "metadata"), ({"user": "x"}, "user")])
def test_a_change_that_cannot_be_is_refused(stack, body, param):
    status, answer = change(stack.api(), "nowhere", body)
    assert status == 400 and answer["error"]["param"] == param


def test_a_chat_that_is_not_there_cannot_be_changed(stack):
    api = stack.api()
    assert change(api, new_id("chat"), {"title": "x"})[0] == 404
    running = api.new_chat("!sim tokens=2000 delay_ms=20")
    running.until("delta")
    assert change(api, running.chat, {"title": "x"})[0] == 404, "no record before the first turn is done"
    api.stop(running.generation)


# -- DELETE ----------------------------------------------------------------------------------------------------------------------


def test_a_deleted_chat_is_gone_with_all_that_ran_and_waited(stack):
    api = stack.api()
    chat = a_chat(api)
    running = api.message(chat, "!sim tokens=500 delay_ms=20")
    running.until("delta")
    waiting = api.message(chat, "waiting", if_busy="enqueue")
    waiting.until("queued")
    assert delete(api, chat) == 204
    for stream in (running, waiting):
        end = stream.until("stopped").data
        assert end["reason"] == "deleted" and end["committed"] is False
    assert stack.wait_provider_closed(running.generation)[0]["end"] == "client_closed"
    assert api.chat(chat)[0] == 404 and delete(api, chat) == 404 and api.stop(chat=chat)[0] == 404
    assert api.stream(chat=chat).status == 204 and api.stream(running.generation).status == 410
    assert chat not in [r["chat_id"] for r in api.get("/v1/chats?limit=200")[1]["data"]]
    record = api.generation(running.generation)[1]
    assert record["state"] == "stopped" and record["reason"] == "deleted" and record["request"] is None and record["restore"] is None
    left = [k for k in stack.redis.keys("*") if chat.encode() in k]
    assert not left, left


def test_an_id_is_free_again_after_its_chat_was_deleted(stack):
    api, chat = stack.api(), new_id("chat")
    a_chat(api, chat_id=chat)
    assert api.new_chat("x", chat_id=chat).json["error"]["code"] == "exists"
    assert delete(api, chat) == 204
    assert a_chat(api, chat_id=chat) == chat and len(api.chat(chat)[1]["messages"]) == 2


def test_a_chat_that_runs_its_first_turn_can_be_deleted(stack):
    api = stack.api()
    running = api.new_chat("!sim tokens=500 delay_ms=20")
    running.until("delta")
    assert delete(api, running.chat) == 204
    assert running.until("stopped").data["reason"] == "deleted" and api.chat(running.chat)[0] == 404


# -- pages -----------------------------------------------------------------------------------------------------------------------


def fill(stack, chat, count, size):
    """Messages as the workers commit them, without the wait."""
    for i in range(count):
        message = {"v": 1, "id": f"msg_{i}", "role": "user" if i % 2 == 0 else "assistant", "content": f"{i} " + "x" * size, "created_at": i, "generation_id": "g"}
        stack.redis.rpush(f"sluice:{{s00}}:msgs:default:{chat}", msgpack.packb(message))


def read_back(api, chat, query=""):
    """All messages, page by page; (messages, pages)."""
    messages, before, pages = [], "", 0
    while before is not None:
        status, _, raw = request("GET", f"{api.url}/v1/chats/{chat}?{query}{'&before=' + before if before else ''}", timeout=60)
        if status == 503:  # a busy machine
            continue
        assert status == 200 and len(raw) < 20_000_000, len(raw)
        page = json.loads(raw)
        assert page["messages"]
        messages, before, pages = page["messages"] + messages, page["next"], pages + 1
    return messages, pages


def test_messages_come_page_by_page(stack):
    api = stack.api()
    chat = a_chat(api)
    fill(stack, chat, 20, 5)
    messages, pages = read_back(api, chat, "limit=5")
    assert pages == 5 and [m["id"] for m in messages[2:]] == [f"msg_{i}" for i in range(20)]
    assert api.get(f"/v1/chats/{chat}?before=nowhere")[1]["messages"] == []
    for limit in ("0", "1001", "x"):
        assert api.get(f"/v1/chats/{chat}?limit={limit}")[0] == 400


def test_a_thousand_large_messages_are_more_than_one_page(stack):
    api = stack.api()
    chat = a_chat(api)
    fill(stack, chat, 998, 60_000)
    messages, pages = read_back(api, chat)
    assert 3 < pages < 30 and [m["id"] for m in messages[2:]] == [f"msg_{i}" for i in range(998)]
    fill(stack, chat, 1, 5_000_000)
    wait_until(lambda: api.get(f"/v1/chats/{chat}")[0] == 200, "a busy machine")
    newest = api.get(f"/v1/chats/{chat}")[1]
    assert [len(m["content"]) for m in newest["messages"]] == [5_000_002] and newest["next"], "one message always comes"


def test_chats_by_last_commit_and_by_user(stack):
    api, user = stack.api(), new_id("user")
    chats = [a_chat(api, user=user) for _ in range(5)]
    api.message(chats[0], "!sim tokens=1").until("done")
    rows, after = [], ""
    while after is not None:
        page = api.get(f"/v1/chats?user={user}&limit=2" + (f"&after={after}" if after else ""))[1]
        rows, after = rows + page["data"], page["next"]
    assert [r["chat_id"] for r in rows] == [chats[0], *reversed(chats[1:])]
    assert set(rows[0]) == {"chat_id", "title", "user", "created_at", "updated_at", "message_count", "active"}
    assert rows[0]["message_count"] == 4 and rows[0]["user"] == user and rows[0]["active"] is None
    running = api.message(chats[2], "!sim tokens=2000 delay_ms=20")
    running.until("delta")
    row = [r for r in api.get(f"/v1/chats?user={user}")[1]["data"] if r["chat_id"] == chats[2]][0]
    assert row["active"] == running.generation
    api.stop(running.generation)
    wait_until(lambda: api.stream(chat=chats[2]).status == 204, "nothing to run")
