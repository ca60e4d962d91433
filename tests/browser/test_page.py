"""The chat page in a real browser against the real programs: a turn, Stop as the user feels it, reloads, tabs."""
import pytest

from support.stack import Stack


@pytest.fixture(scope="module")
def stack():
    with Stack() as running:
        yield running


@pytest.fixture
def page(stack, browse):
    return browse(stack.api_processes[0].url + "/")


def test_a_turn(page):
    page.shoot("01-new-chat")
    page.say("!sim tokens=60 delay_ms=5 Tell me about tides")
    page.wait_turns(2)
    page.wait_idle()
    page.shoot("02-answered")
    assert page.path.startswith("/c/")
