"""Stop as the user feels it: the chat page in a real browser against the real programs.

Scenario: a turn; Stop before the first token, in mid-stream, in a new chat, by a second tab; reloads; the API away for five seconds; edit and regenerate, each stopped. After each the history on
view is the server's, and the browser has nothing to complain of.
"""
import time

import pytest

from provider import Provider
from support.processes import free_port, wait_until
from support.stack import Stack

LONG = "!sim tokens=4000 delay_ms=20 "  # longer than any test looks at it: it is stopped
CONFIG = """
models:
  - {name: default, base_url: "%(url)s", model: sim}
  - {name: held, base_url: "HELD", model: held}
"""
WORDS = "Tell me about tides, and take your time: " + ", then ".join(f"the {n}th of them" for n in range(4, 20))


@pytest.fixture(scope="module")
def stack():
    with Provider() as provider, Stack(config=CONFIG.replace("HELD", provider.url)) as running:
        running.held = provider
        yield running


@pytest.fixture
def held(stack):
    """The model `held` says what it was told, comes to half of it, and waits there for `held.go.set()`."""
    stack.held.go.clear()
    yield stack.held
    stack.held.go.set()


def say_held(page, words=WORDS):
    page.select("#target", "model:held")
    page.say(words)
    page.wait_streaming(20)


@pytest.fixture
def new(stack, browse):
    """The page of a new chat."""
    return browse(stack.api_processes[0].url + "/")


@pytest.fixture
def saved(stack, browse):
    """The page of a chat with one turn."""
    stream = stack.api().new_chat("!sim tokens=12 delay_ms=1 The first question")
    stream.read_all()
    page = browse(f"{stack.api_processes[0].url}/c/{stream.chat}")
    page.wait_turns(2)
    page.chat = stream.chat
    return page


def history(stack, chat):
    return [(m["role"], m["content"]) for m in stack.api().chat(chat)[1]["messages"]]


def check_history(stack, page, chat, count):
    """What is on view is what the server has. (A simulated answer is paragraphs of plain words.)"""
    told = history(stack, chat)
    squeezed = lambda rows: [(who, " ".join(text.split())) for who, text in rows]
    assert squeezed(page.turns()) == squeezed(told) and len(told) == count
    assert wait_until(lambda: stack.api().chat(chat)[1]["active"] is None, "nothing to run")


def test_a_turn(stack, new, held):
    new.shoot("01-new-chat")
    say_held(new)
    new.shoot("02-streaming")
    assert new.path == "/", "a chat has an address when it has a record, not before"
    held.go.set()
    new.wait_idle()
    new.shoot("03-answered")
    assert new.path.startswith("/c/") and new.box == ""
    assert "1,204 in · 312 out" in new.text(".usage")
    check_history(stack, new, new.path[3:], 2)
    new.wait("() => document.querySelectorAll('#chats a').length > 0")
    assert new.text("#chats a[aria-current] span") == new.text("#title") == WORDS[:80]


def test_stop_before_the_first_token(stack, saved):
    message = "!sim first_ms=20000 A message\nof two lines, with a typoo 🙂"
    saved.say(message, cursor=20)
    saved.wait("() => document.querySelector('.turn.live .doing')?.textContent === 'Thinking…'")
    saved.shoot("10-before-the-first-token")
    saved.keyboard_press("Escape")
    assert saved.box == message
    assert saved.run("() => [document.activeElement.id, document.activeElement.selectionStart]") == ["input", 20]
    saved.shoot("11-stopped-before-the-first-token")
    saved.wait_turns(2)
    check_history(stack, saved, saved.chat, 2)


def test_stop_in_mid_stream_edit_and_resend(stack, saved):
    saved.say(LONG + "What is a slouice?")
    saved.wait_streaming(10)
    saved.shoot("12-mid-stream")
    saved.click("#stop")
    assert saved.box == LONG + "What is a slouice?" and len(saved.turns()) == 2
    saved.shoot("13-stopped")
    saved.say("!sim tokens=30 delay_ms=2 What is a sluice?")
    saved.wait_turns(4)
    saved.wait_idle()
    check_history(stack, saved, saved.chat, 4)
    assert history(stack, saved.chat)[2][1] == "!sim tokens=30 delay_ms=2 What is a sluice?"
    saved.shoot("14-resent")


@pytest.mark.parametrize("words, name", [("!sim first_ms=20000 hello", "before"), (LONG, "mid")], ids=["before the first token", "in mid-stream"])
def test_stop_in_a_new_chat(stack, new, words, name):
    chats = stack.api().get("/v1/chats")[1]["data"]
    new.say(words)
    new.wait_turns(2)
    if name == "mid":
        new.wait_streaming(5)
    assert new.path == "/"
    new.keyboard_press("Escape")
    assert new.box == words and new.turns() == [] and new.path == "/"
    new.shoot(f"15-new-chat-stopped-{name}")
    new.reload()
    new.wait("() => document.getElementById('input').value !== ''")
    assert new.path == "/" and new.turns() == [] and new.box == words
    new.shoot(f"16-new-chat-reloaded-{name}")
    assert stack.api().get("/v1/chats")[1]["data"] == chats, "no record was made"


def test_a_new_chat_goes_on_after_a_stop(stack, new):
    new.say(LONG)
    new.wait_streaming(3)
    new.keyboard_press("Escape")
    new.say("!sim tokens=20 delay_ms=2 again")
    new.wait_turns(2)
    new.wait_idle()
    check_history(stack, new, new.path[3:], 2)
    new.go_back()  # nothing of the stopped turn is in the browser's history
    new.goto(stack.api_processes[0].url + "/")
    assert new.turns() == []


def test_reload_in_mid_stream(stack, saved, held):
    say_held(saved)
    saved.reload()
    saved.wait_turns(4)
    saved.wait_streaming(20)
    assert saved.turns()[2] == ("user", WORDS) and WORDS.startswith(saved.turns()[3][1])
    saved.shoot("17-reloaded-in-mid-stream")
    held.go.set()
    saved.wait_idle()
    check_history(stack, saved, saved.chat, 4)


@pytest.mark.parametrize("after", ["nothing", "another chat"])
def test_reload_in_the_first_turn(stack, new, held, after):
    if after == "another chat":
        new.say("!sim tokens=2 delay_ms=1 Another chat")
        new.wait("() => location.pathname.startsWith('/c/')")
        new.click("#new")
        new.wait_turns(0)
    say_held(new)
    assert WORDS[:20] in new.text("#chats a.active[aria-current]")
    new.reload()
    new.wait_turns(2)
    new.wait_streaming(20)
    assert new.path == "/"
    held.go.set()
    new.wait_idle()
    assert new.path.startswith("/c/")
    check_history(stack, new, new.path[3:], 2)


@pytest.mark.parametrize("where", ["saved", "new"])
def test_reload_after_an_error(request, stack, where):
    """The message is in no record; it is in the box then, and goes again from there."""
    page = request.getfixturevalue(where)
    count = len(page.turns())
    page.say("!sim tokens=3 fault=status:400")
    page.wait("() => document.querySelector('.trouble') !== null")
    page.reload()
    page.wait("() => document.getElementById('input').value !== ''")
    assert page.box == "!sim tokens=3 fault=status:400"
    page.wait_turns(count)
    page.say("!sim tokens=3 delay_ms=0")
    page.wait_turns(count + 2)
    page.wait_idle()
    check_history(stack, page, page.path[3:], count + 2)
    page.reload()
    page.wait_turns(count + 2)
    assert page.box == ""


def test_a_chat_is_deleted_in_another_tab(stack, saved):
    """What is on view is gone from the history that an answer would go on with: it is said, and what was typed goes along into a new chat."""
    other = saved.context.page(stack.api_processes[0].url + f"/c/{saved.chat}")
    other.wait_turns(2)
    other.fill("#input", "half a thought")
    saved.click("#delete")
    saved.click("#ask-yes")
    other.allowed.append("404")
    other.wait("() => location.pathname === '/'")
    other.wait_turns(0)
    assert other.box == "half a thought" and "does not exist" in other.text("#notice")
    other.say("!sim tokens=3 delay_ms=0")
    other.wait_turns(2)
    other.wait_idle()
    assert other.path not in ("/", f"/c/{saved.chat}")


def test_two_tabs(stack, saved):
    other = saved.context.page(stack.api_processes[0].url + f"/c/{saved.chat}")
    other.wait_turns(2)
    saved.say(LONG + "for both")
    other.wait_turns(4)  # it was open before
    other.wait_streaming(5)
    third = saved.context.page(stack.api_processes[0].url + f"/c/{saved.chat}")
    third.wait_streaming(5)  # it came later
    assert third.turns()[2] == ("user", LONG + "for both")
    third.shoot("18-a-second-tab")
    third.click("#stop")
    assert third.box == LONG + "for both"
    for page in (saved, other):
        page.wait_turns(2)
        assert "Stopped from another page." in page.text("#notice")
    assert saved.box == LONG + "for both", "whoever sent it has it back too"
    check_history(stack, third, saved.chat, 2)


def test_the_api_is_away_for_five_seconds(browse):
    port = free_port()
    listen = {"SLUICE_API_LISTEN": f"127.0.0.1:{port}"}
    with Stack(env=listen) as stack:
        stream = stack.api().new_chat("!sim tokens=5 delay_ms=1 first")
        stream.read_all()
        page = browse(f"http://127.0.0.1:{port}/c/{stream.chat}")
        page.allowed = ["ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_CONNECTION_RESET", "^503 ", "status of 503"]
        page.wait_turns(2)
        page.say("!sim tokens=300 delay_ms=40 a long answer")
        page.wait_streaming(5)
        stack.api_processes[0].stop()
        page.wait("() => document.querySelector('.turn.live .doing')?.textContent === 'Connection lost, trying again…'")
        page.shoot("19-the-api-is-away")
        time.sleep(5)
        stack.start_api()
        page.wait_idle(60000)
        page.shoot("19-the-api-is-back")
        assert len(page.turns()) == 4
        check_history(stack, page, stream.chat, 4)
        assert len(stack.journal()) == 2, "nobody was asked twice"


def test_regenerate(stack, saved):
    generations = lambda: [m["generation_id"] for m in stack.api().chat(saved.chat)[1]["messages"]]
    saved.say("!sim tokens=40 delay_ms=1 The second question")
    saved.wait_turns(4)
    saved.wait_idle()
    told, before = history(stack, saved.chat), generations()
    saved.fill("#input", "a draft")
    saved.click(".turn:nth-child(4) [aria-label='Answer again']")
    wait_until(lambda: generations()[2:] != before[2:], "another answer")
    saved.wait_idle()
    check_history(stack, saved, saved.chat, 4)
    assert history(stack, saved.chat) == told, "the same words of the simulated provider, to the same message"
    assert generations()[:2] == before[:2] and len(stack.journal(generations()[3])) == 1
    assert saved.box == "a draft"
    saved.shoot("20-regenerated")


def test_regenerate_and_stop(stack, saved, held):
    held.go.set()
    saved.select("#target", "model:held")
    saved.say(WORDS)
    saved.wait_turns(4)
    saved.wait_idle()
    told = saved.turns()
    saved.fill("#input", "a draft")
    held.go.clear()
    saved.click(".turn:nth-child(4) [aria-label='Answer again']")
    saved.wait_streaming(3)
    saved.shoot("20-regenerating")
    saved.keyboard_press("Escape")
    assert saved.turns() == told and saved.box == "a draft"
    check_history(stack, saved, saved.chat, 4)


def test_edit(stack, saved):
    saved.say("!sim tokens=20 delay_ms=1 The second question")
    saved.wait_turns(4)
    saved.wait_idle()
    saved.fill("#input", "a draft")
    saved.hover(".turn:nth-child(1)")
    saved.click(".turn:nth-child(1) [aria-label='Edit this message']")
    assert saved.box == "!sim tokens=12 delay_ms=1 The first question" and saved.is_visible("#editing")
    saved.shoot("21-editing")
    saved.keyboard_press("Escape")
    assert saved.box == "a draft" and not saved.is_visible("#editing")
    saved.click(".turn:nth-child(1) [aria-label='Edit this message']")
    saved.say("!sim tokens=25 delay_ms=1 Another first question")
    saved.wait_turns(2)
    saved.wait_idle()
    check_history(stack, saved, saved.chat, 2)
    assert history(stack, saved.chat)[0][1] == "!sim tokens=25 delay_ms=1 Another first question"
    saved.shoot("22-edited")


def test_edit_and_stop(stack, saved):
    saved.say("!sim tokens=20 delay_ms=1 The second question")
    saved.wait_turns(4)
    saved.wait_idle()
    told = saved.turns()
    saved.hover(".turn:nth-child(1)")
    saved.click(".turn:nth-child(1) [aria-label='Edit this message']")
    saved.say(LONG + "Another first question")
    saved.wait_turns(2)
    saved.wait_streaming(3)
    saved.keyboard_press("Escape")
    assert saved.turns() == told and saved.box == LONG + "Another first question" and saved.is_visible("#editing")
    saved.shoot("23-edit-stopped")
    check_history(stack, saved, saved.chat, 4)
    saved.say("!sim tokens=9 delay_ms=1 Another first question")  # it still replaces what it was to replace
    saved.wait_turns(2)
    saved.wait_idle()
    check_history(stack, saved, saved.chat, 2)


def test_leaving_a_chat_that_answers(stack, saved, held):
    say_held(saved)
    saved.click("#new")
    saved.wait("() => location.pathname === '/' && document.querySelectorAll('.turn').length === 0")
    saved.shoot("24-another-chat-answers")
    saved.click(f"a[data-chat='{saved.chat}']")
    saved.wait_turns(4)
    held.go.set()
    saved.wait_idle()
    check_history(stack, saved, saved.chat, 4)


def test_a_first_turn_in_the_background(stack, new, held):
    """It has no address yet: the list has it, also after a reload."""
    say_held(new)
    new.click("#new")
    new.wait_turns(0)
    new.reload()
    new.wait("() => document.querySelectorAll('#chats a.active').length === 1")
    assert new.path == "/" and new.turns() == []
    new.click("#chats a.active")
    new.wait_turns(2)
    held.go.set()
    new.wait_idle()
    new.wait("() => location.pathname.startsWith('/c/')")
    check_history(stack, new, new.path[3:], 2)


def test_what_fails_in_the_background_can_be_tried_again(stack, saved):
    saved.say("!sim tokens=60 delay_ms=80 fault=truncate@50")
    saved.wait_streaming(3)
    saved.click("#new")
    saved.wait_turns(0)
    saved.wait("() => document.querySelectorAll('#chats a.active').length === 0")
    saved.click(f"a[data-chat='{saved.chat}']")
    saved.wait("() => document.querySelector('.trouble') !== null")
    saved.click(".trouble .plain")
    assert saved.box == "!sim tokens=60 delay_ms=80 fault=truncate@50"
    check_history(stack, saved, saved.chat, 2)


def test_rename_and_delete(stack, saved):
    saved.click("#rename")
    saved.fill("#ask-field", "Tides")
    saved.shoot("25-renaming")
    saved.press("#ask-field", "Enter")
    saved.wait("() => document.getElementById('title').textContent === 'Tides'")
    assert stack.api().chat(saved.chat)[1]["title"] == "Tides"
    saved.click("#delete")
    saved.shoot("26-deleting")
    saved.click("#ask-no")
    assert stack.api().chat(saved.chat)[0] == 200
    saved.click("#delete")
    saved.click("#ask-yes")
    saved.wait("() => location.pathname === '/'")
    assert stack.api().chat(saved.chat)[0] == 404


def test_a_chat_that_does_not_exist(stack, browse):
    page = browse(stack.api_processes[0].url + "/c/nowhere")
    page.allowed = ["/v1/chats/nowhere"]
    page.wait("() => location.pathname === '/'")
    assert "does not exist" in page.text("#notice")
