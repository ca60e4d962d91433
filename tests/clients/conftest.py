"""The oracle: one node process with the official clients for all tests, and one simulated provider."""
import json
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from support.client import get_json  # noqa: E402
from support.processes import BIN, ROOT, Process, wait_until  # noqa: E402


class Oracle:
    """What a client makes of what the simulated provider sends."""

    def __init__(self, sim_url, log):
        self.url = sim_url
        argv = ["node", HERE / "oracle.mjs", ROOT / "build/clients"]
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)

    def ask(self, client, op, request=None, **command):
        sent = {"client": client, "op": op, "url": self.url, "request": request, **command}
        self.process.stdin.write(json.dumps(sent) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def play(self, client, words, op="stream", abort_at=None, **fields):
        """The answer to a script."""
        request = {"model": "sim", "messages": [{"role": "user", "content": "!sim " + words}], **fields}
        return self.ask(client, op, request, abort_at=abort_at)

    def row(self):
        """The journal's last request, once it is over."""
        last = lambda: get_json(self.url + "/journal")[1][-1]
        wait_until(lambda: last()["end"], "the request's end")
        return last()

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait(20)


@pytest.fixture(scope="session")
def oracle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clients")
    sim = Process("llmsim", [BIN / "sluice-llmsim", "--listen", "127.0.0.1:0"], folder)
    with open(folder / "oracle.log", "wb") as log:
        running = Oracle(sim.wait_line(r"listening (http://\S+)").group(1), log)
    yield running
    print((folder / "oracle.log").read_text())
    assert running.close() == 0
    assert sim.stop() == 0
