"""Stops at every possible moment of a graph, enumerated from a run that nobody stops: behind each of its events (before, inside
and after each step, in parallel branches), while a request to a model or a tool waits for its answer, in the middle of that
answer, and in the back-off of a retry. By POST stop and by the flag, as redis-cli sets it.

Whenever it comes: the reader is told, the message is given back byte for byte, every connection is closed, nothing is asked any
more, the chat is as it was, the next message runs. The gate (support/gate.py) holds a run at its moment; the worker's log says
when it heard of the stop. All moments with SLUICE_LONG=1, else a sample.
"""
import re
import statistics
import time
from collections import defaultdict

import pytest

from support.client import in_background
from support.moments import FAILED, HELD, SCENARIOS, GraphStack, Run, check_log, moments_of, play, sample, shown, wait_closed
from support.processes import wait_until
from support.turns import new_id

MEDIAN_MS, MOST_MS = 2000, 20000  # gross bounds: a busy machine stands still at times
# Behind the reader's `stopped` a request may leave a worker that the word is still on its way to: a gross bound too, the
# figure is printed.
AFTER_MS = 2000
EACH = 30  # moments of an example, in the normal run
AT_ONCE = 4
METADATA = {"of": "a test", "ünï": ["código", None]}


@pytest.fixture(scope="module")
def stack():
    with GraphStack(env={"SLUICE_LOG_LEVEL": "debug"}) as running:
        yield running


class Stopped:
    """One turn that is stopped at its moment, and what came of it."""

    def __init__(self, stack, scenario, moment, number):
        self.stack, self.moment = stack, moment
        self.chat, self.by_flag = new_id("chat"), number % 3 == 2
        if moment.turn == 0 and number % 2:
            Run(stack, self.chat, "Earlier.", graph="echo").wait_end()
        play(stack, self.chat, scenario, moment.turn)
        self.before = stack.api().chat(self.chat)
        graph = {"graph": scenario.graph} if moment.turn == 0 else {}
        self.run = Run(stack, self.chat, scenario.messages[moment.turn], moment, metadata=METADATA, **graph)
        self.outcome = "stopped" if self.run.reach() else "missed"
        if self.outcome == "stopped":
            self.stop()
        if self.outcome == "stopped":
            self.check()
            self.go_on(scenario)
        self.run.wait_end()
        check_log(self.run)

    def stop(self):
        self.sent_at = time.monotonic()
        if self.by_flag:
            self.stack.redis.execute_command("SET", f"chat_stop:{self.chat}", "1", "EX", "60")
        else:
            status, self.answer = self.stack.api().stop(self.run.generation)
            assert status == 200
        self.answered_at = time.monotonic()
        end = self.run.wait_end()
        if end.type == "done":
            self.outcome = "late"
            assert self.by_flag or self.answer["outcome"] == "already_done"

    def check(self):
        end, generation = self.run.end, self.run.generation
        reason = "flag" if self.by_flag else "user"
        assert end.type == "stopped" and end.data["done"] is False and end.data["reason"] == reason, end
        assert end.data["restore"] == {"message": self.run.message, "attachments": [], "metadata": METADATA}
        assert end.data["committed"] is False
        if not self.by_flag:
            assert self.answer["outcome"] == "stopped" and self.answer["seq"] == end.id, self.answer
            assert self.answer["restore"] == end.data["restore"], self.answer
        self.told_ms = (end.at - self.sent_at) * 1000
        asked = wait_closed(self.stack, generation)
        self.closed_ms = [(a.ended_at - self.sent_at) * 1000 for a in asked if a.ended_at > self.sent_at]
        now = self.stack.api().chat(self.chat)
        assert now == self.before or self.before[0] == 404 == now[0], "the chat is as it was"

    def go_on(self, scenario):
        """The next message runs at once: behind the question that is still asked, or any other."""
        known = len(self.before[1]["messages"]) if self.before[0] == 200 else 0
        is_answer = self.moment.turn > 0
        message, graph = (self.run.message, {}) if is_answer else ("Again.", {"graph": "echo"})
        following = Run(self.stack, self.chat, message, **graph)
        end = following.wait_end()
        assert end.type == "done", end
        started = next(e for e in following.events if e.type == "started")
        self.again_ms = (started.at - following.began) * 1000
        messages = self.stack.api().chat(self.chat)[1]["messages"]
        assert len(messages) == known + 2 and messages[-2]["content"] == following.message
        assert messages[-1]["content"] == "\n\n".join(text for _, (_, text) in sorted(shown(following.events).items()))

    @property
    def over_at(self):
        """When its reader knew, or whoever stopped it."""
        return self.run.end.at if self.by_flag else min(self.run.end.at, self.answered_at)


MOMENTS = re.compile(r"(run\.flag|run\.close|ask\.begin|errand\.begin|ask\.leave|errand\.leave) gen=(\S+) .*us=(\d+)$", re.M)


def told_by_worker(stack):
    """{generation: {what: [when]}}: when the worker saw the flag and heard of the end, when its requests were begun and left."""
    told = defaultdict(lambda: defaultdict(list))
    for what, generation, us in MOMENTS.findall(stack.graph_processes[0].read_log()):
        told[generation][what.rpartition(".")[2]].append(int(us) / 1e6)
    return told


def check_nothing_leaves(stack, stopped):
    """No request of a stopped one was begun once its worker had seen the flag, or left once it had heard of the stop; the gate
    has had none that the log does not tell. (how many workers heard, how late in ms requests left behind what the reader knew)"""
    told = told_by_worker(stack)
    heard, after = 0, []
    for r in stopped:
        moments = told[r.run.generation]
        asked = stack.gate.of(r.run.generation)
        assert len(asked) <= len(moments["leave"]), (r.moment, asked, moments)
        if not moments["close"]:
            assert not moments["begin"], (r.moment, moments)  # no worker had it
            continue
        heard += 1
        after += [(at - r.over_at) * 1000 for at in moments["leave"] if at > r.over_at]
        [closed] = moments["close"]
        seen = moments["flag"][-1] if moments["flag"] else closed
        late = [at for at in moments["leave"] if at > closed] + [at for at in moments["begin"] if at > min(seen, closed)]
        assert not late, (r.moment, late, moments)
    return heard, after


@pytest.mark.parametrize("name", SCENARIOS)
def test_stopped_at_every_moment(stack, name):
    scenario = SCENARIOS[name]
    reference = play(stack, new_id("chat"), scenario)
    everything = moments_of(reference)
    moments = sample(everything, EACH, name)
    numbered = list(enumerate(moments))

    def some(share):
        return [Stopped(stack, scenario, moment, n) for n, moment in share]

    shares = [in_background(some, numbered[n::AT_ONCE]) for n in range(AT_ONCE)]
    results = [r for share in shares for r in share.result(380)]
    stopped = [r for r in results if r.outcome == "stopped"]
    told = sorted(r.told_ms for r in stopped)
    closed = sorted(ms for r in stopped for ms in r.closed_ms)
    again = sorted(r.again_ms for r in stopped)
    late = [r for r in results if r.outcome == "late"]
    heard, after = check_nothing_leaves(stack, stopped)
    print(f"figure: {name}: {len(stopped)} stops at {len(moments)} of {len(everything)} moments "
          f"({sum(r.by_flag for r in stopped)} by the flag, {len(late)} came behind the end): "
          f"told after {statistics.median(told):.1f} ms at the median, {told[-1]:.1f} ms at most")  # fmt: skip
    print(f"figure: {name}: {len(closed)} open requests closed {statistics.median(closed):.1f} ms after the stop at the median, "
          f"{closed[-1]:.1f} ms at most; requests that began or left once the worker had heard of it: 0 in {heard}; "
          f"behind the reader's end or the stop's answer left {len(after)} ({max(after, default=0):.1f} ms at most); "
          f"the next message ran after {statistics.median(again):.1f} ms")  # fmt: skip
    assert all(statistics.median(ms) < MEDIAN_MS and ms[-1] < MOST_MS for ms in (told, closed, again))
    assert max(after, default=0) < AFTER_MS
    # a failure that a model is told of may be an end
    assert all(r.moment.kind in ("event", FAILED) for r in late), "a request that waits is no end"
    missed = [r.moment for r in results if r.outcome == "missed"]
    assert len(missed) <= len(moments) / 10 and len(late) <= len(moments) / 2, (missed, late)


def test_a_tool_that_hangs_sees_its_connection_closed(stack):
    """A tool that would answer after a minute: of an `http` node, and of an agent."""
    took = []
    for n in range(12):
        generation, graph = new_id("gen"), ("hanging", "hanging_agent")[n % 2]
        run = Run(stack, new_id("chat"), "Wait, please.", generation=generation, graph=graph)
        wait_until(lambda: any("/hang" in a.path for a in stack.gate.of(generation)), "the tool to be asked")
        sent_at = time.monotonic()
        if n % 3 == 2:
            stack.redis.execute_command("SET", f"chat_stop:{run.chat}", "1", "EX", "60")
        else:
            assert stack.api().stop(generation)[1]["outcome"] == "stopped"
        assert run.wait_end().type == "stopped"
        rows = wait_closed(stack, generation)
        assert rows[-1].end == "closed"
        took.append((rows[-1].ended_at - sent_at) * 1000)
    print(f"figure: a tool that hangs for 60 s sees its connection closed after {statistics.median(took):.1f} ms at the median, "
          f"{max(took):.1f} ms at most, of {len(took)}")  # fmt: skip
    assert statistics.median(took) < MEDIAN_MS and max(took) < MOST_MS
    wait_until(lambda: stack.provider_stats()["open"] == 0, "the tool's server to be left")



def test_nothing_is_asked_before_the_log_has_its_step(stack):
    """Redis takes no writes for a while. A step that begins then asks nobody until its start is in the log, where a stop would
    have been in its way."""
    generation = new_id("gen")
    for number in (3, 4):  # two children of the map, all that run at once
        stack.gate.plan(generation, number, HELD)
    run = Run(stack, new_id("chat"), SCENARIOS["whole"].messages[0], generation=generation, graph="whole")
    wait_until(lambda: stack.gate.is_at(generation, 3) and stack.gate.is_at(generation, 4), "the map's first two")
    time.sleep(0.2)  # what was put is in the log
    stack.redis.execute_command("CLIENT", "PAUSE", 60_000, "WRITE")
    stack.gate.open(generation)
    wait_closed(stack, generation)
    time.sleep(0.5)
    assert len(stack.gate.of(generation)) == 4, "the next was asked"
    stack.redis.execute_command("CLIENT", "UNPAUSE")
    assert run.wait_end().type == "done"
    assert len(stack.gate.of(generation)) > 6
