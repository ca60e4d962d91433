"""ask: the generation ends with the question, and the chat's next message goes on behind it.

Scenario: a graph that asks, uses the answer, and may ask again; the answer comes, is stopped, names another model, or the chat
is deleted meanwhile.
"""

import json

import pytest

from support.graphs import parts, reply, rows, steps
from support.stack import Stack

CONFIG = """
models:
  - {name: default, base_url: "%(url)s", model: sim}
"""
GRAPHS = {
    "ask": r"""
graph: ask
start: first
nodes:
  - {id: first, kind: set, value: '{word: .input.message}', next: which}
  - {id: which, kind: ask, prompt: "Which colour, {{ .out.first.word }}?", expires_s: 3600, next: say}
  - {id: say, kind: llm, visible: true, history: none, 
     prompt: "!sim tokens=5 text=self delay_ms=20 {{ .out.first.word }} {{ .out.which.message }}", next: more}
  - {id: more, kind: branch, cases: [{if: '.out.which.message == "again"', then: which}], else: last}
  - {id: last, kind: set, visible: true, value: '{was: .input.message, now: .out.which, turns: (.history | length)}', next: end}
""",
}


@pytest.fixture(scope="module")
def stack():
    with Stack(graphs=GRAPHS, workers=1, config=CONFIG) as running:
        yield running


def ask(stack, message="ann"):
    stream = stack.api().new_chat(message, graph="ask")
    stream.read_all()
    done = stream.events[-1]
    assert done.type == "done" and done.data["finish_reason"] == "ask" and done.data["resume"]["expires_at"] > done.data["at"]
    return stream


def answer(stack, chat, message, **fields):
    stream = stack.api().message(chat, message, **fields)
    stream.read_all()
    return stream


def last_of(stream):
    return json.loads(list(parts(stream).values())[-1])


def test_it_asks_and_goes_on(stack):
    stream = ask(stack)
    assert stream.text == "Which colour, ann?"
    messages = stack.api().chat(stream.chat)[1]["messages"]
    assert [m["content"] for m in messages] == ["ann", "Which colour, ann?"] and messages[1]["finish_reason"] == "ask"
    assert [r["node"] for r in rows(messages[1])] == ["first", "which"]
    assert stack.journal(stream.generation) == []
    second = answer(stack, stream.chat, "red")
    assert second.events[-1].data["finish_reason"] == "stop"
    assert last_of(second) == {"was": "ann", "now": {"message": "red", "attachments": []}, "turns": 2}
    assert [s[1] for s in steps(second) if s[3] == "started"] == ["say", "more", "last"]
    assert stack.journal(second.generation)[0]["messages"][-1]["content"].endswith("ann red")
    messages = stack.api().chat(stream.chat)[1]["messages"]
    assert [m["content"] for m in messages] == ["ann", "Which colour, ann?", "red", reply(second)]


def test_it_asks_again(stack):
    stream = ask(stack)
    second = answer(stack, stream.chat, "again")
    assert second.events[-1].data["finish_reason"] == "ask" and list(parts(second).values())[-1] == "Which colour, ann?"
    assert last_of(answer(stack, stream.chat, "blue"))["now"]["message"] == "blue"


def test_behind_the_answer_it_begins_anew(stack):
    stream = ask(stack)
    answer(stack, stream.chat, "red")
    third = answer(stack, stream.chat, "bob")
    assert third.events[-1].data["finish_reason"] == "ask" and third.text == "Which colour, bob?"


def test_a_stopped_answer_leaves_it_asked(stack):
    api = stack.api()
    stream = ask(stack)
    second = api.message(stream.chat, "!sim fault=stall@2")
    second.until("delta")
    assert api.stop(second.generation)[1]["outcome"] == "stopped"
    second.read_all()
    assert second.events[-1].type == "stopped" and second.events[-1].data["restore"]["message"] == "!sim fault=stall@2"
    assert len(api.chat(stream.chat)[1]["messages"]) == 2
    third = answer(stack, stream.chat, "green")
    assert last_of(third)["now"]["message"] == "green"


def test_a_model_drops_it(stack):
    stream = ask(stack)
    second = answer(stack, stream.chat, "!sim tokens=2", model="default")
    assert second.events[-1].type == "done"
    third = answer(stack, stream.chat, "!sim tokens=2")
    assert "graph" not in [e.data for e in third.events if e.type == "started"][0] and not steps(third)


def test_a_graph_that_is_named_drops_it(stack):
    stream = ask(stack)
    second = answer(stack, stream.chat, "carl", graph="ask")
    assert second.text == "Which colour, carl?" and second.events[-1].data["finish_reason"] == "ask"


def test_a_stop_of_the_chat_drops_it(stack):
    api = stack.api()
    stream = ask(stack)
    api.stop(chat=stream.chat)
    second = answer(stack, stream.chat, "dora")
    assert second.text == "Which colour, dora?"


def test_attachments_come_with_the_answer(stack):
    stream = ask(stack)
    second = answer(
        stack, stream.chat, "red", attachments=[{"type": "text", "name": "a.txt", "media_type": "text/plain", "data": "aGk="}]
    )
    assert last_of(second)["now"]["attachments"] == [{"type": "text", "name": "a.txt", "media_type": "text/plain"}]
