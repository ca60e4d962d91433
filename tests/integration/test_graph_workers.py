"""Graph workers that go. F25: a graph that takes every worker with it: after five crashes it is `failed` and lies in the dead
list with its evidence; what others ask meanwhile is done. And one that is told to end before it has read its graphs.
"""

import time

from support.client import get_json
from support.moments import HELD, GraphStack, Run, wait_closed
from support.processes import BIN, wait_until
from support.turns import new_id

CRASHES = 5


def test_a_poison_graph_is_parked_and_the_others_go_on():
    with GraphStack(env={"SLUICE_WORKER_LEASE": "3s", "SLUICE_LOG_LEVEL": "info"}) as stack:
        admin = stack.api_processes[0].admin_url
        generation, others = new_id("gen"), []
        stack.gate.plan(generation, 0, HELD)
        poison = Run(stack, new_id("chat"), "Wait, please.", generation=generation, graph="hanging")
        for crash in range(CRASHES):
            wait_until(lambda n=crash + 1: stack.gate.is_at(generation, n), f"worker {crash + 1} to take it")
            others.append(Run(stack, new_id("chat"), "Hello.", graph="echo").wait_end())
            stack.graph_processes.pop().kill()
            others.append(Run(stack, new_id("chat"), "Hello.", graph="echo"))
            stack.start_graph_worker()
            others[-1] = others[-1].wait_end()
        end = poison.wait_end()
        assert (
            end.type == "failed" and end.data["error"]["code"] == "crashes" and end.data["restore"]["message"] == "Wait, please."
        ), end
        assert {e.type for e in others} == {"done"}
        assert (
            len(wait_closed(stack, generation)) == CRASHES and len({a.key for a in stack.gate.of(generation)}) == 1
        ), "asked once by each worker, with the same key"
        dead = get_json(admin + "/v1/admin/dead")[1]["data"]
        assert [row["generation_id"] for row in dead] == [generation] and dead[0]["crashes"] == CRASHES, dead
        assert stack.api().chat(poison.chat)[0] == 404
        assert Run(stack, poison.chat, "Hello again.", graph="echo").wait_end().type == "done"


def test_told_to_end_at_its_start():
    """Whatever it does then, it gives all of it back: the sanitizers look."""
    with GraphStack(graph_workers=0) as stack:
        for pause in (0.1, 0.2, 0.4, 0.8, 1.2):
            worker = stack._start(
                f"graph-{pause}",
                [BIN / "sluice-graph-worker"],
                {**stack.settings(), "SLUICE_GRAPH_FOLDER": str(stack.graph_folder)},
            )
            time.sleep(pause)
            assert worker.stop() in (0, -15), worker.read_log()[-4000:]  # -15: its signals were not there yet
