"""Tokens for browsers: who gets one, how far each kind reaches on every route, and how they end."""
import base64
import json

import pytest

from support.client import Stream, request
from support.identity import Caller, GuardedStack, bearer, row
from support.processes import wait_until

KEY, SECOND, ACME = "sk_test_key", "sk_test_second", "sk_test_acme"
ROWS = [row(KEY, "web1"), row(SECOND, "web2"), row(ACME, "acme1", tenant="acme")]
LONG = "!sim tokens=3000 delay_ms=20 text=self"


@pytest.fixture(scope="module")
def stack():
    with GuardedStack(ROWS) as running:
        yield running


@pytest.fixture
def key(stack):
    return stack.caller(KEY)


def tokens(stack, body, credential=KEY):
    status, headers, answer = stack.caller(credential).ask("POST", "/v1/tokens", body)
    return status, headers, answer


def test_a_key_has_tokens_made(stack):
    status, headers, answer = tokens(stack, {"user": "ann", "ttl": 60})
    assert status == 200 and headers["Cache-Control"] == "no-store"
    assert answer["user"] == "ann" and answer["chat_id"] is None and answer["expires_at"] % 1000 == 0
    assert answer["token"].startswith("st1.")
    payload = json.loads(base64.urlsafe_b64decode(answer["token"].split(".")[1] + "=="))
    assert payload["e"] == answer["expires_at"] // 1000 and payload["t"] == "default" and payload["k"] == "web1"
    for body in ({}, {"ttl": 5}, {"user": ""}, {"user": "x" * 129}, {"user": "a\x07b"}, {"user": 1}, {"chat_id": "a b"}, {"user": "a", "ttl": 0},
                 {"user": "a", "ttl": 3601}, {"user": "a", "ttl": "60"}, {"user": "a", "ttl": 1.5}, {"user": "a", "role": "admin"}, []):
        status, _, refused = tokens(stack, body)
        assert (status, refused["error"]["code"]) == (400, "bad_request"), body
    status, _, refused = tokens(stack, {"user": "bob"}, answer["token"])
    assert (status, refused["error"]["code"]) == (403, "forbidden"), "a token makes no tokens"
    assert request("GET", stack.api_processes[0].url + "/v1/tokens", headers=bearer(KEY))[0] == 405


def test_without_a_secret_there_are_none():
    with GuardedStack(ROWS, secret=None) as bare:
        status, _, refused = tokens(bare, {"user": "ann"})
        assert (status, refused["error"]["code"]) == (400, "not_supported") and "token_secret" in refused["error"]["message"]
        bare.configure([])
        bare.reload()
        status, _, body = request("POST", bare.api_processes[0].url + "/v1/tokens", {"user": "ann"})
        assert status == 400 and b"not_supported" in body
        assert request("GET", bare.api_processes[0].url + "/v1/chats/c/stream?token=st1.x.y")[0] == 400


def test_a_users_token_speaks_for_the_user(stack, key):
    ann = key.token(user="ann")
    stream = ann.new_chat("!sim tokens=2", chat_id="own")
    assert stream.read_all()[-1].type == "done"
    assert stack.redis.hget("sluice:{s00}:chat:default:own", "user") == b"ann"
    assert ann.message("own", "!sim tokens=2", user="ann").read_all()[-1].type == "done"
    for call in (lambda: ann.message("own", "x", user="bob"), lambda: ann.new_chat("x", user="bob"),
                 lambda: ann.generate([{"role": "user", "content": "x"}], user="bob")):
        refused = call()
        assert refused.status == 403 and refused.json["error"]["param"] == "user"
    assert ann.generate([{"role": "user", "content": "!sim tokens=2"}]).read_all()[-1].type == "done"
    status, answer = ann.get("/v1/chats")
    assert [c["chat_id"] for c in answer["data"]] == ["own"] and answer["data"][0]["user"] == "ann"
    assert ann.get("/v1/chats?user=ann")[1] == answer
    assert ann.get("/v1/chats?user=bob")[0] == 403
    assert ann.get("/v1/models")[0] == 200


READS = ["/v1/chats/{chat}", "/v1/generations/{generation}", "/v1/generations/{generation}/stream", "/v1/generations/{generation}/stream?after=1"]
WRITES = [
    ("POST", "/v1/chats/{chat}/messages", {"message": "x"}), ("POST", "/v1/chats/{chat}/messages", {"message": "x", "if_busy": "interrupt"}),
    ("POST", "/v1/chats/{chat}/stop", {}), ("POST", "/v1/chats/{chat}/stop", {"all": True}), ("POST", "/v1/generations/{generation}/stop", {}),
    ("POST", "/v1/chats/{chat}/stop", {"generation_id": "{generation}"}), ("PATCH", "/v1/chats/{chat}", {"title": "x"}),
    ("DELETE", "/v1/chats/{chat}", None), ("POST", "/v1/generations/{generation}/continue", {}),
]


def everything(chat, generation):
    for path in READS:
        yield "GET", path.format(chat=chat, generation=generation), None
    for method, path, body in WRITES:
        yield method, path.format(chat=chat, generation=generation), body and {k: v.format(generation=generation) if isinstance(v, str) else v for k, v in body.items()}


@pytest.mark.parametrize("is_committed", [True, False], ids=["a chat with a record", "a chat in its first turn"])
@pytest.mark.parametrize("reach", [{"user": "ann"}, {"chat_id": "elsewhere"}, {"user": "ann", "chat_id": "elsewhere"}], ids=str)
def test_what_a_token_does_not_reach_is_not_there(stack, key, reach, is_committed):
    token = key.token(**reach)
    chat = f"bobs-{abs(hash((str(reach), is_committed)))}"
    if is_committed:
        assert key.new_chat("!sim tokens=2", chat_id=chat, user="bob").read_all()[-1].type == "done"
    running = key.message(chat, LONG, user="bob", on_disconnect="continue")
    running.until("delta")
    for method, path, body in everything(chat, running.generation):
        status, _, answer = token.ask(method, path, body)
        assert status in ((404, 405) if method == "PATCH" else (404,)), (method, path, answer)
    assert Stream("GET", f"{key.url}/v1/chats/{chat}/stream", headers=token.headers()).status == 404
    refused = token.new_chat("x", chat_id=chat)
    assert refused.status == (403 if "chat_id" in reach else 404)
    refused = token.generate([{"role": "user", "content": "x"}], chat_id=chat)
    assert refused.status == (403 if "chat_id" in reach else 404)
    refused = token.generate([{"role": "user", "content": "x"}], generation_id=running.generation)
    assert refused.status == (403 if "chat_id" in reach else 404), "an id that is taken by another user"
    assert running.until("delta"), "it runs on"
    assert key.stop(running.generation)[1]["outcome"] == "stopped"
    running.close()
    for method, path, body in everything(chat, running.generation):
        if method == "GET" or path.endswith("/stop"):
            assert token.ask(method, path, body)[0] == 404, "nor is it there when it is over"


def test_a_chats_token_reaches_that_chat(stack, key):
    token = key.token(chat_id="room")
    assert token.get("/v1/chats/room")[0] == 404, "there is none yet"
    assert token.stream(chat="room").status == 204
    first = token.new_chat("!sim tokens=2", chat_id="room")
    assert first.read_all()[-1].type == "done"
    running = token.message("room", LONG)
    running.until("delta")
    assert token.chat("room")[1]["active"]["generation_id"] == running.generation
    assert token.generation(running.generation)[0] == 200
    by_query = Stream("GET", f"{key.url}/v1/chats/room/stream?token={token.credential}")
    assert by_query.until("delta")
    by_query.close()
    assert token.stop(running.generation)[1]["outcome"] == "stopped"
    running.close()
    assert token.stop(chat="room")[1]["outcome"] == "already_stopped"
    for refused in (token.new_chat("x"), token.new_chat("x", chat_id="rooms"), token.generate([{"role": "user", "content": "x"}]),
                    token.message("room", "x", user="ann")):
        assert refused.status == 403
    assert token.get("/v1/chats")[0] == 403
    assert token.generate([{"role": "user", "content": "!sim tokens=2"}], chat_id="room").read_all()[-1].type == "done"


def test_a_token_for_a_user_in_a_chat_needs_both(stack, key):
    both = key.token(user="eve", chat_id="pair")
    assert both.new_chat("!sim tokens=2", chat_id="pair").read_all()[-1].type == "done"
    assert stack.redis.hget("sluice:{s00}:chat:default:pair", "user") == b"eve"
    assert both.chat("pair")[0] == 200
    assert key.token(user="eve").chat("pair")[0] == 200
    assert key.token(user="mallory", chat_id="pair").chat("pair")[0] == 404
    assert both.get("/v1/chats")[0] == 403


def test_a_users_chat_is_theirs_with_all_that_is_in_it(stack, key):
    """The backend goes on in it without naming the user."""
    ann = key.token(user="ann2")
    assert ann.new_chat("!sim tokens=2", chat_id="shared").read_all()[-1].type == "done"
    running = key.message("shared", LONG)
    running.until("delta")
    assert ann.generation(running.generation)[0] == 200
    assert ann.stop(chat="shared")[1]["outcome"] == "stopped"
    running.close()
    assert key.token(user="bob").ask("DELETE", "/v1/chats/shared")[0] == 404 and ann.chat("shared")[0] == 200
    assert ann.ask("DELETE", "/v1/chats/shared")[0] == 204 and key.chat("shared")[0] == 404


def test_a_stop_of_an_unseen_id_counts_within_the_tokens_reach(stack, key):
    ann, bob, room = key.token(user="ann"), key.token(user="bob"), key.token(chat_id="tomb-room")
    assert ann.stop("tomb-1")[1]["outcome"] == "will_stop"
    assert bob.new_chat("!sim tokens=2", generation_id="tomb-1").read_all()[-1].type == "done", "bob's is another's"
    assert ann.stop("tomb-2")[1]["outcome"] == "will_stop"
    assert ann.new_chat("!sim tokens=2", generation_id="tomb-2").read_all()[-1].type == "stopped"
    assert room.stop("tomb-3")[1]["outcome"] == "will_stop"
    assert key.new_chat("!sim tokens=2", generation_id="tomb-3").read_all()[-1].type == "done", "in another chat"
    assert room.stop("tomb-4")[1]["outcome"] == "will_stop"
    assert room.message("tomb-room", "!sim tokens=2", generation_id="tomb-4").read_all()[-1].type == "stopped"
    assert key.stop("tomb-5")[1]["outcome"] == "will_stop"
    assert ann.new_chat("!sim tokens=2", generation_id="tomb-5").read_all()[-1].type == "stopped", "the backend's counts for all"


def test_idempotency_keys_are_the_tokens_own(stack, key):
    ann, bob = key.token(user="ann"), key.token(user="bob")
    once = {"Idempotency-Key": "the-same"}
    first = ann.new_chat("!sim tokens=2", headers=once)
    other = bob.new_chat("!sim tokens=2", headers=once)
    assert first.generation != other.generation and first.read_all()[-1].type == other.read_all()[-1].type == "done"
    assert ann.new_chat("!sim tokens=2", headers=once).generation == first.generation
    running = ann.new_chat(LONG)
    running.until("delta")
    stopped = ann.stop(running.generation, headers=once)[1]
    assert stopped["outcome"] == "stopped"
    assert bob.stop(running.generation, headers=once)[0] == 404, "not the first one's answer with ann's message"
    again = ann.stop(running.generation, headers=once)[1]
    assert [again[f] for f in ("outcome", "seq", "restore")] == [stopped[f] for f in ("outcome", "seq", "restore")]
    running.close()


def test_the_same_id_and_body_of_another_user_is_no_repeat(stack, key):
    ann, bob = key.token(user="ann"), key.token(user="bob")
    first = ann.new_chat("!sim tokens=2", generation_id="same-id")
    assert first.read_all()[-1].type == "done"
    assert bob.new_chat("!sim tokens=2", generation_id="same-id").status == 404
    assert ann.new_chat("!sim tokens=2", generation_id="same-id").status in (200, 409)


def test_a_token_in_the_query_is_for_streams(stack, key):
    ann = key.token(user="ann")
    running = ann.new_chat(LONG)
    running.until("delta")
    url = f"{key.url}/v1/generations/{running.generation}"
    bare = Stream("GET", f"{url}/stream?token={ann.credential}&after=1")
    assert bare.next().id == 2
    bare.close()
    for method, path in (("GET", ""), ("POST", "/stop")):
        assert request(method, f"{url}{path}?token={ann.credential}", {} if method == "POST" else None)[0] == 400
    assert request("GET", f"{key.url}/v1/chats?token={ann.credential}")[0] == 400
    assert request("GET", f"{url}/stream?token={ann.credential}", headers=ann.headers())[0] == 400
    assert request("GET", f"{url}/stream?token={ann.credential}x")[0] == 401
    assert request("GET", f"{url}/stream?token={ann.credential}&token={ann.credential}")[0] == 400
    assert ann.stop(running.generation)[1]["outcome"] == "stopped"
    running.close()


def test_a_token_expires(stack, key):
    short = key.token(user="ann", ttl=1)
    running = None

    def is_over():
        return short.get("/v1/chats")[0] == 401

    if not is_over():
        running = short.new_chat("!sim tokens=150 delay_ms=20", on_disconnect="continue")
    wait_until(is_over, "the token to expire")
    status, _, answer = short.ask("GET", "/v1/models")
    assert (status, answer["error"]["message"]) == (401, "the token has expired")
    if running is not None and running.status == 200:
        assert running.read_all()[-1].type == "done", "an open stream goes on"


def test_a_token_ends_with_its_key(stack, key):
    ann = stack.caller(SECOND).token(user="ann")
    running = ann.new_chat(LONG, on_disconnect="continue")
    running.until("delta")
    try:
        stack.configure([ROWS[0], row("sk_test_other", "web2"), ROWS[2]])
        stack.reload()
        assert ann.get("/v1/chats")[0] == 401, "another key has its id now"
        assert running.read_all()[-1].type == "delta", "its stream was closed"
        assert key.stop(running.generation)[1]["outcome"] == "stopped"
    finally:
        stack.configure(ROWS)
        stack.reload()
    assert ann.get("/v1/chats")[0] == 200


def test_a_forged_token_is_none(stack, key):
    ann = key.token(user="ann").credential
    head, payload, mac = ann.split(".")
    changed = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    changed["u"] = "bob"
    forged = base64.urlsafe_b64encode(json.dumps(changed).encode()).decode().rstrip("=")
    for text in (f"{head}.{forged}.{mac}", f"{head}.{payload}.", f"{head}.{payload}", f"st2.{payload}.{mac}", f"{head}.{payload}.{mac}=", ann + "." + ann):
        assert Caller(key.url, text).get("/v1/chats")[0] == 401


def test_tokens_of_two_users_are_counted_apart(stack, key):
    """A page that opens too many streams takes nothing from others of the same key."""
    ann, bob = key.token(user="count-ann"), key.token(user="count-bob")
    running = ann.new_chat(LONG)
    running.until("delta")
    streams = [ann.stream(running.generation) for _ in range(99)]
    assert all(s.status == 200 for s in streams)
    assert ann.get("/v1/models")[0] == 429
    assert bob.get("/v1/models")[0] == 200 and key.get("/v1/models")[0] == 200
    assert key.stop(running.generation)[1]["outcome"] == "stopped"
    for s in streams + [running]:
        s.close()
    wait_until(lambda: ann.get("/v1/models")[0] == 200, "the count to fall")
