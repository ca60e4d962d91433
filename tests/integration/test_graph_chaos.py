"""Graphs under trouble: whatever becomes of workers, of Redis and of the connections between them, each generation has one end,
no text twice, and each step is told as finished exactly once; a done one has all of its steps and all of its text, though steps
ran again.

Scenario: clients run one graph after the other (a map, visible branches side by side, an agent's worth of silent steps, a
visible end that counts what the steps gave), while the trouble goes on.
"""

import collections
import os
import threading
import time
import traceback

import pytest

from support import chaos
from support.client import TERMINAL
from support.graphs import parts, rows, steps
from support.processes import wait_until
from support.stack import Stack

IS_LONG = os.environ.get("SLUICE_LONG") == "1"
SEEDS = range(1, 6) if IS_LONG else [1]
SECONDS = 40 if IS_LONG else 5
LEASE = {"SLUICE_WORKER_LEASE": "3s"}
CONFIG = """
models:
  - {name: default, base_url: "%(url)s", model: sim}
"""
GRAPH = r"""
graph: work
start: seed
nodes:
  - {id: seed, kind: set, value: '[range(5)]', next: each}
  - {id: each, kind: map, over: .out.seed, concurrency: 3,
     do: {kind: llm, history: none, prompt: "!sim tokens=2 delay_ms=5 {{ .item }}"}, next: both}
  - id: both
    kind: parallel
    branches:
      left: {kind: llm, visible: true, history: none, prompt: "!sim tokens=12 text=self delay_ms=10 left"}
      right: {kind: llm, visible: true, history: none, prompt: "!sim tokens=6 text=self delay_ms=10 right"}
      quiet: {kind: set, value: '"kept"'}
    next: round
  - {id: round, kind: set, value: '(.out.round // 0) + 1', next: again}
  - {id: again, kind: branch, cases: [{if: '.out.round < 4', then: round}], else: tell}
  - {id: tell, kind: set, visible: true, value: '[(.out.each | length), .out.round, .out.both.quiet, .input.message]', next: end}
"""
FINISHED = sorted(
    [
        "seed",
        *[f"each/{n}" for n in range(5)],
        "each",
        "both/left",
        "both/right",
        "both/quiet",
        "both",
        *["round"] * 4,
        *["again"] * 4,
        "tell",
    ]
)


def self_told(text):
    """The numbers of a text that tells of itself, and how many answers of the model it is of."""
    words = [w.split(":") for w in text.split()]
    return [int(n) for _, n in words], len({of for of, _ in words})


def check_done(stream, message):
    texts = list(parts(stream).values())
    assert texts[2] == f'[5,4,"kept","{message}"]', texts
    assert sorted(self_told(t) for t in texts[:2]) == [
        (list(range(6)), 1),
        (list(range(12)), 1),
    ], texts  # in order of their start
    finished = [(step, node) for step, node, _, status in steps(stream) if status == "finished"]
    assert sorted(node for _, node in finished) == FINISHED and len(set(finished)) == len(finished), finished


class Graphs:
    """Clients that run one graph after the other, each read to its end."""

    def __init__(self, stack, may_lose=False, clients=4):
        self.stack, self.may_lose, self.is_over, self.failures = stack, may_lose, False, []
        self.ends = collections.Counter()
        self.threads = [threading.Thread(target=self._client, args=(n,), daemon=True) for n in range(clients)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def _client(self, n):
        try:
            while not self.is_over and not self.failures:
                self._turn(f"client {n}")
        except Exception:  # told at the end
            self.failures.append(traceback.format_exc())

    def _turn(self, message):
        api = self.stack.api()
        stream = api.new_chat(message, graph="work", on_disconnect="continue")
        if stream.status != 200:
            assert self.may_lose or stream.status == 503, stream.error
            return time.sleep(0.1)
        stream.read_all()
        if not stream.events:  # Redis lost the whole of it before the first was read
            assert self.may_lose
            return None
        end = stream.events[-1].type
        self.ends[end] += 1
        types = [e.type for e in stream.events]
        if "rewound" in types or "gone" in types or end not in TERMINAL:
            assert self.may_lose, types
            return None
        assert sum(t in TERMINAL for t in types) == 1, types
        assert [e.id for e in stream.events] == list(range(1, len(types) + 1))
        assert end in ("done", "interrupted"), stream.events[-1].data
        if end == "done":
            check_done(stream, message)
            if not self.may_lose:
                kept = api.chat(stream.chat)[1]["messages"][-1]
                assert len(rows(kept)) == len(FINISHED)
        return None

    def __exit__(self, kind, value, trace):
        if kind is None:
            wait_until(lambda: self.failures or self.ends["done"] > 5, "graphs to be done", chaos.PATIENCE_S)
        self.is_over = True
        for thread in self.threads:
            thread.join(chaos.PATIENCE_S)
        if kind is not None:
            return
        assert not any(thread.is_alive() for thread in self.threads), "a client hangs"
        assert not self.failures, "\n".join(self.failures)
        chaos.check_quiet(self.stack)
        print(f"{sum(self.ends.values())} graphs: {dict(self.ends)}")


def kill_graph_worker(stack, rng):
    victim = rng.choice(stack.graph_processes)
    victim.kill()
    assert "Sanitizer" not in victim.read_log(), victim.read_log()[-4000:]
    stack.graph_processes.remove(victim)
    stack.processes.remove(victim)
    stack.start_graph_worker()


@pytest.mark.parametrize("seed", SEEDS)
def test_lost_commands_and_lost_replies(seed):
    """Connections of graph workers to Redis are cut at every moment: an event and its checkpoint are there together, and once."""
    with Stack(graphs={"work": GRAPH}, graph_workers=0, config=CONFIG, env=LEASE) as stack:
        proxies = [chaos.LossyProxy(stack, f"{seed}-{n}", 0.02) for n in range(2)]
        for proxy in proxies:
            stack.start_graph_worker({"SLUICE_REDIS_URL": proxy.url})
        with Graphs(stack):
            time.sleep(SECONDS)
            wait_until(lambda: sum(proxy.cuts for proxy in proxies) > 10, "connections to be cut")
            for proxy in proxies:
                proxy.share = 0


@pytest.mark.parametrize("seed", SEEDS)
def test_workers_and_redis_die(seed):
    """With appendfsync always: nothing that was answered is lost."""
    attacks = [kill_graph_worker, chaos.forget_scripts, chaos.kill_redis]
    with Stack(
        graphs={"work": GRAPH}, graph_workers=2, config=CONFIG, env=LEASE, redis_args=["--appendfsync", "always"]
    ) as stack, Graphs(stack) as load:
        chaos.attack(stack, load, seed, attacks, SECONDS * 2)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_redis_loses_is_said_again(seed):
    """A Redis that loses the end of what it had acknowledged gets it again from the workers, checkpoints too."""
    with Stack(graphs={"work": GRAPH}, graph_workers=2, config=CONFIG, env=LEASE) as stack, Graphs(stack, may_lose=True) as load:
        chaos.attack(stack, load, seed, [chaos.lose_tail], SECONDS * 2)
