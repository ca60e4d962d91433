"""F21: one tenant queues a flood, another asks for its usual work. How long the other's generations wait is set by its own cap alone; the flood loses nothing.

Short here; SLUICE_FLOOD=100000 (tests/run --figures, --long) is full size.
"""
import http.client
import json
import os
import urllib.parse

from support.client import in_background
from support.identity import GuardedStack, bearer, row
from support.processes import wait_until

FLOOD = int(os.environ.get("SLUICE_FLOOD", 2000))
QUIET = 48
NOISY_KEY, QUIET_KEY = "sk_test_noisy", "sk_test_quiet"
CONFIG_TENANTS = ("{name: noisy, running: 32, queued: 0}", "{name: quiet, running: 8}")


def pour(url, key, count, message):
    """So many generations, accepted at once, over one connection. Their ids."""
    parts = urllib.parse.urlsplit(url)
    headers = {**bearer(key), "Content-Type": "application/json", "Prefer": "respond-async"}
    body = json.dumps({"message": message})
    connection, ids = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60), []
    for i in range(count):
        if i % 900 == 899:  # a connection takes 1,000 requests
            connection.close()
        connection.request("POST", "/v1/chats", body, headers)
        response = connection.getresponse()
        answer = json.loads(response.read())
        assert response.status == 202, answer
        ids.append(answer["generation_id"])
    connection.close()
    return ids


def waits_of(caller, url):
    """How long each of the quiet tenant's generations waits for a worker, in ms, sorted."""
    ids = pour(url, QUIET_KEY, QUIET, "!sim tokens=4 delay_ms=100")
    records = [wait_until(lambda g=g: (r := caller.generation(g)[1])["ended_at"] and r, "its end", 120) for g in ids]
    assert {r["state"] for r in records} == {"done"}
    return sorted(r["started_at"] - r["created_at"] for r in records)


def test_a_flood_does_not_hold_up_another_tenant():
    rows = [row(NOISY_KEY, "n1", tenant="noisy"), row(QUIET_KEY, "q1", tenant="quiet")]
    with GuardedStack(rows, tenants=CONFIG_TENANTS, env={"SLUICE_LOG_LEVEL": "info"}) as stack:
        path = stack.folder / "sluice.yaml"
        path.write_text(path.read_text().replace("model: sim}", "model: sim, concurrency: 1000}"))
        for process in stack.worker_processes:
            process.stop()
        stack.start_worker()
        url, quiet = stack.api_processes[0].url, stack.caller(QUIET_KEY)
        waits_of(quiet, url)  # warm
        alone = waits_of(quiet, url)
        pouring = [in_background(pour, url, NOISY_KEY, FLOOD // 4, "!sim tokens=10 delay_ms=600") for _ in range(4)]
        flood = sum((p.result(900) for p in pouring), [])
        queued = int(stack.redis.hget("sluice:{s00}:n", "q:noisy"))
        assert queued > FLOOD * 0.8, "the flood stands"
        among = waits_of(quiet, url)
        p50, p95 = len(alone) // 2, len(alone) * 95 // 100
        print(
            f"figure: {QUIET} generations of a tenant that runs 8 at once wait {alone[p50]} ms (median; p95 {alone[p95]} ms) alone, {among[p50]} ms (p95 {among[p95]} ms) "
            f"behind another tenant's flood of {queued}: {among[p50] / max(alone[p50], 1):.2f} and {among[p95] / max(alone[p95], 1):.2f} of it"
        )
        assert among[p95] < 3 * alone[p95] + 1000
        left = int(stack.redis.hget("sluice:{s00}:n", "q:noisy")) + int(stack.redis.hget("sluice:{s00}:n", "r:noisy"))
        ended = sum(1 for g in flood[:200] if stack.caller(NOISY_KEY).generation(g)[1]["state"] in ("done", "running", "queued"))
        assert left > 0 and ended == min(len(flood), 200), "it loses nothing"
