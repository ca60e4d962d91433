"""The four example graphs of deploy/graphs, on `sluice run` as deploy/run starts it: each by HTTP and by `sluice graph run`,
with its steps, to `done`.

Scenario: one run with the simulated provider and the tools that come with it. Every event is held against the contract; the
reply of both ways is the same text.
"""

import os
import pathlib
import re
import subprocess
import tempfile

import pytest

from support.client import Api, get_json
from support.contract import check_stream
from support.graphs import reply, rows, steps
from support.processes import BIN, ROOT, Process

FOLDER = ROOT / "deploy" / "graphs"
LONG = "\n\n".join(
    f"Paragraph {n} says that the water of channel {n} stands at {n} metres. " + "It is so every day. " * 40 for n in range(12)
)
ROWS = [
    # graph, messages of a chat, the nodes that they go through, the end of each reply
    ("router", ["!sim delay_ms=1 My program prints an error"], [["sort", "who", "programmer"]], ["as it is told."]),
    ("router", ["!sim delay_ms=1 Which trains go to Rome?"], [["sort", "who", "guide"]], ["as it is told."]),
    ("router", ["!sim delay_ms=1 Good morning"], [["sort", "who", "generalist"]], ["as it is told."]),
    ("research", ["!sim delay_ms=1 How does a canal lock work?"], [["look"]], ['presses them shut."}']),
    ("digest", ["!sim delay_ms=1\n\n" + LONG], [["cut", "each", *(f"each/{n}" for n in range(6)), "all"]], ["as it is told."]),
    (
        "desk",
        ["Where is order 1001?"],
        [["has_number", "number", "order", "found", "answer"]],
        ["Order 1001, a brass depth gauge, is packed. It will be there in 4 days."],
    ),
    (
        "desk",
        ["Where is my order?", "12, I think", "or 4711"],
        [["has_number", "which"], ["number", "order", "found", "again"], ["number", "order", "found", "answer"]],
        ["came with it.", "There is no order 12. Which number does it have?", "Order 4711, a brass depth gauge, is delivered."],
    ),
]
IDS = [f"{graph}-{n}" for n, (graph, *_) in enumerate(ROWS)]


@pytest.fixture(scope="module")
def running():
    with tempfile.TemporaryDirectory(prefix="sluice-examples-") as folder:
        home = pathlib.Path(folder)
        run = Process(
            "run", [BIN / "sluice", "run", "--graphs", FOLDER], home, {"SLUICE_HOME": str(home / "state"), "SLUICE_PORT": "0"}
        )
        try:
            run.wait_line(r"^ready (\S+)$")
            assert [line.split()[0] for line in run.lines] == ["redis", "provider", "ready"]
            run.wait_log(r"graph\.read graphs=4")
            yield dict(line.split() for line in run.lines)
            assert run.stop(20) == 0, run.read_log()[-3000:]
        except BaseException:
            print(run.read_log()[-6000:])
            raise
        finally:
            run.kill()


@pytest.fixture
def url(running):
    return running["ready"]


def nodes_of(names):
    """In order of their first mention; children of a map in any order."""
    seen = list(dict.fromkeys(names))
    return [n for n in seen if "/" not in n], sorted(n for n in seen if "/" in n)


def test_there_are_four(url):
    graphs = get_json(url + "/v1/graphs")[1]["data"]
    assert [g["id"] for g in graphs] == ["desk", "digest", "research", "router"]
    checked = subprocess.run([BIN / "sluice", "graph", "check", FOLDER], capture_output=True, text=True, timeout=60, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert {p.stem for p in FOLDER.glob("*.yaml")} == {g["id"] for g in graphs}


@pytest.mark.parametrize("graph,messages,nodes,ends", ROWS, ids=IDS)
def test_by_http(url, graph, messages, nodes, ends):
    api, chat = Api(url), None
    for n, message in enumerate(messages):
        stream = api.new_chat(message, graph=graph) if chat is None else api.message(chat, message)
        last, chat = check_stream(stream)[-1], stream.chat
        finish = "ask" if n + 1 < len(messages) else "stop"
        assert (last.type, last.data["finish_reason"]) == ("done", finish)
        assert reply(stream).endswith(ends[n])
        finished = [s for s in steps(stream) if s[3] == "finished"]
        assert nodes_of(s[1] for s in steps(stream)) == nodes_of(nodes[n]) and len(finished) == len(nodes[n])
        message = api.chat(chat)[1]["messages"][-1]
        assert message["content"] == reply(stream) and sorted(
            (r["step"], r["node"], r["kind"], r["status"]) for r in rows(message)
        ) == sorted(finished)
        record = api.generation(stream.generation)[1]
        assert (record["graph"], record["state"], record["output"]["text"]) == (graph, "done", message["content"])


@pytest.mark.parametrize("graph,messages,nodes,ends", ROWS, ids=IDS)
def test_by_the_command_line(url, graph, messages, nodes, ends):
    env = {**{k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")}, "SLUICE_URL": url}
    typed = "".join(m + "\n" for m in messages[1:])
    done = subprocess.run(
        [BIN / "sluice", "graph", "run", graph, messages[0]],
        input=typed,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = re.findall(r"^ *\d+  (\S+) +(\w+) +(\w+)", done.stderr, re.M)
    assert nodes_of(node for node, _, _ in lines) == nodes_of(n for turn in nodes for n in turn)
    chat = re.search(r"^chat (\S+),", done.stderr).group(1)
    replies = [m["content"] for m in Api(url).chat(chat)[1]["messages"] if m["role"] == "assistant"]
    assert done.stdout == "".join(r + "\n" for r in replies) and done.stderr.rstrip().endswith("done: stop")
    assert all(r.endswith(end) for r, end in zip(replies, ends, strict=True))


def doctor(redis_url, folder):
    env = {
        **{k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")},
        "SLUICE_REDIS_URL": redis_url,
        "SLUICE_GRAPH_FOLDER": str(folder),
    }
    done = subprocess.run([BIN / "sluice", "doctor"], env=env, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, [re.split(r"  +", line) for line in done.stdout.splitlines() if " graph" in line]


def test_the_doctor_tells_of_graphs(running, stack, tmp_path):
    """Where a worker runs them, where none does, and where a file is wrong."""
    status, lines = doctor(running["redis"], FOLDER)
    assert (status, lines) == (
        0,
        [["good", "graphs", f"4 in {FOLDER}"], ["good", "graph workers", "1 of 2 workers, 4 graphs known"]],
    ), lines
    status, lines = doctor(stack.redis_url, FOLDER)
    assert status == 0 and lines[1][0].startswith("WARNING") and "sluice-graph-worker" in lines[2][-1]
    (tmp_path / "bad.yaml").write_text("graph: bad\nstart: nowhere\nnodes: []\n")
    status, lines = doctor(running["redis"], tmp_path)
    assert status == 1 and lines[0][0].startswith("BROKEN") and f"{tmp_path}/bad.yaml:" in lines[0][-1]
