"""A real browser for tests: pages that are clicked and looked at, by tests/browser/bridge.mjs."""
import json
import pathlib
import re
import subprocess

from support.processes import ROOT

HERE = pathlib.Path(__file__).resolve().parent
RESULTS = ROOT / "build/results/browser"
CHROMIUM = "/usr/bin/chromium"


class Browser:
    def __init__(self, log):
        argv = ["node", HERE / "bridge.mjs", ROOT / "build/browser", CHROMIUM]
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)

    def do(self, what, **command):
        self.process.stdin.write(json.dumps({"do": what, **command}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the browser's driver has ended"
        answer = json.loads(line)
        if "error" in answer:
            raise AssertionError(f"{what} {command}: {answer['error']}")
        return answer["value"]

    def context(self, **options):
        """Another user's browser: pages of one context share storage. Options are those of playwright's newContext."""
        return Context(self, options)

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait(30)


class Context:
    def __init__(self, browser, options):
        self.browser, self.id, self.pages = browser, browser.do("context", options={"viewport": {"width": 1280, "height": 860}, **options}), []

    def page(self, url=None):
        page = ChatPage(self)
        self.pages.append(page)
        if url:
            page.goto(url)
        return page

    def close(self):
        self.browser.do("drop", on=self.id)


class Page:
    """Methods of playwright's page by their own names, in snake case: page.click("#stop"), page.keyboard_press("Escape")."""

    CALLS = {"goto": "goto", "click": "click", "fill": "fill", "press": "press", "reload": "reload", "hover": "hover", "url": "url", "title": "title", "text": "textContent", "is_visible": "isVisible",
             "value": "inputValue", "select": "selectOption", "set_files": "setInputFiles", "type": "keyboard.type", "keyboard_press": "keyboard.press", "go_back": "goBack",
             "attribute": "getAttribute", "set_viewport": "setViewportSize", "bring_to_front": "bringToFront", "focus": "focus", "mouse_click": "mouse.click"}

    def __init__(self, context):
        self.context, self.browser = context, context.browser
        self.id = self.browser.do("page", context=context.id)
        self.allowed = []  # patterns of console errors and failed requests that the test means to happen

    def __getattr__(self, name):
        if name not in self.CALLS:
            raise AttributeError(name)
        return lambda *args: self.browser.do("call", on=self.id, call=self.CALLS[name], args=list(args))

    def run(self, script, argument=None):
        """What a JavaScript function gives in the page."""
        return self.browser.do("evaluate", on=self.id, script=script, argument=argument)

    def wait(self, script, argument=None, timeout=60000):
        """Until a JavaScript function gives something true."""
        self.browser.do("wait", on=self.id, script=script, argument=argument, timeout=timeout)

    def axe(self):
        return self.browser.do("axe", on=self.id)

    @property
    def seen(self):
        return self.browser.do("seen", on=self.id)

    def shoot(self, name):
        """A picture into build/results/browser."""
        RESULTS.mkdir(parents=True, exist_ok=True)
        self.browser.do("call", on=self.id, call="screenshot", args=[{"path": str(RESULTS / f"{name}.png")}])

    def close(self):
        self.browser.do("drop", on=self.id)

    def check_quiet(self, host):
        """No error on the console, no failed request, nothing asked of another host."""
        seen = self.seen
        is_allowed = lambda line: any(re.search(pattern, line) for pattern in self.allowed)
        assert [line for line in seen["console"] + seen["failed"] if not is_allowed(line)] == []
        assert [line for line in seen["requests"] if not re.match(rf"\w+ ({re.escape(host)}/|data:)", line) and not is_allowed(line)] == []
        assert seen["dialogs"] == 0


class ChatPage(Page):
    """The chat page, as a user sees it."""

    def say(self, text, cursor=None):
        self.fill("#input", text)
        if cursor is not None:
            self.run("(at) => document.getElementById('input').setSelectionRange(at, at)", cursor)
        self.press("#input", "Enter")

    @property
    def box(self):
        return self.value("#input")

    @property
    def path(self):
        return self.run("() => location.pathname")

    def turns(self):
        """[(who, text)] on view."""
        rows = self.run("""() => [...document.querySelectorAll("#log > .turn")].map((turn) => [turn.classList.contains("said") ? "user" : "assistant",
            [...turn.querySelectorAll(".bubble, .md, .refusal")].map((one) => one.innerText).join("\\n")])""")
        return [tuple(row) for row in rows]

    def wait_streaming(self, words=2):
        self.wait("(n) => (document.querySelector('.turn.live .md')?.innerText.split(/\\s+/).length ?? 0) > n", words)

    def wait_idle(self, timeout=60000):
        self.wait("() => document.getElementById('stop').hidden && document.querySelector('.turn.live') === null", timeout=timeout)

    def wait_turns(self, count):
        self.wait("(n) => document.querySelectorAll('#log > .turn').length === n", count)
