"""Graphs that ask others: agents in three formats with their tools, plain requests, and a stack that runs them."""

import contextlib
import json

from support.client import text_of
from support.stack import Stack

FORMATS = ("openai", "anthropic", "ollama")
SECRET = "s3cret-canary-7f"
NUMBER = "{type: object, properties: {number: {type: string}}, required: [number]}"
DENIED = ("localhost", "127.0.0.1", "169.254.169.254", "other.test", "tools.test:81", "[::1]", "2130706433", "x.tools.test")


def agent(
    graph,
    model="openai",
    url="http://tools.test/order/{{ .args.number }}",
    more="",
    tool_more="",
    method="GET",
    next_="end",
    node_more="",
):
    return f"""
graph: {graph}
start: desk
tools:
  - id: find_order
    description: Look up an order by its number.
    parameters: {NUMBER}
    http: {{method: {method}, url: "{url}", headers: {{Authorization: "Bearer {{{{ $secret.crm }}}}"}}}}
    {tool_more}
nodes:
  - {{id: desk, kind: agent, model: {model}, history: chat, visible: true, tools: [find_order],
     system: "You help with orders.", prompt: "{{{{ .input.message }}}}", next: {next_}{more}}}
  {node_more}
"""


def http(graph, request, more="", show=".out.ask | tojson", limits=""):
    """One http node, and what came of it, or of its failure, as the reply."""
    return f"""
graph: {graph}
start: ask
{limits}
nodes:
  - {{id: ask, kind: http, {request}, on_error: wrong, next: show{more}}}
  - {{id: show, kind: set, value: '{show}', visible: true, next: end}}
  - {{id: wrong, kind: set, value: '"failed: " + (.error | tojson)', visible: true, next: end}}
"""


GET = 'method: GET, response: json, url: "http://tools.test/{{ .input.message }}"'
RAW = 'method: GET, response: json, url: "http://tools.test/raw/{{ .input.message }}"'
GRAPHS = {
    **{f"desk_{n}": agent(f"desk_{n}", n) for n in FORMATS},
    "desk_gate": agent("desk_gate", url="http://tools.test/gate/{{ .args.number }}"),
    "desk_missing": agent("desk_missing", url="http://tools.test/status/404"),
    "desk_large": agent("desk_large", url="http://tools.test/bytes?n=5000", tool_more="max_bytes: 100"),
    "desk_inside": agent("desk_inside", url="http://169.254.169.254/{{ .args.number }}"),
    "desk_away": agent("desk_away", url="http://away.test/{{ .args.number }}"),
    "desk_slow": agent("desk_slow", url="http://tools.test/hang", tool_more="timeout_s: 0.2"),
    "desk_limit": agent("desk_limit", more=", max_turns: 1"),
    "desk_hang": agent("desk_hang", url="http://tools.test/hang", tool_more="timeout_s: 60"),
    "desk_keyed": agent("desk_keyed", url="http://tools.test/gate/{{ .args.number }}", method="POST", tool_more="timeout_s: 60"),
    "desk_once": agent(
        "desk_once", url="http://tools.test/gate/{{ .args.number }}", method="POST", tool_more="effect: once\n    timeout_s: 60"
    ),
    "desk_hidden": agent(
        "desk_hidden", url="http://tools.test/gate/{{ .args.number }}", method="POST", tool_more="timeout_s: 60", next_="show"
    ).replace("visible: true, tools", "visible: false, tools")
    + "  - {id: show, kind: set, value: '.out.desk.text', visible: true, next: end}\n",
    "get": http("get", GET),
    "text": http("text", GET.replace("json", "text")),
    "raw": http("raw", RAW),
    "raw_text": http("raw_text", RAW.replace("json", "text")),
    "many": http(
        "many", 'method: GET, url: "http://tools.test/headers?n={{ .input.message }}"', show=".out.ask.headers | length"
    ),
    "post": http(
        "post",
        'method: POST, url: "http://tools.test/echo?q={{ .input.message }}", headers: {X-Key: "k {{ $secret.crm }}"}, '
        'body: {text: "{{ .input.message }}", list: [1, "{{ .input.metadata }}"]}',
    ),
    "small": http("small", 'method: GET, url: "http://tools.test/bytes?n={{ .input.message }}", response: text, max_bytes: 1000'),
    "redirect": http("redirect", 'method: GET, url: "http://tools.test/redirect?to={{ .input.message }}"'),
    "expects": http("expects", 'method: GET, url: "http://tools.test/status/{{ .input.message }}", expect: [404, 302]'),
    "away": http("away", GET.replace("tools.test", "away.test")),
    **{
        f"denied_{i}": http(f"denied_{i}", f'method: GET, url: "http://{host}/{{{{ .input.message }}}}"')
        for i, host in enumerate(DENIED)
    },
    "impatient": http("impatient", 'method: GET, url: "http://tools.test/hang", timeout_s: 0.2'),
    "patient": http("patient", 'method: GET, url: "http://tools.test/flaky/2", retry: {times: 3, on: [5xx], backoff_ms: 50}'),
    "limited": http(
        "limited", 'method: GET, url: "http://tools.test/status/429?retry_after=1", retry: {times: 1, on: [429], backoff_ms: 0}'
    ),
    "hang": http("hang", 'method: GET, url: "http://tools.test/hang", timeout_s: 60'),
    "keyed": http(
        "keyed", 'method: POST, response: json, url: "http://tools.test/gate/{{ .input.message }}", body: {}, timeout_s: 60'
    ),
    "once": http(
        "once", 'method: POST, url: "http://tools.test/gate/{{ .input.message }}", body: {}, effect: once, timeout_s: 60'
    ),
    "once_tries": http(
        "once_tries",
        'method: POST, url: "http://tools.test/{{ .input.message }}", body: {}, effect: once, timeout_s: 5, '
        "retry: {times: 3, on: [5xx, connect, timeout, 429], backoff_ms: 10}",
    ),
    "once_above": """
graph: once_above
start: each
nodes:
  - {id: each, kind: map, over: '["flaky/0", "status/503"]', concurrency: 1,
     retry: {times: 2, on: [5xx], backoff_ms: 10}, on_error: wrong, next: show,
     do: {kind: http, method: POST, url: "http://tools.test/{{ .item }}", headers: {X-Chat: "{{ .input.chat_id }}"}, body: {},
          effect: once}}
  - {id: show, kind: set, value: '"no"', visible: true, next: end}
  - {id: wrong, kind: set, value: '"failed: " + (.error | tojson)', visible: true, next: end}
""",
    "again_later": """
graph: again_later
start: each
nodes:
  - {id: each, kind: map, over: '["flaky/0", "flaky/01"]', concurrency: 1,
     retry: {times: 1, on: [5xx], backoff_ms: 2000}, next: show,
     do: {kind: http, method: POST, response: json, url: "http://tools.test/{{ .item }}", body: {}}}
  - {id: show, kind: set, value: '.out.each | map(.status)', visible: true, next: end}
""",
    "again_above": """
graph: again_above
start: inside
nodes:
  - {id: inside, kind: graph, graph: again_inside, retry: {times: 2, on: [5xx], backoff_ms: 10}, next: show}
  - {id: show, kind: set, value: '.out.inside', visible: true, next: end}
""",
    "again_inside": """
graph: again_inside
start: first
nodes:
  - {id: first, kind: http, method: POST, url: "http://tools.test/echo", body: {}, effect: once, next: caught}
  - {id: caught, kind: set, value: 'error("no")', on_error: model, next: end}
  - {id: model, kind: llm, prompt: "!sim tokens=7", next: second}
  - {id: second, kind: http, method: POST, response: json, url: "http://tools.test/flaky/1?of={{ .input.generation_id }}",
     body: {}, next: show}
  - {id: show, kind: set, value: '[.error.node, .out.second.body.tries]', visible: true, next: end}
""",
    "once_away": http(
        "once_away",
        'method: POST, url: "http://away.test/x", body: {}, effect: once, retry: {times: 2, on: [connect], backoff_ms: 10}',
    ),
}


@contextlib.contextmanager
def calling_stack(tools, env=None):
    """One stack whose models are called as their formats, and a graph worker."""
    with Stack(graphs=GRAPHS, graph_workers=0, apis=0, env={"T_CRM": SECRET, **(env or {})}) as stack:
        places = {"openai": stack.provider_url, "anthropic": stack.llmsim_url, "ollama": stack.llmsim_url}
        models = [
            {"name": n, "provider": n, "base_url": places[n], "model": "sim", "supports": ["tools", "image"]} for n in FORMATS
        ]
        hosts = [tools.rule, "away.test=127.0.0.1:1", "localhost", "private.test", "169.254.169.254"]
        secrets = [{"name": "crm", "value": "env:T_CRM"}]
        config = stack.folder / "sluice.yaml"
        config.write_text(json.dumps({"models": models, "graph": {"hosts": hosts}, "secrets": secrets}))
        stack.env["SLUICE_CONFIG"] = str(config)
        stack.start_api()
        stack.start_graph_worker()
        yield stack


def run(stack, graph, message, **fields):
    stream = stack.api().new_chat(message, graph=graph, on_disconnect="continue", **fields)
    assert stream.status == 200, stream.error
    return stream, stream.read_all()


def of_type(events, *types):
    return [e.data for e in events if e.type in types]


def outcome(stack, graph, message):
    """What the http node's result, or its failure, is: (result or None, error or None)."""
    stream, events = run(stack, graph, message)
    assert events[-1].type == "done", events[-1]
    text = text_of(events)
    return (None, json.loads(text[len("failed: ") :])) if text.startswith("failed: ") else (json.loads(text), None)


def tool_answers(row):
    """What the provider was told of its tools' answers, in any format."""
    texts = []
    for message in row["messages"]:
        content = message.get("content")
        if message.get("role") == "tool":
            texts.append(content)
        for block in content if isinstance(content, list) else []:
            if block.get("type") == "tool_result":
                texts.append("".join(part["text"] for part in block["content"]))
    return texts


def assert_secret_is_nowhere(stack, tools):
    """Not in Redis, not in the logs, not with the provider; only where it was sent."""
    assert any(SECRET in str(a.headers) for a in tools.requests)
    redis = stack.redis
    readers = {
        b"string": redis.get,
        b"hash": redis.hgetall,
        b"list": lambda k: redis.lrange(k, 0, -1),
        b"set": redis.smembers,
        b"zset": lambda k: redis.zrange(k, 0, -1),
    }
    for key in redis.keys("*"):
        kind = redis.type(key)  # b"none" when it has expired meanwhile
        assert kind == b"none" or SECRET not in repr(readers[kind](key)), key
    assert SECRET not in json.dumps(stack.journal())
    for process in stack.processes:
        assert SECRET not in process.read_log(), process.name
