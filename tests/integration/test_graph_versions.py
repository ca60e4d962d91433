"""Graph files change while generations run: each goes on with the version that it began with, on any worker.

Scenario: the operator writes a new file and sends SIGHUP; what runs, what was asked back and what another worker takes over
stays with the old text, which lies in Redis; what begins takes the new one. A folder in which anything is wrong changes
nothing.
"""

import re

import pytest

from support.graphs import steps
from support.processes import BIN, Process, wait_until
from support.stack import Stack

OLD, NEW = "old", "new"


def text(version, tokens=20):
    return f"""
graph: story
start: one
nodes:
  - {{id: one, kind: llm, prompt: "!sim tokens={tokens} delay_ms=50 {{{{ .input.message }}}}", next: two}}
  - {{id: two, kind: graph, graph: part, visible: true, next: three}}
  - {{id: three, kind: set, visible: true, value: '"{version}"', next: end}}
"""


def part(version):
    return f"""
graph: part
start: only
nodes:
  - {{id: only, kind: set, visible: true, value: '"part {version}"', next: end}}
"""


def asks(version):
    return f"""
graph: asks
start: which
nodes:
  - {{id: which, kind: ask, prompt: "Which?", next: say}}
  - {{id: say, kind: set, visible: true, value: '"{version} \\(.out.which.message)"', next: end}}
"""


WRONG = ["graph: story\nstart: nowhere\nnodes: []\n", text(NEW).replace("'\"new\"'", "'\"new\" | nofunction'")]


@pytest.fixture
def stack():
    with Stack(graphs={"story": text(OLD), "part": part(OLD), "asks": asks(OLD)}, env={"SLUICE_WORKER_LEASE": "3s"}) as running:
        yield running


def rewrite(stack):
    stack.write_graph("story", text(NEW))
    stack.write_graph("part", part(NEW))
    stack.write_graph("asks", asks(NEW))


def reload(stack, pattern=r"graph\.read"):
    worker = stack.graph_processes[-1]
    seen = len(re.findall(pattern, worker.read_log()))
    worker.signal(1)
    wait_until(lambda: len(re.findall(pattern, worker.read_log())) > seen, "the folder to be read again")


STALLS = "fault=stall@5 fail_times=1"  # said to it, its first request never ends


def begin(stack, message="x"):
    stream = stack.api().new_chat(message, graph="story")
    while stream.until("step").data["node"] != "one":
        pass
    return stream


def end(stream):
    stream.read_all()
    assert stream.events[-1].type == "done", stream.events[-1]
    return [e.data["text"] for e in stream.events if e.type == "delta"]


def test_what_runs_keeps_its_version(stack):
    first = begin(stack)
    rewrite(stack)
    reload(stack)
    second = begin(stack)
    assert end(first) == ["part old", "old"] and end(second) == ["part new", "new"]
    versions = [[e.data["version"] for e in s.events if e.type == "started"] for s in (first, second)]
    assert versions[0] != versions[1]
    rows = stack.api().get("/v1/graphs")[1]["data"]
    assert {r["id"] for r in rows} == {"story", "part", "asks"} and versions[1][0] in [r["version"] for r in rows]


def test_another_worker_goes_on_with_it(stack):
    first = begin(stack, STALLS)
    wait_until(lambda: stack.journal(first.generation), "its model to be asked")
    rewrite(stack)
    stack.graph_processes[-1].kill()
    stack.start_graph_worker()
    assert end(first) == ["part old", "old"]
    assert [e.data["epoch"] for e in first.events if e.type == "started"] == [1, 2]


def test_what_was_asked_goes_on_with_it(stack):
    api = stack.api()
    first = api.new_chat("x", graph="asks")
    first.read_all()
    rewrite(stack)
    reload(stack)
    second = api.message(first.chat, "a")
    assert end(second) == ["old a"]
    third = api.message(first.chat, "x")
    third.read_all()
    assert end(api.message(first.chat, "b")) == ["new b"]


def test_a_version_that_is_forgotten(stack):
    """The text is gone from Redis, and no worker has it: it ends, and says why."""
    first = begin(stack, STALLS)
    wait_until(lambda: stack.journal(first.generation), "its model to be asked")
    rewrite(stack)
    stack.graph_processes[-1].kill()
    for key in stack.redis.keys("sluice:{s00}:graph:*"):
        stack.redis.delete(key)
    stack.start_graph_worker()
    first.read_all()
    assert first.events[-1].type == "failed" and first.events[-1].data["error"]["code"] == "gone"
    assert "story" in first.events[-1].data["error"]["message"]


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_file_changes_nothing(stack, wrong):
    stack.write_graph("part", part(NEW))
    stack.write_graph("story", wrong)
    reload(stack, r"graph\.kept")
    assert re.search(r"graph\.wrong at=.*story\.yaml:\d+:\d+", stack.graph_processes[-1].read_log())
    assert end(begin(stack)) == ["part old", "old"]


@pytest.mark.parametrize("wrong", WRONG)
def test_a_worker_does_not_start_with_a_wrong_file(stack, wrong):
    stack.write_graph("story", wrong)
    worker = Process(
        "wrong", [BIN / "sluice-graph-worker"], stack.folder, {**stack.settings(), "SLUICE_GRAPH_FOLDER": str(stack.graph_folder)}
    )
    assert worker.wait() == 1 and re.search(r"story\.yaml:\d+:\d+", worker.read_log())
    worker.stop()


def other_folder(stack, **graphs):
    """The only graph worker is now one that reads another folder."""
    folder = stack.folder / f"other-{len(stack.graph_processes)}"
    folder.mkdir()
    for name, written in graphs.items():
        (folder / f"{name}.yaml").write_text(written)
    stack.graph_processes[-1].stop()
    return {"SLUICE_GRAPH_FOLDER": str(folder)}


def test_a_worker_that_lacks_the_file_takes_what_another_published(stack):
    """The sub-graph too, in the version that was checked with it: the worker's own of that name is another one."""
    stack.start_graph_worker(env=other_folder(stack, part=part(NEW)))
    first = begin(stack)
    assert end(first) == ["part old", "old"]
    stack.graph_processes[-1].stop()
    stack.start_graph_worker(env={"SLUICE_GRAPH_FOLDER": ""})
    assert end(begin(stack)) == ["part old", "old"]


def test_it_goes_on_with_it_after_a_crash(stack):
    env = other_folder(stack)
    stack.start_graph_worker(env=env)
    first = begin(stack)
    stack.graph_processes[-1].kill()
    stack.start_graph_worker(env=env)
    assert end(first) == ["part old", "old"]
    assert [e.data["epoch"] for e in first.events if e.type == "started"] == [1, 2]


def test_a_graph_that_nobody_has_any_more(stack):
    """It was published when the request came, and is not when it is claimed: it ends with a clear word."""
    env = other_folder(stack)
    stream = stack.api().new_chat("x", graph="story")
    stream.until("queued")
    stack.redis.delete("sluice:{s00}:graphs")
    stack.start_graph_worker(env=env)
    stream.read_all()
    error = stream.events[-1].data["error"]
    assert (
        stream.events[-1].type == "failed" and error["code"] == "not_found" and "story" in error["message"] and not steps(stream)
    )


@pytest.mark.parametrize(
    "row",
    [
        "9999999999999 short {}",
        "9999999999999",
        "9999999999999 %(version)s {",
        '9999999999999 %(version)s {"uses":[{"id":"part"}]}',
        "9999999999999 %(version)s {}",
    ],
)
def test_what_was_published_is_damaged(stack, row):
    """By somebody else, or by an older program that names no sub-graphs."""
    env = other_folder(stack)
    stream = stack.api().new_chat("x", graph="story")
    stream.until("queued")
    version = stack.redis.hget("sluice:{s00}:graphs", "story").split()[1].decode()
    stack.redis.hset("sluice:{s00}:graphs", "story", row % {"version": version})
    stack.start_graph_worker(env=env)
    stream.read_all()
    assert stream.events[-1].type == "failed" and stream.events[-1].data["error"]["code"] == "internal" and not steps(stream)
