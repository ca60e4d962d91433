"""`sluice chat` and its terminal: what others do to it (a shell's job control, its size), and what others' words must not do.

Scenario: Ctrl-Z and fg from a shell, on the edit line and in mid-stream; narrow terminals; words full of terminal sequences from the model and the server where standard input is
a pipe and the output is a terminal; a chat taken up in its first turn, which has no record yet.
"""
import pytest

from support.played import DONE, delta
from support.processes import BIN

LONG = "!sim tokens=2000 delay_ms=20 text=self"
EVIL = "a\x1b]0;owned\x07b\x1b[2Jc\x9b31md"
TAME = "a\ufffd]0;owned\ufffdb\ufffd[2Jc\ufffd31md"


@pytest.fixture
def terminal(open_terminal):
    """Starts any program in a terminal."""
    return lambda *argv, **options: open_terminal(argv, **options)


def shell(terminal, url):
    one = terminal("bash", "--norc", "-i", env={"SLUICE_URL": url, "PS1": "shell: "})
    one.wait(r"^shell: ?\Z")
    return one


# -- job control -----------------------------------------------------------------------------------------------------------------------------------


def test_suspended_on_the_edit_line(play, terminal):
    """The shell has the terminal as it was; in the foreground again, the line is there as it was left, and is edited on."""
    api = play([delta(0, "Good.", None), DONE])
    one = shell(terminal, api.url)
    one.type(f"{BIN}/sluice chat")
    one.keys("Enter")
    one.wait(r"^> ?\Z")
    one.type("first 🦦\nsecond")
    one.wait(r"^> first 🦦\nsecond\Z")
    one.keys("C-z")
    one.wait(r"Stopped.*\nshell: ?\Z")
    one.type("echo $((6 * 7))")
    one.keys("Enter")
    one.wait(r"^42\nshell: ?\Z")
    one.type("fg")
    one.keys("Enter")
    one.wait(r"^\S+sluice chat\n> first 🦦\nsecond\Z")
    one.type(" and third")
    one.keys("Left", "BSpace")  # not as a terminal in its own mode has them
    one.wait(r"^second and thid\Z")
    one.keys("Enter")
    one.wait(r"^Good\.\n\n> ?\Z")
    assert api.asked[0][1]["message"] == "first 🦦\nsecond and thid"


def test_suspended_in_mid_stream(stack, terminal):
    one = shell(terminal, stack.api().url)
    one.type(f"{BIN}/sluice chat")
    one.keys("Enter")
    one.wait(r"^> ?\Z")
    one.type(LONG)
    one.keys("Enter")
    one.wait(r":3 ")
    one.keys("C-z")
    one.wait(r"Stopped.*\nshell: ?\Z")
    one.type("fg")
    one.keys("Enter")
    one.wait(r"^\S+sluice chat\n.*:\d+ ")
    one.keys("C-c")
    one.wait(rf"^stopped\n\n> {LONG}\Z")
    one.keys("BSpace")
    one.wait(rf"> {LONG[:-1]}\Z")


# -- narrow ----------------------------------------------------------------------------------------------------------------------------------------


def test_what_does_not_fit_in_a_row_is_no_status(play, terminal):
    """A status is a row that the next one takes the place of; over two rows half of it would stay."""
    api = play([{"type": "queued", "position": 12}, {"type": "started", "model": "a-model", "attempt": 1}, ..., delta(0, "Good.", None), DONE])
    one = terminal(BIN / "sluice", "chat", env={"SLUICE_URL": api.url}, width=16)
    one.wait(r"^> ?\Z")
    one.type("hi")
    one.keys("Enter")
    one.wait(r"^a-model \.\.\.\Z")
    api.go.set()
    one.wait(r"^> hi\nGood\.\n\n> ?\Z")


# -- others' words ---------------------------------------------------------------------------------------------------------------------------------


def test_nothing_drives_the_terminal_from_a_pipe(play, terminal):
    """The message comes from a pipe, the reply goes to a terminal; and the same by `sluice tail`."""
    api = play([delta(0, EVIL, None), {"type": "failed", "error": {"message": EVIL}, "usage": {"source": EVIL}}])
    one = terminal("sh", "-c", f"echo hi | {BIN}/sluice chat --usage", env={"SLUICE_URL": api.url})
    assert one.wait_exit() == 1 and one.title() != "owned"
    assert one.screen().split("\n")[0] == TAME and f"usage ({TAME})" in one.screen()
    again = terminal(BIN / "sluice", "tail", next(iter(api.events)), env={"SLUICE_URL": api.url})
    assert again.wait_exit() == 1 and again.title() != "owned"
    assert again.screen().startswith(f"{TAME}\nfailed: {TAME}\n")


def test_nothing_drives_the_terminal_by_a_refusal(play, terminal):
    api = play()
    api.refusal = EVIL
    one = terminal(BIN / "sluice", "chat", env={"SLUICE_URL": api.url})
    one.wait(r"^> ?\Z")
    one.type("hi")
    one.keys("Enter")
    one.wait(r"^> hi\n.*\n> hi\Z")
    assert f"sluice: {TAME}\n" in one.screen() and one.title() != "owned"


# -- a first turn ----------------------------------------------------------------------------------------------------------------------------------


def test_a_first_turn_is_taken_up(stack, terminal):
    """The chat has no record yet, so nothing says what is being answered but its stream and the generation's record."""
    elsewhere = stack.api().message("first-turn", LONG + "\n🦦", generation_id="first-turn-1")
    elsewhere.until("delta")
    one = terminal(BIN / "sluice", "chat", "--chat", "first-turn", env={"SLUICE_URL": stack.api().url, "NO_COLOR": "1"})
    one.wait(rf"^> {LONG}\n🦦\n\S+:0 \S+:1 ")
    one.keys("C-c")
    one.wait(rf"^stopped\n\n> {LONG}\n🦦\Z")
    assert elsewhere.until("stopped").data["reason"] == "user"
    assert stack.api().chat("first-turn")[0] == 404
