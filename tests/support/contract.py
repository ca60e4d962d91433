"""The names of the HTTP contract, all of them, and what a row of the table test goes through. docs/protocol.md says the same in words."""

ROUTES = """
POST /v1/chats · POST /v1/chats/{chat_id}/messages · POST /v1/generations · POST /v1/generations/{id}/continue ·
POST /v1/chats/{chat_id}/stop · POST /v1/generations/{id}/stop · GET /v1/chats/{chat_id}/stream · GET /v1/generations/{id}/stream ·
GET /v1/generations/{id} · GET /v1/chats · GET /v1/chats/{chat_id} · PATCH /v1/chats/{chat_id} · DELETE /v1/chats/{chat_id} ·
GET /v1/models · GET /v1/graphs · POST /v1/tokens · GET /livez · GET /readyz · GET /metrics · GET /v1/admin/stream · GET /v1/admin/overview ·
GET /v1/admin/dead · POST /v1/admin/tenants/{tenant}/generations/{id}/stop · POST /v1/admin/tenants/{tenant}/generations/{id}/requeue ·
POST /v1/admin/lanes/{lane}/pause · POST /v1/admin/lanes/{lane}/resume
"""
FIELDS = """
chat_id · message · messages · attachments · model · system · params · generation_id · lane · user · metadata · on_stop · upstream_on_stop · on_disconnect ·
on_interrupt · if_busy · replace_from · stream · graph · webhook
"""
VALUES = """
lane=interactive · lane=batch · on_stop=discard · on_stop=keep · on_stop=keep_seen · upstream_on_stop=close · upstream_on_stop=drain ·
on_disconnect=continue · on_disconnect=stop · on_interrupt=interrupted · on_interrupt=continue · on_interrupt=restart · if_busy=reject · if_busy=enqueue ·
if_busy=interrupt · stream=true · stream=false · attachment=image · attachment=text · attachment=url · attachment=data
"""
PARAMS = "temperature · top_p · max_tokens · stop · seed · response_format · tools · tool_choice · reasoning_effort · extra"
STOP_FIELDS = "generation_id · seen · all"
OUTCOMES = "stopped · already_stopped · already_done · already_failed · already_interrupted · idle · will_stop"
REASONS = "user · flag · disconnect · busy · deleted · operator"
CODES = """
400 bad_request · 400 not_supported · 401 unauthorized · 403 forbidden · 404 not_found · 409 exists · 409 busy · 409 conflict · 409 cannot_continue · 410 gone ·
413 too_large · 415 unsupported_media_type · 429 rate_limited · 429 queue_full · 503 unavailable
"""
FAILURES = """
provider_error · provider_refused · provider_rate_limited · provider_truncated · timeout_connect · timeout_first_byte · timeout_first_token · timeout_idle ·
timeout_total · output_limit · queue_timeout · worker_lost · crashes · drained · step_failed
"""
FINISH_REASONS = "stop · length · tool_calls · content_filter · ask"
STATUSES = "started · progress · retrying · finished · failed"  # of a step
USAGE_SOURCES = "provider · estimated · unknown · none"
HEADERS = "Sluice-Generation-Id · Sluice-Chat-Id · Location · Retry-After · Idempotency-Key · Last-Event-ID · Prefer · Authorization · Origin"
QUERIES = "after · generation_id · user · limit · before · token"

# What each event carries beyond type, generation_id, seq, done; `?`: it may be absent. The pieces have no chat_id and at.
PIECES = ("delta", "reasoning", "refusal", "tool_call_delta")
EVENTS = {
    "queued": "message_id user_message_id position",
    "started": "model provider_model attempt epoch history",
    "delta": "part text node?",
    "reasoning": "part text signature? node?",
    "refusal": "part text node?",
    "tool_call_delta": "part call_id name? arguments node?",
    "tool_call": "part call_id name arguments node?",
    "tool_result": "call_id result is_error node",
    "step": "step node kind status ms error?",
    "reset": "after",
    "rewound": "after",
    "done": "message_id user_message_id finish_reason model usage resume?",
    "stopped": "reason restore committed message_id? usage",
    "failed": "error restore resumable usage",
    "interrupted": "error restore resumable usage",
}
STARTED_OF_GRAPH = "graph version attempt epoch"

RECORD = """
generation_id chat_id state reason graph epoch attempt position? model request output finish_reason error usage restore metadata created_at started_at
first_token_at ended_at seq
"""
STOP_ANSWER = "outcome generation_id seq state reason restore committed message_id usage waiting"
CHAT = "chat_id title metadata created_at messages next active"
CHAT_ROW = "chat_id title user created_at updated_at message_count active"
ACTIVE = "generation_id state message attachments created_at"
MESSAGE = "id role content created_at generation_id attachments? reasoning? tool_calls? model? finish_reason? usage? stopped? metadata?"


def _list(names):
    return [name.strip() for name in names.replace("\n", " ").split("·")]


NAMES = {
    f"{kind} {name}"
    for kind, names in (
        ("route", ROUTES), ("field", FIELDS), ("value", VALUES), ("param", PARAMS), ("stop", STOP_FIELDS), ("outcome", OUTCOMES), ("reason", REASONS),
        ("code", CODES), ("failure", FAILURES), ("finish", FINISH_REASONS), ("usage", USAGE_SOURCES), ("header", HEADERS), ("query", QUERIES), ("status", STATUSES),
    )
    for name in _list(names)
} | {f"event {name}" for name in EVENTS}  # fmt: skip

GONE_THROUGH = {}  # name: the tests that go through it


def through(*names):
    """Marks a test as a row of the table: it goes through these names."""

    def mark(function):
        for name in names:
            assert name in NAMES, f"{name} is no name of the contract"
            GONE_THROUGH.setdefault(name, []).append(function.__name__)
        return function

    return mark


def check_members(value, members, what, more=()):
    """Exactly these members; those with `?` may be absent."""
    wanted = [m for m in members.split() if not m.endswith("?")] + list(more)
    optional = [m[:-1] for m in members.split() if m.endswith("?")]
    missing, extra = set(wanted) - set(value), set(value) - set(wanted) - set(optional)
    assert not missing and not extra, f"{what}: missing {missing}, extra {extra}: {value}"


def check_usage(usage):
    check_members(usage, "input output cached reasoning source settled", "usage")
    assert usage["source"] in _list(USAGE_SOURCES) and isinstance(usage["settled"], bool)
    if usage["source"] == "unknown":
        assert usage["output"] is None, "never a false zero"


def check_event(event):
    """One event of a stream against the table."""
    data = event.data
    assert event.type == data["type"] and event.type in EVENTS, event
    position = event.type == "queued" and event.id is None  # a later position is not in the log
    members = "position" if position else STARTED_OF_GRAPH if event.type == "started" and "graph" in data else EVENTS[event.type]
    common = ["type", "generation_id", "done"] + ([] if event.type == "rewound" or position else ["seq"])
    common += [] if event.type in PIECES else ["chat_id", "at"]
    check_members(data, members, event.type, common)
    assert data["done"] is (event.type == "done")
    if "seq" in data:
        assert data["seq"] == event.id
    if "usage" in data:
        check_usage(data["usage"])
    if event.type == "step":
        assert data["status"] in _list(STATUSES) and ("error" in data) is (data["status"] in ("retrying", "failed")), data
        check_members(data.get("error", {"code": "", "message": ""}), "code message status?", "a step's error")
    elif "error" in data:
        check_members(data["error"], "code message retryable provider_status? node?", "error")
        assert data["error"]["code"] in _list(FAILURES) and ("node" in data["error"]) is (data["error"]["code"] == "step_failed")
    if "resume" in data:
        check_members(data["resume"], "expires_at", "resume")
        assert data["finish_reason"] == "ask"


def check_stream(stream):
    """Reads a stream to its end, every event against the table; seqs without a gap; one terminal event, the last. Returns the events."""
    events = stream.read_all()
    for event in events:
        check_event(event)
    ids = [e.id for e in events if e.id is not None]
    assert ids == list(range(ids[0], ids[0] + len(ids))), ids
    ends = [e.type for e in events if e.type in ("done", "stopped", "failed", "interrupted")]
    assert ends == [events[-1].type], ends
    return events
