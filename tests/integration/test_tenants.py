"""F23: two tenants with equal chat and generation ids. Every route is asked with the other's ids, cursors and tokens: the answer is that
of an id that does not exist, to the byte, and nothing is delivered. Neither sees, stops nor slows the other."""
import json
import re

import pytest

from support.client import Stream, request
from support.identity import GuardedStack, bearer, row
from support.tools import Tools

ACME, BETA, BASE, ROOT = "sk_test_acme", "sk_test_beta", "sk_test_base", "sk_test_root"
HASTY, THIRSTY = "sk_test_hasty", "sk_test_thirsty"
ROWS = [row(ACME, "acme1", tenant="acme"), row(BETA, "beta1", tenant="beta"), row(BASE, "base1"), row(ROOT, "root1", role="admin"),
        row(HASTY, "hasty1", tenant="hasty"), row(THIRSTY, "thirsty1", tenant="thirsty")]
TENANTS = ("acme", "{name: beta, queued: 2}", "{name: hasty, requests_per_minute: 2}", "{name: thirsty, tokens_per_day: 10}")
LONG = "!sim tokens=3000 delay_ms=20 text=self"


@pytest.fixture(scope="module")
def stack():
    with GuardedStack(ROWS, tenants=TENANTS) as running:
        yield running


@pytest.fixture
def acme(stack):
    return stack.caller(ACME)


@pytest.fixture
def beta(stack):
    return stack.caller(BETA)


def answer(caller, method, path, body=None, headers=None):
    """(status, body without the ids that were asked for)."""
    status, _, text = request(method, caller.url + path, body, caller.headers(headers))
    return status, re.sub(rb"(theirs|nobodys)[-a-z0-9]*", b"ID", text)


ROUTES = [
    ("GET", "/v1/chats/{chat}", None), ("GET", "/v1/chats/{chat}?before={message}", None), ("GET", "/v1/chats/{chat}/stream", None),
    ("GET", "/v1/chats/{chat}/stream?generation_id={generation}&after=1", None), ("GET", "/v1/generations/{generation}", None),
    ("GET", "/v1/generations/{generation}/stream", None), ("GET", "/v1/generations/{generation}/stream?after=1", None),
    ("POST", "/v1/chats/{chat}/stop", {}), ("POST", "/v1/chats/{chat}/stop", {"all": True}), ("GET", "/v1/chats", None),
    ("GET", "/v1/chats?after={chat}", None), ("GET", "/v1/chats?user=ann", None),
    ("POST", "/v1/chats/{chat}/messages", {"message": "x", "replace_from": "{message}"}),
    ("PATCH", "/v1/chats/{chat}", {"title": "mine"}), ("DELETE", "/v1/chats/{chat}", None), ("POST", "/v1/generations/{generation}/continue", {}),
    ("POST", "/v1/chats/{chat}/stop", {"generation_id": "{generation}"}), ("POST", "/v1/generations/{generation}/stop", {}),
]


def fill(value, **ids):
    if isinstance(value, dict):
        return {k: fill(v, **ids) for k, v in value.items()}
    return value.format(**ids) if isinstance(value, str) else value


@pytest.mark.parametrize("method,path,body", ROUTES, ids=lambda value: None if isinstance(value, dict) else str(value))
def test_another_tenants_id_is_an_id_that_does_not_exist(stack, acme, beta, method, path, body):
    running = acme.new_chat(LONG, user="ann", chat_id="theirs-chat", generation_id=f"theirs-{abs(hash(method + path + str(body)))}")
    running.until("delta")
    done = acme.new_chat("!sim tokens=2", user="ann", chat_id="theirs-done")
    assert done.status == 409 or done.read_all()[-1].type == "done"
    message = acme.chat("theirs-done")[1]["messages"][0]["id"]
    try:
        for chat in ("theirs-chat", "theirs-done"):
            theirs = answer(beta, method, fill(path, chat=chat, generation=running.generation, message=message),
                            fill(body, chat=chat, generation=running.generation, message=message))
            nobodys = answer(beta, method, fill(path, chat="nobodys", generation="nobodys", message="msg_nobodys"),
                             fill(body, chat="nobodys", generation="nobodys", message="msg_nobodys"))
            assert theirs == nobodys
            assert theirs[0] != 500 and b"!sim" not in theirs[1]
        assert running.until("delta"), "it runs on"
        assert acme.chat("theirs-done")[1]["title"] == "!sim tokens=2"
    finally:
        assert acme.stop(running.generation)[1]["outcome"] == "stopped"
        assert running.read_all()[-1].type == "stopped"


def test_equal_ids_are_two_chats_and_two_generations(stack, acme, beta):
    base = stack.caller(BASE)
    streams = {}
    for caller, name in ((acme, "acme"), (beta, "beta"), (base, "base")):
        streams[name] = caller.new_chat(LONG + f" of-{name}", chat_id="c", generation_id="g", headers={"Idempotency-Key": "k"})
    for name, stream in streams.items():
        assert stream.until("delta") and stream.generation == "g"
    for caller, name in ((acme, "acme"), (beta, "beta"), (base, "base")):
        status, record = caller.generation("g")
        assert status == 200 and record["request"]["message"].endswith(f"of-{name}")
        assert caller.message("c", "again").status == 409, "busy with its own"
    assert acme.stop(chat="c")[1]["outcome"] == "stopped"
    assert streams["acme"].read_all()[-1].type == "stopped"
    for caller, name in ((beta, "beta"), (base, "base")):
        assert caller.generation("g")[1]["state"] == "running" and streams[name].until("delta")
    stack.redis.set("chat_stop@beta:c", "1", ex=60)
    assert streams["beta"].read_all()[-1].data["reason"] == "flag"
    assert base.generation("g")[1]["state"] == "running" and streams["base"].until("delta")
    stack.redis.set("chat_stop:c", "1", ex=60)
    assert streams["base"].read_all()[-1].data["reason"] == "flag"
    restores = {name: s.events[-1].data["restore"]["message"] for name, s in streams.items()}
    assert all(text.endswith(f"of-{name}") for name, text in restores.items())
    assert len(stack.journal("g")) == 3


def test_events_go_to_the_tenants_own_readers(stack, acme, beta):
    ours = acme.new_chat("!sim tokens=60 delay_ms=10 text=self acme", chat_id="e", generation_id="e1")
    theirs = beta.new_chat("!sim tokens=60 delay_ms=10 text=self beta", chat_id="e", generation_id="e1")
    second = beta.stream("e1")
    late = acme.stream("e1")
    texts = {}
    for name, stream in (("ours", ours), ("theirs", theirs), ("second", second), ("late", late)):
        assert stream.read_all()[-1].type == "done"
        texts[name] = stream.text
    assert texts["ours"] == texts["late"] and texts["theirs"] == texts["second"]
    assert texts["ours"].split(":")[0] != texts["theirs"].split(":")[0], "two requests to the provider"
    assert [c["title"] for c in acme.get("/v1/chats")[1]["data"] if c["chat_id"] == "e"] == ["!sim tokens=60 delay_ms=10 text=self acme"]


def test_a_stop_before_its_generation_is_the_tenants_own(stack, acme, beta):
    assert beta.stop("early-1")[1]["outcome"] == "will_stop"
    stream = acme.new_chat("!sim tokens=2", generation_id="early-1")
    assert stream.read_all()[-1].type == "done"
    assert beta.new_chat("!sim tokens=2", generation_id="early-1").read_all()[-1].type == "stopped"


def test_a_repeat_is_the_tenants_own(stack, acme, beta):
    first = acme.new_chat("!sim tokens=2", headers={"Idempotency-Key": "once"})
    other = beta.new_chat("!sim tokens=2", headers={"Idempotency-Key": "once"})
    assert first.generation != other.generation
    again = acme.new_chat("!sim tokens=2", headers={"Idempotency-Key": "once"})
    assert again.generation == first.generation
    for stream in (first, other, again):
        assert stream.read_all()[-1].type == "done"


def test_a_stops_key_is_the_tenants_own(stack, acme, beta):
    mine = acme.new_chat(LONG, chat_id="s", generation_id="s1")
    mine.until("delta")
    yours = beta.new_chat(LONG, chat_id="s", generation_id="s1")
    yours.until("delta")
    key = {"Idempotency-Key": "stop-once"}
    assert acme.stop("s1", headers=key)[1]["outcome"] == "stopped"
    assert beta.generation("s1")[1]["state"] == "running"
    assert beta.stop("s1", headers=key)[1]["outcome"] == "stopped"
    mine.close()
    yours.close()


def test_a_full_tenant_is_full_alone(stack, acme, beta):
    """beta may queue 2; the lane is paused, so that nothing leaves the queue."""
    admin, operator = stack.api_processes[0].admin_url, bearer(ROOT)
    assert request("POST", admin + "/v1/admin/lanes/stream.interactive/pause", {}, operator)[0] == 200
    waiting = [caller.new_chat("!sim tokens=2") for caller in (beta, beta, acme, acme, acme)]
    try:
        assert [s.status for s in waiting] == [200] * 5
        status, headers, refused = beta.ask("POST", "/v1/chats", {"message": "one too many"})
        assert (status, refused["error"]["code"]) == (429, "queue_full") and int(headers["Retry-After"]) >= 1
        assert refused["error"]["retryable"] is True
    finally:
        assert request("POST", admin + "/v1/admin/lanes/stream.interactive/resume", {}, operator)[0] == 200
    assert [s.read_all()[-1].type for s in waiting] == ["done"] * 5
    assert beta.new_chat("!sim tokens=2").read_all()[-1].type == "done"


def test_a_tenants_rates_are_its_own(stack, acme):
    """Two requests a minute; a few tokens a day, which are counted when a generation's usage is settled."""
    hasty, thirsty = stack.caller(HASTY), stack.caller(THIRSTY)
    for _ in range(2):
        assert hasty.new_chat("!sim tokens=2").read_all()[-1].type == "done"
    status, headers, refused = hasty.ask("POST", "/v1/chats", {"message": "!sim tokens=2"})
    assert (status, refused["error"]["code"], refused["error"]["retryable"]) == (429, "rate_limited", True)
    assert 1 <= int(headers["Retry-After"]) <= 60
    assert hasty.get("/v1/chats")[0] == 200, "reading is free"
    assert thirsty.new_chat("!sim tokens=20").read_all()[-1].type == "done"
    status, headers, refused = thirsty.ask("POST", "/v1/generations", {"messages": [{"role": "user", "content": "!sim tokens=2"}]})
    assert (status, refused["error"]["code"]) == (429, "rate_limited") and 1 <= int(headers["Retry-After"]) <= 86400
    assert acme.new_chat("!sim tokens=2").read_all()[-1].type == "done"


def test_models_are_everybodys(acme, beta):
    assert acme.get("/v1/models") == beta.get("/v1/models")


def test_a_token_of_one_tenant_is_nothing_in_another(stack, acme, beta):
    mine = beta.new_chat(LONG, chat_id="t", generation_id="t1", user="ann")
    mine.until("delta")
    foreign = acme.token(user="ann")
    in_query = Stream("GET", f"{acme.url}/v1/generations/t1/stream?token={foreign.credential}")
    assert in_query.status == 404
    assert foreign.generation("t1")[0] == 404 and foreign.stop(chat="t")[0] == 404
    assert foreign.get("/v1/chats?user=ann")[1]["data"] == acme.get("/v1/chats?user=ann")[1]["data"]
    assert beta.stop("t1")[1]["outcome"] == "stopped"
    mine.close()
    assert json.loads(request("GET", f"{acme.url}/v1/chats/t", headers=bearer(ACME))[2])["error"]["code"] == "not_found"


GRAPH = """
graph: calls
start: ask
nodes:
  - {id: ask, kind: http, method: POST, url: "http://tools.test/echo", body: {}, next: show}
  - {id: show, kind: set, value: '"asked"', visible: true, next: end}
"""


def test_a_tool_never_takes_one_tenants_request_for_anothers():
    """Equal generation ids, and steps of the same number: an Idempotency-Key of two tenants would give the second the first one's answer."""
    with Tools() as tools, GuardedStack(ROWS, tenants=TENANTS, graphs={"calls": GRAPH}, graph_workers=0, env={"SLUICE_GRAPH_HOSTS": tools.rule}) as running:
        running.start_graph_worker()
        for key in (ACME, BETA, BASE):
            stream = running.caller(key).new_chat("x", chat_id="c", generation_id="g", graph="calls")
            assert stream.read_all()[-1].type == "done"
        assert [seen.key for seen in tools.requests] == ["acme/g:1", "beta/g:1", "g:1"]
