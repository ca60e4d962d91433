"""What the API says of graphs without a worker that runs them: which there are, what a request may name, where its generation
waits.

Scenario: a stack without workers; the test publishes a graph as a worker would, and commits turns as one would with the
scripts' own records.
"""

import time
import uuid

import pytest

from support.client import Stream, request
from support.contract import RECORD, check_members
from support.stack import Stack

VERSION = "ab" * 32
ABOUT = '{"start":"first","nodes":[{"id":"first","kind":"llm","visible":true}],"tools":["search"]}'
FIRST = {
    "id": "plan",
    "version": VERSION,
    "start": "first",
    "nodes": [{"id": "first", "kind": "llm", "visible": True}],
    "tools": ["search"],
}


def new_id(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def publish(stack, name="plan", about=ABOUT, ms=3_600_000):
    stack.redis.hset("sluice:{s00}:graphs", name, f"{int(time.time() * 1000) + ms} {VERSION} {about}")


@pytest.fixture(scope="module")
def stack():
    with Stack(
        workers=0,
        config='models: [{name: default, base_url: "%(url)s", model: sim}, {name: other, base_url: "%(url)s", model: sim}]\n',
    ) as running:
        publish(running)
        yield running


def begin(stack, path, **body):
    status, _, raw = request(
        "POST", stack.api_processes[0].url + path, {"generation_id": new_id("gen"), **body}, {"Prefer": "respond-async"}
    )
    return status, stack.api().generation(body["generation_id"])[1] if status == 202 and "generation_id" in body else raw


def refused(stack, path="/v1/chats", **body):
    answer = Stream("POST", stack.api_processes[0].url + path, body)
    return answer.status, answer.json["error"]["code"], answer.json["error"].get("param")


def lane_of(stack, generation):
    return stack.redis.hget(f"sluice:{{s00}}:gen:default:{generation}", "lane").decode()


def test_which_there_are(stack):
    assert stack.api().get("/v1/graphs") == (200, {"data": [FIRST]})
    publish(stack, "a_plan", "no JSON")
    publish(stack, "old", ms=-1)
    try:
        # By name; without what is no longer said, and without what cannot be shown.
        assert stack.api().get("/v1/graphs") == (200, {"data": [{"id": "a_plan", "version": VERSION}, FIRST]})
        assert refused(stack, message="x", graph="old") == (400, "bad_request", "graph")
    finally:
        stack.redis.hdel("sluice:{s00}:graphs", "a_plan", "old")


def test_what_a_request_may_name(stack):
    for body, param in (
        ({"graph": "nothing"}, "graph"),
        ({"graph": ""}, "graph"),
        ({"graph": 1}, "graph"),
        ({"graph": "plan", "model": "default"}, "graph"),
        ({"graph": "plan", "params": {"temperature": 1}}, "params"),
        ({"graph": "plan", "system": "Be kind."}, "system"),
    ):
        assert refused(stack, message="x", **body) == (400, "bad_request", param), body
    assert refused(stack, "/v1/generations", messages=[{"role": "user", "content": "x"}], graph="nothing") == (
        400,
        "bad_request",
        "graph",
    )


@pytest.mark.parametrize("lane", ["interactive", "batch"])
def test_where_it_waits(stack, lane):
    chat, generation = new_id("chat"), new_id("gen")
    status, record = begin(stack, "/v1/chats", message="x", graph="plan", chat_id=chat, generation_id=generation, lane=lane)
    check_members(record, RECORD, "record")
    assert (status, record["state"], record["graph"], record["model"], record["position"]) == (202, "queued", "plan", None, 0)
    assert (record["request"]["graph"], record["request"]["lane"]) == ("plan", lane) and lane_of(
        stack, generation
    ) == f"graph.{lane}"
    # The same again is the same, with another graph it is another.
    assert begin(stack, "/v1/chats", message="x", graph="plan", chat_id=chat, generation_id=generation, lane=lane)[0] == 202
    assert refused(stack, message="x", chat_id=chat, generation_id=generation, lane=lane) == (409, "conflict", None)
    assert stack.api().stop(generation)[1]["outcome"] == "stopped"
    assert stack.api().generation(generation)[1]["usage"]["source"] == "none"


def test_a_stateless_one(stack):
    generation = new_id("gen")
    messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}]
    status, record = begin(stack, "/v1/generations", messages=messages, graph="plan", generation_id=generation)
    assert (status, record["graph"], record["chat_id"], record["request"]["messages"]) == (202, "plan", None, messages)
    stack.api().stop(generation)


def test_the_chats_graph_answers_what_names_none(stack):
    """The graph of the last committed turn; only a model takes params, a system text and images that it is declared for."""
    chat, image = new_id("chat"), {"type": "image", "media_type": "image/png", "data": "aGk="}
    path = f"/v1/chats/{chat}/messages"
    stack.redis.hset(
        f"sluice:{{s00}}:chat:default:{chat}",
        mapping={"graph": "plan", "model": "other", "title": "x", "created_at": "1", "updated_at": "1"},
    )
    for body, graph, lane in (
        ({}, "plan", "graph.interactive"),
        ({"lane": "batch"}, "plan", "graph.batch"),
        ({"attachments": [image]}, "plan", "graph.interactive"),
        ({"model": "default"}, None, "stream.interactive"),
        ({"model": "default", "params": {"temperature": 1}}, None, "stream.interactive"),
    ):
        generation = new_id("gen")
        status, record = begin(stack, path, message="x", generation_id=generation, **body)
        assert (status, record["graph"], lane_of(stack, generation)) == (202, graph, lane), (body, record)
        assert "graph" not in record["request"], "the client named none"
        stack.api().stop(generation)
    assert refused(stack, path, message="x", params={"temperature": 1}) == (400, "bad_request", "params")
    assert refused(stack, path, message="x", system="Be kind.") == (400, "bad_request", "system")
    stack.redis.hdel(f"sluice:{{s00}}:chat:default:{chat}", "graph")
    assert refused(stack, path, message="x", attachments=[image]) == (400, "bad_request", "attachments")


def test_it_is_not_gone_on_from_by_hand(stack):
    generation = new_id("gen")
    begin(stack, "/v1/chats", message="x", graph="plan", generation_id=generation)
    stack.redis.hset(f"sluice:{{s00}}:gen:default:{generation}", mapping={"state": "interrupted", "resumable": "1"})
    answer = Stream("POST", f"{stack.api_processes[0].url}/v1/generations/{generation}/continue", {})
    assert (answer.status, answer.json["error"]["code"]) == (409, "cannot_continue")


def test_what_was_dead_is_asked_of_the_graph_again(stack):
    """The graph that the client named is named again; one that the chat chose is chosen anew."""
    from test_admin import admin

    chat = new_id("chat")
    stack.redis.hset(
        f"sluice:{{s00}}:chat:default:{chat}", mapping={"graph": "plan", "title": "x", "created_at": "1", "updated_at": "1"}
    )
    for body, graph in (({"graph": "plan"}, "plan"), ({}, "plan")):
        generation = new_id("gen")
        assert begin(stack, f"/v1/chats/{chat}/messages", message="x", generation_id=generation, **body)[0] == 202
        stack.api().stop(generation)
        stack.redis.hset(f"sluice:{{s00}}:gen:default:{generation}", mapping={"state": "failed"})
        stack.redis.zadd("sluice:{s00}:dead", {f"default:{generation}": 1})
        status, again = admin(stack, "POST", f"/v1/admin/tenants/default/generations/{generation}/requeue", {})
        assert status == 202, again
        record = stack.api().generation(again["generation_id"])[1]
        assert (record["graph"], record["request"].get("graph")) == (graph, body.get("graph"))
        assert lane_of(stack, again["generation_id"]) == "graph.interactive"
        stack.api().stop(again["generation_id"])
