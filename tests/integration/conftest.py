import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from support.stack import Stack  # noqa: E402


@pytest.fixture(scope="module")
def stack():
    """One API, one worker, shared by a file's tests."""
    with Stack() as running:
        yield running


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """On a failure every log of the stack is printed with it."""
    outcome = yield
    report = outcome.get_result()
    running = item.funcargs.get("stack") if hasattr(item, "funcargs") else None
    if report.when == "call" and report.failed and running is not None:
        for process in running.processes:
            report.sections.append((f"{process.name} log", process.read_log()[-8000:]))
