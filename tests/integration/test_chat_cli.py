"""`sluice chat` as somebody at a terminal uses it: in tmux, keys in, the screen looked at; and in pipes.

Scenario: messages of several lines with emoji; Ctrl-C in mid-stream, before the first token, twice in a row; what is on the line is sent again and must be in the chat
byte for byte; the API killed in mid-stream; chats taken up again. What no real stack does on demand is played by a server of the test's own.
"""
import json
import os
import random
import re
import signal
import subprocess
import time

import pytest

from support.client import request
from support.played import DONE, Played, delta
from support.processes import BIN, free_port, wait_until
from support.stack import Stack
from support.terminal import Terminal

LONG = "!sim tokens=2000 delay_ms=20 text=self"
LINES = LONG + '\nDer Otter 🦦 sagt: schön, "tief"\\ und naß\n  👩‍👩‍👧 eingerückt'


@pytest.fixture
def terminal():
    """Starts `sluice chat` in a terminal; all of them are closed at the end."""
    opened = []

    def start(url, *argv, env=None, **options):
        opened.append(Terminal([BIN / "sluice", "chat", *argv], {"SLUICE_URL": url, **(env or {})}, **options))
        return opened[-1]

    yield start
    for one in opened:
        print(one.close())


@pytest.fixture
def play():
    servers = []

    def start(*generations):
        servers.append(Played(*generations))
        return servers[-1]

    yield start
    for server in servers:
        server.go.set()
        server.hold_stop.set()
        server.close()


def line_of(one):
    """What is on the edit line: behind the last prompt; None without one. Joiners of characters are sent but not shown."""
    parts = re.split(r"^>(?: |$)", one.screen(), flags=re.M)
    return parts[-1] if len(parts) > 1 else None


def wait_line(one, text):
    wait_until(lambda: line_of(one) == text.replace("\u200d", ""), f"the line to hold {text!r}")


def send(one, text):
    wait_line(one, "")
    one.type(text)
    one.keys("Enter")


def running(stack, user):
    """The generation of that user's only turn, once it runs."""

    def look():
        rows = json.loads(request("GET", stack.api_processes[0].admin_url + "/v1/admin/overview")[2])["running"]
        return [row["generation_id"] for row in rows if row["user"] == user]

    return wait_until(look, "a running turn")[0]


def chat_of(stack, user):
    """That user's only chat with a record, or None."""
    rows = stack.api().get(f"/v1/chats?user={user}")[1]["data"]
    assert len(rows) <= 1
    return rows[0]["chat_id"] if rows else None


def said(stack, chat):
    return [(m["role"], m["content"]) for m in stack.api().chat(chat)[1]["messages"]]


# -- a conversation --------------------------------------------------------------------------------------------------------------------------------


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
        screen = one.wait(r"^  1  draft +llm +started\n  1  draft +llm +finished +\d+ ms\n  2  say +llm +started\nThis is a simulated\n.*^> ?$").group(0)
        assert re.search(r"^  2  say +llm +finished", screen, re.M)


def test_a_graph_that_asks_back(terminal):
    """The answer names no graph, else it were none; stopped, it is asked still; the chat taken up again too. What comes behind the answer names it again."""
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
        assert [text.strip() for _, text in said(stack, "c1")] == ["hi", "Which order?", "!sim tokens=2", "This is", "once more", "Which order?"]


def test_reasoning_is_dim_and_code_is_lit(play, terminal):
    api = play([{"type": "started", "model": "m"}, {"type": "reasoning", "part": 0, "text": "Hm, "}, {"type": "reasoning", "part": 0, "text": "so."}, delta(1, "Take `x` and **go**.\n", None), DONE])
    one = terminal(api.url)
    send(one, "hi")
    one.wait(r"^Hm, so\.\n\nTake `x` and \*\*go\*\*\.\n")
    screen = one.screen(colours=True)
    assert re.search(r"\x1b\[[0;]*2mHm, ", screen) and re.search(r"\x1b\[36m(\x1b\[\d+m)*`x`", screen) and re.search(r"\x1b\[1m\*\*go\*\*", screen)
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
    one = terminal(api.url, "--chat", "c7", "--model", "big", "--user", "ann", "--system", "Be short.", env={"SLUICE_API_KEY": "k1"})
    send(one, "hi")
    one.wait(r"^well\n")
    path, body, prefer, key = api.asked[0]
    assert (path, prefer, key) == ("/v1/chats/c7/messages", "respond-async", "Bearer k1") and re.fullmatch(r"gen_\w{26}", body.pop("generation_id"))
    assert body == {"message": "hi", "model": "big", "user": "ann", "system": "Be short.", "on_disconnect": "continue"}


# -- stops -----------------------------------------------------------------------------------------------------------------------------------------


def test_ctrl_c_puts_the_message_back(stack, terminal):
    """In mid-stream, with several lines and emoji; corrected and sent again."""
    one = terminal(stack.api().url, "--user", "stops")
    send(one, LINES)
    generation = running(stack, "stops")
    one.wait(r":20 ")
    one.keys("C-c")
    wait_line(one, LINES)
    assert stack.wait_provider_closed(generation)[0]["end"] == "client_closed"
    assert stack.api().generation(generation)[1]["state"] == "stopped" and chat_of(stack, "stops") is None
    # In the middle line, then in the first.
    one.keys("Up", "Home", "Delete")
    one.type("D")
    one.keys("Up", "Home", "DC")
    one.type("!")
    one.keys("Enter")
    second = running(stack, "stops")
    assert second != generation
    one.wait(r":0 .*^stopped\n.*:0 ")
    # Now to its end: made short while it is on the line again.
    one.keys("C-c")
    wait_line(one, LINES)
    one.keys("Up", "Up", "C-e")
    one.type(" tokens=3")
    one.keys("Enter")
    chat = wait_until(lambda: chat_of(stack, "stops"), "the chat's record")
    assert said(stack, chat)[0] == ("user", LINES.replace("text=self", "text=self tokens=3"))
    assert len(said(stack, chat)) == 2


def test_stops_and_resends_without_a_pause(stack, terminal):
    """Before the first token too; each message that is sent runs, though the stop's answer may not be there."""
    one = terminal(stack.api().url, "--user", "hasty")
    send(one, LONG + " first_ms=3000")
    seen = [running(stack, "hasty")]
    for _ in range(10):
        one.keys("C-c", "Enter")
        seen.append(wait_until(lambda: [g for g in [running(stack, "hasty")] if g not in seen], "the next turn")[0])
    one.keys("C-c")
    wait_line(one, LONG + " first_ms=3000")
    assert len(set(seen)) == 11 and "busy" not in one.screen() and chat_of(stack, "hasty") is None
    for generation in seen:
        assert stack.api().generation(generation)[1]["state"] == "stopped"


def test_stops_at_random_moments(stack, terminal):
    """Before the request is there, queued, before the first token, in mid-stream: the message is back each time, and no turn is left anywhere."""
    draw = random.Random(7)
    one = terminal(stack.api().url, "--user", "random")
    for number in range(30):
        message = f"{LONG} first_ms={draw.choice((0, 50, 400))}\n🦦 {number}"
        send(one, message)
        time.sleep(0.05 + draw.random() ** 2 * 0.4)  # the moment; a terminal forgets keys that nobody has read when Ctrl-C comes
        one.keys("C-c")
        wait_until(lambda: one.screen().count("\nstopped\n") == number + 1, "the stop")
        wait_line(one, message)
        one.keys("C-c")
    wait_until(lambda: stack.provider_stats()["open"] == 0, "every provider connection to be closed")
    assert chat_of(stack, "random") is None and one.screen().count("\nstopped\n") == 30
    send(one, "!sim tokens=2")
    chat = wait_until(lambda: chat_of(stack, "random"), "the chat's record")
    assert len(said(stack, chat)) == 2


def test_ctrl_c_empties_the_line_and_leaves(stack, terminal):
    one = terminal(stack.api().url)
    wait_line(one, "")
    one.type("half a\nmessage")
    one.keys("C-c")
    one.wait(r"Ctrl-C again leaves.*\n> ?\Z")
    one.keys("Up")
    wait_line(one, "half a\nmessage")
    one.keys("C-c")
    wait_line(one, "")
    one.keys("C-c")
    assert one.wait_exit() == 0 and "goes on here" not in one.screen()


def test_stopped_by_somebody_else(stack, terminal):
    one = terminal(stack.api().url, "--user", "other")
    send(one, LONG)
    generation = running(stack, "other")
    one.wait(":3 ")
    assert stack.api().stop(generation)[1]["outcome"] == "stopped"
    one.wait(r"^stopped: user\n")
    wait_line(one, LONG)


def test_the_reply_was_there_before_the_stop(play, terminal):
    """`already_done`: the reply is shown; the line is emptied, unless somebody has changed it."""
    for typed in ("", "x"):
        api = play([delta(0, "Half", None), ..., delta(0, " and half.", None), DONE])
        api.stop_answer = {"outcome": "already_done", "restore": None}
        api.answers["/v1/generations/"] = {"output": {"text": "Half and half."}}
        api.hold_stop.clear()
        one = terminal(api.url)
        send(one, "hi")
        one.wait(r"^Half")
        one.keys("C-c")
        wait_line(one, "hi")
        one.type(typed)
        wait_line(one, "hi" + typed)
        api.hold_stop.set()
        one.wait(r"complete before the stop.*\nHalf and half\.\n")
        wait_line(one, "hix" if typed else "")


def test_closing_the_window_stops_it(stack, terminal):
    one = terminal(stack.api().url, "--user", "window")
    send(one, LONG)
    generation = running(stack, "window")
    one.wait(":3 ")
    one.close()
    assert stack.wait_provider_closed(generation)[0]["end"] == "client_closed"
    assert stack.api().generation(generation)[1]["state"] == "stopped"


# -- lost connections ------------------------------------------------------------------------------------------------------------------------------


def test_the_api_dies_and_comes_back(terminal):
    """In mid-stream: every token is on the screen once and in order; and while a message is sent."""
    with Stack(apis=0) as stack:
        listen = {"SLUICE_API_LISTEN": f"127.0.0.1:{free_port()}"}
        api = stack.start_api(listen)
        one = terminal(api.url, "--chat", "c1", "--user", "lost")
        send(one, "!sim tokens=300 delay_ms=20 text=self")
        one.wait(r":20 ")
        api.kill()
        one.wait(r"the connection is lost \(")
        stack.start_api(listen)
        one.wait(r"the connection is there again")
        one.wait(r":299\n\n> ?$")
        numbers = [int(n) for n in re.findall(r"\w:(\d+)\b", re.sub(r"\n\.\.\. the conn[^\n]*\n", "", one.screen()).split("text=self\n")[1])]
        assert numbers == list(range(300))
        stack.api_processes[-1].kill()
        one.type("!sim tokens=4")
        one.keys("Enter")
        one.wait(r"The server is away")
        stack.start_api(listen)
        one.wait(r"This is a simulated\n\n> ?$")


def test_a_chat_that_is_being_answered_is_taken_up(stack, terminal):
    stack.api().new_chat("!sim tokens=2", chat_id="taken", user="taken").read_all()
    elsewhere = stack.api().message("taken", LINES, user="taken")
    elsewhere.until("delta")
    one = terminal(stack.api().url, "--chat", "taken", env={"NO_COLOR": "1"})
    one.wait(r"^> !sim tokens=2\n\nThis is\n\n> !sim tokens=2000.*naß\n.*eingerückt\n\S+:0 \S+:1 ")
    one.keys("C-c")
    wait_line(one, LINES)
    assert elsewhere.until("stopped").data["reason"] == "user" and len(said(stack, "taken")) == 2


def test_nobody_there(terminal):
    one = terminal(f"http://127.0.0.1:{free_port()}")
    send(one, "hi")
    one.wait(r"SLUICE_URL names the server\n")
    wait_line(one, "hi")
    one = terminal(f"http://127.0.0.1:{free_port()}", "--chat", "c1")
    assert one.wait_exit() == 1 and "SLUICE_URL" in one.screen()


def test_refused(play, terminal):
    one = terminal(play().url)
    send(one, "hi")
    one.wait(r"^sluice: no worker has a graph of that name\n")
    wait_line(one, "hi")


# -- the line --------------------------------------------------------------------------------------------------------------------------------------


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


# -- in a pipe -------------------------------------------------------------------------------------------------------------------------------------


def pipe(url, message, *argv, **options):
    env = {**{k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")}, "SLUICE_URL": url}
    return subprocess.run([BIN / "sluice", "chat", *argv], input=message, capture_output=True, env=env, timeout=60, **options)


def test_a_message_from_a_pipe(stack):
    done = pipe(stack.api().url, "!sim tokens=4\nschön 🦦\n".encode(), "--chat", "piped", "--usage")
    assert (done.returncode, done.stdout) == (0, b"This is a simulated \n") and re.fullmatch(rb"\d+ tokens in, 4 out \(provider\)\n", done.stderr)
    assert said(stack, "piped")[0] == ("user", "!sim tokens=4\nschön 🦦")
    failed = pipe(stack.api().url, b"!sim fault=status:400")
    assert (failed.returncode, failed.stdout) == (1, b"") and failed.stderr.startswith(b"sluice: failed: the provider answered 400")
    for message, why in ((b"\n", b"no message"), (b"\xff", b"UTF-8"), (b"a\0b", b"UTF-8"), (b"x" * 262145, b"256 KiB")):
        refused = pipe(stack.api().url, message)
        assert refused.returncode == 1 and why in refused.stderr, refused


def test_a_pipe_that_is_closed_stops_it(stack):
    env = {**os.environ, "SLUICE_URL": stack.api().url}
    for leave in (lambda p: p.stdout.close(), lambda p: p.send_signal(signal.SIGINT), lambda p: p.send_signal(signal.SIGTERM)):
        user = f"pipe-{os.urandom(4).hex()}"
        process = subprocess.Popen([BIN / "sluice", "chat", "--user", user], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)
        process.stdin.write(LONG.encode())
        process.stdin.close()
        assert process.stdout.read(8)
        generation = running(stack, user)
        leave(process)
        assert process.wait(20) == 1
        process.stderr.close()
        assert stack.wait_provider_closed(generation)[0]["end"] == "client_closed" and chat_of(stack, user) is None


def test_wrong_calls():
    for argv in (["x"], ["--chat", "a/b"], ["--chat"], ["--model", "m", "--graph", "g"], ["--bogus"]):
        assert pipe("http://127.0.0.1:1", b"hi", *argv).returncode == 2, argv
    assert b"Ctrl-C" in pipe("http://127.0.0.1:1", b"", "--help").stdout
