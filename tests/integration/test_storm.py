"""A storm over three providers (F13): each has 529 for a while, one has it for good. Every generation comes to its reply, nobody asks before the time, none is asked
without end, and who asks a provider that is well is not slowed down.

SLUICE_LONG=1 plays it with 1,000 generations.
"""
import collections
import os
import time

from support.client import in_background
from support.processes import wait_until
from support.stack import Stack

JOBS = 1000 if os.environ.get("SLUICE_LONG") else 90
CONFIG = """
models:
  - {name: first, base_url: "%(url)s", model: first, fallbacks: [second, third], concurrency: 64}
  - {name: second, base_url: "%(url)s", model: second, fallbacks: [third, first], concurrency: 64}
  - {name: third, base_url: "%(url)s", model: third, fallbacks: [first, second], concurrency: 64}
  - {name: well, base_url: "%(url)s", model: well}
tenants: [{name: default, running: 0, queued: 0}]
"""


def test_a_storm_over_three_providers():
    with Stack(workers=2, config=CONFIG, env={"SLUICE_LOG_LEVEL": "info"}) as stack:
        api = stack.api()
        models = ("first", "second", "third")
        storm = [
            api.new_chat(f"!sim tokens=2 fault=status:529 {'on_model=first' if i % 2 else 'fail_times=2 retry_after=1'}", model=models[i % 3], on_disconnect="continue")
            for i in range(JOBS)
        ]
        began = time.monotonic()
        calm = [api.new_chat("!sim tokens=2", model="well") for _ in range(10)]
        calm_ends = [in_background(s.read_all).result(60)[-1].type for s in calm]
        calm_s = time.monotonic() - began
        assert calm_ends == ["done"] * 10
        for stream in storm:
            stream.close()
        records = [wait_until(lambda g=s.generation: (r := api.generation(g)[1])["ended_at"] and r, "its end", 300) for s in storm]
        assert collections.Counter(r["state"] for r in records) == {"done": JOBS}
        rows = collections.defaultdict(list)
        for row in stack.journal():
            rows[row["generation_id"]].append(row)
        for i, stream in enumerate(storm):
            told_ms = 0 if i % 2 else 900  # Retry-After: 1; the journal tells when a request came, not when it went
            mine = sorted(rows[stream.generation], key=lambda r: r["at_ms"])
            assert 1 <= len(mine) <= 10 and mine[-1]["status"] == 200, mine
            for before, after in zip(mine, mine[1:]):
                if before["model"] == after["model"]:
                    assert after["at_ms"] - before["at_ms"] >= max(told_ms, 100), "asked again before its time"
        waits = sorted(r["ended_at"] - r["created_at"] for r in records)
        print(f"figure: {JOBS} generations in a 529 storm over three providers: all done, {sum(map(len, rows.values()))} requests, "
              f"median {waits[len(waits) // 2]} ms, longest {waits[-1]} ms; 10 at a provider that is well ended within {calm_s:.1f} s")  # fmt: skip
