"""`sluice chat` stopped, and cut off: the message comes back to the edit line byte for byte.

Scenario: messages of several lines with emoji; Ctrl-C in mid-stream, before the first token, twice in a row, at random
moments; what is on the line is sent again and must be in the chat; the API killed in mid-stream; chats taken up again.
"""

import random
import re
import time

from support.chatting import LINES, LONG, chat_of, running, said, send, wait_line
from support.played import DONE, delta
from support.processes import free_port, wait_until
from support.stack import Stack


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
    """Before the request is there, queued, before the first token, in mid-stream: the message is back each time, and no turn is
    left anywhere."""
    draw = random.Random(7)
    one = terminal(stack.api().url, "--user", "random")
    for number in range(30):
        message = f"{LONG} first_ms={draw.choice((0, 50, 400))}\n🦦 {number}"
        one.type(message)
        wait_line(one, message)
        before = one.cursor()
        one.keys("Enter")
        wait_until(lambda: one.cursor() != before, "Enter to be read: a terminal forgets keys that nobody has read when Ctrl-C comes")
        time.sleep(draw.random() ** 2 * 0.4)  # the moment
        one.keys("C-c")
        wait_until(lambda: one.screen().count("\nstopped\n") == number + 1, "the stop")
        wait_line(one, message)
        one.keys("C-c")
        wait_line(one, "")
    wait_until(lambda: stack.provider_stats()["open"] == 0, "every provider connection to be closed")
    assert chat_of(stack, "random") is None and one.screen().count("\nstopped\n") == 30
    send(one, "!sim tokens=2")
    chat = wait_until(lambda: chat_of(stack, "random"), "the chat's record")
    assert len(said(stack, chat)) == 2


def test_ctrl_c_empties_the_line_and_leaves(stack, terminal):
    one = terminal(stack.api().url)
    wait_line(one, "")
    one.type("half a\nmessage")
    wait_line(one, "half a\nmessage")
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


# -- lost connections ----------------------------------------------------------------------------------------------------------


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
        numbers = [
            int(n)
            for n in re.findall(r"\w:(\d+)\b", re.sub(r"\n\.\.\. the conn[^\n]*\n", "", one.screen()).split("text=self\n")[1])
        ]
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
