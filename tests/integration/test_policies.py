"""What a request may say about its turn beyond the message: attachments, user and lane, what a stop keeps, what happens in a busy chat.

Scenario: one API, one worker; models with and without abilities; the simulated provider's journal tells what was asked.
"""
import base64
import signal
import uuid

import pytest

from support.client import in_background, text_of
from support.processes import wait_until
from support.stack import Stack

PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\nnot really a picture").decode()
NOTE = base64.b64encode("Ünïcödé note".encode()).decode()
IMAGE = {"type": "image", "media_type": "image/png", "name": "cat.png", "data": PIXEL}
TEXT = {"type": "text", "media_type": "text/plain", "name": "note.txt", "data": NOTE}


def new_id(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


CONFIG = """
models:
  - {name: plain, base_url: "%(url)s", model: sim}
  - {name: able, base_url: "%(url)s", model: sim, supports: [image, prefill]}
"""


@pytest.fixture(scope="module")
def stack():
    with Stack(config=CONFIG) as running:
        yield running


# -- attachments -----------------------------------------------------------------------------------------------------------------


def test_attachments_come_back_wherever_the_message_does(stack):
    api = stack.api()
    chat = new_id("chat")
    stream = api.new_chat("!sim tokens=2000 delay_ms=20", chat_id=chat, model="able", attachments=[IMAGE, TEXT], metadata={"k": 1})
    stream.until("delta")
    stopped = api.stop(stream.generation)[1]
    assert stopped["restore"] == {"message": "!sim tokens=2000 delay_ms=20", "attachments": [IMAGE, TEXT], "metadata": {"k": 1}}
    assert stream.until("stopped").data["restore"] == stopped["restore"]
    assert api.generation(stream.generation)[1]["restore"] == stopped["restore"]
    assert api.generation(stream.generation)[1]["request"]["attachments"] == [IMAGE, TEXT]
    again = api.new_chat("!sim tokens=30 delay_ms=20", chat_id=chat, model="able", attachments=[TEXT])
    again.until("done")
    stack.worker_processes[0].signal(signal.SIGSTOP)
    following = api.message(chat, "", attachments=[TEXT, IMAGE])
    following.until("queued")
    active = api.chat(chat)[1]["active"]
    stack.worker_processes[0].signal(signal.SIGCONT)
    assert active["message"] == "" and active["attachments"] == [TEXT, IMAGE], "the chat's last model decides, which is able"
    following.until("done")
    users = [m for m in api.chat(chat)[1]["messages"] if m["role"] == "user"]
    assert [m["attachments"] for m in users] == [[TEXT], [TEXT, IMAGE]] and users[1]["content"] == ""


@pytest.mark.parametrize(
    "fields,param",
    [
        ({"attachments": [IMAGE]}, "attachments"),
        ({"attachments": [IMAGE], "model": "plain"}, "attachments"),
        ({"attachments": [{**IMAGE, "data": PIXEL[1:]}], "model": "able"}, "attachments[0].data"),
        ({"attachments": [{"type": "image", "media_type": "image/png", "url": "file:///etc/passwd"}], "model": "able"}, "attachments[0].url"),
    ],
)
def test_an_attachment_that_cannot_be_is_refused(stack, fields, param):
    for stream in (stack.api().new_chat("x", **fields), stack.api().generate([{"role": "user", "content": "x"}], **fields)):
        assert stream.status == 400 and stream.json["error"]["param"] == param, stream.json


def test_an_image_for_a_chat_whose_model_takes_none(stack):
    api = stack.api()
    chat = api.new_chat("!sim tokens=1", model="plain")
    chat.until("done")
    refused = api.message(chat.chat, "look", attachments=[IMAGE])
    assert refused.status == 400 and refused.json["error"]["param"] == "attachments"
    assert api.message(chat.chat, "look", attachments=[IMAGE], model="able").until("done")


def test_a_text_needs_no_declaration(stack):
    api = stack.api()
    assert api.new_chat("!sim tokens=1", model="plain", attachments=[TEXT]).until("done")


def test_large_attachments_come_back_whole_in_every_answer(stack):
    """Nearly as large as a body may be. No socket holds that much for a client that does not read while a stop is answered: it resumes by its cursor."""
    api = stack.api()
    large = [{**TEXT, "data": base64.b64encode(bytes([65 + i]) * 220_000).decode()} for i in range(3)]
    running = api.new_chat("!sim tokens=500 delay_ms=20", attachments=large)
    running.until("delta")
    stack.worker_processes[0].signal(signal.SIGSTOP)  # so that it goes on running; a text before the message makes the script unheard
    waiting = [api.message(running.chat, "next", attachments=large, if_busy="enqueue") for _ in range(3)]
    answer = api.stop(chat=running.chat, body={"all": True})[1]
    stack.worker_processes[0].signal(signal.SIGCONT)
    assert answer["restore"]["attachments"] == large and [w["restore"]["attachments"] for w in answer["waiting"]] == [large] * 3
    for stream in (running, *waiting):
        seen = [int(e.id) for e in stream.events if e.id]
        resumed = api.stream(stream.generation, last_id=max(seen, default=0))
        assert resumed.until("stopped").data["restore"]["attachments"] == large
        assert [e.id for e in resumed.events] == list(range(max(seen, default=0) + 1, answer["seq"] + 1 if stream is running else 3))
    assert api.message(running.chat, "x", attachments=[*large, *large]).status == 413


# -- user and lane ---------------------------------------------------------------------------------------------------------------


def test_the_user_is_the_chats_from_its_first_turn(stack):
    api = stack.api()
    user = new_id("user")
    first = api.new_chat("!sim tokens=1", user=user)
    first.until("done")
    api.message(first.chat, "!sim tokens=1", user="another").until("done")
    rows = api.get(f"/v1/chats?user={user}")[1]["data"]
    assert [(r["chat_id"], r["user"]) for r in rows] == [(first.chat, user)]


def test_the_batch_lane_is_run_too(stack):
    api = stack.api()
    assert api.new_chat("!sim tokens=1", lane="batch").until("done")


# -- what a stop keeps -----------------------------------------------------------------------------------------------------------


def test_keep_commits_what_was_shown(stack):
    api = stack.api()
    stream = api.new_chat("!sim tokens=2000 delay_ms=20 text=self", on_stop="keep")
    stream.until("delta")
    answer = api.stop(stream.generation)[1]
    end = stream.until("stopped").data
    assert answer["outcome"] == "stopped" and answer["committed"] is True and answer["restore"] is None
    assert end["committed"] is True and end["restore"] is None and end["message_id"] == answer["message_id"]
    messages = api.chat(stream.chat)[1]["messages"]
    assert [m["role"] for m in messages] == ["user", "assistant"]
    assert messages[1]["id"] == answer["message_id"] and messages[1]["stopped"] is True and messages[1]["content"] == text_of(stream.events)


def test_keep_seen_cuts_where_the_reader_was(stack):
    api = stack.api()
    stream = api.new_chat("!sim tokens=5000 delay_ms=10 text=self", on_stop="keep_seen")
    for _ in range(3):
        stream.until("delta")
    seen, shown = stream.events[-1].id, text_of(stream.events)
    for _ in range(3):
        stream.until("delta")
    answer = api.stop(stream.generation, body={"seen": seen})[1]
    assert answer["committed"] is True
    assert api.chat(stream.chat)[1]["messages"][1]["content"] == shown


def test_keep_with_nothing_shown_is_given_back(stack):
    api = stack.api()
    stream = api.new_chat("!sim first_ms=30000", on_stop="keep")
    stream.until("started")
    answer = api.stop(stream.generation)[1]
    assert answer["committed"] is False and answer["restore"]["message"] == "!sim first_ms=30000" and answer["message_id"] is None
    assert api.chat(stream.chat)[0] == 404


# -- a busy chat -----------------------------------------------------------------------------------------------------------------


def test_enqueued_turns_run_one_after_the_other(stack):
    api = stack.api()
    first = api.new_chat("!sim tokens=20 delay_ms=20")
    first.until("delta")
    second, third = api.message(first.chat, "!sim tokens=2", if_busy="enqueue"), api.message(first.chat, "!sim tokens=3", if_busy="enqueue")
    assert second.until("queued").data["position"] <= third.until("queued").data["position"]
    ends = [in_background(s.until, "done") for s in (first, second, third)]
    assert all(e.result().data["done"] for e in ends)
    contents = [m["content"] for m in api.chat(first.chat)[1]["messages"] if m["role"] == "user"]
    assert contents == ["!sim tokens=20 delay_ms=20", "!sim tokens=2", "!sim tokens=3"]


def test_interrupt_stops_the_running_one(stack):
    api = stack.api()
    first = api.new_chat("!sim tokens=500 delay_ms=20")
    first.until("delta")
    second = api.message(first.chat, "!sim tokens=2", if_busy="interrupt")
    assert second.until("done")
    end = first.until("stopped").data
    assert end["reason"] == "busy" and end["restore"]["message"] == "!sim tokens=500 delay_ms=20"
    assert [m["content"] for m in api.chat(first.chat)[1]["messages"] if m["role"] == "user"] == ["!sim tokens=2"]


def test_stop_all_drops_what_waits_behind(stack):
    api = stack.api()
    first = api.new_chat("!sim tokens=500 delay_ms=20")
    first.until("delta")
    waiting = [api.message(first.chat, f"waiting {i}", if_busy="enqueue", metadata={"i": i}) for i in range(3)]
    for stream in waiting:
        stream.until("queued")
    answer = api.stop(chat=first.chat, body={"all": True})[1]
    assert answer["outcome"] == "stopped" and answer["generation_id"] == first.generation
    assert answer["waiting"] == [
        {"generation_id": s.generation, "restore": {"message": f"waiting {i}", "attachments": [], "metadata": {"i": i}}} for i, s in enumerate(waiting)
    ]
    for stream in (first, *waiting):
        assert stream.until("stopped").data["reason"] == "user"
    wait_until(lambda: api.stream(chat=first.chat).status == 204, "nothing to run")
    assert api.chat(first.chat)[0] == 404


def test_a_waiting_turn_is_stopped_alone(stack):
    api = stack.api()
    first = api.new_chat("!sim tokens=40 delay_ms=20")
    first.until("delta")
    second = api.message(first.chat, "second", if_busy="enqueue")
    second.until("queued")
    assert api.stop(second.generation)[1]["outcome"] == "stopped"
    assert second.until("stopped") and first.until("done")


# -- giving way ------------------------------------------------------------------------------------------------------------------


def contents(api, chat):
    return [m["content"] for m in api.chat(chat)[1]["messages"] if m["role"] == "user"]


def three_turns(api):
    first = api.new_chat("one")
    first.until("done")
    for text in ("two", "three"):
        api.message(first.chat, text).until("done")
    return first.chat, [m["id"] for m in api.chat(first.chat)[1]["messages"]]


def test_an_edited_message_takes_the_place_of_all_that_follows(stack):
    api = stack.api()
    chat, ids = three_turns(api)
    before = api.chat(chat)[1]["messages"]
    edited = api.message(chat, "!sim tokens=20 delay_ms=150", replace_from=ids[2])
    edited.until("delta")
    assert api.chat(chat)[1]["messages"] == before, "nothing changes before it is done"
    edited.until("done")
    assert contents(api, chat) == ["one", "!sim tokens=20 delay_ms=150"]
    assert [m["content"] for m in stack.journal_row(edited.generation)["messages"] if m["role"] == "user"] == ["one", "!sim tokens=20 delay_ms=150"]
    assert api.generation(edited.generation)[1]["request"]["replace_from"] == ids[2]


def test_stopped_it_changes_nothing(stack):
    api = stack.api()
    chat, ids = three_turns(api)
    before = api.chat(chat)[1]
    edited = api.message(chat, "!sim tokens=500 delay_ms=20", replace_from=ids[0])
    edited.until("delta")
    assert api.stop(edited.generation)[1]["outcome"] == "stopped"
    assert api.chat(chat)[1] == before


def test_a_message_that_is_not_there_cannot_give_way(stack):
    api = stack.api()
    chat, ids = three_turns(api)
    other, _ = three_turns(api)
    for unknown in ("msg_nowhere", ids[0]):
        refused = api.message(other, "x", replace_from=unknown)
        assert (refused.status, refused.json["error"]["code"], refused.json["error"]["param"]) == (404, "not_found", "replace_from")
    assert api.stream(chat=other).status == 204 and contents(api, chat) == ["one", "two", "three"]
