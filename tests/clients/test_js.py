"""The browser client (lib/js), installed as the npm package that it is: its tests under Node against real stacks, its types and the examples of its README under TypeScript."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from support import js_package
from support.identity import GuardedStack, row
from support.processes import BIN, ROOT, Process, free_port
from support.stack import Stack

HERE = pathlib.Path(__file__).resolve().parent
FOLDER = ROOT / "build/clients"  # where node_modules are; the tests are copied there, so that they find them
GRAPHS = ("echo", "walk")
KEY = "sk_test_key"
GUARDED = "token.test.mjs"


@pytest.fixture(scope="module")
def package():
    js_package.install(FOLDER)
    shutil.rmtree(FOLDER / "js", ignore_errors=True)
    shutil.copytree(HERE / "js", FOLDER / "js")


@pytest.fixture(scope="module")
def stack():
    files = {name: (ROOT / f"tests/support/graph_files/{name}.yaml").read_text() for name in GRAPHS}
    with Stack(workers=1, graphs=files) as running:
        yield running


@pytest.fixture(scope="module")
def guarded():
    """A stack with keys."""
    with GuardedStack([row(KEY, "web1")]) as running:
        yield running


def addresses(stack):
    return {"SLUICE_TEST_API": stack.api_processes[0].url, "SLUICE_TEST_SIM": stack.llmsim_url, "SLUICE_TEST_KEY": KEY}


@pytest.mark.parametrize("name", sorted(path.name for path in (HERE / "js").glob("*.test.mjs")))
def test_under_node(package, name, request):
    env = {**os.environ, **addresses(request.getfixturevalue("guarded" if name == GUARDED else "stack"))}
    done = subprocess.run(["node", "--test", "--test-reporter=tap", f"js/{name}"], cwd=FOLDER, env=env, capture_output=True, text=True, timeout=300)
    print("\n".join(re.findall(r"figure: .*", done.stdout)))
    failures = re.findall(r"^not ok .*?(?=^# |^ok |^not ok |^1\.\.)", done.stdout, re.S | re.M)
    assert done.returncode == 0 and re.search(r"^# pass [1-9]", done.stdout, re.M), "\n".join(failures) or done.stdout + done.stderr


def test_the_api_is_away_in_mid_stream(package, stack, tmp_path):
    """Its process is stopped under an open stream of a chat with a record; the client says so, tries again, and goes on where it was."""
    address = {"SLUICE_API_LISTEN": f"127.0.0.1:{free_port()}"}
    api = stack.start_api(address)
    client = Process("client", ["node", FOLDER / "js/outage.mjs"], tmp_path, {**addresses(stack), "SLUICE_TEST_API": api.url})
    try:
        client.wait_line("^streaming$")
        assert api.stop() == 0
        client.wait_line("^waiting 3$")  # more than one try
        stack.start_api(address)
        assert client.wait_line("^(done|broken).*").group() == "done", client.lines
        assert client.wait() == 0, client.read_log()
    finally:
        client.stop()


@pytest.fixture(scope="module")
def readme(package):
    """The examples as files: the ones in JavaScript by number, main.tsx."""
    folder = FOLDER / "js/readme"
    folder.mkdir()
    for number, text in enumerate(js_package.examples("js"), 1):
        (folder / f"example{number}.mjs").write_text(text)
    (folder / "main.tsx").write_text(js_package.examples("tsx")[0])
    (folder / "package.json").write_text('{"type": "module"}\n')
    return folder


def test_the_types_know_what_the_protocol_tells():
    """Every event, field and value that the protocol's table of events names, and those of a stop's answer, stands in the types."""
    protocol = (ROOT / "docs/protocol.md").read_text()
    types = (ROOT / "lib/js/sluice.d.ts").read_text().split("// ---- errors")[0]
    rows = [row for table in ("| event | carries |", "| field | |\n|---|---|\n| `outcome`", "| outcome | |") for row in protocol.split(table)[1].split("\n\n")[0].splitlines()]
    codes = [code for row in rows for code in re.findall(r"`([^`]+)`", row) if "<" not in code]
    words = {word for code in codes for word in re.findall(r"[a-z_]+", code)} - {"id", "true", "null", "all"}  # `all` is asked, not told
    assert {"step", "progress", "provider_status", "reset", "already_done"} <= words
    assert [word for word in sorted(words) if not re.search(rf'\b{word}\??:|"{word}"', types)] == []


TSC = ("node_modules/.bin/tsc", "--project", "js/tsconfig.json")


@pytest.mark.parametrize("module, resolution", (("nodenext", "nodenext"), ("node16", "node16"), ("esnext", "bundler")))
def test_types_and_examples_under_typescript(readme, module, resolution):
    """As each kind of project finds the package: Node's own way, and a bundler's. tsconfig.json is as strict as it gets."""
    assert len(list(readme.iterdir())) == 5
    js_package.run(FOLDER, *TSC, "--module", module, "--moduleResolution", resolution)


def test_a_mistake_would_be_seen(readme):
    page = readme / "main.tsx"
    right = page.read_text()
    page.write_text(right.replace("setInput(event.target.value", "setInput(event.target.selectionStart"))
    done = subprocess.run(TSC, cwd=FOLDER, capture_output=True, text=True)
    page.write_text(right)
    assert done.returncode != 0 and "main.tsx" in done.stdout


@pytest.mark.parametrize("number, told", ((1, "done"), (3, 'idle [] "Hello"')))
def test_examples_run(readme, stack, number, told):
    example = readme / f"example{number}.mjs"
    example.write_text(example.read_text().replace("http://127.0.0.1:8080", stack.api_processes[0].url))
    support = FOLDER / "js/support.mjs"  # for Node 18, which has no global crypto
    assert told in js_package.run(FOLDER, "node", "--import", support, example, timeout=60)


def same_programs(*files):
    return subprocess.run(["node", "js/slim.mjs", *files], cwd=FOLDER, capture_output=True, text=True, timeout=60)


def test_what_the_page_is_served_is_what_stands_here(package, tmp_path):
    """Spaces and comments are taken out of scripts (cmd/api/web/slim*.sed), and nothing else: esbuild reads the same program."""
    served = BIN.parent / "cmd/api"
    folders = {"web": ROOT / "cmd/api/web", "admin": ROOT / "cmd/api/web/admin", "client": ROOT / "lib/js"}
    pairs = [(folder / file.name, file) for name, folder in folders.items() for file in sorted((served / name).glob("*.js"))]
    assert len(pairs) > 25
    done = same_programs(*(path for pair in pairs for path in pair))
    assert done.returncode == 0, done.stderr
    changed = tmp_path / "main.js"
    changed.write_text(pairs[0][1].read_text().replace("===", "!==", 1))
    assert same_programs(pairs[0][0], changed).returncode == 1
