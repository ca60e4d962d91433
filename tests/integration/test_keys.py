"""API keys: who has none is told 401, a key speaks for its tenant, rotation needs no restart, roles hold on the admin listener,
origins are those that are listed, and no secret comes into a log (F27)."""
import re
import subprocess

import pytest

from support.client import Stream, request
from support.identity import GuardedStack, bearer, row
from support.processes import BIN, wait_until

WEB, ADMIN, ACME = "sk_test_web", "sk_test_admin", "sk_test_acme"
ROWS = [row(WEB, "web1"), row(ADMIN, "root", role="admin"), row(ACME, "acme1", tenant="acme")]
ORIGIN = "https://chat.example"


@pytest.fixture(scope="module")
def stack():
    with GuardedStack(ROWS) as running:
        yield running


def everything(url, headers):
    """Every public route but health, with these headers: [(route, status, headers)]."""
    routes = [
        ("POST", "/v1/chats"), ("GET", "/v1/chats"), ("GET", "/v1/chats/c1"), ("POST", "/v1/chats/c1/messages"),
        ("POST", "/v1/chats/c1/stop"), ("GET", "/v1/chats/c1/stream"), ("POST", "/v1/generations"), ("GET", "/v1/generations/g1"),
        ("POST", "/v1/generations/g1/stop"), ("GET", "/v1/generations/g1/stream"), ("GET", "/v1/models"), ("POST", "/v1/tokens"), ("GET", "/v1/graphs"), ("DELETE", "/v1/chats/c1"), ("POST", "/v1/generations/g1/continue"),
        ("GET", "/nowhere"), ("DELETE", "/v1/chats"),
    ]
    for method, path in routes:
        status, got, body = request(method, url + path, {} if method == "POST" else None, headers)
        yield f"{method} {path}", status, got, body


@pytest.mark.parametrize("headers", [
    {}, bearer("sk_test_webx"), bearer(""), bearer("a b"), {"Authorization": WEB}, {"Authorization": f"Basic {WEB}"}, bearer("st1.e30.x"),
    {"Authorization": "Bearer"},
], ids=str)
def test_without_a_known_key_every_route_is_401(stack, headers):
    for route, status, got, body in everything(stack.api_processes[0].url, headers):
        assert status == 401, route
        assert got["WWW-Authenticate"] == "Bearer" and b'"unauthorized"' in body


def test_health_needs_no_key(stack):
    for path in ("/livez", "/readyz"):
        assert request("GET", stack.api_processes[0].url + path)[0] == 200
        assert request("GET", stack.api_processes[0].admin_url + path)[0] == 200


def test_a_key_is_never_taken_from_the_query(stack):
    url = stack.api_processes[0].url
    assert request("GET", f"{url}/v1/chats/c1/stream?token={WEB}")[0] == 401
    assert request("GET", f"{url}/v1/chats?token={WEB}")[0] == 400
    assert request("GET", f"{url}/v1/chats/c1/stream?token=x", headers=bearer(WEB))[0] == 400, "one way or the other"


def test_keys_overlap_and_end_without_a_restart(stack):
    fresh = "sk_test_web_2"
    old = stack.caller(WEB)
    running = old.new_chat("!sim tokens=400 delay_ms=20 text=self", on_disconnect="continue")
    running.until("started")
    try:
        stack.configure(ROWS + [row(fresh, "web2")])
        stack.reload()
        assert [stack.caller(k).get("/v1/chats")[0] for k in (WEB, fresh)] == [200, 200]
        stack.configure(ROWS[1:] + [row(fresh, "web2")])
        stack.reload()
        assert [stack.caller(k).get("/v1/chats")[0] for k in (WEB, fresh)] == [401, 200]
        seen = running.read_all()[-1]
        assert seen.type == "delta", "its open stream ends with it, and no event says that the generation did"
        later = stack.caller(fresh).stream(running.generation, last_id=seen.id)
        assert later.next().id == seen.id + 1
        assert stack.caller(fresh).stop(running.generation)[1]["outcome"] == "stopped"
    finally:
        stack.configure(ROWS)
        stack.reload()


def test_bad_rows_are_refused_with_their_place(stack):
    rows = {
        "there is no tenant 'nobody'": [row(WEB, "a", tenant="nobody")],
        "id 'a' stands in keys twice": [row(WEB, "a"), row(ACME, "a")],
        "the keys 'a' and 'b' are one": [row(WEB, "a"), row(WEB, "b")],
    }
    try:
        for what, keys in rows.items():
            stack.configure(keys)
            done = subprocess.run([BIN / "sluice-api", "--check-config"], env={**stack.settings(), "PATH": "/usr/bin"}, capture_output=True, text=True)
            assert done.returncode != 0 and what in done.stderr
            assert re.search(r"sluice\.yaml:4:\d+: ", done.stderr)
    finally:
        stack.configure(ROWS)


def test_beyond_loopback_only_with_keys(stack):
    for listen, keys, is_good in (("0.0.0.0:0", ROWS, True), ("0.0.0.0:0", [], False), ("127.0.0.1:0", [], True)):
        stack.configure(keys)
        env = {**stack.settings(), "SLUICE_API_LISTEN": listen, "PATH": "/usr/bin"}
        done = subprocess.run([BIN / "sluice-api", "--check-config"], env=env, capture_output=True, text=True)
        assert (done.returncode == 0) == is_good, done.stderr
    stack.configure(ROWS)


def test_keys_that_go_from_under_an_open_listener_leave_it_closed(stack):
    """The file is right for a restart on loopback; this process still listens on all addresses."""
    api = stack.start_api({"SLUICE_API_LISTEN": "0.0.0.0:0"})
    try:
        url = api.url.replace("0.0.0.0", "127.0.0.1")
        assert request("GET", url + "/v1/models", headers={**bearer(WEB), "Host": "api.example"})[0] == 200, "any name is served"
        stack.configure([])
        stack.reload("config.reload")
        assert request("GET", url + "/v1/models")[0] == 401
        assert request("GET", url + "/livez")[0] == 200
    finally:
        stack.api_processes.remove(api)
        api.stop(15)
        stack._forget(api)
        stack.configure(ROWS)
        stack.reload()


def test_a_key_has_so_many_requests_under_way(stack):
    small = "sk_test_small"
    stack.configure(ROWS + [row(small, "small", connections=2)])
    stack.reload()
    try:
        caller = stack.caller(small)
        streams = [caller.new_chat("!sim tokens=100 delay_ms=50", on_disconnect="stop") for _ in range(2)]
        assert all(s.status == 200 for s in streams)
        status, headers, answer = caller.ask("GET", "/v1/models")
        assert (status, headers["Retry-After"], answer["error"]["code"]) == (429, "1", "rate_limited")
        assert stack.caller(WEB).get("/v1/models")[0] == 200, "another key is not concerned"
        caller.credential = WEB
        for s in streams:
            assert stack.caller(WEB).stop(s.generation)[1]["outcome"] == "stopped"
            s.close()
        caller.credential = small
        wait_until(lambda: caller.get("/v1/models")[0] == 200, "the key to be free again")
    finally:
        stack.configure(ROWS)
        stack.reload()


def test_the_admin_listener_knows_roles(stack):
    admin = stack.api_processes[0].admin_url
    assert request("GET", admin + "/metrics")[0] == 200, "a scraper on this machine needs no key"
    for headers, status in (({}, 401), (bearer(WEB), 403), (bearer(ADMIN), 404)):
        assert request("POST", admin + "/v1/admin/nowhere", {}, headers)[0] == status
    open_api = stack.start_api({"SLUICE_API_ADMIN_LISTEN": "0.0.0.0:0"})
    try:
        url = open_api.admin_url.replace("0.0.0.0", "127.0.0.1")
        for headers, status in (({}, 401), (bearer(WEB), 403), (bearer(ADMIN), 200)):
            assert request("GET", url + "/metrics", headers=headers)[0] == status
        assert request("GET", url + "/livez")[0] == 200
    finally:
        stack.api_processes.remove(open_api)
        open_api.stop(15)
        stack._forget(open_api)


ASKS = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}


def test_a_listed_origin_asks_without_a_key(stack):
    url = stack.api_processes[0].url
    status, headers, body = request("OPTIONS", url + "/v1/chats", headers=ASKS)
    assert (status, body) == (204, b"")
    assert headers["Access-Control-Allow-Origin"] == ORIGIN and headers["Vary"] == "Origin"
    assert headers["Access-Control-Allow-Headers"] == "Authorization, Content-Type, Last-Event-ID, Idempotency-Key, Prefer"
    assert set(headers["Access-Control-Allow-Methods"].split(", ")) == {"GET", "POST", "PATCH", "DELETE"}
    assert int(headers["Access-Control-Max-Age"]) > 0 and "Access-Control-Allow-Credentials" not in headers
    status, headers, _ = request("OPTIONS", url + "/v1/chats", headers={**ASKS, "Origin": "https://evil.example"})
    assert status == 401 and "Access-Control-Allow-Origin" not in headers and headers["Vary"] == "Origin"


def test_every_answer_says_that_it_depends_on_the_origin(stack):
    url = stack.api_processes[0].url
    for headers in ({}, bearer(WEB), {**bearer(WEB), "Origin": ORIGIN}, {"Origin": ORIGIN}, {**bearer(WEB), "Origin": "https://evil.example"}):
        for route, _, got, _ in everything(url, headers):
            assert got["Vary"] == "Origin", route
            is_listed = headers.get("Origin") == ORIGIN
            assert got.get("Access-Control-Allow-Origin") == (ORIGIN if is_listed else None), route
            exposed = "Sluice-Generation-Id, Sluice-Chat-Id, Location, Retry-After"
            assert got.get("Access-Control-Expose-Headers") == (exposed if is_listed else None), route
    stream = stack.caller(WEB).new_chat("!sim tokens=2", headers={"Origin": ORIGIN})
    assert stream.headers["Access-Control-Allow-Origin"] == ORIGIN and stream.read_all()[-1].type == "done"


def test_the_command_line_makes_keys_and_uses_them(stack):
    def run(*argv, **env):
        settings = {"PATH": "/usr/bin", "SLUICE_URL": stack.api_processes[0].url, **env}
        return subprocess.run([BIN / "sluice", *argv], env=settings, capture_output=True, text=True, timeout=30)

    made = run("key", "new", "--tenant", "acme", "--role", "user", "--id", "made")
    key, line = made.stdout.splitlines()
    assert re.fullmatch(r"sk_sluice_[0-9a-z]{52}", key) and line.startswith("  - {id: ") and made.stderr == ""
    assert run("key", "new").stdout.splitlines()[0] != key
    for bad in (("key",), ("key", "old"), ("key", "new", "--role", "root"), ("key", "new", "--tenant", "A"), ("key", "new", "--id", "a b")):
        assert run(*bad).returncode == 2
    stack.configure(ROWS + [line.removeprefix("  - ")])
    stack.reload()
    try:
        stream = stack.caller(key).new_chat("!sim tokens=200 delay_ms=20")
        stream.until("started")
        assert "not known" in run("stop", stream.generation, SLUICE_API_KEY="sk_wrong").stderr
        assert run("stop", stream.generation, SLUICE_API_KEY=key).returncode == 0
        assert stream.read_all()[-1].type == "stopped"
        assert run("tail", stream.generation, SLUICE_API_KEY=key).returncode in (0, 1)
    finally:
        stack.configure(ROWS)
        stack.reload()


def test_no_secret_comes_into_a_log(stack):
    """The whole file ran at level debug; then everything that may be secret goes through once more."""
    caller = stack.caller(WEB)
    prompt, system = "canary-prompt-7f3a", "canary-system-91bc"
    token = caller.token(user="canary-user-55d0", ttl=60)
    stream = token.new_chat(f"!sim tokens=3 {prompt}", system=system, metadata={"x": "canary-meta-02ee"})
    assert stream.read_all()[-1].type == "done"
    Stream("GET", f"{token.url}/v1/generations/{stream.generation}/stream?token={token.credential}").read_all()
    request("GET", f"{token.url}/v1/chats?token={token.credential}")
    request("GET", f"{token.url}/v1/models", headers=bearer("canary-key-4b11"))
    request("POST", f"{token.url}/v1/chats", {"message": prompt, "bad": 1}, bearer(WEB))
    secrets = [WEB, ADMIN, ACME, token.credential, token.credential[4:40], stack.secret, prompt, system, "canary"]
    for process in stack.processes:
        text = process.read_log() + "\n".join(process.lines)
        for secret in secrets:
            assert secret not in text, f"{secret} in the log of {process.name}"
