"""`sluice chat` as somebody at a terminal uses it: in tmux, keys in, the screen looked at.

Scenario: a conversation, graphs and their questions, what a reply looks like, the keys of the edit line. What no real stack
does on demand is played by a server of the test's own.
"""

import re

from support.chatting import LONG, chat_of, said, send, wait_line
from support.played import DONE, delta
from support.processes import wait_until
from support.stack import Stack


def test_turns_and_the_chat_again(stack, terminal):
    one = terminal(stack.api().url, "--user", "turns", "--usage")
    send(one, "!sim tokens=6 text=self")
    assert one.wait(r"^(\S+):0 .*\1:5\n\d+ tokens in, 6 out \(provider\)\n\n> ?$")
    send(one, "!sim tokens=3\nUnd noch einmal 🦦")
    one.wait(r"3 out \(provider\)\n\n> ?$")
    chat = chat_of(stack, "turns")
    before = said(stack, chat)
    assert [text for role, text in before if role == "user"] == ["!sim tokens=6 text=self", "!sim tokens=3\nUnd noch einmal 🦦"]
    one.keys("C-d")
    assert one.wait_exit() == 0 and f"sluice chat --chat {chat} goes on here" in one.screen()

    again = terminal(stack.api().url, "--chat", chat, "--user", "turns")
    again.wait(r"^> !sim tokens=6 text=self\n\n\S+:0 .*:5\n\n> !sim tokens=3\nUnd noch einmal 🦦\n\nThis is a\n\n> ?$")
    send(again, "!sim tokens=2")
    wait_until(lambda: len(said(stack, chat)) == 6, "the third turn")
    assert said(stack, chat)[:4] == before


def test_a_graph_with_its_steps(terminal):
    nodes = """graph: two
start: draft
nodes:
  - {id: draft, kind: llm, prompt: "!sim tokens=2", next: say}
  - {id: say, kind: llm, visible: true, prompt: "!sim tokens=4", next: end}
"""
    with Stack(graphs={"two": nodes}) as stack:
        one = terminal(stack.api().url, "--graph", "two")
        send(one, "hi")
        screen = one.wait(
            r"^  1  draft +llm +started\n  1  draft +llm +finished +\d+ ms\n  2  say +llm +started\nThis is a simulated\n.*^> ?$"
        ).group(0)
        assert re.search(r"^  2  say +llm +finished", screen, re.M)


def test_a_graph_that_asks_back(terminal):
    """The answer names no graph, else it were none; stopped, it is asked still; the chat taken up again too. What comes behind
    the answer names it again."""
    graph = """graph: desk
start: ask
nodes:
  - {id: ask, kind: ask, prompt: "Which order?", next: say}
  - {id: say, kind: llm, visible: true, history: none, prompt: "{{ .out.ask.message }}", next: end}
"""
    with Stack(graphs={"desk": graph}) as stack:
        one = terminal(stack.api().url, "--graph", "desk", "--chat", "c1")
        send(one, "hi")
        one.wait(r"^Which order\?\n  1  ask +ask +finished.*^> ?$")
        send(one, LONG)
        one.wait(r":3 ")
        one.keys("C-c")
        wait_line(one, LONG)
        one.keys("C-c")
        wait_line(one, "")
        one.keys("C-d")
        assert one.wait_exit() == 0
        one = terminal(stack.api().url, "--graph", "desk", "--chat", "c1")
        one.wait(r"^> hi\n\nWhich order\?\n\n> ?$")
        send(one, "!sim tokens=2")
        one.wait(r"^This is\n")
        send(one, "once more")
        one.wait(r"^> once more\n  1  ask +ask +started\nWhich order\?\n")
        wait_until(lambda: len(said(stack, "c1")) == 6, "the third turn")
        assert [text.strip() for _, text in said(stack, "c1")] == [
            "hi",
            "Which order?",
            "!sim tokens=2",
            "This is",
            "once more",
            "Which order?",
        ]


def test_reasoning_is_dim_and_code_is_lit(play, terminal):
    api = play(
        [
            {"type": "started", "model": "m"},
            {"type": "reasoning", "part": 0, "text": "Hm, "},
            {"type": "reasoning", "part": 0, "text": "so."},
            delta(1, "Take `x` and **go**.\n", None),
            DONE,
        ]
    )
    one = terminal(api.url)
    send(one, "hi")
    one.wait(r"^Hm, so\.\n\nTake `x` and \*\*go\*\*\.\n")
    screen = one.screen(colours=True)
    assert (
        re.search(r"\x1b\[[0;]*2mHm, ", screen)
        and re.search(r"\x1b\[36m(\x1b\[\d+m)*`x`", screen)
        and re.search(r"\x1b\[1m\*\*go\*\*", screen)
    )
    plain = terminal(api.url, env={"NO_COLOR": "1"})
    wait_line(plain, "")
    assert "\x1b[2m" not in plain.screen(colours=True) and "\x1b[36m" not in plain.screen(colours=True)


def test_nothing_in_a_reply_drives_the_terminal(play, terminal):
    evil = "a\x1b]0;owned\x07b\x1b[2Jc\x9b31md\re\x7f\x08f"
    step = {"type": "step", "step": 1, "node": "n", "kind": "llm", "status": "failed", "error": {"code": "c", "message": evil}}
    api = play([step, delta(0, evil, "n"), {"type": "failed", "error": {"message": evil}, "restore": {"message": "hi"}}])
    one = terminal(api.url)
    send(one, "hi")
    one.wait(r"failed: a .*f\n\n> hi")
    assert "a\ufffd]0;owned\ufffdb\ufffd[2Jc\ufffd31md\ufffde\ufffd\ufffdf" in one.screen() and "Enter sends" in one.screen()
    assert one.title() != "owned"


def test_queue_position(terminal):
    with Stack(workers=0) as stack:
        first = terminal(stack.api().url, "--user", "u")
        send(first, "!sim tokens=2")
        first.wait(r"^queued, next \.\.\.")
        second = terminal(stack.api().url, "--user", "u")
        send(second, "!sim tokens=3")
        second.wait(r"^queued, 1 before it \.\.\.")
        stack.start_worker()
        second.wait(r"^This is a\n\n> ?$")
        assert "queued" not in second.screen()


def test_what_is_asked_for(play, terminal):
    api = play([delta(0, "well", None), DONE], [delta(0, "well", None), DONE])
    one = terminal(
        api.url, "--chat", "c7", "--model", "big", "--user", "ann", "--system", "Be short.", env={"SLUICE_API_KEY": "k1"}
    )
    send(one, "hi")
    one.wait(r"^well\n")
    path, body, prefer, key = api.asked[0]
    assert (path, prefer, key) == ("/v1/chats/c7/messages", "respond-async", "Bearer k1") and re.fullmatch(
        r"gen_\w{26}", body.pop("generation_id")
    )
    assert body == {"message": "hi", "model": "big", "user": "ann", "system": "Be short.", "on_disconnect": "continue"}


# -- the line ------------------------------------------------------------------------------------------------------------------


def sent(api):
    return [body["message"] for path, body, *_ in api.asked]


def test_pasted_text_is_one_message(play, terminal):
    pasted = "one\n\ttwo 🦦\n\nfour" + " and more" * 1000
    api = play([DONE], [DONE])
    one = terminal(api.url)
    wait_line(one, "")
    one.paste(pasted)
    one.wait(r"more\Z")
    assert sent(api) == []
    one.keys("Enter")
    wait_until(lambda: sent(api), "the message")
    assert sent(api) == [pasted]


def test_editing(play, terminal):
    """Keys that the line knows; what was sent is found again by the key up; a resized window keeps what is on the line."""
    api = play([DONE], [DONE], [DONE])
    one = terminal(api.url)
    send(one, "eins zwei drei")
    wait_until(lambda: len(sent(api)) == 1, "the message")
    wait_line(one, "")
    one.keys("Up")
    wait_line(one, "eins zwei drei")
    one.keys("Left", "BSpace", "BSpace", "M-b", "C-w", "C-a")
    one.type("🐙")
    one.keys("Right", "Delete", "C-e")
    one.type("\nvier")
    wait_line(one, "🐙ens di\nvier")
    one.resize(60, 20)
    one.keys("Escape")
    one.type("é")
    one.keys("Enter")
    wait_until(lambda: len(sent(api)) == 2, "the message")
    assert sent(api)[1] == "🐙ens di\nvieré"
