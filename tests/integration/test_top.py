"""`sluice top`: the operator's picture in a terminal of tmux's, and one printed.

Scenario: `sluice chat` at work is seen, with its user; one of several that run is selected and stopped; queues by tenant, what
failed and what died are in the picture; the API goes away and comes back; the terminal is as it was at the end.
"""

import os
import re
import subprocess

import pytest

from support.identity import GuardedStack, row
from support.processes import BIN, free_port, wait_until
from support.stack import Stack

LONG = "!sim tokens=3000 delay_ms=20"
WEB, ADMIN = "sk_test_web", "sk_test_admin"


@pytest.fixture
def terminal(open_terminal):
    """Starts `sluice` in a terminal."""
    return lambda argv, env, **options: open_terminal([BIN / "sluice", *argv], env, **options)


def top(stack, terminal, **options):
    return terminal(["top"], {"SLUICE_ADMIN_URL": stack.api_processes[-1].admin_url}, **{"width": 120, "height": 40, **options})


def once(url, **env):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")}
    return subprocess.run(
        [BIN / "sluice", "top", "--once"],
        env={**clean, "SLUICE_ADMIN_URL": url, **env},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_chat_is_seen_and_stopped(stack, terminal):
    """Stopped by the operator: its user has the message back on the line."""
    chat = terminal(["chat", "--user", "ann"], {"SLUICE_URL": stack.api().url})
    chat.wait(r"^> ?$")
    chat.type(LONG)
    chat.keys("Enter")
    chat.wait(r"This is a simulated answer")
    other = stack.api().new_chat(LONG, generation_id="other", user="bob")
    other.until("delta")
    operator = top(stack, terminal)
    screen = operator.wait(
        r"^2 running, 0 delayed, 0 dead.*^  WORKER.*stream +2 +256\n.*^> gen_.* ann\b.*^  other .* bob\b"
    ).group(0)
    generation = re.search(r"^> (gen_\w+)", screen, re.M).group(1)
    assert re.search(r"^  stream\.interactive +0 +- open$", screen, re.M)
    operator.wait(r"^[1-9][\d.]* tokens/s   first token p50 \d")
    operator.keys("Down")
    operator.wait(r"^> other ")
    operator.keys("Up")
    operator.wait(rf"^> {generation} ")
    operator.keys("s", "n")
    operator.keys("s")
    operator.wait(rf"^stop {generation}\? y or n\Z")
    operator.keys("y")
    operator.wait(rf"^stopped {generation}\Z")
    chat.wait(rf"^stopped: operator\n\n> {LONG}\Z")
    # The selection has gone over to what is left.
    operator.wait(r"^1 running.* 1 stopped.*^> other ")
    assert stack.api().generation("other")[1]["state"] == "running"
    stack.api().stop("other")
    operator.wait(r"^0 running")
    assert "GENERATION" not in operator.screen()
    operator.keys("s", "q")
    assert operator.wait_exit() == 0 and "tokens/s" not in operator.screen()


def test_the_size_changes(stack, terminal):
    operator = top(stack, terminal)
    operator.wait(r"^  graph\.batch")
    operator.resize(50, 11)
    operator.wait(r"^  \.\.\. \d more")
    lines = operator.screen().split("\n")[-11:]
    assert lines[0].startswith("sluice top") and lines[-1].startswith("Up Down select") and max(map(len, lines)) <= 50
    operator.resize(100, 30)
    operator.wait(r"^  graph\.batch")
    operator.keys("C-c")
    assert operator.wait_exit() == 0


def test_queues_failures_and_the_dead(terminal):
    """One of the generations takes five workers with it."""
    with Stack(workers=0, env={"SLUICE_WORKER_LEASE": "3s"}) as stack:
        admin = stack.api_processes[0].admin_url
        for number in range(3):
            stack.api().new_chat("!sim tokens=2", headers={"Prefer": "respond-async"}, generation_id=f"w{number}")
        printed = once(admin).stdout
        assert re.search(r"^  stream\.interactive +3 +\S+ m?s open\n    default +3 ", printed, re.M) and not re.search(
            "DEAD|FAILURE|WORKER|GENERATION", printed
        )
        stack.start_worker()
        stack.api().new_chat("!sim fault=status:400", generation_id="bad").until("failed")
        wait_until(lambda: "3 done" in once(admin).stdout, "the waiting ones to be done")
        assert re.search(
            r"^  FAILURE.*\n  bad +\d.* default +provider_refused +the provider answered 400", once(admin).stdout, re.M
        )
        operator = top(stack, terminal)
        operator.wait(r"^0 running, 0 delayed, 0 dead")
        stack.api().new_chat("!sim first_ms=60000", generation_id="doomed", headers={"Prefer": "respond-async"})
        for crash in range(5):
            wait_until(lambda: len(stack.journal("doomed")) > crash, "the provider to be asked")
            stack.worker_processes[-1].kill()
            stack.start_worker()
        operator.wait(r"1 dead;.*^  DEAD .*\n  doomed +5 default ")


def test_the_api_goes_and_comes_back(terminal):
    with Stack(apis=0) as stack:
        listen = {"SLUICE_API_ADMIN_LISTEN": f"127.0.0.1:{free_port()}"}
        api = stack.start_api(listen)
        operator = top(stack, terminal)
        operator.wait(r"^0 running")
        api.kill()
        operator.wait(r"^the connection is lost \(.*trying again\Z")
        stack.start_api(listen)
        operator.wait(r"^Up Down select")
        stack.api(-1).new_chat(LONG, generation_id="g1").until("delta")
        operator.wait(r"^> g1 ")


def test_wrong_calls_and_nobody_there(terminal):
    nobody = f"http://127.0.0.1:{free_port()}"
    assert (once(nobody).returncode, "SLUICE_ADMIN_URL" in once(nobody).stderr) == (1, True)
    absent = terminal(["top"], {"SLUICE_ADMIN_URL": nobody})
    assert absent.wait_exit() == 1 and "SLUICE_ADMIN_URL" in absent.screen()
    for argv, status in ((["top"], 2), (["top", "x"], 2), (["top", "--bogus"], 2), (["top", "--help"], 0)):
        assert (
            subprocess.run([BIN / "sluice", *argv], stdin=subprocess.DEVNULL, capture_output=True, timeout=60).returncode
            == status
        )


def test_with_keys_an_admin_is_asked_for(terminal):
    with GuardedStack([row(WEB, "web1"), row(ADMIN, "root", role="admin")]) as stack:
        url = stack.api_processes[0].admin_url
        for key, why in ((None, "SLUICE_API_KEY"), (WEB, "SLUICE_API_KEY")):
            env = {"SLUICE_ADMIN_URL": url, **({"SLUICE_API_KEY": key} if key else {})}
            refused = terminal(["top"], env)
            assert refused.wait_exit() == 1 and why in refused.screen()
            assert once(url, **env).returncode == 1
        operator = terminal(["top"], {"SLUICE_ADMIN_URL": url, "SLUICE_API_KEY": ADMIN})
        operator.wait(r"^0 running")
        assert once(url, SLUICE_API_KEY=ADMIN).returncode == 0
