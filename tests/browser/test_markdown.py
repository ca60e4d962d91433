"""What a model says is text: HTML, scripts, javascript: links and broken Markdown run nothing, fetch nothing and break nothing.

Scenario: a provider that says what is wanted, whole and in pieces of one character; then texts that are made to be slow to read.
"""
import pytest

from provider import Provider
from support.stack import Stack

HOSTILE = r"""<script>window.ran = 1</script>
<img src=x onerror="window.ran = 2"> <svg onload="window.ran = 3"></svg>

<iframe srcdoc="<script>parent.ran = 4</script>"></iframe>

<style>body { display: none }</style><base href="https://evil.example/"><meta http-equiv="refresh" content="0;url=https://evil.example/">

[a](javascript:window.ran=5) [b](JaVaScRiPt:window.ran=6) [c](java&#115;cript:window.ran=7) [d](&#x6A;avascript:window.ran=8) [e]( javascript:window.ran=9)
[f](data:text/html,<script>window.ran=10</script>) [g](vbscript:x) [h](file:///etc/passwd) [i](//evil.example/x) [j](/v1/chats) [k](blob:x) [l](jav	ascript:window.ran=11)
<javascript:window.ran=12> [m]: javascript:window.ran=13
[m] [n][o]

[o]: javascript:window.ran=14 "title\" onmouseover=\"window.ran=15"

![x](https://evil.example/pixel.png) ![y](javascript:window.ran=16) ![" onerror="window.ran=17](https://evil.example/p.png)

[good](https://good.example/a?b=c&d=e "a \"title\"") <https://auto.example/> https://bare.example/x <mail@good.example> www.bare.example

```html"onmouseover="window.ran=18
<script>window.ran = 19</script></code></pre><script>window.ran = 20</script>
```

`<b onclick="window.ran=21">code</b>` **<i>bold</i>** &lt;script&gt;window.ran=22&lt;/script&gt; &#60;script&#62; &amp; &copy; &#x1F642; &#0; &#xD800; &#99999999;

| <script>window.ran=23</script> | [x](javascript:window.ran=24) |
|---|:-:|
| <img src=x onerror=window.ran=25> | a |

1. <details open ontoggle="window.ran=26"><summary>x</summary></details>
   - [ ] <input autofocus onfocus="window.ran=27">

<form action="https://evil.example"><button>go</button></form>
<a href="https://evil.example" id="input" name="body">clobber</a> __proto__ constructor
"""
ODD = {
    "nothing": "",
    "a fence that never ends": "Look:\n\n```\nlet a = 1;\n" + "a += 1;\n" * 40,
    "a table that breaks off": "| a | b |\n|---|---|\n| 1 | 2 |\n| 3",
    "unbalanced": "**bold *both _all ~~gone `code [link](http://x [two][three ![img](",
    "deep quotes": ">" * 3000 + " deep",
    "deep lists": "\n".join("  " * i + "- x" for i in range(120)),
    "stars": "*a " * 20000,
    "brackets": "[" * 20000 + "](" * 200,
    "links": "[a](" * 20000,
    "one line": "word " * 30000,
    "separators": "\u2028\u2029\ufeffx\u202eright to left\u202c 🙂 e\u0301",
    "rows": "|a" * 2000 + "\n" + "|-" * 2000 + "\n" + "|b" * 2000,
    "code in a list": "- What this is about is a list with code in it:\n  ```\n" + "  let a = 1;\n" * 8000 + "  ```\n",
    "lazy lines": "- begun\n" + "gone on\n" * 8000,
    "pipes": "|" * 60000,
    "an address that never ends": "www." * 10000,
    "windows": "# a\r\n\r\n- b\r\n- c\r\n\r\n```\r\nd\r\n```\r\n",
}
SHOWN = """() => {
    const reply = document.querySelector(".turn.reply:last-of-type .reply-body") ?? document.querySelector(".reply-body");
    const names = [...reply.querySelectorAll("*")].flatMap((one) => [one.localName, ...[...one.attributes].map((a) => a.name)]);
    return {ran: window.ran ?? null, names: [...new Set(names)].sort(), text: reply.innerText, said: [...reply.querySelectorAll(".md > *, pre")].map((one) => one.matches("figure") ? "" : one.innerText).join(" "), hrefs: [...reply.querySelectorAll("a")].map((a) => [a.href, a.rel, a.target]), ids: reply.querySelectorAll("[id],[name]").length};
}"""
# Every element and attribute that an answer may be made of.
ALLOWED = {"a", "blockquote", "br", "button", "code", "del", "div", "em", "figcaption", "figure", "h3", "hr", "li", "ol", "p", "pre", "span", "strong", "svg", "table", "tbody", "td", "th", "thead", "tr", "ul", "use",
           "aria-hidden", "aria-label", "class", "dir", "href", "rel", "role", "scope", "start", "tabindex", "target", "type"}


@pytest.fixture(scope="module")
def stack():
    with Provider({"hostile": HOSTILE, **ODD}) as provider, Stack(provider_url=provider.url) as running:
        running.provider = provider
        yield running


@pytest.fixture
def page(stack, browse):
    return browse(stack.api_processes[0].url + "/")


def ask(page, message):
    page.say(message)
    page.wait_turns(2)
    page.wait_idle(60000)


def check_hostile(shown):
    assert shown["ran"] is None
    assert set(shown["names"]) <= ALLOWED, set(shown["names"]) - ALLOWED
    assert shown["ids"] == 0
    assert sorted({href for href, _, _ in shown["hrefs"]}) == ["http://www.bare.example/", "https://auto.example/", "https://bare.example/x", "https://evil.example/p.png", "https://evil.example/pixel.png", "https://good.example/a?b=c&d=e", "mailto:mail@good.example"]
    assert {(rel, target) for _, rel, target in shown["hrefs"]} == {("noopener noreferrer", "_blank")}
    for words in ("<script>window.ran = 1</script>", "<iframe", "<form", "<script>window.ran = 19</script>", "<script>window.ran=22</script>", "🙂", "& ©"):
        assert words in shown["text"], words


@pytest.mark.parametrize("piece", [1, 1000], ids=["a character at a time", "whole"])
def test_hostile_output_is_text(stack, page, piece):
    stack.provider.piece, stack.provider.delay_s = piece, 0
    ask(page, "hostile")
    page.shoot("50-hostile")
    check_hostile(page.run(SHOWN))
    for where in ("a", ".md *", "button"):  # what would wait for a mouse
        page.run("(s) => document.querySelectorAll('.reply-body ' + s).forEach((one) => one.dispatchEvent(new MouseEvent('mouseover', {bubbles: true})))", where)
    page.reload()
    page.wait_turns(2)
    check_hostile(page.run(SHOWN))


@pytest.mark.parametrize("name", ODD)
def test_odd_output_breaks_nothing(stack, page, name):
    stack.provider.piece, stack.provider.delay_s = max(1, len(ODD[name]) // 200), 0
    page.run("() => { window.longest = 0; let last = performance.now(); setInterval(() => { const now = performance.now(); window.longest = Math.max(window.longest, now - last); last = now; }, 5); }")
    ask(page, name)
    shown = page.run(SHOWN)
    longest = page.run("() => window.longest")
    print(f"figure: {name}: the page stood still for at most {longest:.0f} ms")
    assert shown["ran"] is None and set(shown["names"]) <= ALLOWED
    assert longest < 8000, "a gross bound: other processes may want the machine"
    said = "".join(c for c in ODD[name] if c.isalnum())[:50]
    assert said[:20] in "".join(c for c in shown["said"] if c.isalnum())
    page.say("and then")
    page.wait_turns(4)
    page.wait_idle()


def test_settled_text_is_not_made_again(stack, page):
    """What a reader has selected stays selected while the rest comes."""
    stack.provider.replies["slow"] = "The first paragraph.\n\nThe second one.\n\n" + "and more, word by word, " * 40
    stack.provider.piece, stack.provider.delay_s = 12, 0.02
    page.say("slow")
    page.wait("() => document.querySelectorAll('.turn.live .md > p').length >= 3")
    page.run("() => { window.kept = document.querySelector('.md > p'); getSelection().selectAllChildren(window.kept); }")
    page.wait_idle()
    assert page.run("() => window.kept.isConnected && getSelection().toString()") == "The first paragraph."


def test_each_paragraph_runs_in_its_own_direction(stack, page):
    stack.provider.replies["both"] = "\u0645\u0631\u062d\u0628\u0627!\n\nThis one is English.\n\n- \u0648\u0627\u062d\u062f\n\n```js\nlet a;\n```"
    stack.provider.piece, stack.provider.delay_s = 5, 0
    ask(page, "both")
    sides = page.run("""() => [...document.querySelectorAll(".md p, .md li, .md code")].map((one) => {
        const words = document.createRange();
        words.selectNodeContents(one);
        const [text, box] = [words.getBoundingClientRect(), one.closest(".md > *").getBoundingClientRect()];
        return text.left - box.left < box.right - text.right ? "left" : "right";
    })""")
    assert sides == ["right", "left", "right", "left"]
    page.shoot("51-both-directions")


def test_code_is_copied(stack, page):
    stack.provider.replies["code"] = "```python\nprint(1 < 2)\n```\n"
    stack.provider.piece, stack.provider.delay_s = 5, 0
    ask(page, "code")
    page.run("() => { window.copied = []; navigator.clipboard.writeText = (text) => (window.copied.push(text), Promise.resolve()); }")
    page.click("[aria-label='Copy this code']")
    page.click("[aria-label='Copy this answer']")
    assert page.run("() => window.copied") == ["print(1 < 2)", "```python\nprint(1 < 2)\n```\n"]
    page.wait("() => document.querySelector('.code-head button').innerText.includes('Copied')")


def test_code_keeps_its_tabs(stack, page):
    """What is copied is what was said, and what is behind it is there while it comes, to the last character."""
    code = "all:\n\tcc -c a.c\n\t\tcc -c b.c"
    stack.provider.replies["make"] = f"Take this:\n\n```make\n{code}\n```\n\nThen run it.\n\n" + "And so on, word by word. " * 20
    stack.provider.piece, stack.provider.delay_s = 9, 0.1
    page.say("make")
    page.wait("() => document.querySelector('.turn.live .md')?.innerText.includes('And so on, word by word. And so on')")
    assert "\nThen run it.\n" in page.run("() => document.querySelector('.turn.live .md').innerText")
    page.wait_idle()
    page.run("() => { window.copied = []; navigator.clipboard.writeText = (text) => (window.copied.push(text), Promise.resolve()); }")
    page.click("[aria-label='Copy this code']")
    assert page.run("() => window.copied") == [code]


@pytest.mark.parametrize("before, between", [("", ""), ("1. So:\n", "   ")], ids=["outside", "in a list"])
def test_code_is_code_from_its_first_character(stack, page, before, between):
    """Also while its last line has no end yet."""
    lines = "".join(f"{between}{line}\n" for line in ["```js", *(["codeword = 1;"] * 12), "```"])
    stack.provider.replies["grow"] = before + lines + "Done."
    stack.provider.piece, stack.provider.delay_s = 3, 0.05
    page.run("""() => { window.outside = window.inside = 0;
        const count = (node) => node.textContent.split("codew").length - 1;
        const look = () => { for (const one of document.querySelectorAll(".md")) {
            const inside = [...one.querySelectorAll("pre")].reduce((sum, pre) => sum + count(pre), 0);
            window.inside += inside;
            window.outside += count(one) - inside;
        } };
        new MutationObserver(look).observe(document.getElementById("log"), {childList: true, subtree: true, characterData: true}); }""")
    ask(page, "grow")
    assert page.run("() => [window.outside, window.inside > 0]") == [0, True]


def test_definitions_far_below(stack, page):
    """A text of several pieces: what is defined in the last one counts in the first."""
    stack.provider.replies["far"] = "See [it][far] and [that].\n\n" + "A paragraph.\n\n" * 1500 + "[far]: https://far.example/\n[that]: https://that.example/\n"
    stack.provider.piece, stack.provider.delay_s = 500, 0
    ask(page, "far")
    page.wait("() => document.querySelector('.md p').querySelectorAll('a').length === 2")
    assert page.run("() => [...document.querySelectorAll('.md a')].map((a) => a.href)") == ["https://far.example/", "https://that.example/"]
    assert page.run("() => document.querySelectorAll('.md > p').length") == 1501
