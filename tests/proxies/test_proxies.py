"""F20: the API behind Debian's nginx and HAProxy, with the files of deploy/ but for their ports. Streams come as they are made and are resumed, clients are told apart, and no
request of the corpus, however malformed, makes proxy and API disagree about where the next one begins: whoever comes after it on the proxy's connections gets their own answer."""
import re
import socket
import time

import pytest

from support.client import Stream, request
from support.http_corpus import GET, HOST, LEGAL, MALFORMED
from support.processes import ROOT, free_port, wait_until
from support.stack import Stack

SILENCE_S = 0.05


class Proxy:
    """One of the two in front of a stack's API, on its own port."""

    def __init__(self, stack, name):
        self.port, api = free_port(), stack.api_processes[0].url.rpartition("/")[2]
        self.url, folder = f"http://127.0.0.1:{self.port}", stack.folder
        if name == "nginx":
            text = (ROOT / "deploy/nginx/sluice.conf").read_text().replace("127.0.0.1:8080", api).replace("listen 80;", f"listen 127.0.0.1:{self.port};")
            text = re.sub(r"keepalive 64;", "keepalive 1;", text)  # so that they are shared
            temp = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
            whole = f"daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr; events {{}} http {{ access_log off; {temp} {text} }}"
            argv = ["nginx", "-e", "stderr", "-c", folder / "proxy.conf"]
        else:
            whole = (ROOT / "deploy/haproxy/haproxy.cfg").read_text().replace("127.0.0.1:8080", api).replace("bind :80", f"bind 127.0.0.1:{self.port}")
            argv = ["haproxy", "-db", "-f", folder / "proxy.conf"]
        (folder / "proxy.conf").write_text(whole)
        self.process = stack._start(name, argv)
        wait_until(lambda: Stack.is_ready(self.url), f"{name} to be ready")

    def raw(self, data):
        """What is said to these bytes, to the end or to a silence."""
        answer = b""
        with socket.create_connection(("127.0.0.1", self.port)) as s:
            s.settimeout(2)
            try:
                s.sendall(data)
                while piece := s.recv(65536):
                    answer += piece
                    s.settimeout(SILENCE_S)
            except OSError:
                pass
        return answer


@pytest.fixture(scope="module", params=["nginx", "haproxy"])
def behind(request):
    with Stack(env={"SLUICE_API_TRUSTED_PROXIES": "127.0.0.0/8", "SLUICE_LOG_LEVEL": "info"}) as stack:
        yield stack, Proxy(stack, request.param)


def test_no_request_is_read_in_two_ways(behind):
    stack, proxy = behind
    rows = [(name, data) for _, name, data in sum(MALFORMED.values(), [])] + [(name, data) for _, _, name, data in LEGAL if len(data) < 100_000]
    wrong = []
    for number, (name, data) in enumerate(rows):
        proxy.raw(data + GET + b"\r\n")
        for probe in range(2):
            answer = proxy.raw(b"GET /v1/chats/probe-%d-%d HTTP/1.1\r\n" % (number, probe) + HOST + b"Connection: close\r\n\r\n")
            if not answer.startswith(b"HTTP/1.1 404 ") or answer.count(b"HTTP/1.1 ") != 1:
                wrong.append((name, answer[:200]))
    print(f"figure: {len(rows)} requests through {proxy.process.name}: {len(wrong)} desyncs")
    assert not wrong
    assert stack.metrics(stack.api_processes[0])["sluice_http_streams"] == 0


def test_streams_come_as_they_are_made_and_are_resumed(behind):
    stack, proxy = behind
    began = time.monotonic()
    stream = Stream("POST", proxy.url + "/v1/chats", {"message": "!sim tokens=40 delay_ms=50 text=self", "on_disconnect": "continue"})
    first = stream.until("delta")
    assert first.at - began < 1.5, "long before the end"
    for _ in range(4):
        last = stream.until("delta")
    stream.close()
    wait_until(lambda: stack.metrics(stack.api_processes[0])["sluice_http_streams"] == 0, "the API to see that the client left")
    again = Stream("GET", f"{proxy.url}/v1/generations/{stream.generation}/stream", headers={"Last-Event-ID": str(last.id)})
    assert again.status == 200, again.error
    events = again.read_all()
    assert events[0].id == last.id + 1 and events[-1].type == "done"
    words = (stream.text + again.text).split()
    assert [word.rpartition(":")[2] for word in words] == [str(n) for n in range(40)]
    assert request("GET", f"{proxy.url}/v1/generations/{stream.generation}/stream", headers={"Last-Event-ID": str(events[-1].id)})[0] == 204
    running = Stream("POST", proxy.url + "/v1/chats", {"message": "!sim tokens=2000 delay_ms=20", "on_disconnect": "continue"})
    running.until("delta")
    assert request("POST", f"{proxy.url}/v1/generations/{running.generation}/stop", {})[0] == 200
    assert running.read_all()[-1].type == "stopped"


def test_clients_are_told_apart(behind):
    """The client is one of the trusted addresses itself here, so the one before it in the chain counts."""
    stack, proxy = behind
    url = stack.api().new_chat("!sim tokens=2000 delay_ms=100", on_disconnect="continue")
    url.until("delta")
    path = f"{proxy.url}/v1/generations/{url.generation}/stream"

    def read(client):
        """503 comes of a busy machine: asked again, as it says."""
        return wait_until(lambda: (s := Stream("GET", path, headers={"X-Forwarded-For": client})).status != 503 and s, "an answer")

    streams = [read("8.8.8.8") for _ in range(200)]
    assert {s.status for s in streams} == {200}
    assert read("8.8.8.8").status == 429
    other = read("9.9.9.9")
    assert other.status == 200
    for s in streams + [other]:
        s.close()
    assert stack.api().stop(url.generation)[1]["outcome"] == "stopped"
