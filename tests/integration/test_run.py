"""`sluice run` and the other subcommands: three lines on standard output, a child that dies is started again, Ctrl-C ends all of it within 10 s, state kept."""
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time

import pytest
import redis

from support.client import Api, get_json
from support.processes import BIN, Process, free_port, wait_until
from support.stack import Stack


def children(pid):
    out = subprocess.run(["ps", "-o", "pid=,comm=", "--ppid", str(pid)], capture_output=True, text=True, check=False).stdout
    return {line.split()[1]: int(line.split()[0]) for line in out.splitlines()}


@pytest.fixture
def home():
    with tempfile.TemporaryDirectory(prefix="sluice-run-") as folder:
        yield pathlib.Path(folder)


def start(home, env=None, name="run"):
    return Process(name, [BIN / "sluice", "run"], home, {"SLUICE_HOME": str(home / "state"), "SLUICE_PORT": "0", "OLLAMA_HOST": "", **(env or {})})


def is_gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    state = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] if pathlib.Path(f"/proc/{pid}/stat").exists() else "X"
    return state in "ZX"


def test_the_whole_stack_and_a_clean_end(home):
    run = start(home)
    try:
        url = run.wait_line(r"^ready (http://127\.0\.0\.1:\d+)$").group(1)
        assert [line.split()[0] for line in run.lines] == ["redis", "provider", "ready"]
        assert re.match(r"redis (unix:///|redis://)", run.lines[0]) and re.match(r"provider http://127\.0\.0\.1:\d+/v1$", run.lines[1])
        api = Api(url)
        stream = api.new_chat("!sim tokens=5")
        assert stream.read_all()[-1].type == "done"
        pids = children(run.pid)
        assert len(pids) == 4, pids
        running = api.message(stream.chat, "!sim tokens=100000 delay_ms=20")
        running.until("delta")
        began = time.monotonic()
        run.signal(signal.SIGINT)
        assert running.read_all()[-1].type == "interrupted", "its reader is told"
        assert run.wait() == 0
        took = time.monotonic() - began
        print(f"figure: Ctrl-C with a generation running: everything ended after {took:.1f} s")
        assert took < 20
        for pid in pids.values():
            assert is_gone(pid)
        again = start(home, name="again")
        url = again.wait_line(r"^ready (\S+)$").group(1)
        assert Api(url).chat(stream.chat)[0] == 200, "state is kept"
        assert again.stop(20) == 0
    finally:
        run.kill()


def test_a_child_that_dies_is_started_again(home):
    run = start(home, {"SLUICE_PORT": str(free_port())})  # nobody else takes it meanwhile
    try:
        url = run.wait_line(r"^ready (\S+)$").group(1)
        for name in ("sluice-stream-w", "sluice-api", "sluice-llmsim", "redis-server"):
            before = next(pid for comm, pid in children(run.pid).items() if comm.startswith(name))
            os.kill(before, signal.SIGKILL)
            wait_until(lambda: any(c.startswith(name) and p != before for c, p in children(run.pid).items()), f"{name} to be started again")

        def works():
            try:
                return Api(url).new_chat("!sim tokens=2").read_all()[-1].type == "done"
            except (OSError, IndexError):
                return False

        wait_until(works, "the stack to work again at the same address", 60)
        assert run.stop(20) == 0
    finally:
        run.kill()


def test_nothing_outlives_a_killed_run(home):
    run = start(home)
    run.wait_line(r"^ready ")
    pids = children(run.pid)
    run.kill()
    for name, pid in pids.items():
        wait_until(lambda p=pid: is_gone(p), f"{name} to end with its parent", 20)


def test_a_second_signal_ends_at_once(home):
    run = start(home)
    try:
        run.wait_line(r"^ready ")
        pids = children(run.pid)
        api = next(pid for comm, pid in pids.items() if comm == "sluice-api")
        os.kill(api, signal.SIGSTOP)  # it hears no SIGTERM
        run.signal(signal.SIGINT)
        wait_until(lambda: any(is_gone(pid) for pid in pids.values()), "the stack to be stopping", 20)
        began = time.monotonic()
        run.signal(signal.SIGINT)
        run.wait(20)
        assert time.monotonic() - began < 8, "not the patience of the first signal"
        assert all(is_gone(pid) for pid in pids.values())
    finally:
        run.kill()


def listen_on_tcp(stack):
    """The stack's Redis listens on this port too. A free one may be taken by anybody before Redis has it: then another."""
    for _ in range(10):
        port = free_port()
        try:
            stack.redis.config_set("port", port)
            return port
        except redis.exceptions.ResponseError:
            continue
    raise AssertionError("no port for Redis")


def test_a_given_redis_by_reference_and_with_a_password(home, stack):
    """The password is resolved for use and shown nowhere."""
    port = listen_on_tcp(stack)
    stack.redis.execute_command("ACL", "SETUSER", "runner", "on", ">s3cret", "~*", "&*", "+@all")
    try:
        url = f"redis://runner:s3cret@127.0.0.1:{port}/0"
        run = start(home, {"SLUICE_REDIS_URL": "env:MY_REDIS", "MY_REDIS": url})
        run.wait_line(r"^ready ")
        assert run.lines[0] == f"redis redis://***@127.0.0.1:{port}/0"
        assert run.stop(20) == 0
        doctor = sluice("doctor", env={"SLUICE_REDIS_URL": url})
        assert "redis://***@" in doctor.stdout and "s3cret" not in doctor.stdout + run.read_log()
    finally:
        stack.redis.execute_command("ACL", "DELUSER", "runner")
        stack.redis.config_set("port", 0)


def test_a_port_in_use_is_told(home):
    with Stack(workers=0) as stack:
        port = stack.api_processes[0].url.rsplit(":", 1)[1]
        run = start(home, {"SLUICE_PORT": port})
        assert run.wait(30) == 1
        assert port in run.read_log() and "SLUICE_PORT names its port" in run.read_log()
        run.stop()


def test_a_state_folder_has_one_run(home):
    """A second one would take the first Redis's socket and write into its files."""
    run = start(home)
    try:
        url = run.wait_line(r"^ready (\S+)$").group(1)
        second = start(home, name="second")
        assert second.wait(20) == 1 and second.lines == []
        assert "another sluice run has its state there" in second.read_log()
        assert (home / "state" / "redis.sock").is_socket() and Api(url).new_chat("!sim tokens=1").read_all()[-1].type == "done"
        run.kill()  # its Redis ends a moment later
        third = start(home, name="third")
        third.wait_line(r"^ready ")
        assert third.stop(20) == 0
    finally:
        run.kill()


def test_a_port_that_is_none_is_told_at_once(home):
    run = start(home, {"SLUICE_PORT": "80x"})
    assert run.wait(20) == 1 and run.lines == []
    assert "SLUICE_PORT: '80x' is not valid" in run.read_log()


def sluice(*args, env=None):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("SLUICE_", "OPENAI_"))}
    return subprocess.run([str(BIN / "sluice"), *args], env={**clean, **(env or {})}, capture_output=True, text=True, timeout=60, check=False)


def test_stop_and_tail(stack):
    env = {"SLUICE_URL": stack.api_processes[0].url}
    api = stack.api()
    stream = api.new_chat("!sim tokens=40 delay_ms=20 text=self", on_disconnect="continue")
    tail = sluice("tail", stream.generation, env=env)
    assert tail.returncode == 0 and tail.stdout == stream_text(stream)
    running = api.message(stream.chat, "!sim tokens=4000 delay_ms=20", on_disconnect="continue")
    running.until("delta")
    stop = sluice("stop", "--chat", stream.chat, env=env)
    assert stop.returncode == 0 and stop.stdout == "!sim tokens=4000 delay_ms=20\n" and stop.stderr.startswith("stopped ")
    assert sluice("tail", running.generation, env=env).returncode == 1
    assert sluice("tail", "no-such-generation", env=env).returncode == 1
    assert sluice("stop", env=env).returncode == 2
    for argv in (["stop", "--bogus"], ["tail", "--bogus"], ["doctor", "--bogus"], ["config", "--bogus"], ["run", "--bogus"], ["doctor", "x"], ["config", "x"]):
        wrong = sluice(*argv, env=env)
        assert wrong.returncode == 2 and f"usage: sluice {argv[0]}" in wrong.stderr and wrong.stdout == ""
        assert "x" in argv or f"sluice {argv[0]}: unrecognized option '--bogus'" in wrong.stderr
    nowhere = {"SLUICE_URL": "http://127.0.0.1:9"}
    for command in ("stop", "tail"):
        began = time.monotonic()
        lost = sluice(command, "g", env=nowhere)
        assert lost.returncode == 1 and "http://127.0.0.1:9: " in lost.stderr and "SLUICE_URL" in lost.stderr
        assert time.monotonic() - began < 15, "a server that was never there is not waited for"
    assert sluice("stop", "../chats", env=env).returncode == 2 and sluice("tail", "a/b", env=env).returncode == 2


def stream_text(stream):
    stream.read_all()
    return stream.text


def test_doctor_and_config(stack):
    env = {"SLUICE_REDIS_URL": stack.redis_url, "SLUICE_LLM_URL": stack.provider_url, "SLUICE_LLM_MODEL": "sim"}
    good = sluice("doctor", env=env)
    assert good.returncode == 0 and "0 broken, 0 warnings" in good.stdout, good.stdout
    stack.redis.config_set("maxmemory-policy", "allkeys-lru")
    try:
        warned = sluice("doctor", env=env)
    finally:
        stack.redis.config_set("maxmemory-policy", "noeviction")
    assert "1 warning\n" in warned.stdout
    assert warned.returncode == 0 and "WARNING" in warned.stdout and "noeviction" in warned.stdout
    gone = sluice("doctor", env={**env, "SLUICE_REDIS_URL": "unix:///nowhere.sock"})
    assert gone.returncode == 1 and "BROKEN" in gone.stdout
    config = sluice("config", env=env)
    assert config.returncode == 0 and stack.redis_url in config.stdout
    broken = sluice("config", env={**env, "SLUICE_WORKER_SLOTS": "8x"})
    assert broken.returncode == 1 and "SLUICE_WORKER_SLOTS" in broken.stderr
    assert sluice("nonsense").returncode == 2 and sluice("--help").returncode == 0
    assert get_json(stack.api_processes[0].url + "/livez")[0] == 200


@pytest.mark.parametrize("url,why", [("redis://only-user@host:1", "without a password"), ("redis://u:%zz@host:1", "malformed user or password"), ("unix:///" + "x" * 200, "too long for a socket")])
def test_a_redis_url_that_no_link_takes_is_told(url, why):
    for program in (["sluice-api", "--check-config"], ["sluice-stream-worker", "--check-config"], ["sluice", "doctor"], ["sluice", "run"]):
        done = subprocess.run([str(BIN / program[0]), *program[1:]], env={**os.environ, "SLUICE_REDIS_URL": url}, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 1 and why in done.stdout + done.stderr, (program, done)
        assert "only-user" not in done.stdout + done.stderr and "%zz" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    "env,url,provider",
    [
        ({"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k"}, "https://api.openai.com/v1", "openai"),
        ({"ANTHROPIC_API_KEY": "k"}, "https://api.anthropic.com", "anthropic"),
        ({"ANTHROPIC_API_KEY": "k", "SLUICE_LLM_URL": "http://127.0.0.1:1", "SLUICE_LLM_PROVIDER": "ollama", "SLUICE_LLM_MODEL": "m"}, "http://127.0.0.1:1", "ollama"),
    ],
)
def test_the_provider_that_the_environment_names(home, env, url, provider):
    """None is asked anything before a user says something."""
    run = start(home, env)
    try:
        ready = run.wait_line(r"^ready (http://127\.0\.0\.1:\d+)$").group(1)
        assert run.lines[1] == f"provider {url}"
        assert [m["provider"] for m in Api(ready).get("/v1/models")[1]["data"]] == [provider]
    finally:
        run.stop()
