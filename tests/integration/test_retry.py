"""Providers that fail before the first text (F13, F14): waits as Retry-After says, backs off, goes on to the fallbacks; never after text was shown, never for what no
waiting helps. The simulated provider's journal tells who was asked, and when.
"""
import collections

import pytest

from support.client import in_background, text_of
from support.processes import wait_until
from support.stack import Stack

CONFIG = """
models:
  - {name: default, base_url: "%(url)s", model: a, fallbacks: [second, third, blind], supports: [image, tools]}
  - {name: second, base_url: "%(url)s", model: b, supports: [image]}
  - {name: third, base_url: "%(url)s", model: c, supports: [tools]}
  - {name: blind, base_url: "%(url)s", model: d}
  - {name: alone, base_url: "%(url)s", model: e}
  - {name: narrow, base_url: "%(url)s", model: n, concurrency: 1}
  - {name: gone, base_url: "http://127.0.0.1:1/v1", model: x, fallbacks: [second]}
  - {name: far, base_url: "%(url)s", model: f, fallbacks: [second]}
"""
IMAGE = {"type": "image", "media_type": "image/png", "data": "aGk="}
TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {}}}]


@pytest.fixture(scope="module")
def stack():
    with Stack(config=CONFIG) as running:
        yield running


def read(stack, script, **fields):
    return stack.api().new_chat(script, on_disconnect="continue", **fields).read_all()


def started(events):
    return [(e.data["attempt"], e.data["model"], e.data["provider_model"]) for e in events if e.type == "started"]


def asked(stack, events):
    """[(the provider's model, ms since the one before)] of a generation."""
    rows = stack.journal(events[0].data["generation_id"])
    return [(row["params"].get("model", row.get("model")), row["at_ms"] - rows[max(i - 1, 0)]["at_ms"], row["status"]) for i, row in enumerate(rows)]


def test_429_with_retry_after_and_then_success(stack):
    events = read(stack, "!sim tokens=3 fault=status:429 fail_times=1 retry_after=2", model="alone")
    assert events[-1].type == "done" and events[-1].data["usage"]["source"] == "provider", "a refusal costs nothing"
    assert started(events) == [(1, "alone", "e"), (2, "alone", "e")]
    assert asked(stack, events)[1][1] >= 2000, "no request before its time"
    assert {e.data["epoch"] for e in events if e.type == "started"} == {1, 2}, "meanwhile it held no slot"
    record = stack.api().generation(events[0].data["generation_id"])[1]
    assert record["epoch"] == 2 and record["attempt"] == 2
    assert [e.id for e in events] == list(range(1, len(events) + 1))


def test_a_short_wait_is_waited_in_the_slot(stack):
    events = read(stack, "!sim tokens=3 fault=status:503 fail_times=1 retry_after=none", model="alone")
    assert events[-1].type == "done" and {e.data["epoch"] for e in events if e.type == "started"} == {1}
    assert len(started(events)) == 2 and asked(stack, events)[1][1] >= 250


def test_others_wait_for_a_model_that_cools_and_one_probes_it(stack):
    # The one that is refused tells all of this worker to wait; then one of them probes, and the others follow.
    api = stack.api()
    first = api.new_chat("!sim tokens=1 fault=status:429 fail_times=1 retry_after=6", model="alone", on_disconnect="continue")
    first.until("started")
    refused = wait_until(lambda: [r for r in stack.journal(first.generation) if r["end"]], "the refusal")[0]
    others = [api.new_chat("!sim tokens=1", model="alone", on_disconnect="continue") for _ in range(5)]
    unaffected = api.new_chat("!sim tokens=1", model="second", on_disconnect="continue")
    assert unaffected.read_all()[-1].type == "done" and not stack.journal(others[0].generation)
    for stream in [first, *others]:
        assert stream.read_all()[-1].type == "done"
        assert stack.journal(stream.generation)[-1]["at_ms"] >= refused["at_ms"] + 6000, "no request before its time"
    assert all(len(stack.journal(s.generation)) == 1 for s in others)


def test_who_waits_for_a_place_waits_for_a_model_that_cools_too(stack):
    api = stack.api()
    first = api.new_chat("!sim first_ms=1000 tokens=1", model="narrow", on_disconnect="continue")
    first.until("started")
    refused = api.new_chat("!sim tokens=1 fault=status:429 fail_times=1 retry_after=2", model="narrow", on_disconnect="continue")
    wait_until(lambda: api.generation(refused.generation)[1]["state"] == "running", "the second in line")
    last = api.new_chat("!sim tokens=1", model="narrow", on_disconnect="continue")
    assert all(stream.read_all()[-1].type == "done" for stream in (first, refused, last))
    at_ms = stack.journal(refused.generation)[0]["at_ms"]
    assert min(r["at_ms"] for r in stack.journal(last.generation)) >= at_ms + 2000, "no request before its time"


def test_a_long_wait_gives_way_to_a_fallback(stack):
    events = read(stack, "!sim tokens=3 fault=status:429 on_model=f retry_after=30", model="far")
    assert events[-1].type == "done" and events[-1].data["model"] == "second"
    assert started(events) == [(1, "far", "f"), (2, "second", "b")]


def test_who_cools_already_is_not_asked_at_all(stack):
    # The one above left it cooling.
    events = read(stack, "!sim tokens=3", model="far")
    assert started(events) == [(1, "second", "b")]


def test_a_provider_that_is_not_there_gives_way_to_a_fallback(stack):
    events = read(stack, "!sim tokens=3", model="gone")
    assert events[-1].type == "done" and [m for _, m, _ in started(events)] == ["gone", "gone", "second"]
    assert events[-1].data["usage"]["source"] == "provider"


@pytest.mark.parametrize("needs,order", [({}, "abcd"), ({"attachments": [IMAGE]}, "ab"), ({"params": {"tools": TOOLS}}, "ac")])
def test_a_fallback_can_do_what_the_request_needs(stack, needs, order):
    # Each model is asked twice; the fault ends in time. Tools are for stateless requests only.
    script = f"!sim tokens=2 fault=status:500 fail_times={2 * len(order) - 1}"
    if "params" in needs:
        events = stack.api().generate([{"role": "user", "content": script}], on_disconnect="continue", **needs).read_all()
    else:
        events = read(stack, script, **needs)
    assert events[-1].type == "done"
    assert [p for _, _, p in started(events)] == [m for m in order for _ in range(2)]


def test_never_a_fallback_after_text(stack):
    events = read(stack, "!sim tokens=9 text=self fault=error@4")
    assert events[-1].type == "interrupted" and len(started(events)) == 1 and len(text_of(events).split()) == 4
    assert len(asked(stack, events)) == 1
    assert events[-1].data["usage"]["source"] == "estimated" and events[-1].data["usage"]["output"] >= 4


@pytest.mark.parametrize("script", ["spend_cap", "fault=status:400", "fault=status:401", "fault=status:403", "fault=status:404"])
def test_what_no_waiting_helps_is_not_tried_again(stack, script):
    events = read(stack, f"!sim {script}")
    assert events[-1].type == "failed" and events[-1].data["error"]["code"] == "provider_refused"
    assert len(asked(stack, events)) == 1


def test_a_storm_over_all_providers_ends_with_the_last_code(stack):
    streams = [stack.api().new_chat("!sim fault=status:529", model="default", on_disconnect="continue") for _ in range(20)]
    streams.append(stack.api().new_chat("!sim fault=status:429 retry_after=none", model="default", on_disconnect="continue"))
    readers = [in_background(s.read_all) for s in streams]
    for stream, reader in zip(streams, readers):
        last = reader.result(120)[-1]
        status = 429 if stream is streams[-1] else 529
        assert last.type == "failed" and last.data["error"]["provider_status"] == status and last.data["error"]["retryable"]
        assert last.data["error"]["code"] == ("provider_rate_limited" if status == 429 else "provider_error")
        rows = stack.journal(stream.generation)
        assert len(rows) == 12, "the budget of four models"
        assert max(collections.Counter(row["params"].get("model", row.get("model")) for row in rows).values()) <= 4


def test_stop_ends_a_wait_at_once_in_the_slot_and_in_the_queue(stack):
    api = stack.api()
    for retry_after in ("none", "20"):
        stream = api.new_chat(f"!sim fault=status:429 retry_after={retry_after}", model="alone", on_disconnect="continue")
        wait_until(lambda: [r for r in stack.journal(stream.generation) if r["end"]], "the refusal")
        answer = api.stop(stream.generation)[1]
        assert answer["outcome"] == "stopped"
        assert stream.read_all()[-1].id == answer["seq"]
        stack.api().generation(stream.generation)
    rows = len(stack.journal())
    record = wait_until(lambda: api.generation(stream.generation)[1]["usage"], "the usage")
    assert record["source"] in ("unknown", "none") and len(stack.journal()) == rows


def test_the_metrics_count_retries(stack):
    url = "http://" + stack.worker_processes[0].wait_log(r"metrics=(\S+)").group(1)
    assert stack.metrics(url)["sluice_provider_retries_total"] > 20
