"""The forms that an answer may have: a stream, the record when it is over (`stream: false`), or 202 at once (`Prefer: respond-async`).

Scenario: one API, one worker; the same request again is the same generation in whichever form; who waits for a record counts as a reader.
"""
import http.client
import json
import urllib.parse
import uuid

from support.client import in_background, request
from support.processes import wait_until

ASYNC = {"Prefer": "respond-async"}


def new_id(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def post(api, path, body, headers=None, timeout=60):
    status, headers, raw = request("POST", api.url + path, body, headers, timeout=timeout)
    return status, headers, json.loads(raw)


# -- stream: false ---------------------------------------------------------------------------------------------------------------


def test_the_answer_is_the_record_when_it_is_over(stack):
    api = stack.api()
    status, headers, record = post(api, "/v1/chats", {"message": "!sim tokens=5 delay_ms=20", "stream": False, "metadata": {"n": 1}})
    assert status == 200 and headers["Content-Type"].startswith("application/json")
    assert headers["Sluice-Generation-Id"] == record["generation_id"] and headers["Sluice-Chat-Id"] == record["chat_id"]
    assert record["state"] == "done" and record["output"]["text"].count(" ") == 5 and record["usage"]["output"] == 5 and record["metadata"] == {"n": 1}
    assert api.generation(record["generation_id"])[1] == record
    assert api.chat(record["chat_id"])[1]["messages"][1]["content"] == record["output"]["text"]


def test_stateless_too(stack):
    status, headers, record = post(stack.api(), "/v1/generations", {"messages": [{"role": "user", "content": "!sim tokens=3"}], "stream": False})
    assert status == 200 and record["state"] == "done" and record["chat_id"] is None and "Sluice-Chat-Id" not in headers
    assert record["output"]["text"] and record["request"]["messages"] == [{"role": "user", "content": "!sim tokens=3"}]


def test_a_failed_one_is_told_as_it_is(stack):
    status, _, record = post(stack.api(), "/v1/chats", {"message": "!sim fault=status:400", "stream": False})
    assert status == 200 and record["state"] == "failed" and record["error"]["code"] == "provider_refused" and record["restore"]["message"] == "!sim fault=status:400"


def test_a_stopped_one_is_told_as_it_is(stack):
    api, generation = stack.api(), new_id("gen")
    waiting = in_background(post, api, "/v1/chats", {"message": "!sim tokens=500 delay_ms=20", "stream": False, "generation_id": generation})
    wait_until(lambda: api.generation(generation)[1].get("state") == "running", "it to run")
    assert api.stop(generation)[1]["outcome"] == "stopped"
    status, _, record = waiting.result()
    assert status == 200 and record["state"] == "stopped" and record["reason"] == "user" and record["restore"]["message"] == "!sim tokens=500 delay_ms=20"


def test_a_request_that_leaves_is_a_reader_that_leaves(stack):
    """on_disconnect: stop, the default of a new chat."""
    api, generation = stack.api(), new_id("gen")
    parts = urllib.parse.urlsplit(api.url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port)
    body = json.dumps({"message": "!sim tokens=2000 delay_ms=50", "stream": False, "generation_id": generation})
    connection.request("POST", "/v1/chats", body, {"Content-Type": "application/json"})
    wait_until(lambda: api.generation(generation)[1].get("state") == "running", "it to run")
    connection.close()
    wait_until(lambda: api.generation(generation)[1]["state"] == "stopped", "the grace to be over", 20)
    assert api.generation(generation)[1]["reason"] == "disconnect"


def test_a_request_that_waits_is_a_reader_that_stays(stack):
    """It outlives the grace of 5 s."""
    status, _, record = post(stack.api(), "/v1/chats", {"message": "!sim tokens=140 delay_ms=50", "stream": False})
    assert status == 200 and record["state"] == "done" and record["ended_at"] - record["created_at"] > 6000


def test_again_is_the_same_generation_in_every_form(stack):
    api = stack.api()
    key, body = {"Idempotency-Key": new_id("key")}, {"message": "!sim tokens=20 delay_ms=20", "stream": False}
    first, second = in_background(post, api, "/v1/chats", body, key), in_background(post, api, "/v1/chats", body, key)
    record, again = first.result()[2], second.result()[2]
    assert record == again and record["state"] == "done"
    assert post(api, "/v1/chats", body, key)[2] == record
    status, headers, there = post(api, "/v1/chats", body, {**key, **ASYNC})
    assert status == 202 and there["generation_id"] == record["generation_id"] and there["state"] == "done"
    assert len(stack.journal(record["generation_id"])) == 1
    assert post(api, "/v1/chats", {**body, "stream": True}, key)[0] == 409


# -- respond-async ---------------------------------------------------------------------------------------------------------------


def test_async_is_answered_at_once_and_goes_on_alone(stack):
    api = stack.api()
    status, headers, there = post(api, "/v1/chats", {"message": "!sim tokens=140 delay_ms=50"}, ASYNC)
    assert status == 202 and headers["Preference-Applied"] == "respond-async"
    generation = there["generation_id"]
    assert headers["Location"] == f"/v1/generations/{generation}" and headers["Sluice-Generation-Id"] == generation
    assert there == {"generation_id": generation, "chat_id": headers["Sluice-Chat-Id"], "state": "queued", "stream_url": f"/v1/generations/{generation}/stream"}
    assert api.get(headers["Location"])[1]["request"]["on_disconnect"] == "continue"
    wait_until(lambda: api.get(headers["Location"])[1]["state"] == "done", "it to be done without a reader", 30)
    assert api.stream(generation).read_all()[-1].type == "done"


def test_async_of_a_chat_and_stateless(stack):
    api = stack.api()
    _, _, first = post(api, "/v1/chats", {"message": "!sim tokens=2"}, ASYNC)
    wait_until(lambda: api.chat(first["chat_id"])[0] == 200, "the chat")
    status, _, second = post(api, f"/v1/chats/{first['chat_id']}/messages", {"message": "!sim tokens=2"}, {"Prefer": "wait=10, Respond-Async"})
    assert status == 202 and second["chat_id"] == first["chat_id"]
    status, headers, third = post(api, "/v1/generations", {"messages": [{"role": "user", "content": "!sim tokens=2"}]}, ASYNC)
    assert status == 202 and third["chat_id"] is None and "Sluice-Chat-Id" not in headers
    for there in (second, third):
        wait_until(lambda: api.generation(there["generation_id"])[1]["state"] == "done", "it to be done")


def test_async_again_is_the_same(stack):
    api, generation = stack.api(), new_id("gen")
    body = {"message": "!sim tokens=5", "generation_id": generation, "chat_id": new_id("chat")}
    answers = [post(api, "/v1/chats", body, ASYNC) for _ in range(3)]
    assert {a[0] for a in answers} == {202} and {a[2]["generation_id"] for a in answers} == {generation}
    stream = api.new_chat(body["message"], generation_id=generation, chat_id=body["chat_id"])
    assert stream.read_all()[-1].type == "done" and stream.generation == generation
    assert len(stack.journal(generation)) == 1
    assert post(api, "/v1/chats", {**body, "message": "other"}, ASYNC)[0] == 409


def test_async_with_the_word_stop_needs_a_reader(stack):
    api = stack.api()
    _, _, there = post(api, "/v1/chats", {"message": "!sim tokens=2000 delay_ms=50", "on_disconnect": "stop"}, ASYNC)
    wait_until(lambda: api.generation(there["generation_id"])[1]["state"] == "stopped", "the grace to be over", 20)
    assert api.generation(there["generation_id"])[1]["reason"] == "disconnect"


# -- the record ------------------------------------------------------------------------------------------------------------------


def test_the_record_tells_the_request_and_who_answers_before_the_end(stack):
    api = stack.api()
    params = {"temperature": 0.5, "extra": {"k": 12345678901234567890}}
    stream = api.new_chat("!sim tokens=2000 delay_ms=20", system="Be brief.", params=params, user="ann", lane="batch", on_stop="keep", metadata={"a": 1})
    stream.until("delta")
    record = api.generation(stream.generation)[1]
    assert record["state"] == "running" and record["model"] == "default" and record["attempt"] == 1 and record["epoch"] == 1
    assert record["output"]["text"] and record["seq"] >= 3 and record["started_at"] and record["first_token_at"] and record["ended_at"] is None
    assert record["request"] == {
        "message": "!sim tokens=2000 delay_ms=20", "system": "Be brief.", "params": params, "metadata": {"a": 1}, "user": "ann", "lane": "batch",
        "on_stop": "keep", "upstream_on_stop": "close", "on_disconnect": "stop", "on_interrupt": "interrupted",
    }
    api.stop(stream.generation)
