"""SIGHUP reads the configuration again: what is live is taken over while generations run, what is not is named in the log, and a
bad file changes nothing and says so."""
import re
import signal

import pytest

from support.client import get_json, request
from support.processes import wait_until
from support.stack import Stack

CONFIG = """
models: [{{name: {model}, base_url: "{url}", model: sim}}]
worker: {{slots: {slots}}}
limits: {{message: {message}, output: {output}}}
keep: {{log: {log}}}
"""


@pytest.fixture
def stack():
    with Stack(apis=0, workers=0) as s:
        path = s.folder / "sluice.yaml"
        s.configure = lambda text=None, **values: path.write_text(text if text is not None else CONFIG.format(url=s.provider_url, **values))
        s.configure(model="one", slots=1, message="1KiB", output="1MiB", log="10m")
        s.env["SLUICE_CONFIG"] = str(path)
        s.start_api()
        s.start_worker()
        yield s


def worker_url(stack):
    return "http://" + re.search(r"worker\.ready .*metrics=(\S+)", stack.worker_processes[0].read_log()).group(1)


def reload(stack, event):
    for process in (stack.api_processes[0], stack.worker_processes[0]):
        before = process.read_log().count(event)
        process.signal(signal.SIGHUP)
        wait_until(lambda p=process, n=before: p.read_log().count(event) > n, f"{process.name} to say {event}")


def test_a_reload_takes_over_what_is_live(stack):
    api = stack.api()
    running = api.new_chat("!sim tokens=100 delay_ms=80 text=self", on_disconnect="continue")
    assert running.until("started").data["model"] == "one"
    waiting = api.new_chat("!sim tokens=3", on_disconnect="continue")
    assert request("POST", api.url + "/v1/chats", {"message": "x" * 2000})[0] == 400
    stack.configure(model="two", slots=2, message="4KiB", output="1KiB", log="11m")
    reload(stack, "config.reloaded")
    for process in (stack.api_processes[0], stack.worker_processes[0]):
        assert "config.restart_needed key=keep.log" in process.read_log()
    assert waiting.until("started").data["model"] == "two", "there is a slot for it now"
    assert waiting.read_all()[-1].type == "done"
    assert running.read_all()[-1].type == "done", "it keeps the model and the limits that it began with"
    assert [m["id"] for m in get_json(stack.api_processes[0].url + "/v1/models")[1]["data"]] == ["two"]
    large = api.new_chat("!sim tokens=500 delay_ms=0 text=self " + "x" * 2000)
    assert large.read_all()[-1].data["error"]["code"] == "output_limit"
    assert stack.metrics(worker_url(stack))["sluice_worker_slots"] == 2


def test_a_bad_file_changes_nothing(stack):
    for text in ("worker: {slots: 8x}\n", "models: {", 'keys: [{id: a, tenant: nobody, sha256: "' + "0" * 64 + '"}]\n'):
        stack.configure(text)
        api, worker = stack.api_processes[0], stack.worker_processes[0]
        before = api.read_log().count("config.reload_failed")
        api.signal(signal.SIGHUP)
        wait_until(lambda n=before: api.read_log().count("config.reload_failed") > n, "the API to refuse the file")
        before = worker.read_log().count("config.reload_failed")
        worker.signal(signal.SIGHUP)
        wait_until(lambda n=before: worker.read_log().count("config.reload_failed") > n, "the worker to refuse the file")
        stream = stack.api().new_chat("!sim tokens=3")
        assert stream.until("started").data["model"] == "one"
        assert stream.read_all()[-1].type == "done"
