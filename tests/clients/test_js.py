"""The browser client (lib/js), installed as the npm package that it is: its tests under Node against a real stack, its types and the examples of its README under TypeScript."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from support.processes import ROOT
from support.stack import Stack

HERE = pathlib.Path(__file__).resolve().parent
FOLDER = ROOT / "build/clients"  # where node_modules are; the tests are copied there, so that they find them
GRAPHS = ("echo", "walk")


def run(*argv, **options):
    done = subprocess.run([str(a) for a in argv], cwd=FOLDER, capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{argv}\n{done.stdout[-20000:]}\n{done.stderr[-5000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def package():
    """The package, packed and unpacked as npm does it."""
    archive = FOLDER / run("npm", "pack", "--silent", ROOT / "lib/js").split()[-1]
    target = FOLDER / "node_modules/sluice-client"
    shutil.rmtree(target, ignore_errors=True)
    shutil.unpack_archive(archive, FOLDER / "unpacked")
    shutil.move(FOLDER / "unpacked/package", target)
    archive.unlink()
    shutil.rmtree(FOLDER / "js", ignore_errors=True)
    shutil.copytree(HERE / "js", FOLDER / "js")
    return target


@pytest.fixture(scope="module")
def stack():
    files = {name: (ROOT / f"tests/support/graph_files/{name}.yaml").read_text() for name in GRAPHS}
    with Stack(workers=1, graphs=files) as running:
        yield running


@pytest.mark.parametrize("name", sorted(path.name for path in (HERE / "js").glob("*.test.mjs")))
def test_under_node(package, stack, name):
    env = {**os.environ, "SLUICE_TEST_API": stack.api_processes[0].url, "SLUICE_TEST_SIM": stack.llmsim_url}
    done = subprocess.run(["node", "--test", "--test-reporter=tap", f"js/{name}"], cwd=FOLDER, env=env, capture_output=True, text=True, timeout=300)
    print("\n".join(re.findall(r"figure: .*", done.stdout)))
    failures = re.findall(r"^not ok .*?(?=^# |^ok |^not ok |^1\.\.)", done.stdout, re.S | re.M)
    assert done.returncode == 0 and re.search(r"^# pass [1-9]", done.stdout, re.M), "\n".join(failures) or done.stdout + done.stderr


def examples():
    """The README's examples, [(suffix, text)]."""
    text = (ROOT / "lib/js/README.md").read_text()
    return re.findall(r"^```(js|tsx)\n(.*?)^```$", text, re.S | re.M)


@pytest.fixture(scope="module")
def readme(package):
    """The examples as files: the ones in JavaScript by number, main.tsx."""
    folder = FOLDER / "js/readme"
    folder.mkdir()
    for number, (suffix, text) in enumerate(examples(), 1):
        (folder / ("main.tsx" if suffix == "tsx" else f"example{number}.mjs")).write_text(text)
    return folder


def test_types_and_examples_under_typescript(readme):
    assert len(list(readme.iterdir())) == 4
    run("node_modules/.bin/tsc", "--project", "js/tsconfig.json")
    broken = readme / "main.tsx"
    broken.write_text(broken.read_text().replace("setInput(event.target.value", "setInput(event.target.selectionStart"))
    done = subprocess.run(["node_modules/.bin/tsc", "--project", "js/tsconfig.json"], cwd=FOLDER, capture_output=True, text=True)
    assert done.returncode != 0 and "main.tsx" in done.stdout, "a mistake would be seen"


@pytest.mark.parametrize("number, told", ((1, "done"), (3, 'idle [] "Hello"')))
def test_examples_run(readme, stack, number, told):
    example = readme / f"example{number}.mjs"
    example.write_text(example.read_text().replace("http://127.0.0.1:8080", stack.api_processes[0].url))
    assert told in run("node", "--import", FOLDER / "js/support.mjs", example, timeout=60)  # for Node 18, which has no global crypto


def test_the_hooks_example_is_bundled(readme):
    """It is run in a browser by tests/browser."""
    run("node_modules/.bin/esbuild", "js/readme/main.tsx", "--bundle", "--format=esm", "--jsx=automatic", "--outfile=js/readme/main.js")
    assert (readme / "main.js").stat().st_size > 100000
