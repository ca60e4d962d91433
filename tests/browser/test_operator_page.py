"""The operator's page in a real browser against the real programs: figures that move, a stop, a paused lane, failures, the dead list, keys."""
import signal
import time

import pytest

from support.client import request
from support.identity import GuardedStack, row
from support.stack import Stack

DEAD = "sluice:{s00}:dead"
LOOKS = {
    "light": {"colorScheme": "light", "viewport": {"width": 1360, "height": 900}},
    "dark": {"colorScheme": "dark", "viewport": {"width": 1360, "height": 900}},
    "phone": {"colorScheme": "light", "viewport": {"width": 390, "height": 844}},
    "dark-phone": {"colorScheme": "dark", "viewport": {"width": 390, "height": 844}},
}


@pytest.fixture(scope="module")
def stack():
    with Stack(graphs={}, workers=1) as running:
        yield running


@pytest.fixture
def watch(stack, browse):
    """The page, once the first look is on view."""

    def begin(**options):
        page = browse(stack.api_processes[0].admin_url + "/admin", **options)
        wait_live(page)
        return page

    return begin


def wait_live(page):
    page.wait("() => document.getElementById('state').dataset.is === 'live'")


def wait_text(page, selector, words):
    page.wait("([selector, words]) => document.querySelector(selector)?.textContent.includes(words)", [selector, words])


def wait_row(page, table, words, is_there=True):
    rows = "[...document.querySelectorAll(`#${table} tbody tr`)]"
    page.wait(f"([table, words, is]) => {rows}.some((row) => row.textContent.includes(words)) === is", [table, words, is_there])


def click_labelled(page, label):
    page.wait("(label) => document.querySelector(`[aria-label='${label}']`) !== null", label)
    page.click(f"[aria-label='{label}']")


def confirm(page, words):
    wait_text(page, "#ask-title", words)
    page.click("#ask-yes")


def fail_one(stack, generation):
    stack.api().new_chat("!sim fault=status:403", generation_id=generation).until("failed")


@pytest.mark.parametrize("look", LOOKS)
def test_each_look_moves_and_is_accessible(stack, watch, look):
    streams = [stack.api().new_chat("!sim tokens=8000 delay_ms=15", generation_id=f"seen-{look}-{i}", user="ada") for i in range(3)]
    for stream in streams:
        stream.until("delta")
    fail_one(stack, f"failed-{look}")
    page = watch(**LOOKS[look])
    wait_row(page, "running", f"seen-{look}-0")
    wait_row(page, "failures", f"failed-{look}")
    wait_text(page, "#codes", "provider_refused")
    wait_row(page, "workers", "graph")
    page.wait("() => parseFloat(document.querySelector('#chart-tokens strong').textContent) > 50")
    page.wait("() => document.querySelector('#chart-tokens .line').getAttribute('d').length > 20")
    page.shoot(f"operator-{look}")
    assert page.axe() == []
    assert page.run("() => document.documentElement.scrollWidth <= innerWidth")
    for stream in streams:
        assert stack.api().stop(stream.generation)[0] == 200
    wait_row(page, "running", f"seen-{look}", False)


def test_stop_is_asked_for_and_tells_the_reader(stack, watch):
    page = watch()
    stream = stack.api().new_chat("!sim tokens=8000 delay_ms=15", generation_id="to-be-stopped")
    stream.until("delta")
    click_labelled(page, "Stop to-be-stopped")
    page.shoot("operator-stop")
    confirm(page, "Stop this generation?")
    assert stream.until("stopped").data["reason"] == "operator"
    wait_text(page, "#notice", "to-be-stopped is stopped.")
    wait_row(page, "running", "to-be-stopped", False)
    page.wait("() => parseFloat(document.querySelector('#chart-stop strong').textContent) > 0")


def test_who_thinks_again_stops_nothing(stack, watch):
    page = watch()
    stream = stack.api().new_chat("!sim tokens=8000 delay_ms=15", generation_id="spared")
    stream.until("delta")
    click_labelled(page, "Stop spared")
    wait_text(page, "#ask-title", "Stop this generation?")
    page.keyboard_press("Escape")
    assert stream.until("delta") and stack.api().generation("spared")[1]["state"] == "running"
    assert stack.api().stop("spared")[0] == 200


def test_a_lane_is_paused_and_resumed(stack, watch):
    page = watch()
    click_labelled(page, "Pause stream.interactive")
    confirm(page, "Pause stream.interactive?")
    wait_text(page, "#notice", "stream.interactive is paused.")
    stream = stack.api().new_chat("!sim tokens=2", generation_id="held-up")
    wait_text(page, "#tenants", "stream.interactive 1")
    wait_text(page, "#waiting-note", "1 of 4 lanes paused")
    page.shoot("operator-paused")
    assert page.axe() == []
    click_labelled(page, "Resume stream.interactive")
    assert stream.until("done")
    wait_text(page, "#waiting-note", "nobody waits")


def test_what_was_given_up_is_asked_once_more(stack, watch):
    fail_one(stack, "given-up")
    stack.redis.zadd(DEAD, {"default:given-up": int(time.time() * 1000)})
    page = watch()
    wait_row(page, "dead", "given-up")
    page.shoot("operator-dead")
    click_labelled(page, "Requeue given-up")
    wait_text(page, "#notice", "Asked once more, as gen_")
    wait_row(page, "dead", "given-up", False)
    again = page.text("#notice").split("as ")[1].split(".")[0]
    assert stack.api().generation(again)[1]["request"]["message"] == "!sim fault=status:403"


def test_all_failures_are_there_for_who_asks(stack, watch):
    for i in range(9):
        fail_one(stack, f"many-{i}")
    page = watch()
    wait_row(page, "failures", "many-8")
    rows = "() => document.querySelectorAll('#failures tbody tr').length"
    assert page.run(rows) == 8
    page.click("#failures-all")
    assert page.run(rows) > 8
    page.click("#failures-all")
    assert page.run(rows) == 8


def test_a_chart_tells_the_figures_under_the_pointer(watch):
    page = watch()
    page.hover("#chart-tokens .plot")
    wait_text(page, "#chart-tokens .key", "output ")
    assert ":" in page.text("#chart-tokens .when")


def test_it_says_when_the_figures_are_old(stack, watch):
    page = watch()
    page.allowed = ["503"]  # what it asks meanwhile
    stack.redis_process.signal(signal.SIGSTOP)
    try:
        wait_text(page, "#state", "as of")
        page.shoot("operator-old")
        assert page.axe() == []
    finally:
        stack.redis_process.signal(signal.SIGCONT)
    wait_live(page)


def test_an_admins_key_is_asked_for_once(browse):
    with GuardedStack([row("sk_test_user", "user1"), row("sk_test_root", "root1", role="admin")]) as stack:
        url = stack.api_processes[0].admin_url
        page = browse(url + "/admin")
        page.allowed = ["401", "403"]
        page.wait("() => document.getElementById('ask-key').open")
        page.shoot("operator-key")
        assert page.axe() == []
        page.fill("#key", "sk_test_user")
        page.press("#key", "Enter")
        wait_text(page, "#ask-key-text", "The server does not know it, or not for this.")
        page.fill("#key", "sk_test_root")
        page.press("#key", "Enter")
        wait_live(page)
        assert page.run("() => sessionStorage.length === 1 && localStorage.length === 0")
        page.reload()
        wait_live(page)
        assert not page.is_visible("#ask-key")
        page.click("#forget")
        page.wait("() => document.getElementById('ask-key').open")


def test_the_page_is_the_admin_listeners_alone(stack):
    process = stack.api_processes[0]
    for path in ("/admin", "/web/admin/main.js", "/web/admin/index.html"):
        assert request("GET", process.url + path)[0] == 404
    for path in ("/admin", "/web/admin/main.js", "/web/theme.css", "/web/client/sse.js"):
        assert request("GET", process.admin_url + path)[0] == 200
    policy = [request("GET", url)[1]["Content-Security-Policy"] for url in (process.url + "/", process.admin_url + "/admin")]
    assert policy[0] == policy[1] and "default-src 'none'" in policy[0]
