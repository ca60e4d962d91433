"""A million tokens through one stream, its limits raised: every process stays where it was. Long."""
import os

import pytest

from support.stack import Stack

MIB = 1 << 20


@pytest.mark.skipif(os.environ.get("SLUICE_LONG") != "1", reason="takes minutes")
def test_a_million_tokens_leave_every_process_where_it_was():
    limits = {"SLUICE_LIMITS_OUTPUT": "32MiB", "SLUICE_LIMITS_EVENTS": "1000000", "SLUICE_LOG_LEVEL": "info"}
    with Stack(env=limits) as stack:
        stack.redis.config_set("appendfsync", "no")  # the disk is not what is asked about
        processes = {"api": stack.api_processes[0], "worker": stack.worker_processes[0]}
        stack.api().new_chat("!sim tokens=20000 delay_ms=0").read_all()
        first, second = read_a_million(stack, processes, "first"), read_a_million(stack, processes, "second")
        for name in processes:
            assert first[name] < 96 * 1024 and second[name] < 32 * 1024, "the text itself, and what a sanitizer keeps of it"


def read_a_million(stack, processes, which):
    """By how much each process grew, in kB."""
    before = {name: process.memory_kb() for name, process in processes.items()}
    stream, last, length, most = stack.api().new_chat("!sim tokens=1000000 delay_ms=0"), 0, 0, dict(before)
    while (event := stream.next()) is not None:
        stream.events.clear()
        assert event.id == last + 1
        last = event.id
        length += len(event.data["text"]) if event.type == "delta" else 0
        if last % 10 == 0:
            most = {name: max(most[name], process.memory_kb()) for name, process in processes.items()}
    assert stack.wait_provider_closed(stream.generation)
    ended = {name: process.memory_kb() for name, process in processes.items()}
    record = stack.api().generation(stream.generation)[1]
    assert record["state"] == "done" and record["usage"]["output"] == 1_000_000 and length >= 1_000_000
    for name in processes:
        print(f"figure: the {which} million tokens ({length / MIB:.1f} MiB, {last} events): the {name} grew by {most[name] - before[name]} kB, at its end by {ended[name] - before[name]} kB")
    return {name: most[name] - before[name] for name in processes}
