"""Every name of the HTTP contract has a row that goes through it, and stands in docs/protocol.md."""
import re

import test_contract_ends  # noqa: F401 (the rows)
import test_contract_graphs  # noqa: F401
import test_contract_routes  # noqa: F401
import test_contract_turns  # noqa: F401

from support import contract
from support.processes import ROOT

DOCUMENT = (ROOT / "docs" / "protocol.md").read_text()


def test_every_name_is_gone_through():
    assert contract.NAMES - set(contract.GONE_THROUGH) == set()


def test_every_name_is_documented():
    prose = re.sub(r"^```$.*?^```$", "", DOCUMENT, flags=re.M | re.S)
    words = set(re.findall(r"[\w-]+", " ".join(re.findall(r"`([^`]+)`", prose))))
    wanted = {name.split(" ", 1)[1].split("=")[-1] for name in contract.NAMES if name.split()[0] not in ("route", "code", "value")}
    wanted |= {name.split("=")[1] for name in contract.NAMES if name.startswith("value ")}
    wanted |= {name.rsplit(" ", 1)[1] for name in contract.NAMES if name.startswith("code ")}
    members = " ".join([*contract.EVENTS.values(), contract.RECORD, contract.STOP_ANSWER, contract.CHAT, contract.CHAT_ROW, contract.ACTIVE, contract.MESSAGE])
    text = words | set(re.findall(r'"(\w+)":', DOCUMENT))  # members may be shown by an example
    assert {m.rstrip("?") for m in members.split()} - text == set()
    assert wanted - words == set()


def test_every_route_is_documented_with_an_example():
    for name in (n for n in contract.NAMES if n.startswith("route ")):
        method, path = name.split()[1:]
        pattern = re.sub(r"\\\{\w+\\\}", "[^/ ]+", re.escape(path))
        assert re.search(rf"`(GET|POST|PATCH|DELETE)? ?[^`]*{pattern}", DOCUMENT), f"{method} {path} is not described"
        calls = re.findall(r"^\$ curl .*$", DOCUMENT, re.M)
        assert any(re.search(pattern + r"(?![\w/])", call) for call in calls), f"{method} {path} has no example"
