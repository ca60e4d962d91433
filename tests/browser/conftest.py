"""One browser for all tests of a run; each test has contexts and pages of its own, which must have been quiet."""
import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

pytest.register_assert_rewrite("browser")

from browser import Browser  # noqa: E402


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    path = tmp_path_factory.mktemp("browser") / "bridge.log"
    with open(path, "wb") as log:
        running = Browser(log)
    yield running
    print(path.read_text())
    assert running.close() == 0


@pytest.fixture
def browse(chromium, request):
    """browse(url, **options): a page in a new context. At the end every page must have been quiet."""
    contexts = []

    def begin(url, **options):
        context = chromium.context(**options)
        contexts.append((context, "/".join(url.split("/")[:3])))
        return context.page(url)

    yield begin
    has_passed = request.node.outcome is not None and request.node.outcome.passed
    try:
        for context, host in contexts:
            for i, page in enumerate(context.pages):
                if has_passed:
                    page.check_quiet(host)
                else:
                    page.shoot(f"failed-{request.node.name}-{i}")
                    print(page.seen)
    finally:
        for context, _ in contexts:
            context.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    item.outcome = getattr(item, "outcome", None)
    outcome = yield
    if call.when == "call":
        item.outcome = outcome.get_result()
