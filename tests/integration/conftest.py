import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from support.played import Played  # noqa: E402
from support.processes import BIN, Process  # noqa: E402
from support.stack import Stack  # noqa: E402
from support.terminal import Terminal  # noqa: E402
from support.tools import Tools  # noqa: E402


@pytest.fixture(scope="module")
def stack():
    """One API, one worker, shared by a file's tests."""
    with Stack() as running:
        yield running


@pytest.fixture(scope="module")
def sim(tmp_path_factory):
    """A simulated provider alone, shared by a file's tests."""
    process = Process("llmsim", [BIN / "sluice-llmsim", "--listen", "127.0.0.1:0"], tmp_path_factory.mktemp("llmsim"))
    process.url = process.wait_line(r"listening (http://\S+)").group(1)
    yield process
    assert process.stop() == 0


@pytest.fixture(scope="module")
def tools():
    """Tools for graphs, scripted by their paths."""
    with Tools() as server:
        yield server


@pytest.fixture
def open_terminal():
    """Starts a program in a terminal of its own; all of them are closed at the end."""
    opened = []

    def start(argv, env=None, **options):
        opened.append(Terminal(argv, env, **options))
        return opened[-1]

    yield start
    for one in opened:
        print(one.close())


@pytest.fixture
def terminal(open_terminal):
    """Starts `sluice chat` in a terminal."""

    def start(url, *argv, env=None, **options):
        return open_terminal([BIN / "sluice", "chat", *argv], {"SLUICE_URL": url, **(env or {})}, **options)

    return start


@pytest.fixture
def play():
    """Starts servers that play generations; all of them are closed at the end."""
    servers = []

    def start(*generations):
        servers.append(Played(*generations))
        return servers[-1]

    yield start
    for server in servers:
        server.go.set()
        server.hold_stop.set()
        server.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """On a failure every log of the stack is printed with it."""
    outcome = yield
    report = outcome.get_result()
    running = item.funcargs.get("stack") if hasattr(item, "funcargs") else None
    if report.when == "call" and report.failed and running is not None:
        for process in running.processes:
            report.sections.append((f"{process.name} log", process.read_log()[-8000:]))
