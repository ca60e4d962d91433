"""A real small model behind a real server (`deploy/run --local-llm`): an answer streams to `done`; after a stop in mid-stream the server's own slots are idle;
the four example graphs come to `done` by HTTP and by `sluice graph run`, whatever so small a model makes of them.

Run by `tests/run --local-llm`; the model comes from packages, so it is skipped where they cannot be had.
"""
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time

import pytest

from support.client import Api, get_json
from support.processes import ROOT, Process, wait_until

PATIENCE_S = 600  # packages of about 200 MB, once
SLUICE = ROOT / "build/release/bin/sluice"  # as deploy/run builds it


@pytest.fixture(scope="module")
def running():
    if not os.environ.get("SLUICE_LOCAL_LLM"):
        pytest.skip("run it by tests/run --local-llm")
    with tempfile.TemporaryDirectory(prefix="sluice-llm-") as folder:
        home = pathlib.Path(folder)
        run = Process("deploy-run", [ROOT / "deploy/run", "--local-llm"], home, {"SLUICE_HOME": str(home / "state"), "SLUICE_PORT": "0"})
        try:
            wait_until(lambda: not run.is_alive() or any(line.startswith("ready ") for line in run.lines), "deploy/run to be ready", PATIENCE_S, 0.5)
            if not run.is_alive():
                log = run.read_log()
                assert "cannot be had here" in log, log
                pytest.skip(log.strip().splitlines()[-1])
            yield {line.split()[0]: line.split()[1] for line in run.lines}
            run.signal(signal.SIGINT)
            assert run.wait(15) == 0
        except BaseException:
            print(run.read_log()[-6000:])
            raise
        finally:
            run.kill()


def slots(provider):
    return get_json(provider.removesuffix("/v1") + "/slots")[1]


def test_a_real_answer_streams(running):
    stream = Api(running["ready"]).new_chat("Name three colours.", params={"max_tokens": 40})
    last = stream.read_all()[-1]
    print(stream.text)
    assert last.type == "done" and len(stream.text) > 5 and last.data["usage"]["source"] == "provider" and last.data["usage"]["input"] > 0


def test_stop_frees_the_model(running):
    api = Api(running["ready"])
    stream = api.new_chat("Write a very long story about a river, in many chapters.", params={"max_tokens": 2000})
    for _ in range(5):
        stream.until("delta")
    assert any(s["is_processing"] for s in slots(running["provider"]))
    began = time.monotonic()
    answer = api.stop(stream.generation)[1]
    assert answer["outcome"] == "stopped" and answer["restore"]["message"].startswith("Write a very long story")
    wait_until(lambda: not any(s["is_processing"] for s in slots(running["provider"])), "the server's slots to be idle", 30)
    print(f"figure: the model's slots were idle {(time.monotonic() - began) * 1000:.0f} ms after the stop was sent")
    assert stream.read_all()[-1].type == "stopped"


LONG = "\n\n".join(f"Channel {n} was dug in the year {1800 + n}. Its water drives {n} mills, and its gate is shut at night." for n in range(24))
GRAPHS = [
    ("router", ["My Python program prints an error. What does KeyError mean?"], ("sort",)),
    ("research", ["How does a canal lock work?"], ("look",)),
    ("digest", [LONG], ("cut", "each", "all")),
    ("desk", ["Where is my order?", "It is 4711"], ("has_number", "which", "number", "order", "found", "answer")),
]


@pytest.mark.parametrize("graph, messages, nodes", GRAPHS, ids=[row[0] for row in GRAPHS])
def test_example_graphs(running, graph, messages, nodes):
    api, chat, seen, text = Api(running["ready"]), None, [], ""
    for message in messages:
        stream = api.new_chat(message, graph=graph) if chat is None else api.message(chat, message)
        chat, events = stream.chat, stream.read_all()
        assert events[-1].type == "done", events[-1].data
        seen += [e.data["node"] for e in events if e.type == "step" and e.data["status"] == "finished"]
        text = stream.text
    print(f"{graph}: {' '.join(seen)}\n{text}")
    assert len(text) > 5 and (set(nodes) <= set(seen) or {"alone", "generalist"} & set(seen)), seen


@pytest.mark.parametrize("graph, messages, nodes", GRAPHS, ids=[row[0] for row in GRAPHS])
def test_example_graphs_by_the_command_line(running, graph, messages, nodes):
    env = {**{k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")}, "SLUICE_URL": running["ready"]}
    typed = "".join(m + "\n" for m in messages[1:])
    done = subprocess.run([SLUICE, "graph", "run", graph, messages[0]], input=typed, env=env, capture_output=True, text=True, timeout=360, check=False)
    print(done.stderr + done.stdout)
    seen = re.findall(r"^ *\d+  (\S+) +\w+ +finished", done.stderr, re.M)
    assert done.returncode == 0 and re.search(r"^done: (stop|length)$", done.stderr, re.M) and len(done.stdout) > 5
    assert set(nodes) <= set(seen) or {"alone", "generalist"} & set(seen), seen


def test_stop_frees_the_model_of_a_graph(running):
    api = Api(running["ready"])
    stream = api.new_chat("Write a very long story about a river, in many chapters.", graph="router")
    stream.until("delta")
    began = time.monotonic()
    assert api.stop(stream.generation)[1]["outcome"] == "stopped"
    wait_until(lambda: not any(s["is_processing"] for s in slots(running["provider"])), "the server's slots to be idle", 30)
    print(f"figure: the model's slots were idle {(time.monotonic() - began) * 1000:.0f} ms after a graph's stop was sent")
    assert stream.read_all()[-1].type == "stopped"
