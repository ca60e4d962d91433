"""POST /v1/generations/{id}/continue: an interrupted generation is gone on from, in a new one that begins with what was shown.

Scenario: the worker is killed in the middle of a reply; another one finds it out; the client asks to go on. The simulated provider's journal tells that the
model was given the shown text to go on from.
"""
import json
import uuid

import pytest

from support.client import Stream, request, text_of
from support.processes import wait_until
from support.stack import Stack

CONFIG = """
models:
  - {name: plain, base_url: "%(url)s", model: sim}
  - {name: able, base_url: "%(url)s", model: sim, supports: [prefill]}
"""
# Whoever is asked falls silent behind 40 tokens of its answer: the first worker never gets to the end, who goes on from there has fewer to say.
SLOW, SHOWN = "!sim tokens=60 delay_ms=10 text=self fault=stall@40", 40


def new_id(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="module")
def stack():
    with Stack(config=CONFIG, env={"SLUICE_WORKER_LEASE": "3s"}) as running:
        yield running


def interrupt(stack, stream):
    """Kills the worker behind the text that comes; returns its events once the end is known."""
    while len(stream.text.split()) < SHOWN:
        stream.until("delta")
    stack.worker_processes[-1].kill()
    stack.start_worker()
    assert stream.until("interrupted").data["resumable"] is True
    return stream.events


def go_on(api, generation, body=None, headers=None):
    return Stream("POST", f"{api.url}/v1/generations/{generation}/continue", body or {}, headers)


def code(stream):
    return stream.status, stream.json["error"]["code"]


def test_a_chat_goes_on_with_the_shown_text(stack):
    api = stack.api()
    first = api.new_chat(SLOW, model="able", metadata={"n": 1}, on_stop="keep", user="ann", system="Be brief.", params={"temperature": 0.5})
    shown = text_of(interrupt(stack, first))
    assert api.chat(first.chat)[0] == 404
    second = go_on(api, first.generation, {"generation_id": new_id("gen")})
    assert second.status == 200 and second.chat == first.chat and second.generation != first.generation
    done = second.until("done").data
    assert second.text.startswith(shown) and len(second.text) > len(shown)
    chat = api.chat(first.chat)[1]
    assert [m["content"] for m in chat["messages"]] == [SLOW, second.text] and chat["messages"][0]["metadata"] == {"n": 1} == chat["metadata"]
    assert [m["id"] for m in chat["messages"]] == [done["user_message_id"], done["message_id"]]
    old, new = api.generation(first.generation)[1], api.generation(second.generation)[1]
    assert old["state"] == "interrupted" and new["state"] == "done"
    assert new["request"] == {**old["request"], "model": "able"}
    sent = stack.journal_row(second.generation)
    assert sent["messages"][-1]["role"] == "assistant" and sent["messages"][-1]["content"].strip() == shown.strip()
    assert [m["role"] for m in sent["messages"]] == ["system", "user", "assistant"] and sent["params"]["temperature"] == 0.5


def test_stateless_and_in_every_form(stack):
    api = stack.api()
    messages = [{"role": "user", "content": SLOW}]
    first = api.generate(messages, model="able", on_disconnect="continue")
    shown = text_of(interrupt(stack, first))
    key = {"Idempotency-Key": new_id("key")}
    url = f"{api.url}/v1/generations/{first.generation}/continue"
    status, headers, raw = request("POST", url, {}, {**key, "Prefer": "respond-async"})
    there = json.loads(raw)
    assert status == 202 and there["chat_id"] is None and headers["Location"] == f"/v1/generations/{there['generation_id']}"
    again = go_on(api, first.generation, {}, key)
    assert again.generation == there["generation_id"] and again.until("done") and again.text.startswith(shown)
    status, _, raw = request("POST", url, {"stream": False}, timeout=60)
    record = json.loads(raw)
    assert status == 200 and record["state"] == "done" and record["output"]["text"].startswith(shown) and record["generation_id"] != there["generation_id"]
    assert len(stack.journal(there["generation_id"])) == 1


def test_what_cannot_be_gone_on_from(stack):
    api = stack.api()
    assert code(go_on(api, new_id("gen"))) == (404, "not_found")
    done = api.new_chat("!sim tokens=1", model="able")
    done.until("done")
    assert code(go_on(api, done.generation)) == (409, "cannot_continue")
    plain = api.new_chat("!sim tokens=50 fault=reset@5", model="plain")
    plain.until("interrupted")
    assert code(go_on(api, plain.generation)) == (409, "cannot_continue")
    able = api.new_chat("!sim tokens=50 fault=reset@5", model="able")
    able.until("interrupted")
    assert go_on(api, able.generation, {"message": "x"}).json["error"]["param"] == "message"
    tool = api.generate([{"role": "user", "content": "!sim tokens=50 tool=look fault=reset@5"}], model="able", params={"tools": [{"type": "function", "function": {"name": "look"}}]})
    tool.read_all()
    if tool.events[-1].type == "interrupted" and any(e.type.startswith("tool_call") for e in tool.events):
        assert code(go_on(api, tool.generation)) == (409, "cannot_continue")
    running = api.message(able.chat, "!sim tokens=2000 delay_ms=20")
    running.until("delta")
    assert code(go_on(api, able.generation)) == (409, "busy")
    api.stop(running.generation)
    stack.redis.delete(*[k for k in stack.redis.keys(f"*log:default:{able.generation}")])
    assert code(go_on(api, able.generation)) == (410, "gone")


def test_after_another_turn_was_committed(stack):
    """The chat was new then and has a record now."""
    api = stack.api()
    first = api.new_chat(SLOW, model="able")
    interrupt(stack, first)
    api.message(first.chat, "!sim tokens=1").until("done")
    second = go_on(api, first.generation)
    assert second.until("done")
    assert [m["content"] for m in api.chat(first.chat)[1]["messages"] if m["role"] == "user"] == ["!sim tokens=1", SLOW]
    wait_until(lambda: api.stream(chat=first.chat).status == 204, "nothing to run")
