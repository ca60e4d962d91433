"""kill -9 of the graph worker at each step of each example; a second worker goes on from the checkpoints. Many runs, each held at a moment of its own by the gate, lose their worker at
once. The end is `done` with the text of a run that nobody kills, nothing of it missing or twice; `interrupted` only where half a step's text was shown and the policy says so.

No request that is sent again has another key or another body, none of `effect: once` is sent twice. All moments with SLUICE_LONG=1, else a sample.
"""
import json
import random
import time
from collections import Counter

import pytest

from support.client import in_background
from support.moments import FAILED, IS_LONG, SCENARIOS, GraphStack, Run, check_log, half_shown, is_of_agent, moments_of, play, sample, shown, steps_of, wait_closed
from support.turns import new_id

EACH = 14  # moments of an example, for each policy
BATCH, AT_ONCE = 64, 6
PATIENCE_S = 120
ENV = {"SLUICE_WORKER_LEASE": "2s", "SLUICE_LOG_LEVEL": "info"}
POLICIES = ("interrupted", "restart", "continue")


@pytest.fixture(scope="module")
def stack():
    with GraphStack(env=ENV) as running:
        yield running


@pytest.fixture(scope="module")
def references(stack):
    return {name: play(stack, new_id("chat"), scenario) for name, scenario in SCENARIOS.items()}


def texts(events):
    """What was shown, without the order in which parallel branches began."""
    return sorted(shown(events).values())


def ran_again(events):
    """The steps that were started behind their end."""
    ended, again = set(), set()
    for event in events:
        if event.type == "step":
            name = (event.data["step"], event.data["node"])
            if event.data["status"] == "started" and name in ended:
                again.add(name)
            if event.data["status"] in ("finished", "failed"):
                ended.add(name)
    return again


class Killed:
    """One turn that is at its moment when its worker is killed."""

    def __init__(self, stack, name, moment, policy):
        scenario = SCENARIOS[name]
        self.stack, self.name, self.moment, self.policy = stack, name, moment, policy
        self.chat = new_id("chat")
        play(stack, self.chat, scenario, moment.turn)
        graph = {"graph": scenario.graph} if moment.turn == 0 else {}
        self.run = Run(stack, self.chat, scenario.messages[moment.turn], moment, on_interrupt=policy, **graph)
        self.was_reached = self.run.reach()
        stack.gate.shut(self.run.generation)  # it stays there

    def check(self, reference):
        """Its figures."""
        run = self.run
        end = run.wait_end(PATIENCE_S)
        check_log(run)
        asked = wait_closed(self.stack, run.generation)
        lost = len([e for e in run.events if e.type == "started"]) - 1 + (end.type == "interrupted")
        if end.type == "interrupted":
            assert self.policy == "interrupted" and half_shown(run.events[:-1]), (self.moment, run.events)
            assert end.data["error"]["code"] == "worker_lost" and end.data["restore"]["message"] == run.message
            self.check_partial(reference)
        else:
            assert end.type == "done", (self.moment, self.policy, end, [(e.id, e.type, e.data.get("node"), e.data.get("status")) for e in run.events])
            self.check_whole(reference)
        keys = Counter(a.key for a in asked if a.key)
        bodies = {a.key: {b.body for b in asked if b.key == a.key} for a in asked if a.key}
        assert all(key.startswith(run.generation + ":") for key in keys) and all(len(b) == 1 for b in bodies.values()), (keys, bodies)
        assert not ran_again(run.events), "what was finished is not run again"
        prefilled = [a for a in asked if a.key is None and json.loads(a.body)["messages"][-1]["role"] == "assistant"]
        assert not prefilled or self.policy == "continue"
        return Counter(
            prefilled=len(prefilled), early=not self.was_reached, lost=lost, done=end.type == "done", interrupted=end.type == "interrupted", steps=sum(steps_of(run.events).values()),
            repeated=sum(n - 1 for n in steps_of(run.events).values()), keyed=sum(n - 1 for n in keys.values()) - sum(a.was_refused for a in asked),
            once=sum(n - 1 for key, n in keys.items() if any(a.key == key and a.path.endswith(SCENARIOS[self.name].once) for a in asked)),
        )  # fmt: skip

    def check_whole(self, reference):
        assert texts(self.run.events) == texts(reference.events), (self.moment, self.policy, self.run.events)
        reply = self.stack.api().chat(self.chat)[1]["messages"][-1]
        assert reply["generation_id"] == self.run.generation
        assert reply["content"] == "\n\n".join(text for _, (_, text) in sorted(shown(self.run.events).items()))
        if self.policy == "interrupted":
            assert "reset" not in [e.type for e in self.run.events], "what was shown stays"

    def check_partial(self, reference):
        """Beginnings of what the reference shows, each once."""
        whole = Counter(node for node, _ in texts(reference.events))
        for node, text in texts(self.run.events):
            assert any(node == n and t.startswith(text) for n, t in texts(reference.events)), (node, text)
            whole[node] -= 1
        assert min(whole.values()) >= 0, self.run.events
        assert self.stack.api().chat(self.chat)[0] == 404 or self.moment.turn > 0


def kill_and_go_on(stack, batch):
    time.sleep(0.3)  # what they did on the way to their moments is in Redis
    for worker in stack.graph_processes:
        worker.kill()
    for killed in batch:
        stack.gate.open(killed.run.generation)
    stack.graph_processes.clear()
    stack.start_graph_worker()


def usable(runs):
    """Without the failures that a model is told of: it says something else then."""
    return [m for m in moments_of(runs) if m.kind != FAILED or not is_of_agent(runs[m.turn], m.which)]


@pytest.mark.parametrize("policy", POLICIES)
def test_killed_at_each_step(stack, references, policy):
    rng = random.Random(policy)
    wanted = [(name, moment) for name, runs in references.items() for moment in sample(usable(runs), EACH, f"{name} {policy}")]
    rng.shuffle(wanted)
    sums = Counter()
    for first in range(0, len(wanted), BATCH):
        todo = wanted[first:first + BATCH]
        makers = [in_background(lambda share: [Killed(stack, name, moment, policy) for name, moment in share], todo[n::AT_ONCE]) for n in range(AT_ONCE)]
        batch = [killed for maker in makers for killed in maker.result(PATIENCE_S)]
        kill_and_go_on(stack, batch)
        for killed in batch:
            sums += killed.check(references[killed.name][killed.moment.turn])
    print(f"figure: kills, on_interrupt {policy}: {len(wanted)} graphs of {len(references)} examples killed, each at a moment of its own ({sums['early']} had ended): {sums['done']} done, "
          f"{sums['interrupted']} interrupted in half-shown text, {len(wanted) - sums['done'] - sums['interrupted']} lost; {sums['steps']} steps run, {sums['repeated']} repeated, "
          f"none that had ended, {sums['prefilled']} answers gone on with; "
          f"{sums['keyed']} requests sent again with the same key, {sums['once']} of `once` sent twice; visible text repeated 0, missing 0")  # fmt: skip
    assert sums["done"] + sums["interrupted"] == len(wanted) and sums["once"] == 0
    assert sums["early"] < len(wanted) / 3 and sums["lost"] >= len(wanted) / 2, "the kills hit"
    assert sums["repeated"] > 0 and sums["keyed"] > 0 and (not IS_LONG or policy != "continue" or sums["prefilled"] > 0)
