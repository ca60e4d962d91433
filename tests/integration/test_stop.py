"""Stop at every moment: before the request is seen, while queued, before the first token, in mid-stream, after the end; the message comes back byte for byte,
the history is unchanged, the provider connection is closed, and the terminal event's id is the answer's seq.
"""
import random
import statistics
import time
import uuid

import pytest

from support.client import TERMINAL, in_background, request, text_of
from support.processes import wait_until
from support.stack import Stack

TRICKY = "!sim tokens=5000 delay_ms=20 " + '🙂👩‍👩‍👧‍👦 "quoted" \\ \u2028 ünïcödé\n' * 2000 + "!"  # about 100 kB
MEDIAN_MS, MOST_MS = 2000, 20000  # gross bounds: a busy machine stands still at times


def new_id(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def check_stopped(answer, generation, message, reason="user"):
    assert answer["outcome"] == "stopped" and answer["state"] == "stopped" and answer["reason"] == reason
    assert answer["generation_id"] == generation
    assert answer["restore"]["message"] == message
    assert answer["restore"]["attachments"] == [] and answer["committed"] is False
    assert set(answer["usage"]) == {"input", "output", "cached", "reasoning", "source", "settled"}


def test_in_mid_stream(stack):
    api = stack.api()
    chat = new_id("chat")
    api.new_chat("!sim tokens=3", chat_id=chat).read_all()
    before = api.chat(chat)[1]
    stream = api.message(chat, "!sim tokens=1000 delay_ms=20", metadata={"k": "v"})
    for _ in range(5):
        stream.until("delta")
    status, answer = api.stop(stream.generation)
    assert status == 200
    check_stopped(answer, stream.generation, "!sim tokens=1000 delay_ms=20")
    assert answer["restore"]["metadata"] == {"k": "v"}
    events = stream.read_all()
    assert events[-1].type == "stopped" and events[-1].id == answer["seq"] and events[-1].data["done"] is False
    assert events[-1].data["restore"] == answer["restore"] and events[-1].data["reason"] == "user" and events[-1].data["committed"] is False
    assert [e.id for e in events] == list(range(1, answer["seq"] + 1))
    row = stack.wait_provider_closed(stream.generation)[0]
    assert row["end"] == "client_closed" and row["tokens"] < 1000
    assert api.chat(chat)[1]["messages"] == before["messages"]
    assert api.stop(stream.generation)[1]["outcome"] == "already_stopped"
    record = api.generation(stream.generation)[1]
    assert record["state"] == "stopped" and record["seq"] == answer["seq"] and record["output"]["text"] == text_of(events)


def test_the_message_comes_back_byte_for_byte(stack):
    api = stack.api()
    stream = api.new_chat(TRICKY)
    stream.until("delta")
    answer = api.stop(stream.generation)[1]
    check_stopped(answer, stream.generation, TRICKY)
    assert len(TRICKY.encode()) > 100_000
    assert api.chat(stream.chat)[0] == 404, "a new chat's stopped turn leaves no record"


def test_before_the_first_token(stack):
    api = stack.api()
    stream = api.new_chat("!sim first_ms=30000")
    stream.until("started")
    stack.journal_row(stream.generation)
    check_stopped(api.stop(stream.generation)[1], stream.generation, "!sim first_ms=30000")
    assert stream.until(*TERMINAL).type == "stopped"
    assert stack.wait_provider_closed(stream.generation)[0]["end"] == "client_closed"
    assert api.chat(stream.chat)[0] == 404


def test_while_queued():
    with Stack(env={"SLUICE_WORKER_SLOTS": "1"}) as stack:
        api = stack.api()
        first = api.new_chat("!sim tokens=1000 delay_ms=50", on_disconnect="continue")
        first.until("delta")
        second = api.new_chat("!sim tokens=5", on_disconnect="continue")
        queued = second.until("queued")
        assert queued.data["position"] == 0
        assert api.generation(second.generation)[1]["state"] == "queued"
        answer = api.stop(second.generation)[1]
        check_stopped(answer, second.generation, "!sim tokens=5")
        assert answer["usage"]["source"] == "none" and answer["usage"]["output"] == 0
        assert second.until(*TERMINAL).id == answer["seq"]
        assert stack.journal(second.generation) == []
        assert api.stop(first.generation)[1]["outcome"] == "stopped"
        third = api.new_chat("!sim tokens=2")
        assert third.read_all()[-1].type == "done", "the slot is free again"


def test_before_the_request_was_seen(stack):
    api = stack.api()
    generation = new_id("gen")
    status, answer = api.stop(generation)
    assert status == 200 and answer["outcome"] == "will_stop" and answer["seq"] is None and answer["restore"] is None
    stream = api.new_chat("!sim tokens=5", generation_id=generation)
    events = stream.read_all()
    assert [e.type for e in events][-1] == "stopped" and events[-1].data["restore"]["message"] == "!sim tokens=5"
    assert events[-1].data["usage"]["source"] == "none"
    assert stack.journal(generation) == [] and api.chat(stream.chat)[0] == 404
    assert api.stop(generation)[1]["outcome"] == "already_stopped"


def test_after_the_end(stack):
    api = stack.api()
    stream = api.new_chat("!sim tokens=3")
    done = stream.read_all()[-1]
    answer = api.stop(stream.generation)[1]
    assert answer["outcome"] == "already_done" and answer["seq"] == done.id and answer["restore"] is None
    assert answer["committed"] is True and answer["message_id"] == done.data["message_id"] and answer["usage"]["source"] == "provider"
    by_chat = api.stop(chat=stream.chat)[1]
    assert by_chat["outcome"] == "already_done" and by_chat["generation_id"] == stream.generation


def test_by_chat(stack):
    api = stack.api()
    assert api.stop(chat=new_id("nochat"))[0] == 404
    stream = api.new_chat("!sim tokens=1000 delay_ms=20")
    stream.until("delta")
    other = new_id("chat")
    assert request("POST", f"{api.url}/v1/chats/{other}/stop", {"generation_id": stream.generation})[0] == 404, "a generation of another chat"
    answer = api.stop(chat=stream.chat)[1]
    check_stopped(answer, stream.generation, "!sim tokens=1000 delay_ms=20")
    assert api.stop(chat=stream.chat)[1]["outcome"] == "already_stopped"
    stack.redis.delete(*stack.redis.keys(f"*last:*{stream.chat}"))
    assert api.stop(chat=stream.chat)[0] == 404, "no record, nothing ran lately"


def test_idle_when_nothing_ran_lately(stack):
    api = stack.api()
    stream = api.new_chat("!sim tokens=1")
    stream.read_all()
    stack.redis.delete(*stack.redis.keys(f"*last:*{stream.chat}"))
    answer = api.stop(chat=stream.chat)[1]
    assert answer["outcome"] == "idle" and answer["generation_id"] is None and answer["restore"] is None


def test_a_repeated_stop_by_chat_never_hits_the_next_turn(stack):
    api = stack.api()
    chat = new_id("chat")
    api.new_chat("!sim tokens=1", chat_id=chat).read_all()
    stream = api.message(chat, "!sim tokens=1000 delay_ms=20")
    stream.until("delta")
    key = {"Idempotency-Key": new_id("stop")}
    first = api.stop(chat=chat, headers=key)[1]
    assert first["outcome"] == "stopped"
    following = api.message(chat, "!sim tokens=10 delay_ms=10")
    again = api.stop(chat=chat, headers=key)[1]
    assert again["outcome"] == first["outcome"] and again["generation_id"] == first["generation_id"]
    assert following.read_all()[-1].type == "done"


def take(sock, seconds):
    """(bytes, whether the end came) of what arrives within so long; 0: what is there now."""
    data, end = b"", time.monotonic() + seconds
    sock.setblocking(False)
    while True:
        try:
            part = sock.recv(1 << 20)
        except BlockingIOError:
            if time.monotonic() >= end:
                return data, False
            time.sleep(0.01)
            continue
        if not part:
            return data, True
        data += part


def test_the_answering_process_writes_nothing_after_its_answer(stack):
    """What lies in an unread reader's socket when the answer comes is all that ever comes: it ends with the terminal event. (A busy kernel may hand one over late.)"""
    api = stack.api()
    whole = 0
    for _ in range(40):
        stream = api.new_chat("!sim tokens=30000 delay_ms=1")
        time.sleep(random.uniform(0.05, 0.2))
        answer = api.stop(stream.generation)[1]
        assert answer["outcome"] == "stopped"
        at_once, _ = take(stream.sock, 0)
        later, ended = take(stream.sock, 30)
        assert ended, "the stream is closed"
        assert f"id: {answer['seq']}\nevent: stopped\n".encode() in at_once + later
        whole += not later
        stream.close()
    print(f"figure: {whole} of 40 unread readers had everything when the stop was answered")
    assert whole >= 37, f"only {whole} of 40 readers had everything when the stop was answered"


def test_how_long_a_stop_takes(stack):
    """100 stops in mid-stream, of streams of 50 tokens a second: to the answer, to the reader's terminal event, to the closed provider connection."""
    api = stack.api()
    answered, seen, generations = [], [], {}
    for _ in range(100):
        stream = api.new_chat("!sim tokens=2000 delay_ms=20")
        stream.until("delta")
        stream.until("delta")
        reader = in_background(stream.until, *TERMINAL)
        began, began_wall = time.monotonic(), time.time() * 1000
        assert api.stop(stream.generation)[1]["outcome"] == "stopped"
        answered.append((time.monotonic() - began) * 1000)
        seen.append((reader.result().at - began) * 1000)
        generations[stream.generation] = began_wall
    wait_until(lambda: stack.provider_stats()["open"] == 0, "every provider connection to be closed")
    closed = [r["ended_ms"] - generations[r["generation_id"]] for r in stack.journal() if r["generation_id"] in generations]
    for name, values in (("answered", answered), ("told to the reader", seen), ("provider closed", closed)):
        values.sort()
        print(f"figure: stop to {name}: median {statistics.median(values):.1f} ms, p99 {values[98]:.1f} ms of 100")
    assert len(closed) == 100 and all(statistics.median(ms) < MEDIAN_MS and ms[-1] < MOST_MS for ms in (answered, seen, closed))


# -- the flag --------------------------------------------------------------------------------------------------------------------


def test_the_flag_stops_what_runs_streaming_or_silent(stack):
    api = stack.api()
    took = []
    for n in range(50):
        script = "!sim tokens=2000 delay_ms=20" if n % 2 else "!sim first_ms=60000"
        stream = api.new_chat(script)
        stream.until("delta" if n % 2 else "started")
        reader = in_background(stream.until, *TERMINAL)
        began = time.monotonic()
        stack.redis.execute_command("SET", f"chat_stop:{stream.chat}", "1", "EX", "60")
        event = reader.result()
        took.append((event.at - began) * 1000)
        assert event.type == "stopped" and event.data["reason"] == "flag" and event.data["restore"]["message"] == script
        assert stack.flag(stream.chat) is None, "obeyed, so cleared"
        assert took[-1] < MOST_MS
    print(f"figure: flag to stopped: median {statistics.median(took):.1f} ms, max {max(took):.1f} ms")
    assert statistics.median(took) < MEDIAN_MS


def test_a_leftover_flag_does_not_kill_a_later_message(stack):
    api = stack.api()
    chat = new_id("chat")
    for _ in range(3):
        stack.redis.set(f"chat_stop:{chat}", "1", ex=60)
        assert api.message(chat, "!sim tokens=5 delay_ms=30").read_all()[-1].type == "done"
        assert stack.flag(chat) is None


def test_our_stop_sets_the_flag_and_it_is_gone_once_the_provider_is_closed():
    with Stack(redis_args=["--notify-keyspace-events", "KA"]) as stack:
        api = stack.api()
        stream = api.new_chat("!sim tokens=2000 delay_ms=20")
        stream.until("delta")
        listener = stack.redis.pubsub()
        listener.psubscribe(f"__keyspace@0__:chat_stop:{stream.chat}")
        wait_until(lambda: (listener.get_message() or {}).get("type") == "psubscribe", "the subscription")
        assert api.stop(stream.generation)[1]["outcome"] == "stopped"
        stack.wait_provider_closed(stream.generation)
        wait_until(lambda: stack.flag(stream.chat) is None, "the flag to be gone")
        seen = []
        wait_until(lambda: seen.append((listener.get_message() or {}).get("data")) or b"del" in seen, "the flag's deletion")
        assert seen.index(b"set") < seen.index(b"del")
        listener.close()


# -- stop and resend -------------------------------------------------------------------------------------------------------------


def test_stop_then_resend_without_a_pause(stack):
    """No 409, no killed new turn, no token of an old generation in a new stream. A third of the stops comes in mid-stream, the others before a token."""
    api = stack.api()
    rounds = 1000

    def chat_of(share):
        chat = new_id("chat")
        stream = api.message(chat, "!sim tokens=5000 delay_ms=5 text=self first_ms=5", on_disconnect="continue")
        assert stream.status == 200
        for n in range(share):
            if n % 3 == 0:
                stream.until("delta")
            answer = api.stop(stream.generation)[1]
            assert answer["outcome"] == "stopped", answer
            following = api.message(chat, "!sim tokens=5000 delay_ms=5 text=self first_ms=5", on_disconnect="continue")
            assert following.status == 200, following.error
            events = stream.read_all()
            assert events[-1].type == "stopped" and events[-1].data["reason"] == "user"
            assert {e.data["generation_id"] for e in events} == {stream.generation}
            assert len({word.split(":")[0] for word in text_of(events).split()}) <= 1, "tokens of one provider request only"
            stream = following
        last = api.stop(stream.generation)[1]
        assert last["outcome"] == "stopped"
        stream.read_all()
        return share

    workers = [in_background(chat_of, rounds // 8) for _ in range(8)]
    assert sum(w.result(300) for w in workers) == rounds
    wait_until(lambda: stack.provider_stats()["open"] == 0, "every provider connection to be closed")


def test_stops_at_random_moments(stack):
    """F4: 200 chats, stopped at uniformly random moments of their life; every one ends stopped or had ended; nothing visible after the answer's seq; provider closed."""
    api = stack.api()
    rng = random.Random(4)

    def one(pause, tokens):
        stream = api.new_chat(f"!sim tokens={tokens} delay_ms=5 first_ms=20 text=self", on_disconnect="continue")
        reader = in_background(stream.read_all)
        time.sleep(pause)
        answer = api.stop(stream.generation)[1]
        stopped_at = time.time() * 1000
        events = reader.result()
        assert answer["outcome"] in ("stopped", "already_done"), answer
        assert events[-1].id == answer["seq"] and sum(e.type in TERMINAL for e in events) == 1
        words = text_of(events).split()
        assert [int(w.split(":")[1]) for w in words] == list(range(len(words)))
        return stream.generation, answer["outcome"], stopped_at

    results = []
    for _ in range(20):
        batch = [in_background(one, rng.uniform(0, 0.4), rng.choice([10, 40, 400])) for _ in range(10)]
        results += [b.result(60) for b in batch]
    wait_until(lambda: stack.provider_stats()["open"] == 0, "every provider connection to be closed")
    ended = {r["generation_id"]: r["ended_ms"] for r in stack.journal()}
    closed_after = [ended[g] - at for g, outcome, at in results if outcome == "stopped" and g in ended]
    print(f"figure: {len(results)} chats, {len(closed_after)} stopped at the provider, closed after: median {statistics.median(closed_after):.1f} ms, max {max(closed_after):.1f} ms")
    assert len(results) == 200 and max(closed_after) < MOST_MS


def test_metrics_tell_of_the_stops(stack):
    api = stack.api()
    before = stack.metrics(stack.api_processes[0])["sluice_stops_total"]
    stream = api.new_chat("!sim tokens=1000 delay_ms=20")
    stream.until("delta")
    api.stop(stream.generation)
    assert stack.metrics(stack.api_processes[0])["sluice_stops_total"] == before + 1


def test_a_long_message_comes_back_whole_to_a_reader_that_reads(stack):
    """The terminal event is larger than what a socket holds; as long as the reader reads, it is not cut off."""
    message = "!sim tokens=1000 delay_ms=20 " + "ü" * 120_000
    stream = stack.api().new_chat(message)
    stream.until("delta")
    reading = in_background(stream.read_all)
    assert stack.api().stop(stream.generation)[1]["restore"]["message"] == message
    last = reading.result()[-1]
    assert last.type == "stopped" and last.data["restore"]["message"] == message
