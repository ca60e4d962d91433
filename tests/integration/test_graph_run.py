"""`sluice graph run`: what a person sees of a graph that runs, and what leaves it.

Scenario: a server of the test's own plays the API, event by event: parallel parts, a lost connection, a lost worker, questions;
so every order of events can be had.
"""

import os
import re
import signal
import subprocess

import pytest

from support.played import DONE, Played, delta
from support.processes import BIN


class Runs(Played):
    """`sluice graph run` at it."""

    def start(self, *argv, **options):
        env = {
            **{k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")},
            "SLUICE_URL": self.url,
            "SLUICE_API_KEY": "k1",
        }
        return subprocess.Popen(
            [str(BIN / "sluice"), "graph", "run", *argv],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    def run(self, *argv, typed=""):
        process = self.start(*argv)
        out, err = process.communicate(typed, timeout=60)
        return process.returncode, out, err


@pytest.fixture
def play(request):
    servers = []

    def start(*generations):
        servers.append(Runs(*generations))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def step(number, node, status, kind="llm", **more):
    return {"type": "step", "step": number, "node": node, "kind": kind, "status": status, "ms": 7, **more}


ASK = {"type": "done", "finish_reason": "ask"}


def test_steps_calls_and_text(play):
    api = play([
        {"type": "queued"}, {"type": "started", "graph": "plan"}, step(1, "look", "started", "agent"),
        {"type": "tool_call", "call_id": "c", "name": "search", "arguments": '{"q":"x\ny"}', "node": "look"},
        step(1, "look", "progress", "agent"),
        {"type": "tool_result", "call_id": "c", "result": {"found": ["ä" * 200]}, "is_error": False},
        delta(0, "One ", "look"), delta(0, "two.\n", "look"), step(1, "look", "finished", "agent"),
        step(2, "ask", "failed", error={"code": "connect", "message": "nobody there"}), delta(1, "Three.", "say"), DONE,
    ])  # fmt: skip
    status, out, err = api.run("plan", "hi")
    assert (status, out) == (0, "One two.\n\n\nThree.\n")
    lines = [re.sub(r" +", " ", line.strip()) for line in err.splitlines()]
    assert lines[0].startswith("chat chat_") and lines[-1] == "done: stop"
    assert lines[1:3] == ["1 look agent started", 'look calls search {"q":"x y"}']
    assert lines[3].startswith('got {"found": ["ä') and lines[3].endswith("ä ...")
    assert lines[4:6] == ["1 look agent finished 7 ms", "2 ask llm failed 7 ms connect: nobody there"] and len(lines) == 7
    path, body, prefer, key = api.asked[0]
    assert (path, prefer, key) == ("/v1/chats", "respond-async", "Bearer k1")
    assert body == {
        "message": "hi",
        "graph": "plan",
        "on_disconnect": "stop",
        "generation_id": body["generation_id"],
        "chat_id": lines[0].split()[1].rstrip(","),
    }


def test_lines_beside_the_text_begin_a_line_of_their_own(play):
    """Where both go to one place; the text alone is never broken."""
    api = play([delta(0, "half", "a"), step(1, "a", "finished"), delta(1, "rest", "b"), DONE])
    done = subprocess.run(
        [BIN / "sluice", "graph", "run", "plan", "hi"],
        env={"SLUICE_URL": api.url, "PATH": os.environ["PATH"]},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=True,
    )
    assert re.sub(r" +", " ", done.stdout.split("\n", 1)[1]) == "half\n 1 a llm finished 7 ms\n\n\nrest\ndone: stop\n"


def test_parallel_parts_one_after_the_other(play):
    """The second part waits for the first one's node; what is left comes at the end."""
    api = play([
        delta(0, "a1 ", "both/a"), delta(1, "b1 ", "both/b"), delta(2, "c1", "both/c"), delta(0, "a2", "both/a"),
        step(1, "both/a", "finished"), delta(1, "b2", "both/b"), step(1, "both/c", "finished"), DONE,
    ])  # fmt: skip
    assert api.run("plan", "hi")[:2] == (0, "a1 a2\n\nb1 b2\n\nc1\n")


def test_a_lost_connection_and_a_lost_worker(play):
    api = play(
        [delta(0, "one ", "a"), None, delta(0, "two ", "a"), None, {"type": "reset", "after": 1}, delta(0, "again", "a"), DONE]
    )
    status, out, err = api.run("plan", "hi")
    assert (status, out) == (0, "one two again\n") and "begins again" in err
    assert api.resumed == [0, 1, 3]


@pytest.mark.parametrize("event,said", [
    ({"type": "failed", "error": {"code": "step_failed", "message": "look: connect: nobody there", "node": "look"}},
     "failed: look: connect: nobody there"),
    ({"type": "stopped", "reason": "user"}, "stopped: user"),
    ({"type": "interrupted", "error": {"message": "the worker was lost"}}, "interrupted: the worker was lost"),
])  # fmt: skip
def test_other_ends(play, event, said):
    status, out, err = play([delta(0, "half", "a"), event]).run("plan", "hi")
    assert (status, out, err.splitlines()[-1]) == (1, "half\n", said)


def test_asked_back_twice(play):
    """Answers are lines of standard input, empty ones do not count; they go to the same chat, without naming the graph."""
    question = [delta(0, "Which?", "which"), ASK]
    api = play(question, question, [delta(0, "That one.", "say"), DONE])
    status, out, err = api.run("--chat", "c7", "desk", "hi", typed="\nfirst answer\nsecond\nnever read\n")
    assert (status, out) == (0, "Which?\nWhich?\nThat one.\n")
    assert [(path, body["message"], body.get("graph")) for path, body, *_ in api.asked] == [
        ("/v1/chats/c7/messages", "hi", "desk"),
        ("/v1/chats/c7/messages", "first answer", None),
        ("/v1/chats/c7/messages", "second", None),
    ]
    assert len({body["generation_id"] for _, body, *_ in api.asked}) == 3


def test_nobody_answers_then_somebody_does(play):
    api = play([delta(0, "Which?", "which"), ASK], [DONE])
    status, out, err = api.run("desk", "hi")
    assert (status, out) == (0, "Which?\n") and "--answer MESSAGE" in err
    chat = re.search(r"--chat (\S+)", err).group(1)
    assert api.run("--chat", chat, "--answer", "that one")[0] == 0
    assert (
        api.asked[-1][:2] == (f"/v1/chats/{chat}/messages", {**api.asked[-1][1], "message": "that one"})
        and "graph" not in api.asked[-1][1]
    )
    # The end of input without a line end is an answer too.
    api = play([ASK], [DONE])
    assert api.run("desk", "hi", typed="that one")[0] == 0 and api.asked[-1][1]["message"] == "that one"


def test_ctrl_c_stops_it(play):
    api = play([delta(0, "on and", "a"), delta(0, " on", "a")])
    process = api.start("plan", "hi")
    assert process.stdout.read(6) == "on and"
    api.hold.clear()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    api.hold.set()
    assert process.returncode == 1 and err.splitlines()[-1] == "stopped; given back: hi"
    assert api.asked[1][0] == f"/v1/generations/{api.asked[0][1]['generation_id']}/stop"


def test_ctrl_c_while_it_is_asked(play):
    api = play([delta(0, "Which?", "which"), ASK])
    process = api.start("plan", "hi")
    assert process.stdout.readline() == "Which?\n", "a line that has its end is the whole question"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0 and "--answer MESSAGE" in err and len(api.asked) == 1


def test_wrong_calls(play):
    api = play()
    status, out, err = api.run("nothing", "hi")
    assert (status, out, err.splitlines()[-1]) == (1, "", "sluice: no worker has a graph of that name")
    for argv in (
        [],
        ["plan"],
        ["plan", "a", "b"],
        ["--answer", "x"],
        ["--chat", "c", "--answer", "x", "plan"],
        ["--bogus", "plan", "hi"],
        ["--chat", "a/b", "plan", "hi"],
    ):
        assert api.run(*argv)[0] == 2, argv
    api.close()
    status, _, err = api.run("plan", "hi")
    assert status == 1 and "SLUICE_URL" in err
