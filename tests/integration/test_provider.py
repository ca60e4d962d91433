"""What a provider can do wrong (F12): the end is never `done`, the text so far is exact, and the error tells what it was."""
import pytest

from support.client import text_of
from support.stack import Stack

ROWS = [
    # script, terminal event, error code, tokens shown
    ("!sim tokens=20 text=self fault=truncate@7", "interrupted", "provider_truncated", 7),
    ("!sim tokens=20 text=self fault=reset@7", "interrupted", None, None),
    ("!sim tokens=20 text=self fault=error@7", "interrupted", "provider_error", 7),
    ("!sim tokens=20 text=self fault=garbage@7", "interrupted", "provider_error", 7),
    ("!sim tokens=20 text=self fault=truncate@0", "failed", "provider_truncated", 0),
    ("!sim tokens=20 text=self fault=error@0", "failed", "provider_error", 0),
    ("!sim tokens=20 text=self fault=status:500", "failed", "provider_error", 0),
    ("!sim tokens=20 text=self fault=status:503", "failed", "provider_error", 0),
    ("!sim tokens=20 text=self fault=status:429", "failed", "provider_rate_limited", 0),
    ("!sim tokens=20 text=self fault=status:400", "failed", "provider_refused", 0),
    ("!sim tokens=20 text=self fault=status:401", "failed", "provider_refused", 0),
    ("!sim tokens=20 text=self fault=huge@3", None, None, None),
]


@pytest.fixture(scope="module")
def streams(stack):
    """All rows at once: what may be tried again takes its time."""
    return {script: stack.api().new_chat(script, on_disconnect="continue") for script, *_ in ROWS}


@pytest.mark.parametrize("script,end,code,shown", ROWS)
def test_a_failing_provider(stack, streams, script, end, code, shown):
    stream = streams[script]
    events = stream.read_all()
    last = events[-1]
    assert last.type != "done" and last.data["done"] is False
    if end:
        assert last.type == end, last
    if code:
        assert last.data["error"]["code"] == code, last
    assert last.data["restore"]["message"] == script and last.data["error"]["message"]
    words = [int(w.split(":")[1]) for w in text_of(events).split() if w.count(":") == 1]
    if shown is not None:
        assert words == list(range(shown))
    if "status:" in script:
        assert last.data["error"]["provider_status"] == int(script.rsplit(":", 1)[1])
    assert stack.api().chat(stream.chat)[0] == 404


def test_a_drip_of_single_bytes_is_read_whole(stack):
    stream = stack.api().new_chat("!sim tokens=10 text=self fault=drip")
    events = stream.read_all()
    assert events[-1].type == "done" and [int(w.split(":")[1]) for w in text_of(events).split()] == list(range(10))


def test_without_usage_the_source_says_so(stack):
    done = stack.api().new_chat("!sim tokens=10 usage=none").read_all()[-1]
    assert done.type == "done" and done.data["usage"]["source"] == "estimated"
    assert 10 <= done.data["usage"]["output"] <= 12 and done.data["usage"]["input"] > 0


TIMERS = """
models:
  - {name: first, base_url: "%(url)s", model: sim, timeouts: {first_byte: 1s, first_token: 1s}}
  - {name: idle, base_url: "%(url)s", model: sim, timeouts: {idle: 1s}}
  - {name: total, base_url: "%(url)s", model: sim, timeouts: {total: 3s}}
"""


def test_the_timers():
    with Stack(config=TIMERS) as stack:
        rows = [
            ("first", "!sim first_ms=20000", "failed", ("timeout_first_token", "timeout_first_byte")),
            ("idle", "!sim tokens=20 delay_ms=10 fault=stall@5", "interrupted", ("timeout_idle",)),
            ("total", "!sim tokens=2000 delay_ms=50", "interrupted", ("timeout_total",)),
        ]
        for model, script, end, codes in rows:
            last = stack.api().new_chat(script, model=model, on_disconnect="continue").read_all()[-1]
            assert last.type == end and last.data["error"]["code"] in codes, last


def test_a_provider_that_is_not_there():
    with Stack(provider_url="http://127.0.0.1:1/v1") as stack:
        last = stack.api().new_chat("hello").read_all()[-1]
        error = last.data["error"]
        assert last.type == "failed" and error["code"] in ("provider_error", "timeout_connect")
        assert "connect" in error["message"] and "127.0.0.1" not in error["message"], "where it is, is for the log"
        assert last.data["usage"]["source"] in ("none", "unknown")


def test_a_reply_over_the_limit_fails():
    with Stack(env={"SLUICE_LIMITS_OUTPUT": "2KiB"}) as stack:
        last = stack.api().new_chat("!sim tokens=2000 delay_ms=0 text=self").read_all()[-1]
        assert last.type in ("failed", "interrupted") and last.data["error"]["code"] == "output_limit"
