"""How the page looks and what it is for everybody: phone and dark, keyboard and screen reader, its size, and that it calls nobody else.

Scenario: a provider that says what is wanted (a long answer with all kinds of Markdown); each state is photographed and looked at by axe-core.
"""
import re

import pytest

from provider import Provider
from support.client import request
from support.stack import Stack

ANSWER = """Most likely a job is **popped and then lost**: `BRPOP` removes it before your worker has done anything. If the worker is restarted at that moment (log rotation at 3 am is the usual suspect), the job exists nowhere.

### What to check first

1. Does `systemctl list-timers` show something at 03:00?
2. Is the connection idle for longer than the firewall allows?
3. Is `maxmemory-policy` set to anything but `noeviction`?

A move into a list of the worker's own is the usual cure:

```lua
-- one round trip: take a job and its lease together
local id = redis.call("LMOVE", KEYS[1], KEYS[2], "RIGHT", "LEFT")
if id then
  redis.call("SET", "lease:" .. id, ARGV[1], "PX", ARGV[2])
end
return id
```

| Symptom | Cause | Seen |
|---|---|---:|
| Jobs vanish | popped, then the worker died | 70 % |
| Jobs wait | a dead connection | 25 % |

> A lease that nobody renews is a job that comes back.

- [x] read the log
- [ ] sleep, and see [the manual](https://redis.io/docs/)
"""
QUESTION = "Why does my queue stall at 3 am? One worker, BRPOP, about 40 jobs a minute. Nothing in the logs."
PLAIN = {"viewport": {"width": 1280, "height": 860}}
LOOKS = {
    "light": PLAIN,
    "dark": {**PLAIN, "colorScheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "deviceScaleFactor": 2, "isMobile": True, "hasTouch": True},
    "phone-dark": {"viewport": {"width": 390, "height": 844}, "deviceScaleFactor": 2, "isMobile": True, "hasTouch": True, "colorScheme": "dark"},
    "calm": {**PLAIN, "reducedMotion": "reduce", "forcedColors": "active"},
}
CONFIG = """
models:
  - {name: spoken, base_url: "%(url)s", model: spoken, supports: [image]}
  - {name: other, base_url: "%(url)s", model: spoken}
"""


@pytest.fixture(scope="module")
def stack():
    with Provider({QUESTION: ANSWER}) as provider, Stack(provider_url=provider.url, config=CONFIG) as running:
        for message in ("Names for a boat", "Plan a week in Lisbon with two kids", "SQL: the last row per group"):
            running.api().new_chat(message).read_all()
        running.provider = provider
        yield running


def check_axe(page, state):
    assert page.axe() == [], state


@pytest.mark.parametrize("look", LOOKS)
def test_each_state_in_each_look(stack, browse, look):
    page = browse(stack.api_processes[0].url + "/", **LOOKS[look])
    page.wait("() => document.querySelectorAll('#chats a').length >= 3")
    page.shoot(f"40-{look}-new")
    check_axe(page, "new")
    stack.provider.delay_s = 0.02  # slow enough to be looked at
    page.fill("#input", QUESTION)
    page.click("#send")
    page.wait_streaming(1)
    page.shoot(f"41-{look}-streaming")
    check_axe(page, "streaming")
    stack.provider.delay_s = 0.002
    page.wait_idle()
    page.run("() => { document.getElementById('scroll').scrollTop = 0; }")
    page.shoot(f"42-{look}-answered")
    page.run("() => { document.getElementById('scroll').scrollTop = 1e6; }")
    page.shoot(f"43-{look}-answered-end")
    check_axe(page, "answered")
    assert page.run("() => document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out"
    if "phone" in look:
        page.click("#side-open")
        page.wait("() => getComputedStyle(document.getElementById('side')).transform === 'none'")
        page.shoot(f"44-{look}-chats")
        check_axe(page, "chats")
        page.click("#chats li:last-child a")
        page.wait("() => !document.body.classList.contains('side-open')")
    page.click("#delete")
    page.shoot(f"45-{look}-dialog")
    check_axe(page, "dialog")


def test_by_keyboard_alone(stack, browse):
    page = browse(stack.api_processes[0].url + "/")
    page.wait("() => document.activeElement.id === 'input' && document.querySelectorAll('#chats a').length >= 3")
    page.type("one")
    page.keyboard_press("Shift+Enter")
    page.type("two")
    page.keyboard_press("Enter")
    page.wait_turns(2)
    page.wait_idle()
    assert page.turns() == [("user", "one\ntwo"), ("assistant", "one two")]
    assert page.run("() => document.activeElement.id") == "input"
    seen = []
    for _ in range(40):  # once around
        page.keyboard_press("Tab")
        name = page.run("""() => { const e = document.activeElement; return e === document.body ? null : e.getAttribute("aria-label") || e.labels?.[0]?.textContent || e.innerText.trim(); }""")
        seen.append(name)
    for wanted in ("Skip to the message box", "New chat", "Rename this chat", "Conversation", "Edit this message", "Answer again", "Message", "Attach images or text files", "Who answers"):
        assert wanted in seen, (wanted, seen)
    page.focus(".said [aria-label='Edit this message']")
    page.keyboard_press("Enter")
    assert page.box == "one\ntwo" and page.run("() => document.activeElement.id") == "input"


def test_what_a_screen_reader_is_told(stack, browse):
    """Every text that the live region has had, in order, however short a time it stood there."""
    page = browse(stack.api_processes[0].url + "/")
    page.run("""() => {
        window.told = [];
        const listen = (records) => window.told.push(...records.flatMap((one) => [...one.addedNodes].map((node) => node.textContent.trim())));
        new MutationObserver(listen).observe(document.getElementById("status"), { childList: true });
    }""")
    told = lambda: page.run("() => window.told")
    go = stack.provider.go
    go.clear()  # held in mid-stream: what comes together is told together
    try:
        page.say("Say this")
        page.wait("() => window.told.at(-1) === 'The answer begins'")
        go.set()
        page.wait("() => window.told.at(-1) === 'The answer: Say this'")
        assert told() == ["Sent", "The answer begins", "The answer: Say this"]
        go.clear()
        page.say("Say this slowly, if you please")
        page.wait("() => window.told.at(-1) === 'The answer begins'")
        page.keyboard_press("Escape")
        page.wait("() => window.told.length >= 6")
        assert told()[3:] == ["Sent", "The answer begins", "Stopped. Your message is back in the box"]
    finally:
        go.set()


def test_its_size(stack, browse):
    """The page and its scripts are under 120 kB before the Markdown library."""
    page = browse(stack.api_processes[0].url + "/")
    page.wait("() => document.querySelectorAll('#chats a').length >= 3")
    urls = {line.split(" ", 1)[1] for line in page.seen["requests"] if "/v1/" not in line}
    sizes = {url: len(request("GET", url)[2]) for url in urls}
    total = sum(size for url, size in sizes.items() if not url.endswith("/web/marked.js"))
    print(f"figure: page and scripts {total} bytes in {len(sizes) - 1} files, marked {next(s for u, s in sizes.items() if u.endswith('marked.js'))}")
    assert total < 120_000, sizes


def test_headers_and_caching(stack):
    url = stack.api_processes[0].url
    for path, kind in (("/", "text/html"), ("/c/any", "text/html"), ("/web/main.js", "text/javascript"), ("/web/client/sluice.js", "text/javascript"), ("/web/style.css", "text/css"), ("/web/icon.svg", "image/svg+xml"), ("/web/marked.js", "text/javascript")):
        status, headers, body = request("GET", url + path)
        assert status == 200 and headers["Content-Type"].split(";")[0] == kind and body, path
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and not re.search(r"(script|style|connect)-src (?!'self'[;])", policy), path
        assert headers["X-Content-Type-Options"] == "nosniff" and headers["Referrer-Policy"] == "no-referrer"
        etag = headers["ETag"]
        assert re.fullmatch(r'"[0-9a-f]{32}"', etag)
        status, again, body = request("GET", url + path, headers={"If-None-Match": etag})
        assert status == 304 and body == b"" and again["ETag"] == etag and "Content-Security-Policy" in again
        status, head, body = request("HEAD", url + path)
        assert status == 200 and body == b"" and head["Content-Length"] == headers["Content-Length"] and head["ETag"] == etag
        assert request("POST", url + path, {})[0] == 405
    for path in ("/web/", "/web/none.js", "/web/client/none.js", "/web/admin/sluice.js", "/web/../main.js", "/web/%2e%2e%2fmain.c", "/c/", "/index.html"):
        assert request("GET", url + path)[0] in (400, 404), path
