"""200 stops at random moments, by button and by Esc: each gives the message back in the tick of the click, and no history is ever wrong.

Scenario: answers of about half a second are stopped anywhere between their sending and their end, half of them in a chat with a record, half in new chats. Where the answer was there first it is in the
chat and on view, and the box is empty; else the box has the message and nothing has changed. SLUICE_STOPS sets another number.
"""
import os
import random
import statistics
import time

import pytest

from support.stack import Stack

STOPS = int(os.environ.get("SLUICE_STOPS", "200"))
# What happened in the tick of the click or key: what the box had when its handlers were done, the time from the event to that, and how much of it went by before the page was told of the event.
WATCH = """() => {
    window.stops = [];
    let began = null;
    const before = (event) => {
        const isStop = event.type === "click" ? event.target.closest("#stop") !== null : event.key === "Escape";
        began = isStop && !document.getElementById("stop").hidden ? performance.now() : null;
    };
    const after = (event) => {
        if (began === null) return;
        const now = performance.now();
        const row = {ms: now - event.timeStamp, held: began - event.timeStamp, own: now - began, box: document.getElementById("input").value, live: document.querySelectorAll(".turn.live").length};
        began = null;
        window.stops.push(row);
        requestAnimationFrame(() => setTimeout(() => { row.painted = performance.now() - event.timeStamp; }));
    };
    for (const type of ["click", "keydown"]) {
        addEventListener(type, before, true);
        addEventListener(type, after);
    }
}"""


@pytest.fixture(scope="module")
def stack():
    with Stack() as running:
        yield running


def squeezed(rows):
    return [(who, " ".join(text.split())) for who, text in rows]


def told(stack, chat):
    status, answer = stack.api().chat(chat)
    return [] if status == 404 else [(m["role"], m["content"]) for m in answer["messages"]]


class Round:
    """One message, stopped or not."""

    def __init__(self, stack, page, chance, number, is_new):
        self.stack, self.page, self.number, self.is_new = stack, page, number, is_new
        self.text = f"!sim first_ms={chance.randrange(0, 150)} tokens={chance.randrange(20, 80)} delay_ms=10 number {number}\n  zwei 🙂"
        self.cursor = chance.randrange(0, len(self.text) - 2)
        self.delay_s = chance.uniform(0, 0.4)
        self.by_key = chance.random() < 0.5

    def play(self):
        """True when it was stopped in time."""
        page = self.page
        before = page.turns()
        stops = page.run("() => window.stops.length")
        page.say(self.text, self.cursor)
        time.sleep(self.delay_s)
        if self.by_key:
            page.keyboard_press("Escape")
        else:
            page.mouse_click(*page.run("() => { const r = (document.getElementById('stop').hidden ? document.getElementById('send') : document.getElementById('stop')).getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; }"))
        rows = page.run("() => window.stops")[stops:]
        page.wait("() => document.getElementById('main').dataset.status === 'idle'")
        if rows:
            assert rows[0]["box"] == self.text and rows[0]["live"] == 0, f"not given back at once: {rows[0]}"
        self.check(before, bool(rows))
        return bool(rows) and page.box == self.text

    def check(self, before, was_stopped):
        page = self.page
        turns = page.turns()
        if page.box == self.text:
            assert was_stopped and turns == before, "a stopped turn left something"
            assert page.run("() => document.getElementById('input').selectionStart") == self.cursor
        else:
            assert page.box == "" and len(turns) == len(before) + 2, (page.box, turns, before)
        chat = page.path[3:] if page.path != "/" else None
        assert squeezed(turns) == (squeezed(told(self.stack, chat)) if chat else []), "the history on view is not the server's"


@pytest.mark.timeout(1200)  # each stop is some turns of the browser's, and a busy machine has few to give
def test_stops_at_random_moments(stack, browse):
    seed = int(os.environ.get("SLUICE_SEED", time.time_ns() % 1_000_000))
    chance = random.Random(seed)
    print(f"SLUICE_SEED={seed}")
    stream = stack.api().new_chat("!sim tokens=4 delay_ms=1 first")
    stream.read_all()
    saved = browse(f"{stack.api_processes[0].url}/c/{stream.chat}")
    saved.wait_turns(2)
    new = browse(stack.api_processes[0].url + "/")
    done = {saved: 0, new: 0}
    for page in done:
        page.run(WATCH)
    number = 0
    while sum(done.values()) < STOPS:
        number += 1
        page = saved if done[saved] <= done[new] else new
        if page is new and page.path != "/":
            page.click("#new")
            page.wait("() => location.pathname === '/' && document.querySelector('.turn') === null")
        done[page] += Round(stack, page, chance, number, page is new).play()
    rows = [row for page in done for row in page.run("() => window.stops")]
    figures(rows, number)
    assert len(stack.api().get("/v1/chats")[1]["data"]) <= 1 + number


def figures(rows, number):
    for name, words in (("ms", "click to restored input"), ("held", "... of it until the browser gave the event to the page"), ("own", "... of it in the page"), ("painted", "click to the next picture")):
        values = sorted(row[name] for row in rows if name in row)
        print(f"figure: {words}: median {statistics.median(values):.1f} ms, p99 {values[int(len(values) * 0.99) - 1]:.1f} ms, maximum {values[-1]:.1f} ms, of {len(values)} stops")
    print(f"figure: {number} messages, {len(rows)} stopped, all of them given back, {number - len(rows)} answered before")
