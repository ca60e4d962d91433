"""The operator's listener: one look at everything and the stream of looks, lanes paused and resumed, any generation stopped."""
import json
import subprocess

import pytest

from support.client import Stream, request
from support.processes import BIN, wait_until

LANES = ["stream.interactive", "stream.batch", "graph.interactive", "graph.batch"]


def admin(stack, method, path, body=None):
    status, _, answer = request(method, stack.api_processes[0].admin_url + path, body)
    return status, json.loads(answer) if answer else None


def overview(stack):
    status, answer = admin(stack, "GET", "/v1/admin/overview")
    assert status == 200, answer
    return answer


def lane(look, name):
    return next(row for row in look["lanes"] if row["lane"] == name)


def queue(stack, *arguments):
    """sluice queue: (exit status, output, what it complained of)."""
    env = {"SLUICE_ADMIN_URL": stack.api_processes[0].admin_url, "PATH": "/usr/bin"}
    done = subprocess.run([BIN / "sluice", "queue", *arguments], env=env, capture_output=True, text=True, timeout=30)
    return done.returncode, done.stdout, done.stderr


def test_one_look_shows_lanes_workers_tenants_and_what_runs(stack):
    stream = stack.api().new_chat("!sim tokens=1000 delay_ms=50", chat_id="looked-at", generation_id="looked-at-1")
    stream.until("delta")
    look = overview(stack)
    assert [row["lane"] for row in look["lanes"]] == LANES and not any(row["paused"] for row in look["lanes"])
    assert [(w["kind"], w["slots"]) for w in look["workers"]] == [("stream", 256)]
    run = next(r for r in look["running"] if r["generation_id"] == "looked-at-1")
    assert (run["tenant"], run["chat_id"], run["lane"]) == ("default", "looked-at", "stream.interactive")
    assert run["started_at"] <= run["first_token_at"] <= look["at"] and run["worker"]
    assert look["running_total"] >= 1 and look["dead"] == 0
    tenant = next(t for t in look["tenants"] if t["tenant"] == "default")
    assert tenant["running"] >= 1
    assert stack.api().stop("looked-at-1")[0] == 200


def test_a_look_has_the_figures_of_all_processes(stack):
    before = overview(stack)["recent"]
    stack.api().new_chat("!sim tokens=30 first_ms=200", generation_id="figured").until("done")
    stack.api().new_chat("!sim tokens=9 fault=error@3", generation_id="figured-cut").until("interrupted")
    stream = stack.api().new_chat("!sim tokens=1000 delay_ms=20", generation_id="figured-stopped")
    stream.until("delta")
    assert stack.api().stop("figured-stopped")[0] == 200

    def told():
        recent = overview(stack)["recent"]
        return (recent["tokens"] - before["tokens"] >= 34 and recent["first_token"]["count"] - before["first_token"]["count"] >= 3
                and recent["stop"]["count"] - before["stop"]["count"] >= 1)

    assert wait_until(told, "what API and worker counted")
    look = overview(stack)
    ended = {state: n - before["ended"][state] for state, n in look["recent"]["ended"].items()}
    assert ended == {"done": 1, "stopped": 1, "failed": 0, "interrupted": 1}
    assert look["recent"]["first_token"]["p95_us"] >= 190_000 and 0 < look["recent"]["stop"]["p50_us"] < 20_000_000
    assert look["tokens_per_second"] > 0 and look["slot_ms"] == 5000
    assert sum(slot["tokens"] for slot in look["slots"]) >= look["recent"]["tokens"]
    newest = look["failures"][0]
    assert (newest["generation_id"], newest["state"], newest["tenant"]) == ("figured-cut", "interrupted", "default")
    assert {"code": newest["error"]["code"], "count": 1} in look["recent"]["errors"]


def test_only_the_first_look_of_a_stream_has_the_past(stack):
    stream = Stream("GET", stack.api_processes[0].admin_url + "/v1/admin/stream")
    first, second = stream.next().data, stream.next().data
    assert first["slots"] and all(slot["at"] % 5000 == 0 and slot["at"] > second["at"] - 70_000 for slot in second["slots"])
    assert first["recent"]["tokens"] > 0
    stream.close()


def test_the_stream_of_looks_goes_on_and_ends_with_its_watcher(stack):
    stream = Stream("GET", stack.api_processes[0].admin_url + "/v1/admin/stream")
    looks = [stream.next() for _ in range(2)]
    assert [e.type for e in looks] == ["overview", "overview"] and looks[0].data["at"] < looks[1].data["at"]
    assert stream.retry == 1000 and looks[0].id is None
    stream.close()
    assert overview(stack)["lanes"]


def test_a_paused_lane_is_not_claimed_from_until_it_is_resumed(stack):
    assert admin(stack, "POST", "/v1/admin/lanes/stream.interactive/pause", {}) == (200, {"lane": "stream.interactive", "paused": True})
    stream = stack.api().new_chat("!sim tokens=2", generation_id="while-paused")
    assert stream.next().type == "queued"
    assert wait_until(lambda: lane(overview(stack), "stream.interactive")["oldest_wait_ms"] > 1200, "more than a poll of the workers")
    look = lane(overview(stack), "stream.interactive")
    assert [(row["lane"], row["tenant"], row["waiting"]) for row in overview(stack)["queues"]] == [("stream.interactive", "default", 1)]
    assert look["paused"] and look["waiting"] == 1 and stack.api().generation("while-paused")[1]["state"] == "queued"
    assert admin(stack, "POST", "/v1/admin/lanes/stream.interactive/resume") == (200, {"lane": "stream.interactive", "paused": False})
    assert stream.until("done")
    assert lane(overview(stack), "stream.interactive")["oldest_wait_ms"] is None


def test_an_operator_stops_any_generation(stack):
    stream = stack.api().new_chat("!sim tokens=1000 delay_ms=20", generation_id="operated")
    stream.until("delta")
    status, answer = admin(stack, "POST", "/v1/admin/tenants/default/generations/operated/stop", {})
    assert (status, answer["outcome"], answer["reason"]) == (200, "stopped", "operator")
    assert answer["restore"]["message"] == "!sim tokens=1000 delay_ms=20"
    assert stream.until("stopped").data["reason"] == "operator"
    assert admin(stack, "POST", "/v1/admin/tenants/default/generations/operated/stop", {})[1]["outcome"] == "already_stopped"


def test_an_unknown_generation_is_not_remembered_for_an_operator(stack):
    assert admin(stack, "POST", "/v1/admin/tenants/default/generations/nobody/stop", {})[0] == 404
    assert admin(stack, "POST", "/v1/admin/tenants/other/generations/operated/stop", {})[0] == 404


@pytest.mark.parametrize(
    "method, path, body, status, param",
    [
        ("POST", "/v1/admin/lanes/fast/pause", {}, 404, "lane"),
        ("POST", "/v1/admin/lanes/stream.batch/pause", {"for": 1}, 400, "for"),
        ("POST", "/v1/admin/lanes/stream.batch/pause?x=1", {}, 400, "x"),
        ("POST", "/v1/admin/tenants/Nobody/generations/g/stop", {}, 400, "tenant"),
        ("GET", "/v1/admin/dead?limit=0", None, 400, "limit"),
        ("GET", "/v1/admin/overview?limit=1", None, 400, "limit"),
    ],
)
def test_bad_requests_are_named(stack, method, path, body, status, param):
    answered, answer = admin(stack, method, path, body)
    assert (answered, answer["error"]["param"]) == (status, param)


def test_the_public_listener_has_no_admin_routes(stack):
    for path in ("/v1/admin/overview", "/v1/admin/stream", "/v1/admin/dead", "/metrics"):
        assert stack.api().get(path)[0] == 404


def test_the_command_line_shows_and_pauses(stack):
    status, out, _ = queue(stack)
    assert status == 0 and all(name in out for name in LANES) and "stream" in out
    assert queue(stack, "pause", "stream.batch") == (0, "stream.batch paused\n", "")
    assert "paused" in queue(stack)[1]
    assert queue(stack, "resume", "stream.batch") == (0, "stream.batch open\n", "")
    status, out, _ = queue(stack, "--json")
    assert status == 0 and json.loads(out)["lanes"][0]["lane"] == LANES[0]
    assert queue(stack, "pause", "fast")[0] == 1 and queue(stack, "pause")[0] == 2 and queue(stack, "leap")[0] == 2
    assert queue(stack, "stop", "a b")[0] == 2


def test_the_command_line_stops_and_says_what_became_of_it(stack):
    stream = stack.api().new_chat("!sim tokens=500 delay_ms=20", generation_id="long-one")
    assert stream.next().type == "queued"
    assert queue(stack, "stop", "long-one") == (0, "stopped long-one\n", "")
    assert queue(stack, "stop", "long-one") == (0, "already_stopped long-one\n", "")
    assert queue(stack, "stop", "no-such")[0] == 1


def test_the_command_line_names_a_server_that_is_not_there():
    done = subprocess.run([BIN / "sluice", "queue"], env={"SLUICE_ADMIN_URL": "http://127.0.0.1:1", "PATH": "/usr/bin"}, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1 and "SLUICE_ADMIN_URL" in done.stderr
