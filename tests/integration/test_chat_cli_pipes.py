"""`sluice chat` in pipes: one message in, the reply out, and an end that a script can rely on."""

import os
import re
import signal
import subprocess

from support.chatting import LONG, chat_of, running, said
from support.processes import BIN


def pipe(url, message, *argv, **options):
    env = {**{k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")}, "SLUICE_URL": url}
    return subprocess.run([BIN / "sluice", "chat", *argv], input=message, capture_output=True, env=env, timeout=60, **options)


def test_a_message_from_a_pipe(stack):
    done = pipe(stack.api().url, "!sim tokens=4\nschön 🦦\n".encode(), "--chat", "piped", "--usage")
    assert (done.returncode, done.stdout) == (0, b"This is a simulated \n") and re.fullmatch(
        rb"\d+ tokens in, 4 out \(provider\)\n", done.stderr
    )
    assert said(stack, "piped")[0] == ("user", "!sim tokens=4\nschön 🦦")
    failed = pipe(stack.api().url, b"!sim fault=status:400")
    assert (failed.returncode, failed.stdout) == (1, b"") and failed.stderr.startswith(
        b"sluice: failed: the provider answered 400"
    )
    for message, why in ((b"\n", b"no message"), (b"\xff", b"UTF-8"), (b"a\0b", b"UTF-8"), (b"x" * 262145, b"256 KiB")):
        refused = pipe(stack.api().url, message)
        assert refused.returncode == 1 and why in refused.stderr, refused


def test_a_pipe_that_is_closed_stops_it(stack):
    env = {**os.environ, "SLUICE_URL": stack.api().url}
    for leave in (lambda p: p.stdout.close(), lambda p: p.send_signal(signal.SIGINT), lambda p: p.send_signal(signal.SIGTERM)):
        user = f"pipe-{os.urandom(4).hex()}"
        process = subprocess.Popen(
            [BIN / "sluice", "chat", "--user", user],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env,
        )
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
