"""The simulated provider as an agent in each wire format, with the tools that it has itself: calls, results, an answer; and
what the tools tell and keep.

Scenario: one provider; the test is the program between: it sends the tools, makes the calls that come back, and sends their
results.
"""

import http.client
import json
import threading
import time

import pytest

from support.client import get_json, request
from support.processes import BIN, Process, wait_until
from support.sim import last_row

FORMATS = ["openai", "anthropic", "ollama"]
QUERY, ID = ({"type": "object", "properties": {name: {"type": "string"}}, "required": [name]} for name in ("query", "id"))
TOOLS = [
    ("search", "Search pages about a subject.", QUERY),
    ("page", "Read the text of a page.", ID),
    ("order", "Look up an order by its number.", {**ID, "properties": {"number": {"type": "string"}}, "required": ["number"]}),
]


class Agent:
    """What is between a user and the provider, in one format, without a stream or with one."""

    def __init__(self, sim, format_, stream):
        self.sim, self.format, self.stream, self.messages = sim, format_, stream, []

    def ask(self, text=None, **fields):
        """(text, [(id, name, arguments)])"""
        if text is not None:
            self.messages.append({"role": "user", "content": text})
        body = {"model": "sim", "stream": self.stream, "messages": self.messages, **fields}
        path, headers = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages", "ollama": "/api/chat"}[self.format], {}
        if self.format == "anthropic":
            body["max_tokens"], headers = 4096, {"anthropic-version": "2023-06-01"}
            body["tools"] = [{"name": n, "description": d, "input_schema": p} for n, d, p in TOOLS]
        else:
            body["tools"] = [
                {"type": "function", "function": {"name": n, "description": d, "parameters": p}} for n, d, p in TOOLS
            ]
        status, _, raw = request("POST", self.sim.url + path, body, headers)
        assert status == 200, raw
        return getattr(self, self.format)(raw.decode())

    def openai(self, raw):
        if not self.stream:
            message = json.loads(raw)["choices"][0]["message"]
        else:
            message = {"role": "assistant", "content": "", "tool_calls": []}
            for frame in (json.loads(part[6:]) for part in raw.split("\n\n") if part.startswith("data: {")):
                delta = frame["choices"][0]["delta"]
                message["content"] += delta.get("content") or ""
                for call in delta.get("tool_calls", []):
                    if call["index"] == len(message["tool_calls"]):
                        message["tool_calls"].append({k: v for k, v in call.items() if k != "index"})
                    else:
                        message["tool_calls"][call["index"]]["function"]["arguments"] += call["function"]["arguments"]
        self.messages.append(message)
        return message["content"] or "", [
            (c["id"], c["function"]["name"], json.loads(c["function"]["arguments"])) for c in message.get("tool_calls") or []
        ]

    def anthropic(self, raw):
        if not self.stream:
            blocks = json.loads(raw)["content"]
        else:
            blocks, inputs = [], {}
            for data in (json.loads(line[6:]) for line in raw.split("\n") if line.startswith("data: ")):
                if data["type"] == "content_block_start":
                    assert data["index"] == len(blocks)
                    blocks.append(data["content_block"])
                elif data["type"] == "content_block_delta":
                    delta, i = data["delta"], data["index"]
                    if delta["type"] == "text_delta":
                        blocks[i]["text"] += delta["text"]
                    else:
                        inputs[i] = inputs.get(i, "") + delta["partial_json"]
            for i, text in inputs.items():
                blocks[i]["input"] = json.loads(text)
        self.messages.append({"role": "assistant", "content": blocks})
        return "".join(b["text"] for b in blocks if b["type"] == "text"), [
            (b["id"], b["name"], b["input"]) for b in blocks if b["type"] == "tool_use"
        ]

    def ollama(self, raw):
        lines = [json.loads(line)["message"] for line in raw.splitlines() if line]
        calls = [c for line in lines for c in line.get("tool_calls", [])]
        message = {"role": "assistant", "content": "".join(line["content"] for line in lines), "tool_calls": calls}
        self.messages.append(message)
        return message["content"], [(None, c["function"]["name"], c["function"]["arguments"]) for c in calls]

    def tell(self, results):
        """[(id, name, text)]"""
        if self.format == "anthropic":
            self.messages.append(
                {
                    "role": "user",
                    "content": [{"type": "tool_result", "tool_use_id": i, "content": text} for i, _, text in results],
                }
            )
        for id_, name, text in results if self.format != "anthropic" else []:
            self.messages.append(
                {"role": "tool", "content": text, **({"tool_call_id": id_} if self.format == "openai" else {"tool_name": name})}
            )


@pytest.fixture(params=[(f, s) for f in FORMATS for s in (True, False)], ids=lambda p: f"{p[0]}-{'stream' if p[1] else 'whole'}")
def agent(request, sim):
    return Agent(sim, *request.param)


def test_a_loop_of_calls_to_an_answer(sim, agent):
    text, calls = agent.ask("!sim delay_ms=1 How does a canal lock work?")
    assert (text, [c[1:] for c in calls]) == ("", [("search", {"query": "How does a canal lock work?"})])
    found = request("GET", sim.url + "/tools/search?q=canal%20lock")[2].decode()
    agent.tell([(calls[0][0], "search", found)])
    text, again = agent.ask()
    assert (text, [c[1:] for c in again]) == ("", [("page", {"id": "canal-lock"})]) and (
        again[0][0] is None or again[0][0] != calls[0][0]
    )
    agent.tell([(again[0][0], "page", request("GET", sim.url + "/tools/page?id=canal-lock")[2].decode())])
    text, calls = agent.ask()
    assert calls == [] and "Mitre gates" in text and "search: {" in text
    # The next turn begins anew.
    assert agent.ask("!sim delay_ms=1 and order 4711?")[1][0][1:] == ("order", {"number": "4711"})


def test_parallel_calls_each_with_its_own_result(sim, agent):
    _, calls = agent.ask("!sim delay_ms=1 Compare the orders 1001 and 1002")
    assert [c[1:] for c in calls] == [("order", {"number": "1001"}), ("order", {"number": "1002"})]
    assert len({c[0] for c in calls}) == (1 if agent.format == "ollama" else 2)
    agent.tell([(c[0], c[1], request("GET", f"{sim.url}/tools/orders/{c[2]['number']}")[2].decode()) for c in calls])
    text, calls = agent.ask()
    assert calls == [] and "1001" in text and "1002" in text and text.count("order: {") == 2
    _, calls = Agent(sim, agent.format, agent.stream).ask("!sim delay_ms=1 tool=one,two")
    assert [c[1] for c in calls] == ["one", "two"] and calls[0][2] == calls[1][2]


def test_an_answer_in_json(sim, agent):
    system = 'Say {"kind":"order"} or {"kind":"other"}, nothing else.'
    if agent.format == "anthropic":
        text, _ = agent.ask("!sim delay_ms=1 an order, please", system=system, tool_choice={"type": "none"})
    else:
        agent.messages.append({"role": "system", "content": system})
        text, _ = agent.ask("!sim delay_ms=1 an order, please", tool_choice="none")
    assert json.loads(text) == {"kind": "order"}


def test_what_the_tools_say(sim):
    assert get_json(sim.url + "/tools/search?q=weirs")[1]["results"][0] == {"id": "weir", "title": "Weirs"}
    assert get_json(sim.url + "/tools/search?q=zzz")[1] == {"results": []} == get_json(sim.url + "/tools/search")[1]
    assert get_json(sim.url + "/tools/page?id=weir")[1]["text"].startswith("A weir is")
    assert (
        get_json(sim.url + "/tools/orders/1001")[1]
        == get_json(sim.url + "/tools/orders/1001")[1]
        == {"number": 1001, "item": "a brass depth gauge", "state": "packed", "days": 4}
    )
    for path, wanted in (
        ("/tools/page?id=nothing", 404),
        ("/tools/page", 404),
        ("/tools/orders/12", 404),
        ("/tools/hang?seconds=x", 400),
        ("/tools/hang?seconds=999999", 400),
    ):
        status, _, raw = request("GET", sim.url + path)
        assert status == wanted and json.loads(raw)["error"], path
    cancel = lambda number: request("POST", f"{sim.url}/tools/orders/{number}/cancel", {}, {"Idempotency-Key": "gen:1:3/t1/c0"})
    assert json.loads(cancel(1001)[2])["state"] == "cancelled" and cancel(4711)[0] == 409 and cancel(1)[0] == 404


def test_the_journal_has_what_was_asked_of_tools(sim):
    request("POST", sim.url + "/tools/orders/1001/cancel", {"why": "ä"}, {"Idempotency-Key": "gen:1:3/t1/c0"})
    row = last_row(sim)
    assert (row["format"], row["generation_id"], row["end"], row["status"]) == ("tool", "gen:1", "complete", 200)
    assert json.loads(row["params"].pop("body")) == {"why": "ä"}
    assert row["params"] == {"tool": "cancel", "asked": "1001", "idempotency_key": "gen:1:3/t1/c0"}
    request("GET", sim.url + "/tools/orders/7")
    row = last_row(sim)
    assert row["status"] == 404 and row["generation_id"] is None and row["params"]["idempotency_key"] is None


def test_a_tool_that_hangs_sees_its_client_leave(sim):
    connection = http.client.HTTPConnection(sim.url.split("//")[1])
    connection.request("GET", "/tools/hang?seconds=60")
    wait_until(lambda: last_row(sim)["params"].get("tool") == "hang" and last_row(sim)["end"] is None, "the call")
    connection.close()
    assert wait_until(lambda: last_row(sim)["end"], "its end") == "client_closed"


def test_tools_that_take_their_time(tmp_path):
    slow = Process("slow", [BIN / "sluice-llmsim", "--listen", "127.0.0.1:0", "--tool-ms", "1000"], tmp_path)
    url = slow.wait_line(r"listening (http://\S+)").group(1)
    began = time.monotonic()
    threads = [threading.Thread(target=get_json, args=(url + "/tools/search?q=weirs",)) for _ in range(20)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert 1 <= time.monotonic() - began < 15, "one after the other takes 20 s"
    assert slow.stop() == 0
