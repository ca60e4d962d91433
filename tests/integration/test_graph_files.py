"""`sluice graph check` tells everything that is wrong in graph files, each with its place and what to write, also what only jq
and what only the other files of a folder can tell; `sluice graph draw` shows a graph's nodes, edges and children."""

import pathlib
import re
import subprocess

import pytest

from support.processes import BIN

UNIT = pathlib.Path(__file__).resolve().parents[1] / "unit/graphs"
GOOD, BROKEN = UNIT / "good", UNIT / "broken"
MANUAL = UNIT.parents[2] / "docs/graphs.md"
KINDS = "llm agent http set branch parallel map ask graph".split()
HEAD = "graph: g\nstart: a\nnodes:\n"
SHORT = "  - {id: a, kind: set, visible: true, value: '1', next: end}\n"


def graph(*arguments):
    return subprocess.run([BIN / "sluice", "graph", *map(str, arguments)], capture_output=True, text=True, timeout=60)


def expected(path):
    """What a broken file says of itself: [(place, piece of the message)]."""
    lines = path.read_bytes().split(b"\n")
    return [tuple(line[3:].decode().split(" ", 1)) for line in lines if line.startswith(b"#! ")]


def test_every_broken_file_is_told_with_its_place_and_what_to_write():
    files = sorted(BROKEN.glob("*.yaml"))
    done = graph("check", *files)
    assert done.returncode == 1 and done.stderr == ""
    told = done.stdout.splitlines()
    wanted = [(f"{path}:{place}: ", says) for path in files for place, says in expected(path)]
    print(f"{len(files)} broken files, {len(wanted)} mistakes")
    assert len(files) >= 60 and len(told) == len(wanted)
    for line, (place, says) in zip(told, wanted):
        assert line.startswith(place) and says in line and "; " in line, f"{line}\nexpected: {place}{says}"
    assert sorted(graph("check", BROKEN).stdout.splitlines()) == sorted(told)


def test_good_files_have_nothing_wrong():
    done = graph("check", GOOD)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "5 graphs, nothing to complain of\n")
    done = graph("check", GOOD / "support.yaml")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "1 graph, nothing to complain of\n")


def test_what_only_jq_can_tell(tmp_path):
    """Every expression that does not compile, at its line of the file."""
    (tmp_path / "a.yaml").write_text(
        HEAD + "  - id: a\n    kind: set\n    visible: true\n    value: |\n      .input.message\n      | nowhere\n    next: b\n"
        "  - {id: b, kind: branch, cases: [{if: .out.a ==, then: end}, {if: 'foo(1)', then: end}], else: end}\n"
    )
    done = graph("check", tmp_path)
    assert done.returncode == 1
    places = [re.sub(r".*a\.yaml:(\d+:\d+): (.*)", r"\1 \2", line) for line in done.stdout.splitlines()]
    assert len(places) == 3, done.stdout
    assert places[0].startswith("9:7 `.input.message`") and "nowhere/0 is not defined" in places[0]
    assert places[1].startswith("11:40 ") and "syntax error" in places[1]
    assert places[2].startswith("11:69 ") and "foo/1 is not defined" in places[2]


def test_what_only_the_other_files_of_the_folder_tell(tmp_path):
    (tmp_path / "a.yaml").write_text(HEAD + SHORT.replace("end", "b") + "  - {id: b, kind: graph, graph: reviw, next: end}\n")
    (tmp_path / "review.yaml").write_text(HEAD.replace("g\n", "review\n", 1) + SHORT)
    assert graph("check", tmp_path / "a.yaml").returncode == 0
    done = graph("check", tmp_path)
    assert done.returncode == 1
    assert done.stdout == f"{tmp_path}/a.yaml:5:33: there is no graph 'reviw'; did you mean 'review'?\n"


def test_what_is_not_there(tmp_path):
    done = graph("check", tmp_path / "none.yaml")
    assert (
        done.returncode == 1
        and done.stdout == f"{tmp_path}/none.yaml: No such file or directory; write the path of a graph file\n"
    )
    done = graph("draw", tmp_path / "none.yaml")
    assert done.returncode == 1 and "No such file" in done.stderr and done.stdout == ""


@pytest.mark.parametrize("arguments", [[], ["look"], ["check"], ["check", "--all", "x"], ["draw"], ["draw", "a", "b"]], ids=str)
def test_called_wrongly(arguments):
    done = graph(*arguments)
    assert done.returncode == 2 and "usage: sluice graph" in done.stderr and done.stdout == ""


def test_drawing_for_the_terminal():
    done = graph("draw", GOOD / "support.yaml")
    assert done.returncode == 0
    assert done.stdout == (UNIT / "support.txt").read_text()


def test_drawing_for_graphviz():
    """Every node is declared once, and every edge joins declared ones."""
    done = graph("draw", "--dot", GOOD / "support.yaml")
    assert done.returncode == 0 and done.stdout.startswith('digraph "support" {\n') and done.stdout.endswith("}\n")
    nodes = re.findall(r'^ +"([^"]+)" \[', done.stdout, re.M)
    edges = re.findall(r'^ +"([^"]+)" -> "([^"]+)" \[(.*)\];$', done.stdout, re.M)
    assert len(nodes) == len(set(nodes)) == 12 + 3 + 2  # nodes, children, start and end
    assert {name for edge in edges for name in edge[:2]} == set(nodes)
    assert ("route", "desk", 'label=".out.classify.kind == \\"order\\""') in edges
    assert ("classify", "chat", 'style=dashed, color=red, fontcolor=red, label="on error"') in edges
    assert ("each", "each/do", "style=dashed, arrowhead=open") in edges
    assert '"chat" [style="rounded,filled"' in done.stdout
    assert done.stdout.count("{") == done.stdout.count("}")


def test_a_broken_file_is_not_drawn():
    done = graph("draw", BROKEN / "many.yaml")
    assert done.returncode == 1 and done.stdout == "" and len(done.stderr.splitlines()) == 6


def test_the_manual_shows_graphs_that_are_well(tmp_path):
    examples = re.findall(r"^```yaml\n(graph: .*?)^```", MANUAL.read_text(), re.M | re.S)
    assert len(examples) >= 2
    for index, text in enumerate(examples):
        (tmp_path / f"{index}.yaml").write_text(text)
    done = graph("check", tmp_path)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_the_manual_tells_every_field(kind, tmp_path):
    """A node with a field that does not exist is told which do; each has a row in the manual's section of its kind, or of all
    nodes."""
    path = tmp_path / "g.yaml"
    path.write_text(f"graph: g\nstart: a\nnodes: [{{id: a, kind: {kind}, nosuchfield: 1}}]\n")
    fields = re.search(r"no field 'nosuchfield'; write one of: (.*)", graph("check", path).stdout).group(1).split(", ")
    sections = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", MANUAL.read_text(), re.M | re.S))
    mine = [
        text
        for title, text in sections.items()
        if title in ("All nodes", kind) or (kind == "agent" and title in ("llm", "agent and tools"))
    ]
    assert len(fields) >= 5 and len(mine) >= 2
    missing = [field for field in fields if not any(f"| `{field}` |" in text for text in mine)]
    assert not missing, f"docs/graphs.md tells nothing of {missing}"
