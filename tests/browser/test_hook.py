"""The React hook in a browser: the example of lib/js/README.md, bundled and served as it says there, on a page of another origin."""
import re
import subprocess

import pytest

from support import js_package
from support.client import get_json, request
from support.processes import ROOT, free_port, wait_until
from support.stack import Stack

FOLDER = ROOT / "build/browser"
LONG = "!sim tokens=2000 delay_ms=20"
SHORT = "!sim tokens=3 delay_ms=1"


@pytest.fixture(scope="module")
def origin():
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
def stack(origin):
    with Stack(env={"SLUICE_API_ORIGINS": origin}) as running:
        yield running


def is_served(url):
    try:
        return request("GET", url)[0] == 200
    except OSError:
        return False


@pytest.fixture(scope="module")
def example(stack, origin):
    """The folder that the README has its reader make, by its own commands."""
    js_package.install(FOLDER)
    folder = FOLDER / "example"
    folder.mkdir(exist_ok=True)
    commands = js_package.examples("sh")[0]
    js_package.run(folder, "sh", "-c", re.search(r"^echo .* > index\.html$", commands, re.M).group())
    page = js_package.examples("tsx")[0].replace("http://127.0.0.1:8080", stack.api_processes[0].url)
    (folder / "main.tsx").write_text(page)
    argv = re.search(r"^npx esbuild (.*)$", commands, re.M).group(1).replace("127.0.0.1:8000", origin.removeprefix("http://")).split()
    with subprocess.Popen([FOLDER / "node_modules/.bin/esbuild", *argv, "--log-level=error"], cwd=folder, stdin=subprocess.PIPE) as server:
        wait_until(lambda: is_served(origin + "/main.js"), "the example to be served")
        yield origin + "/"
        server.stdin.close()  # which ends it
        assert server.wait(20) == 0


def wait_texts(page, count, ending=""):
    page.wait("([count, ending]) => { const all = [...document.querySelectorAll('main p')]; return all.length === count && (all.at(-1)?.innerText ?? '').endsWith(ending); }", [count, ending])


def test_the_example(browse, example, stack):
    page = browse(example)
    page.allowed = ["favicon", re.escape(stack.api_processes[0].url)]
    page.wait("() => document.querySelector('textarea') !== null")
    page.fill("textarea", LONG)
    page.run("() => { const box = document.querySelector('textarea'); box.setSelectionRange(7, 7); }")
    page.type(" ")  # where the cursor is
    sent = page.value("textarea")
    assert sent == LONG[:7] + " " + LONG[7:]
    page.click("button")
    page.wait("() => document.querySelectorAll('main p')[1]?.innerText.length > 20")
    page.shoot("hook-streaming")
    page.click("button")
    after = page.run("() => ({ box: document.querySelector('textarea').value, at: document.querySelector('textarea').selectionStart, count: document.querySelectorAll('main p').length })")
    assert after == {"box": sent, "at": 8, "count": 0}
    page.shoot("hook-stopped")
    assert page.run("() => location.hash") == ""
    page.fill("textarea", SHORT)
    page.click("button")
    wait_texts(page, 2, "This is a")
    page.wait("() => location.hash !== ''")
    chat = page.run("() => location.hash").removeprefix("#")
    _, record = get_json(f"{stack.api_processes[0].url}/v1/chats/{chat}")
    assert [m["content"] for m in record["messages"]] == [SHORT, "This is a "]


def test_an_error_and_another_try(browse, example, stack):
    page = browse(example)
    page.allowed = ["favicon", re.escape(stack.api_processes[0].url)]
    page.wait("() => document.querySelector('textarea') !== null")
    page.fill("textarea", "!sim fault=status:400")
    page.click("form button")
    page.wait("() => document.querySelector('[role=alert] button') !== null")
    requests = lambda: len(get_json(stack.llmsim_url + "/journal")[1])
    before = requests()
    page.click("[role=alert] button")
    wait_until(lambda: requests() > before, "another try")
    page.wait("() => document.querySelector('[role=alert] button') !== null")
