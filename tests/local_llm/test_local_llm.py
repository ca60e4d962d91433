"""A real small model behind a real server (`deploy/run --local-llm`): an answer streams to `done`; after a stop in mid-stream the server's own slots are idle.

Run by `tests/run --local-llm`; the model comes from packages, so it is skipped where they cannot be had.
"""
import os
import pathlib
import signal
import tempfile
import time

import pytest

from support.client import Api, get_json
from support.processes import ROOT, Process, wait_until

PATIENCE_S = 600  # packages of about 200 MB, once


@pytest.fixture(scope="module")
def running():
    if not os.environ.get("SLUICE_LOCAL_LLM"):
        pytest.skip("run it by tests/run --local-llm")
    with tempfile.TemporaryDirectory(prefix="sluice-llm-") as folder:
        home = pathlib.Path(folder)
        run = Process("deploy-run", [ROOT / "deploy/run", "--local-llm"], home, {"SLUICE_HOME": str(home / "state"), "SLUICE_PORT": "0"})
        try:
            wait_until(lambda: not run.is_alive() or any(line.startswith("ready ") for line in run.lines), "deploy/run to be ready", PATIENCE_S, 0.5)
            if not run.is_alive():
                log = run.read_log()
                assert "cannot be had here" in log, log
                pytest.skip(log.strip().splitlines()[-1])
            yield {line.split()[0]: line.split()[1] for line in run.lines}
            run.signal(signal.SIGINT)
            assert run.wait(15) == 0
        except BaseException:
            print(run.read_log()[-6000:])
            raise
        finally:
            run.kill()


def slots(provider):
    return get_json(provider.removesuffix("/v1") + "/slots")[1]


def test_a_real_answer_streams(running):
    stream = Api(running["ready"]).new_chat("Name three colours.", params={"max_tokens": 40})
    last = stream.read_all()[-1]
    print(stream.text)
    assert last.type == "done" and len(stream.text) > 5 and last.data["usage"]["source"] == "provider" and last.data["usage"]["input"] > 0


def test_stop_frees_the_model(running):
    api = Api(running["ready"])
    stream = api.new_chat("Write a very long story about a river, in many chapters.", params={"max_tokens": 2000})
    for _ in range(5):
        stream.until("delta")
    assert any(s["is_processing"] for s in slots(running["provider"]))
    began = time.monotonic()
    answer = api.stop(stream.generation)[1]
    assert answer["outcome"] == "stopped" and answer["restore"]["message"].startswith("Write a very long story")
    wait_until(lambda: not any(s["is_processing"] for s in slots(running["provider"])), "the server's slots to be idle", 30)
    print(f"figure: the model's slots were idle {(time.monotonic() - began) * 1000:.0f} ms after the stop was sent")
    assert stream.read_all()[-1].type == "stopped"
