"""Every provider format, from the client to the simulated provider and back: the same turn means the same in each. What a model says
(text, reasoning, calls, usage) comes out alike; what it is sent is read from the provider's journal; what goes wrong has one name."""
import base64
import json

import pytest

from support.client import text_of
from support.stack import Stack

FORMATS = ("openai", "anthropic", "ollama")
PICTURE = "iVBORw0KGgo="
by_format = pytest.mark.parametrize("name", FORMATS)


@pytest.fixture(scope="module")
def models():
    """One stack with a model of each format, called as the format is."""
    with Stack(apis=0, workers=0) as stack:
        places = {"openai": stack.provider_url, "anthropic": stack.llmsim_url, "ollama": stack.llmsim_url}
        config = stack.folder / "sluice.yaml"
        config.write_text(json.dumps({"models": [{"name": n, "provider": n, "base_url": places[n], "model": "sim", "supports": ["tools", "image", "prefill"]} for n in FORMATS]}))
        stack.env["SLUICE_CONFIG"] = str(config)
        stack.start_api()
        stack.start_worker()
        yield stack


def turn(stack, name, message, **fields):
    stream = stack.api().new_chat(message, model=name, on_disconnect="continue", **fields)
    return stream, stream.read_all()


def reasoning_of(events):
    return "".join(e.data["text"] for e in events if e.type == "reasoning")


@by_format
def test_text_reasoning_and_usage(models, name):
    stream, events = turn(models, name, "!sim tokens=20 reasoning=3 text=self delay_ms=1")
    done, sim = events[-1], models.journal_row(stream.generation)
    assert done.type == "done" and done.data["finish_reason"] == "stop" and sim["format"] == name
    assert text_of(events) == "".join(f"{sim['id']}:{n} " for n in range(20)) and len(reasoning_of(events).split()) == 3
    usage = done.data["usage"]
    assert usage["source"] == "provider" and usage["settled"] and usage["output"] == 23 and usage["input"] > 0
    signed = [e for e in events if e.type == "reasoning" and e.data.get("signature")]
    assert len(signed) == (1 if name == "anthropic" else 0)
    assert models.api().chat(stream.chat)[1]["messages"][1]["content"] == text_of(events)


@by_format
def test_a_limit_of_tokens_is_told(models, name):
    _, events = turn(models, name, "!sim tokens=50 delay_ms=1", params={"max_tokens": 5})
    assert events[-1].type == "done" and events[-1].data["finish_reason"] == "length" and events[-1].data["usage"]["output"] == 5


@by_format
def test_a_round_of_tools(models, name):
    """The call comes out in one form; call, signed reasoning and result go back as the format has them, and the answer follows."""
    tools = [{"type": "function", "function": {"name": "find", "parameters": {"type": "object", "properties": {}}}}]
    fields = {"model": name, "params": {"tools": tools, "tool_choice": "auto", "reasoning_effort": "low"}, "on_disconnect": "continue"}
    asked = {"role": "user", "content": "!sim tool=find reasoning=2 tokens=4 delay_ms=1"}
    events = models.api().generate([asked], **fields).read_all()
    call = next(e.data for e in events if e.type == "tool_call")
    fragments = [e.data for e in events if e.type == "tool_call_delta"]
    assert events[-1].data["finish_reason"] == "tool_calls" and call["name"] == "find" and isinstance(json.loads(call["arguments"]), dict)
    assert "".join(f["arguments"] for f in fragments) == call["arguments"] and fragments[0]["name"] == "find"
    signature = "".join(e.data.get("signature", "") for e in events if e.type == "reasoning")
    called = {"role": "assistant", "content": [{"type": "reasoning", "text": reasoning_of(events), "signature": signature}],
              "tool_calls": [{"id": call["call_id"], "type": "function", "function": {"name": "find", "arguments": call["arguments"]}}]}
    result = {"role": "tool", "tool_call_id": call["call_id"], "content": "42"}
    stream = models.api().generate([asked, called, result], **fields)
    events = stream.read_all()
    assert events[-1].type == "done" and events[-1].data["finish_reason"] == "stop" and text_of(events)
    sent = models.journal_row(stream.generation)["messages"]
    arguments = json.loads(call["arguments"])
    if name == "openai":
        assert sent[1]["content"] is None and sent[1]["tool_calls"] == called["tool_calls"] and sent[2] == result
    elif name == "anthropic":
        assert [b["type"] for b in sent[1]["content"]] == ["thinking", "tool_use"] and sent[1]["content"][1]["input"] == arguments
        assert sent[1]["content"][0]["signature"] == signature
        assert sent[2]["content"] == [{"type": "tool_result", "tool_use_id": call["call_id"], "content": [{"type": "text", "text": "42"}]}]
    else:
        assert sent[1]["tool_calls"][0]["function"] == {"name": "find", "arguments": arguments} and sent[2]["tool_name"] == "find"


def pictures(name, message):
    if name == "ollama":
        return message["images"]
    blocks = [b for b in message["content"] if b["type"] != "text"]
    return [b["source"]["data"] if name == "anthropic" else b["image_url"]["url"].split(",")[1] for b in blocks]


@by_format
def test_attachments_reach_the_model_in_later_turns_too(models, name):
    image = {"type": "image", "media_type": "image/png", "data": PICTURE}
    note = {"type": "text", "media_type": "text/plain", "name": "a.txt", "data": base64.b64encode(b"of the note").decode()}
    stream, events = turn(models, name, "!sim tokens=2 delay_ms=1", attachments=[image])
    assert events[-1].type == "done"
    assert pictures(name, models.journal_row(stream.generation)["messages"][0]) == [PICTURE]
    later = models.api().message(stream.chat, "!sim tokens=2 delay_ms=1", attachments=[note])
    assert later.read_all()[-1].type == "done"
    sent = models.journal_row(later.generation)["messages"]
    assert pictures(name, sent[0]) == [PICTURE] and "a.txt:\\nof the note" in json.dumps(sent[2])


@by_format
def test_images_of_a_stateless_request(models, name):
    content = [{"type": "image_url", "image_url": {"url": "data:image/png;base64," + PICTURE}}, {"type": "text", "text": "!sim tokens=2 delay_ms=1"}]
    stream = models.api().generate([{"role": "user", "content": content}], model=name, on_disconnect="continue")
    assert stream.read_all()[-1].type == "done"
    assert pictures(name, models.journal_row(stream.generation)["messages"][0]) == [PICTURE]


FAULTS = [
    # script, terminal event, error code
    ("fault=truncate@3", "interrupted", "provider_truncated"),
    ("fault=error@3", "interrupted", "provider_error"),
    ("fault=garbage@3", "interrupted", "provider_error"),
    ("fault=reset@3", "interrupted", None),
    ("fault=status:400", "failed", "provider_refused"),
    ("fault=status:401", "failed", "provider_refused"),
    ("fault=status:413", "failed", "provider_refused"),
    ("spend_cap", "failed", "provider_refused"),
]


@by_format
@pytest.mark.parametrize("script,end,code", FAULTS)
def test_what_goes_wrong_has_one_name(models, name, script, end, code):
    stream, events = turn(models, name, "!sim tokens=20 text=self delay_ms=1 " + script)
    last = events[-1]
    assert last.type == end and last.data["done"] is False and last.data["error"]["message"], last
    assert code is None or last.data["error"]["code"] == code, last
    if code == "provider_refused":
        assert last.data["error"]["retryable"] is False and len(models.journal(stream.generation)) == 1
    words = [int(w.split(":")[1]) for w in text_of(events).split()]
    assert words == list(range(len(words))) and (end == "failed") == (words == [])


@by_format
def test_a_stop_closes_the_provider(models, name):
    stream = models.api().new_chat("!sim tokens=1000 delay_ms=20", model=name)
    stream.until("delta")
    stopped = models.api().stop(stream.generation)[1]
    assert stopped["outcome"] == "stopped" and stream.read_all()[-1].type == "stopped"
    # What was told at the start is known at once: no other format tells any.
    assert name != "anthropic" or stopped["usage"]["input"] is None or stopped["usage"]["input"] > 0


def test_what_a_format_cannot_say_is_refused_before_it_is_asked(models):
    stream, events = turn(models, "ollama", "!sim tokens=2", attachments=[{"type": "image", "media_type": "image/png", "url": "https://example.org/x.png"}])
    assert events[-1].type == "failed" and events[-1].data["error"]["code"] == "provider_refused" and "url" in events[-1].data["error"]["message"]
    assert models.journal(stream.generation) == []
    _, events = turn(models, "anthropic", "!sim tokens=2", params={"response_format": {"type": "json_object"}})
    assert events[-1].type == "failed" and "json_schema" in events[-1].data["error"]["message"]
