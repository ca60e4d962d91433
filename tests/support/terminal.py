"""A program in a terminal of its own, by tmux: keys go in, the screen is looked at."""

import itertools
import os
import re
import subprocess

from support.processes import PATIENCE_S, wait_until

_numbers = itertools.count()


class Terminal:
    """The program's environment is `env` alone, over what a terminal has. Whoever opens it closes it."""

    def __init__(self, argv, env=None, width=90, height=30):
        self.last = None
        self.socket = f"sluice-test-{os.getpid()}-{next(_numbers)}"
        variables = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "TERM": "screen-256color",
            "ASAN_OPTIONS": "detect_leaks=1:exitcode=99",
            **(env or {}),
        }
        program = [
            "sh",
            "-c",
            'trap : INT; "$@"; echo "[exit $?]"',
            "sh",
            "env",
            "-i",
            *(f"{name}={value}" for name, value in variables.items()),
            *map(str, argv),
        ]
        size = ["-x", str(width), "-y", str(height)]
        self._tmux("-f", "/dev/null", "start-server", ";", "set-option", "-g", "remain-on-exit", "on", ";",
                   "set-option", "-g", "history-limit", "20000", ";",
                   "new-session", "-d", *size, "--", *program)  # fmt: skip

    def _tmux(self, *argv, check=True, **options):
        environment = {k: v for k, v in os.environ.items() if k != "TMUX"}
        return subprocess.run(
            ["tmux", "-u", "-L", self.socket, *argv],
            check=check,
            capture_output=True,
            timeout=PATIENCE_S,
            env=environment,
            **options,
        ).stdout.decode(errors="replace")

    def keys(self, *names):
        """By tmux's names: Enter, C-c, Up, ..."""
        self._tmux("send-keys", *names)

    def type(self, text):
        """As typed; a line end is Ctrl-J."""
        for i, line in enumerate(text.split("\n")):
            if i > 0:
                self.keys("C-j")
            if line:
                self._tmux("send-keys", "-l", "--", line)

    def paste(self, text):
        """As a terminal pastes it, in brackets where the program asked for them."""
        self._tmux("load-buffer", "-", input=text.encode())
        self._tmux("paste-buffer", "-p")

    def resize(self, width, height):
        self._tmux("resize-window", "-x", str(width), "-y", str(height))

    def screen(self, colours=False):
        """Everything that was written since the beginning; lines that were wrapped are whole."""
        text = self._tmux("capture-pane", "-p", "-J", "-S", "-", *(["-e"] if colours else []))
        return "\n".join(line.rstrip() for line in text.split("\n")).rstrip("\n")

    def wait(self, pattern, what=None, timeout=PATIENCE_S):
        """The match of `pattern` in what is on the screen, once it is there."""
        try:
            return wait_until(lambda: re.search(pattern, self.screen(), re.M | re.S), what or pattern, timeout)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.screen()}") from None

    def wait_exit(self):
        """The exit status."""
        return int(self.wait(r"^\[exit (\d+)\]", "the program to end").group(1))

    def cursor(self):
        """Where it is: column and line."""
        return tuple(map(int, self._tmux("display-message", "-p", "#{cursor_x} #{cursor_y}").split()))

    def title(self):
        """As a program may set it."""
        return self._tmux("display-message", "-p", "#{pane_title}").strip()

    def close(self):
        """The screen as it was at the end. A program that still runs is hung up on."""
        if not self.last:
            self.last = self.screen()
            self._tmux("kill-server", check=False)
        return self.last
