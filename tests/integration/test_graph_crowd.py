"""500 graphs at once on one worker: they cost little each, and give all of it back. An expression that never ends delays
another graph's steps by little.

Without sanitizers (tests/run --figures) the crowd is full size.
"""

import http.client
import json
import threading
import time
import urllib.parse

from support.client import in_background
from support.moments import PATIENCE_S, GraphStack, Run
from support.processes import BIN, wait_until
from support.turns import new_id

IS_SANITIZED = b"__asan_init" in (BIN / "sluice-graph-worker").read_bytes()
GRAPHS = 60 if IS_SANITIZED else 500
FIRST_MS = 6000  # until all are there, on a machine that has nothing else to do
WARM, STEADY = 2, 0.08  # after so many rounds, of its memory so much may two more add
ENV = {"SLUICE_LOG_LEVEL": "info", "SLUICE_WORKER_SLOTS": str(GRAPHS), "SLUICE_WORKER_LEASE": "20s"}
OPEN = "sluice:{s00}:open"
LONGEST_MS = 5000  # a gross bound: an expression that held others up would do so for all of a graph's time
FEWEST = 6  # expressions that never end, while others are walked through


def pour(url, count, message):
    """So many generations of the graph, accepted at once, over one connection."""
    parts = urllib.parse.urlsplit(url)
    headers = {"Content-Type": "application/json", "Prefer": "respond-async"}
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
    ids = []
    for _ in range(count):
        connection.request(
            "POST", f"/v1/chats/{new_id('chat')}/messages", json.dumps({"message": message, "graph": "crowd"}), headers
        )
        response = connection.getresponse()
        answer = json.loads(response.read())
        assert response.status == 202, answer
        ids.append(answer["generation_id"])
    connection.close()
    return ids


def pace(stack):
    """How long the models are silent, in ms, so that all graphs are there meanwhile on this machine as it is now."""
    began = time.monotonic()
    pour(stack.api_processes[0].url, GRAPHS, "!sim tokens=2 delay_ms=0")
    wait_until(lambda: stack.redis.zcard(OPEN) == 0, "all graphs to end", 120)
    return FIRST_MS + int(3000 * (time.monotonic() - began))


def a_round(stack, worker, first_ms):
    """(memory with all of them under way, memory afterwards), in kB."""
    ids = pour(stack.api_processes[0].url, GRAPHS, f"!sim first_ms={first_ms} tokens=20 delay_ms=0")
    wait_until(lambda: stack.provider_stats()["open"] == GRAPHS, "all graphs to ask their model", first_ms / 1000)
    peak = worker.memory_kb()
    wait_until(lambda: stack.redis.zcard(OPEN) == 0, "all graphs to end", 120)
    states = {stack.api().generation(generation)[1]["state"] for generation in ids}
    assert states == {"done"}, states
    wait_until(lambda: stack.metrics(worker_url(worker))["sluice_generations_running"] == 0, "all runs to be forgotten", 60)
    return peak, worker.memory_kb()


def worker_url(worker):
    return "http://" + worker.wait_log(r"metrics=(\S+)").group(1)


def test_a_crowd_of_graphs_costs_little_and_leaves_nothing():
    with GraphStack(is_gated=False, env=ENV) as stack:
        worker = stack.graph_processes[0]
        assert Run(stack, new_id("chat"), "!sim tokens=20 delay_ms=0", graph="crowd").wait_end().type == "done"
        before = worker.memory_kb()
        first_ms = pace(stack)
        peaks, rests = zip(*[a_round(stack, worker, first_ms) for _ in range(WARM + 2)])
        each = (peaks[0] - before) * 1024 / GRAPHS
        print(f"figure: {GRAPHS} graphs at once on one worker: {each:.0f} bytes each; from {before} kB, its memory is "
              f"{', '.join(f'{p}/{r}' for p, r in zip(peaks, rests))} kB with and behind each round")  # fmt: skip
        assert each < 256 * 1024
        assert peaks[-1] - peaks[WARM - 1] < STEADY * peaks[-1] and rests[-1] - rests[WARM - 1] < STEADY * rests[-1], "it is flat"


def gaps(run):
    """How long each step ended behind the one before, in ms, sorted."""
    times = [e.at for e in run.events if e.type == "step" and e.data["status"] == "finished"]
    return sorted((b - a) * 1000 for a, b in zip(times, times[1:]))


def walk(stack, times, is_enough=None):
    runs = []
    while len(runs) < times or is_enough and not is_enough.is_set():
        runs.append(Run(stack, new_id("chat"), "Walk.", graph="walk"))
        end = runs[-1].wait_end()
        assert end.type == "done", end
    return sorted(gap for run in runs for gap in gaps(run))


def test_an_expression_that_never_ends_delays_nobody_for_long():
    with GraphStack(is_gated=False, env={"SLUICE_LOG_LEVEL": "info"}) as stack:
        walk(stack, 2)
        alone = walk(stack, 10)
        is_enough, ends = threading.Event(), []
        walking = in_background(walk, stack, 20, is_enough)
        while walking.thread.is_alive():
            ends.append(Run(stack, new_id("chat"), "Run.", graph="runaway").wait_end())
            if len(ends) >= FEWEST:
                is_enough.set()
        among = walking.result(PATIENCE_S)
        assert len(ends) >= FEWEST and {e.type for e in ends} == {"failed"}, ends
        assert {e.data["error"]["code"] for e in ends} == {"step_failed"} and all(
            "bad_expression" in e.data["error"]["message"] for e in ends
        )
        p99 = len(alone) * 99 // 100
        p99_among = len(among) * 99 // 100
        print(
            f"figure: steps of a graph follow each other in {alone[len(alone) // 2]:.1f} ms (p99 {alone[p99]:.1f} ms, "
            f"at most {alone[-1]:.1f} ms) alone; while {len(ends)} expressions that never end are run in "
            f"{among[len(among) // 2]:.1f} ms (p99 {among[p99_among]:.1f} ms, at most {among[-1]:.1f} ms)"
        )
        assert among[p99_among] < LONGEST_MS
