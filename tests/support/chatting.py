"""What the tests of `sluice chat` share: messages, what is on its edit line, and what the stack knows of its user."""

import json
import re

from support.client import request
from support.processes import wait_until

LONG = "!sim tokens=2000 delay_ms=20 text=self"
LINES = LONG + '\nDer Otter 🦦 sagt: schön, "tief"\\ und naß\n  👩‍👩‍👧 eingerückt'


def line_of(one):
    """What is on the edit line: behind the last prompt; None without one. Joiners of characters are sent but not shown."""
    parts = re.split(r"^>(?: |$)", one.screen(), flags=re.M)
    return parts[-1] if len(parts) > 1 else None


def wait_line(one, text):
    wait_until(lambda: line_of(one) == text.replace("\u200d", ""), f"the line to hold {text!r}")


def send(one, text):
    wait_line(one, "")
    one.type(text)
    one.keys("Enter")


def running(stack, user):
    """The generation of that user's only turn, once it runs."""

    def look():
        rows = json.loads(request("GET", stack.api_processes[0].admin_url + "/v1/admin/overview")[2])["running"]
        return [row["generation_id"] for row in rows if row["user"] == user]

    return wait_until(look, "a running turn")[0]


def chat_of(stack, user):
    """That user's only chat with a record, or None."""
    rows = stack.api().get(f"/v1/chats?user={user}")[1]["data"]
    assert len(rows) <= 1
    return rows[0]["chat_id"] if rows else None


def said(stack, chat):
    return [(m["role"], m["content"]) for m in stack.api().chat(chat)[1]["messages"]]
