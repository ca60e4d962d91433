"""What a graph asks of others when its worker dies, or is told something else, in the middle.

Scenario: a tool server that hangs at gates; workers that are killed while a request is under way, others that take over; the
Idempotency-Key and the count of what arrives tell what was sent again. Then a reload that changes what may be reached.
"""

import json
import signal

import pytest

from support.calls import assert_secret_is_nowhere, calling_stack, of_type, outcome, tool_answers
from support.client import TERMINAL, text_of
from support.processes import wait_until


@pytest.fixture(scope="module")
def frail(tools):
    """A worker that is killed, and others that take over soon."""
    with calling_stack(tools, env={"SLUICE_WORKER_LEASE": "3s"}) as stack:
        yield stack


def kill_and_follow(stack):
    """kill -9 of the only worker; another comes."""
    stack.graph_processes.pop().kill()
    stack.start_graph_worker()


def crashed(frail, tools, graph, gate):
    """A generation whose tool hangs at the gate while its worker is killed; then the gate opens."""
    stream = frail.api().new_chat(
        gate if graph in ("keyed", "once") else f"Where is order {gate}?",
        graph=graph,
        on_disconnect="continue",
        on_interrupt="restart",
    )
    assert stream.status == 200, stream.error
    tools.wait(stream.generation)
    kill_and_follow(frail)
    tools.open(gate)
    events = stream.read_all()
    assert sum(e.type in TERMINAL for e in events) == 1
    return stream.generation, events


def test_keyed_is_sent_again_with_the_same_key(frail, tools):
    generation, events = crashed(frail, tools, "keyed", "k1")
    asked = tools.of(generation)
    assert (
        len(asked) == 2 and {a.key for a in asked} == {f"{generation}:1"} and '"gate":"k1"' in text_of(events).replace(" ", "")
    ), events


def test_once_is_never_sent_again(frail, tools):
    generation, events = crashed(frail, tools, "once", "o1")
    assert len(tools.of(generation)) == 1 and "effect_unknown" in text_of(events), events


@pytest.mark.parametrize("graph,gate", [("desk_keyed", "201"), ("desk_hidden", "202")])
def test_an_agent_goes_on_with_its_calls(frail, tools, graph, gate):
    """The model is not asked for its first turn again; the call goes out again under its key; readers see every text once."""
    generation, events = crashed(frail, tools, graph, gate)
    asked, rows = tools.of(generation), frail.journal(generation)
    assert events[-1].type == "done" and len(asked) == 2 and {a.key for a in asked} == {f"{generation}:1/t1/c0"}, asked
    assert len(rows) == 2 and len(tool_answers(rows[1])) == 1 and f'"{gate}"' in tool_answers(rows[1])[0]
    usage = events[-1].data["usage"]
    assert usage["output"] == sum(row["tokens"] for row in rows), (usage, rows)
    end = [e for e in events if e.type == "reset"]
    seen = [e for e in events if not end or e.id > end[-1].id or e.id <= end[-1].data["after"]]
    assert len(of_type(seen, "tool_result")) == 1 and text_of(seen).count("packed") + text_of(seen).count("gate") == 1, seen


def test_an_agents_once_is_told_to_the_model(frail, tools):
    generation, events = crashed(frail, tools, "desk_once", "203")
    (told,) = tool_answers(frail.journal(generation)[1])
    assert len(tools.of(generation)) == 1 and told.startswith("Error: effect_unknown: ") and events[-1].type == "done"


def test_what_is_done_is_not_done_again(frail, tools):
    """Killed while the model writes its second turn: neither the first turn nor its tool is asked again."""
    stream = frail.api().new_chat("Where is order 204?", graph="desk_hidden", on_disconnect="continue", on_interrupt="restart")
    tools.wait(stream.generation)
    tools.open("204")
    wait_until(lambda: len(frail.journal(stream.generation)) == 2, "the second turn")
    kill_and_follow(frail)
    events = stream.read_all()
    assert events[-1].type == "done" and len(tools.of(stream.generation)) == 1
    assert [len(tool_answers(row)) for row in frail.journal(stream.generation)] in ([0, 1, 1], [0, 1])


def test_what_failed_before_a_crash_still_has_the_try_of_what_is_above_it(frail, tools):
    """Killed in the map's back-off: the child that failed is run again, the other one is not."""
    stream = frail.api().new_chat("x", graph="again_later", on_disconnect="continue")
    while stream.until("step").data["status"] != "retrying":
        pass
    kill_and_follow(frail)
    events = stream.read_all()
    assert text_of(events) == "[200,200]", events
    assert [seen.path for seen in tools.of(stream.generation)] == ["/flaky/0", "/flaky/01", "/flaky/01"]


# -- reloads -------------------------------------------------------------------------------------------------------------------


def test_a_reload_changes_what_may_be_reached(frail):
    path, worker = frail.folder / "sluice.yaml", frail.graph_processes[-1]
    before = path.read_text()

    def reload(hosts, times):
        path.write_text(json.dumps({**json.loads(before), "graph": {"hosts": hosts}}))
        worker.signal(signal.SIGHUP)
        wait_until(lambda: worker.read_log().count("config.reloaded") == times, "the reload")

    assert outcome(frail, "get", "order/5")[0]["status"] == 200
    reload([], 1)
    assert outcome(frail, "get", "order/5")[1]["code"] == "denied_host"
    reload(json.loads(before)["graph"]["hosts"], 2)
    assert outcome(frail, "get", "order/5")[0]["status"] == 200


def test_the_secret_is_nowhere(frail, tools):
    assert_secret_is_nowhere(frail, tools)
