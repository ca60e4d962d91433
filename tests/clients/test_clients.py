"""The official clients of OpenAI, Anthropic and Ollama read the simulated provider as they read the real ones: text, reasoning, tool
calls, usage and errors come out of them; what is broken raises; an abort closes the connection. So what lib/llm is tested against is
what the providers' own packages take for their wire format."""
import pytest

CLIENTS = ("openai", "anthropic", "ollama")
FINISH = {
    "openai": {"stop": "stop", "length": "length", "tool": "tool_calls"},
    "anthropic": {"stop": "end_turn", "length": "max_tokens", "tool": "tool_use"},
    "ollama": {"stop": "stop", "length": "length", "tool": "stop"},
}
TOOL = {"type": "object", "properties": {"query": {"type": "string"}, "limit": {"type": "number"}}}
TOOLS = {
    "openai": [{"type": "function", "function": {"name": "find", "parameters": TOOL}}],
    "anthropic": [{"name": "find", "input_schema": TOOL}],
    "ollama": [{"type": "function", "function": {"name": "find", "description": "finds", "parameters": TOOL}}],
}
every = pytest.mark.parametrize("client", CLIENTS)
both = pytest.mark.parametrize("op", ("stream", "create"))


def tokens(row, first, count):
    return "".join(f"{row['id']}:{n} " for n in range(first, first + count))


@every
@both
def test_text_reasoning_and_usage(oracle, client, op):
    got = oracle.play(client, "tokens=20 delay_ms=1 text=self reasoning=5", op)
    row = oracle.row()
    assert row["format"] == client and row["end"] == "complete" and got.get("error") is None
    assert got["text"] == tokens(row, 0, 20) and got["reasoning"] == tokens(row, 0, 5) and got["calls"] == []
    assert got["finish"] == FINISH[client]["stop"] and got["usage"]["output"] == 25 and got["usage"]["input"] > 0
    assert op == "create" or got["streamed"] == got["text"]
    if client == "openai":
        assert got["usage"]["reasoning"] == 5
    if op == "create" and client != "ollama":
        assert got["request_id"] == row["id"]


@every
@both
def test_readable_text_and_the_end_by_length(oracle, client, op):
    got = oracle.play(client, "delay_ms=0", op)
    assert got["text"].startswith("This is a simulated answer. ") and got["text"].endswith("it is told.")
    limit = {"options": {"num_predict": 3}} if client == "ollama" else {"max_tokens": 3}
    cut = oracle.play(client, "delay_ms=0", op, **limit)
    assert cut["text"] == "This is a " and cut["finish"] == FINISH[client]["length"] and cut["usage"]["output"] == 3


@every
@both
def test_tool_calls(oracle, client, op):
    got = oracle.play(client, "tool=find delay_ms=1 reasoning=2", op, tools=TOOLS[client])
    assert got["calls"] == [["find", {"query": "simulated", "limit": 3}]] and got["text"] == "" and got["reasoning"]
    assert got["finish"] == FINISH[client]["tool"]


@pytest.mark.parametrize("client", ("openai", "ollama"))  # Anthropic's relies on it
def test_usage_may_be_missing(oracle, client):
    got = oracle.play(client, "tokens=3 delay_ms=1 usage=none")
    assert got["finish"] == "stop" and not got.get("usage")


def test_a_signed_thought_comes_back(oracle):
    """As agents do it: what the client made of the answer is sent with the next question."""
    first = oracle.play("anthropic", "tokens=2 reasoning=9 delay_ms=1")
    assert first["signature"]
    user = {"role": "user", "content": "!sim tokens=1"}
    ask = lambda content: oracle.ask("anthropic", "create", {"model": "sim", "messages": [user, {"role": "assistant", "content": content}, user]})
    assert ask(first["content"])["text"] == "This "
    assert ask([{**first["content"][0], "signature": "another"}, first["content"][1]])["error"]["name"] == "BadRequestError"


@every
def test_an_unfinished_answer_goes_on(oracle, client):
    messages = [{"role": "user", "content": "!sim text=self tokens=6 delay_ms=1"}, {"role": "assistant", "content": "r1:0 r1:1 r1:2"}]
    got = oracle.ask(client, "stream", {"model": "sim", "messages": messages})
    assert got["text"].strip() == tokens(oracle.row(), 3, 3).strip()


ERRORS = {400: "BadRequestError", 401: "AuthenticationError", 402: "APIError", 403: "PermissionDeniedError", 404: "NotFoundError", 429: "RateLimitError", 500: "InternalServerError", 529: "InternalServerError"}
ERRORS = {"openai": ERRORS, "anthropic": {**ERRORS, 402: "PaymentRequiredError", 529: "OverloadedError"}, "ollama": {status: "ResponseError" for status in ERRORS}}
TYPES = {"anthropic": {400: "invalid_request_error", 401: "authentication_error", 402: "billing_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error", 500: "api_error", 529: "overloaded_error"}}


@every
@both
def test_statuses_raise_the_clients_own_errors(oracle, client, op):
    for status, name in ERRORS[client].items():
        error = oracle.play(client, f"fault=status:{status} retry_after=7", op)["error"]
        assert (error["name"], error["status"]) == (name, status) and "told to answer" in error["message"]
        if client != "ollama":
            assert error["retry_after"] == "7" and error["request_id"] == oracle.row()["id"]
        if client in TYPES:
            assert error["type"] == TYPES[client][status]


@every
def test_a_spend_cap_says_so(oracle, client):
    error = oracle.play(client, "spend_cap")["error"]
    assert error["status"] == 429 and error.get("retry_after") is None
    assert {"openai": error.get("code"), "anthropic": error.get("detail"), "ollama": error["message"]}[client] in (
        "insufficient_quota",
        "enforced_spend_limit_reached",
        "you (sim) have reached your weekly usage limit, upgrade for higher limits",
    )


@every
@pytest.mark.parametrize("fault", ("error@4", "truncate@4", "reset@4", "garbage@4", "error@0", "truncate@0"))
def test_a_broken_stream_raises(oracle, client, fault):
    got = oracle.play(client, f"tokens=9 delay_ms=2 text=self fault={fault}")
    row = oracle.row()
    assert got["error"]["message"] and "finish" not in got and row["end"] == "fault"
    if "reset" not in fault:  # which may overtake what was sent
        assert got["text"] == tokens(row, 0, row["tokens"])
    if fault.startswith("error"):
        wanted = {"openai": ("APIError", "server_error"), "anthropic": ("APIError", "overloaded_error"), "ollama": ("Error", None)}[client]
        assert (got["error"]["name"], got["error"].get("type")) == wanted


@every
def test_a_byte_at_a_time_is_a_whole_answer(oracle, client):
    got = oracle.play(client, "tokens=5 delay_ms=0 text=self reasoning=2 fault=drip")
    row = oracle.row()
    assert got["text"] == tokens(row, 0, 5) and got["finish"] == FINISH[client]["stop"] and row["end"] == "complete"


@every
def test_a_huge_answer_without_a_stream(oracle, client):
    assert len(oracle.play(client, "tokens=3 delay_ms=1 fault=huge@1", "create")["text"]) >= 8 << 20


@every
@pytest.mark.parametrize("words", ("delay_ms=5 tokens=100000", "fault=stall@3 delay_ms=1"))
def test_an_abort_closes_the_connection(oracle, client, words):
    got = oracle.play(client, "text=self " + words, abort_at=3)
    row = oracle.row()
    assert got["pieces"] >= 3 and "finish" not in got and row["end"] == "client_closed" and row["tokens"] < 1000
    assert got["error"]["name"] == {"openai": "APIUserAbortError", "anthropic": "APIUserAbortError", "ollama": "DOMException"}[client]


@every
def test_models_are_listed(oracle, client):
    assert oracle.ask(client, "models") == ["sim:latest" if client == "ollama" else "sim"]
