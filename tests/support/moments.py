"""Graphs of the tests: a stack whose workers reach the provider and the tools by a gate, one run of a graph and its reader, and every moment of it that a test can be at."""
import os
import random
import threading
import time
from collections import Counter, namedtuple

from support.client import PIECES, TERMINAL, in_background
from support.gate import FAILED, HALF, HELD, Gate
from support.processes import ROOT, wait_until
from support.stack import Stack
from support.turns import new_id

IS_LONG = os.environ.get("SLUICE_LONG") == "1"
FOLDERS = (ROOT / "deploy/graphs", ROOT / "tests/support/graph_files")
TOOLS_HOST = "tools.sluice.test"
CONFIG = """
models:
  - {name: default, base_url: "%(url)s", model: sim, concurrency: 2000, supports: [tools, prefill]}
  - {name: small, base_url: "%(url)s", model: sim, concurrency: 2000}
tenants: [{name: default, running: 0, queued: 0}]
"""
PATIENCE_S = 60
DELTAS = 2  # of so many pieces of a step each is a moment


class GraphStack(Stack):
    """One API and graph workers, on all graphs of deploy and of the tests. With a gate all their requests go through it."""

    def __init__(self, graph_workers=1, is_gated=True, env=None):
        files = [path for folder in FOLDERS for path in sorted(folder.glob("*.yaml"))]
        graphs = {path.stem: path.read_text().replace("timeout_s: 10\n", "timeout_s: 70\n") for path in files}  # a test holds a request for longer
        super().__init__(config=CONFIG, env=env, graphs=graphs, graph_workers=graph_workers)
        self.is_gated, self.gate = is_gated, None

    def __exit__(self, *failure):
        try:
            super().__exit__(*failure)
        finally:
            if self.gate is not None:
                self.gate.__exit__()

    def start_llmsim(self):
        super().start_llmsim()
        if self.is_gated:
            self.gate = Gate(self.llmsim_url).__enter__()
            self.provider_url = self.gate.url + "/v1"
        tools = (self.gate.url if self.is_gated else self.llmsim_url).removeprefix("http://")
        self.env = {"SLUICE_GRAPH_HOSTS": f"{TOOLS_HOST}={tools}", **self.env}


# -- scenarios -------------------------------------------------------------------------------------------------------------------

# A graph and what is said to it, turn by turn; turns behind the first go on behind an `ask`. once: what the paths of its requests end with whose effect is `once`.
Scenario = namedtuple("Scenario", "graph messages once", defaults=("?once=1",))
LONG_TEXT = "\n\n".join(f"Paragraph {n}. " + "A sluice is a gate in a channel, and water comes down it. " * 25 for n in range(9))
SCENARIOS = {
    "router": Scenario("router", ["My shell script has an error in its loop."]),
    "research": Scenario("research", ["How does a canal lock work, and what is a weir for?"]),
    "digest": Scenario("digest", [LONG_TEXT]),
    "desk": Scenario("desk", ["Where is my order?", "It says 42.", "No, 1003."]),
    "whole": Scenario("whole", ["Cancel order 1001 and order 1002, please.", "No, thank you."]),
}


class Run:
    """One generation and its reader, which reads on until the end. The moment, if one is given, is prepared at the gate."""

    def __init__(self, stack, chat, message, moment=None, generation=None, **fields):
        self.stack, self.chat, self.message, self.moment = stack, chat, message, moment
        self.generation = generation or new_id("gen")
        self.events, self.changed = [], threading.Condition()
        if moment is not None and moment.kind != "event":
            stack.gate.plan(self.generation, moment.which, moment.kind)
        self.began = time.monotonic()
        self.stream = stack.api().message(chat, message, generation_id=self.generation, on_disconnect="continue", **fields)
        assert self.stream.status == 200, self.stream.error
        self.reader = in_background(self._read)

    def _read(self):
        for event in self.stream:
            with self.changed:
                self.events.append(event)
                self.changed.notify_all()

    @property
    def end(self):
        return self.events[-1] if self.events and self.events[-1].type in TERMINAL else None

    def wait_end(self, timeout=PATIENCE_S):
        self.reader.result(timeout)
        assert self.end is not None, f"{self.generation} has no end: {self.events[-3:]}"
        return self.end

    def _is_there(self):
        if self.moment.kind == "event":
            return self.moment.which in keys_of(self.events)
        return self.stack.gate.is_at(self.generation, self.moment.which)

    def reach(self, timeout=PATIENCE_S):
        """Waits for the moment; False: the end came without it."""
        until = time.monotonic() + timeout
        with self.changed:
            while not self._is_there():
                if self.end is not None:
                    return False
                assert time.monotonic() < until, f"{self.generation} never came to {self.moment}: {self.events[-3:]} {self.stack.gate.of(self.generation)}"
                self.changed.wait(0.01)
        return True


def play(stack, chat, scenario, turns=None):
    """Runs the scenario's first turns to their `done`, all by default. The runs."""
    runs = []
    for n, message in enumerate(scenario.messages[:turns]):
        runs.append(Run(stack, chat, message, **({"graph": scenario.graph} if n == 0 else {})))
        end = runs[-1].wait_end()
        assert end.type == "done", end
    return runs


# -- moments ---------------------------------------------------------------------------------------------------------------------

# kind `event`: behind the event `which` (type, node, status, how many of these). `held`, `half`, `failed`: the request of number `which` has come and waits, was answered by half, or
# had a 503 and will be made again.
Moment = namedtuple("Moment", "turn kind which")


def keys_of(events):
    """What each event is called, the same in every run; pieces of a step only the first few."""
    counts, keys = Counter(), []
    for event in events:
        name = (event.type, event.data.get("node"), event.data.get("status"))
        counts[name] += 1
        if event.type not in TERMINAL and event.id is not None and (event.type not in PIECES or counts[name] <= DELTAS):
            keys.append((*name, counts[name]))
    return keys


def moments_of(runs):
    """All of a reference run's moments, in order of turn and kind."""
    moments = []
    for turn, run in enumerate(runs):
        moments += [Moment(turn, "event", key) for key in keys_of(run.events)]
        requests = range(1, len(run.stack.gate.of(run.generation)) + 1)
        moments += [Moment(turn, kind, number) for kind in (HELD, HALF, FAILED) for number in requests]
    return moments


def is_of_agent(run, number):
    """The request is a tool's, which an agent's model called: its failure is told to the model."""
    return "/t" in (run.stack.gate.of(run.generation)[number - 1].key or "")


def sample(moments, count, seed):
    """All of them in the long run, else a seeded sample that has some of each kind."""
    if IS_LONG:
        return moments
    rng = random.Random(seed)
    kinds = [[m for m in moments if m.kind == kind] for kind in ("event", HELD, HALF, FAILED)]
    picked = [m for of_kind in kinds for m in rng.sample(of_kind, min(len(of_kind), max(2, count * len(of_kind) // len(moments))))]
    return picked


# -- what a reader was told ------------------------------------------------------------------------------------------------------


def valid(events):
    """Without what a `reset` voided."""
    kept = []
    for event in events:
        if event.type == "reset":
            kept = [e for e in kept if e.id is None or e.id <= event.data["after"]]
        kept.append(event)
    return kept


def shown(events):
    """{part: (node, text)}"""
    parts = {}
    for event in valid(events):
        if event.type == "delta":
            node, text = parts.get(event.data["part"], (event.data.get("node"), ""))
            assert node == event.data.get("node"), event
            parts[event.data["part"]] = (node, text + event.data["text"])
    return parts


def half_shown(events):
    """The nodes whose text was shown and that are not over."""
    nodes = {}
    for event in valid(events):
        if event.type in ("delta", "reasoning", "tool_call_delta"):  # of an unseen agent there are whole calls only
            nodes[event.data["node"]] = True
        if event.type == "step" and event.data["status"] in ("finished", "failed"):
            nodes.pop(event.data["node"], None)
    return set(nodes)


def steps_of(events):
    """Counter of (step, node) that were started."""
    return Counter((e.data["step"], e.data["node"]) for e in events if e.type == "step" and e.data["status"] == "started")


def check_log(run):
    """Every event once, in order; one end, the last."""
    ids = [e.id for e in run.events if e.id is not None]
    assert ids == list(range(1, len(ids) + 1)), ids
    assert sum(e.type in TERMINAL for e in run.events) == 1 and run.end is not None


def wait_closed(stack, generation):
    """All requests of the generation once each is over."""
    wait_until(lambda: all(a.end for a in stack.gate.of(generation)), f"the requests of {generation} to be over")
    return stack.gate.of(generation)
