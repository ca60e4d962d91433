"""What else the page does: graphs with their steps, reasoning, attachments, the queue, errors and their retry, keys and tokens.

Scenario: the simulated provider scripted into each situation; what was billed is counted in its journal.
"""
import base64
import struct
import zlib

import pytest

from provider import Provider
from support.identity import Caller, GuardedStack, row
from support.processes import wait_until
from support.stack import Stack

CONFIG = """
models:
  - {name: default, base_url: "%(url)s", model: sim, supports: [image, tools, prefill]}
  - {name: blind, base_url: "%(url)s", model: sim}
  - {name: held, base_url: "HELD", model: held, supports: [image]}
"""
GRAPHS = {
    "report": r"""
graph: report
start: plan
nodes:
  - {id: plan, kind: llm, visible: false, history: none, prompt: "!sim tokens=20 delay_ms=40", next: research}
  - {id: research, kind: llm, visible: false, history: none, prompt: "!sim tokens=50 delay_ms=60", next: write}
  - {id: write, kind: llm, visible: true, prompt: "{{ .input.message }}", next: end}
""",
    "pieces": r"""
graph: pieces
start: cut
nodes:
  - {id: cut, kind: set, value: '.input.message | split(" ")', next: each}
  - {id: each, kind: map, over: .out.cut, do: {kind: llm, history: none, prompt: "!sim tokens=5 delay_ms=20"}, next: told}
  - {id: told, kind: set, visible: true, value: '"All told."', next: end}
""",
    "desk": r"""
graph: desk
start: which
nodes:
  - {id: which, kind: ask, prompt: "Which order is it?", expires_s: 3600, next: say}
  - {id: say, kind: set, visible: true, value: '"Order " + .out.which.message + " is on its way."', next: end}
""",
}


def png(width=2, height=2, pixel=b"\x0b\x6f\x67"):
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + pixel * width for _ in range(height))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def noise(width, height):
    """A PNG that is as large as its pixels."""
    import random

    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + random.Random(y).randbytes(3 * width) for y in range(height))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b"")


def file_of(name, kind, data):
    """A file as a user drops it on the page."""
    return {"name": name, "kind": kind, "data": base64.b64encode(data).decode()}


def drop(page, *files):
    page.run("""(files) => {
        const given = new DataTransfer();
        for (const {name, kind, data} of files) given.items.add(new File([Uint8Array.from(atob(data), (c) => c.charCodeAt(0))], name, {type: kind}));
        document.getElementById("main").dispatchEvent(new DragEvent("drop", {dataTransfer: given, bubbles: true, cancelable: true}));
    }""", list(files))


@pytest.fixture(scope="module")
def stack():
    with Provider() as provider, Stack(graphs=GRAPHS, workers=1, config=CONFIG.replace("HELD", provider.url)) as running:
        running.held = provider
        yield running


@pytest.fixture
def page(stack, browse):
    page = browse(stack.api_processes[0].url + "/")
    page.wait("() => document.querySelectorAll('#target option').length === 6")
    return page


def messages(stack, page):
    return stack.api().chat(page.path[3:])[1]["messages"]


# -- graphs ------------------------------------------------------------------------------------------------------------------


def steps(page):
    return page.run("() => [...document.querySelectorAll('.turn.reply:last-of-type .steps li')].map((row) => [row.querySelector('.name').textContent, row.className])")


def test_a_graph_and_its_steps(stack, page):
    page.select("#target", "graph:report")
    page.say("!sim tokens=60 delay_ms=80 The report, please")
    page.wait("() => document.querySelectorAll('.turn.live .steps li.started').length === 1")
    page.shoot("60-graph-first-step")
    page.wait("() => document.querySelectorAll('.turn.live .steps li').length === 3")
    page.wait_streaming()
    assert steps(page) == [["plan", "finished"], ["research", "finished"], ["write", "started"]]
    page.shoot("61-graph-writes")
    page.wait_idle()
    assert steps(page) == [["plan", "finished"], ["research", "finished"], ["write", "finished"]]
    assert page.run("() => document.querySelector('.turn.reply details').open") is False, "folded when it is done"
    assert page.value("#target") == "graph:report" and page.text(".usage").startswith("report"), "what answered answers the next message too"
    page.shoot("62-graph-done")
    page.reload()
    page.wait_turns(2)
    assert steps(page) == [["plan", "finished"], ["research", "finished"], ["write", "finished"]]
    page.click(".turn.reply summary")
    page.shoot("63-graph-steps-unfolded")
    page.wait("() => document.getElementById('target').value === 'graph:report'")
    page.say("!sim tokens=5 And again")  # the chat goes on with its graph
    page.wait_turns(4)
    page.wait_idle()
    assert len(messages(stack, page)[3]["metadata"]["steps"]) == 3


def test_a_graph_is_stopped_between_its_steps(stack, page):
    page.select("#target", "graph:report")
    page.say("The report, please")
    page.wait("() => document.querySelectorAll('.turn.live .steps li.finished').length === 1")
    page.keyboard_press("Escape")
    assert page.box == "The report, please" and page.turns() == [] and page.path == "/"
    page.shoot("64-graph-stopped")


def test_a_graph_that_asks_back(stack, page):
    page.select("#target", "graph:desk")
    page.say("Where is my order?")
    page.wait_turns(2)
    page.wait_idle()
    assert page.turns()[1] == ("assistant", "Which order is it?")
    assert page.attribute("#input", "placeholder") == "Write your answer" and page.value("#target") == "graph:desk"
    page.shoot("65-graph-asks")
    page.say("4711")
    page.wait_turns(4)
    page.wait_idle()
    assert page.turns()[3] == ("assistant", "Order 4711 is on its way.")
    assert page.attribute("#input", "placeholder") == "Write a message"


def test_what_is_inside_a_step_is_in_its_time(stack, page):
    page.select("#target", "graph:pieces")
    page.say("a b")
    page.wait_turns(2)
    page.wait_idle()
    rows = page.run("() => [...document.querySelectorAll('.steps li')].map((row) => [row.querySelector('.name').textContent, row.classList.contains('inside')])")
    assert sorted(rows) == [["cut", False], ["each", False], ["each/0", True], ["each/1", True], ["told", False]]
    own = sum(row["ms"] for row in messages(stack, page)[1]["metadata"]["steps"] if "/" not in row["node"])
    assert page.text(".turn.reply summary") == f"5 steps · {own} ms" if own < 1000 else f"5 steps · {own / 1000:.1f} s"


# -- reasoning, attachments --------------------------------------------------------------------------------------------------


def test_reasoning_is_folded(stack, page):
    page.say("!sim reasoning=40 tokens=30 delay_ms=50 Think first")
    page.wait("() => document.querySelector('.turn.live summary')?.innerText === 'Thinking…'")
    page.shoot("66-thinking")
    page.wait_idle()
    assert page.text(".turn.reply summary") == "Thought about it"
    assert page.run("() => document.querySelector('.turn.reply details').open") is False
    page.click(".turn.reply summary")
    assert len(page.text(".fold-body")) > 50
    page.shoot("67-reasoning-unfolded")


def test_attachments(stack, page):
    drop(page, file_of("dot.png", "image/png", png()), file_of("notes.md", "", "# Notes\nä".encode()), file_of("data.json", "application/json", b"{}"))
    page.wait("() => document.querySelectorAll('#files .file').length === 3")
    page.shoot("68-attached")
    page.click("[aria-label='Remove data.json']")
    page.select("#target", "model:held")
    stack.held.go.clear()
    page.say("Tell me, if you please, what is in these?")
    page.wait_streaming()
    page.shoot("69-attachments-sent")
    page.keyboard_press("Escape")
    assert page.run("() => document.querySelectorAll('#files .file').length") == 2 and page.box == "Tell me, if you please, what is in these?"
    stack.held.go.set()
    page.wait("() => document.getElementById('main').dataset.status === 'idle'")
    page.shoot("70-attachments-restored")
    assert page.path == "/"
    page.select("#target", "model:default")
    page.say("!sim tokens=4 delay_ms=1 What is in these?")
    page.wait_turns(2)
    page.wait_idle()
    given = messages(stack, page)[0]["attachments"]
    assert [(a["type"], a["media_type"], a["name"], base64.b64decode(a["data"])) for a in given] == [("image", "image/png", "dot.png", png()), ("text", "text/plain", "notes.md", "# Notes\nä".encode())]
    page.reload()
    page.wait("() => document.querySelector('.given img')?.naturalWidth === 2 && document.querySelectorAll('.given .file').length === 1")


def test_what_cannot_be_attached(stack, page):
    drop(page, file_of("a.bin", "", b"\0\1\2\xff"), file_of("long.txt", "text/plain", b"x" * 600_000))
    page.wait("() => !document.getElementById('notice').hidden")
    assert "a.bin is neither" in page.text("#notice") and "long.txt is too large" in page.text("#notice")
    page.select("#target", "model:blind")
    drop(page, file_of("dot.png", "image/png", png()))
    page.wait("() => document.getElementById('notice').innerText.includes('does not take images')")
    page.shoot("71-not-attached")
    assert page.run("() => document.querySelectorAll('#files .file').length") == 0
    page.select("#target", "model:default")


def test_a_large_image_is_made_smaller(stack, page):
    drop(page, file_of("photo.png", "image/png", noise(900, 700)))
    page.wait("() => document.querySelectorAll('#files .file').length === 1")
    page.say("!sim tokens=4 delay_ms=1 Look")
    page.wait_turns(2)
    page.wait_idle()
    given = messages(stack, page)[0]["attachments"][0]
    assert given["media_type"] == "image/jpeg" and len(base64.b64decode(given["data"])) <= 560 * 1024


# -- the queue, errors -------------------------------------------------------------------------------------------------------


def test_position_in_the_queue(browse):
    with Stack(workers=0) as stack:
        for i in range(2):
            stack.api().new_chat(f"earlier {i}", on_disconnect="continue")
        page = browse(stack.api_processes[0].url + "/")
        page.say("!sim tokens=5 delay_ms=1 mine")
        page.wait("() => document.querySelector('.doing')?.textContent === 'In the queue, 2 before you'")
        page.shoot("72-in-the-queue")
        page.keyboard_press("Escape")
        assert page.box == "!sim tokens=5 delay_ms=1 mine"
        page.press("#input", "Enter")
        page.wait("() => document.querySelector('.turn.live .doing')?.textContent.startsWith('In the queue')")
        stack.start_worker()
        page.wait_idle()
        assert len(page.turns()) == 2


@pytest.mark.parametrize("words, code", [("fault=status:400", "provider_refused"), ("fault=truncate@20", "provider_truncated"), ("fault=error@10", "provider_error")])
def test_an_error_and_its_retry(stack, page, words, code):
    asked = len(stack.journal())
    page.say(f"!sim tokens=40 delay_ms=1 {words}")
    page.wait("() => document.querySelector('.trouble') !== null")
    page.shoot(f"73-{code}")
    assert page.text(".trouble .code") == code and page.axe() == []
    assert page.path == "/" and len(stack.journal()) == asked + 1
    page.click(".trouble .plain")
    assert page.box == f"!sim tokens=40 delay_ms=1 {words}" and page.turns() == []
    page.say("!sim tokens=4 delay_ms=1 fine now")
    page.wait_turns(2)
    page.wait_idle()
    assert len(messages(stack, page)) == 2


def test_a_retry_asks_once_more_and_no_more(stack, page):
    page.say("!sim tokens=40 delay_ms=1 fault=status:400 times=1")
    page.wait("() => document.querySelector('.trouble') !== null")
    asked = len(stack.journal())
    page.click(".trouble .solid")
    page.wait_turns(2)
    page.wait("() => document.querySelector('.turn.live') === null")
    assert len(stack.journal()) == asked + 1


def test_an_answer_that_is_lost_on_the_way_is_billed_once(browse):
    """The request arrived, its answer did not: the page asks again under the same id, and gets the same generation."""
    with Stack() as stack:
        page = browse(stack.api_processes[0].url + "/")
        page.allowed = ["ERR_"]
        page.run("""() => {
            const real = window.fetch;
            let lost = 0;
            window.fetch = async (...given) => {
                const answer = await real(...given);
                if (given[1]?.method !== "POST" || lost++ > 1) return answer;
                answer.body?.cancel();
                throw new TypeError("lost on the way");
            };
        }""")
        page.say("!sim tokens=30 delay_ms=5 once")
        page.wait_turns(2)
        page.wait_idle()
        assert len(stack.journal()) == 1 and len(messages(stack, page)) == 2


# -- keys and tokens ---------------------------------------------------------------------------------------------------------


def test_keys_and_tokens(browse):
    with GuardedStack([row("sk_test_web", "web1"), row("sk_test_next", "web2")]) as stack:
        url = stack.api_processes[0].url
        page = browse(url + "/")
        page.allowed = ["^401 ", "status of 401"]
        page.wait("() => document.getElementById('ask-key').open")
        page.shoot("80-a-key-is-asked-for")
        assert page.axe() == []
        page.fill("#key", "sk_test_wrong")
        page.press("#key", "Enter")
        page.wait("() => document.getElementById('ask-key-text').textContent.startsWith('The server does not know it')")
        page.fill("#key", "sk_test_web")
        page.press("#key", "Enter")
        page.wait("() => !document.getElementById('ask-key').open && document.querySelectorAll('#target option').length > 0")
        page.say("!sim tokens=5 delay_ms=1 by key")
        page.wait_turns(2)
        page.wait_idle()
        page.reload()
        page.wait_turns(2)
        assert page.run("() => document.getElementById('ask-key').open") is False, "kept in this tab"
        assert page.run("() => [...Object.values(localStorage)].filter((text) => text.includes('sk_test')).length") == 0
        page.shoot("81-with-a-key")
        page.click("#forget")
        page.wait("() => document.getElementById('ask-key')?.open")

        token = Caller(url, "sk_test_web").token(user="ann", ttl=600).credential
        ann = browse(url + "/")
        ann.allowed = ["^401 ", "status of 401"]
        ann.wait("() => document.getElementById('ask-key').open")
        ann.fill("#key", token)
        ann.press("#key", "Enter")
        ann.wait("() => !document.getElementById('ask-key').open")
        ann.say("!sim tokens=4000 delay_ms=20 by token")
        ann.wait_streaming()
        ann.keyboard_press("Escape")
        ann.say("!sim tokens=4 delay_ms=1 by token")
        ann.wait_turns(2)
        ann.wait_idle()
        ann.wait("() => document.querySelectorAll('#chats a').length === 1")  # her own
        stack.keys = stack.keys[1:]
        stack.configure()
        stack.reload()
        wait_until(lambda: Caller(url, token).get("/v1/models")[0] == 401, "the key to be gone, and its tokens with it")
        ann.say("!sim tokens=4 delay_ms=1 with a token that is none any more")
        ann.wait("() => document.getElementById('ask-key').open")
        ann.fill("#key", Caller(url, "sk_test_next").token(user="ann").credential)
        ann.press("#key", "Enter")
        ann.wait_turns(4)
        ann.wait_idle()


def test_older_messages_come_above_what_is_read(stack, browse):
    """The page loads the newest hundred."""
    stream = stack.api().new_chat("!sim tokens=60 delay_ms=0 first")
    stream.read_all()
    for n in range(51):
        stack.api().message(stream.chat, f"!sim tokens=20 delay_ms=0 {n}").read_all()
    page = browse(f"{stack.api_processes[0].url}/c/{stream.chat}")
    page.wait_turns(100)
    page.run("() => { document.getElementById('scroll').scrollTop = 0; }")
    page.run("() => { window.read = document.querySelector('.turn'); window.was = window.read.getBoundingClientRect().top; }")
    page.click("#older")
    page.wait_turns(104)
    assert abs(page.run("() => window.read.getBoundingClientRect().top - window.was")) < 60, "only the button's height"
    assert not page.is_visible("#older") and page.turns()[0][1] == "!sim tokens=60 delay_ms=0 first"
