"""Real processes for tests: started on free ports and sockets in a temporary folder, waited for, stopped by pid, their logs kept."""
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("SLUICE_BIN", ROOT / "build/dev/bin"))
PATIENCE_S = 90  # a gross bound: sanitized binaries on a busy machine


def free_port():
    """One for a process that binds it later, or for nobody: below those that the kernel gives to whoever asks for any, so that it stays free."""
    lowest = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", random.randrange(lowest // 2, lowest)))
            except OSError:
                continue
            return s.getsockname()[1]


def wait_until(condition, what, timeout=PATIENCE_S, interval=0.02):
    """The first true value of condition(); AssertionError after `timeout` seconds."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"waited {timeout} s for {what}"
        time.sleep(interval)


class Process:
    """One process. Standard output comes as lines; standard error goes to `log`."""

    def __init__(self, name, argv, folder, env=None):
        self.name = name
        self.argv = [str(a) for a in argv]
        self.log = pathlib.Path(folder) / f"{name}.log"
        self.lines = []
        self._changed = threading.Condition()
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("SLUICE_", "OPENAI_", "ANTHROPIC_", "NOTIFY_"))}
        clean["ASAN_OPTIONS"] = "detect_leaks=1:abort_on_error=0:exitcode=99:quarantine_size_mb=1:thread_local_quarantine_size_kb=64"  # so that memory can be measured
        clean["UBSAN_OPTIONS"] = "print_stacktrace=1"
        with open(self.log, "ab") as log:
            self.popen = subprocess.Popen(self.argv, stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL, env={**clean, **(env or {})}, start_new_session=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.popen.stdout:
            with self._changed:
                self.lines.append(line.decode(errors="replace").rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    @property
    def pid(self):
        return self.popen.pid

    def wait_line(self, pattern, timeout=PATIENCE_S):
        """The match of the first standard-output line that `pattern` is found in."""
        end = time.monotonic() + timeout
        with self._changed:
            while True:
                for line in self.lines:
                    match = re.search(pattern, line)
                    if match:
                        return match
                left = end - time.monotonic()
                assert left > 0 and (self._reader.is_alive() or self.popen.poll() is None), f"{self.name} did not print {pattern!r}: {self.lines}\n{self.read_log()}"
                self._changed.wait(min(left, 0.5))

    def wait_log(self, pattern, timeout=PATIENCE_S):
        """The match of `pattern` in what the process wrote to standard error."""
        return wait_until(lambda: re.search(pattern, self.read_log(), re.M), f"{self.name} to log {pattern!r}", timeout)

    def read_log(self):
        return self.log.read_text(errors="replace")

    def is_alive(self):
        return self.popen.poll() is None

    def signal(self, number):
        """One that freezes it has done so when this returns."""
        if self.is_alive():
            os.kill(self.pid, number)
        if number == signal.SIGSTOP:
            wait_until(lambda: not self.is_alive() or self._state() == "T", f"{self.name} to stand still")

    def _state(self):
        return pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0]

    def wait(self, timeout=PATIENCE_S):
        return self.popen.wait(timeout)

    def kill(self):
        """kill -9."""
        self.signal(signal.SIGKILL)
        self.popen.wait(PATIENCE_S)

    def stop(self, timeout=PATIENCE_S):
        """SIGTERM and wait; returns the exit status. SIGCONT first, so that a frozen one can end."""
        if self.is_alive():
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
            try:
                self.popen.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"{self.name} did not end within {timeout} s of SIGTERM\n{self.read_log()[-4000:]}")
        self._reader.join(5)
        self.popen.stdout.close()
        return self.popen.returncode

    def memory_kb(self):
        """Resident memory (RssAnon: its own pages)."""
        text = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"RssAnon:\s+(\d+)", text).group(1))
