"""Runs the measures in rounds and prints the table. See tests/bench/run."""
import argparse
import contextlib
import datetime
import json
import os
import pathlib
import platform
import shutil
import sys
import tempfile
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from bench import servers, table  # noqa: E402
from bench.measures import MEASURES, Book  # noqa: E402
from support.processes import ROOT, Process, wait_until  # noqa: E402


class Gathering(servers.Sluice):
    name = "gathering"
    env = {"SLUICE_WORKER_GATHER": "10ms"}


KINDS = {kind.name: kind for kind in (servers.Direct, servers.Nginx, servers.Sluice, Gathering, servers.Python, servers.Node, servers.NodeWithoutStop)}


class House:
    """The systems that run, and how long things are looked at."""

    def __init__(self, folder, is_quick, rounds):
        self.folder, self.book = folder, Book()
        self.window_ms = 1500 if is_quick else 3000
        self.stops = 1000 if rounds < 3 else 3400  # over three rounds more than 10,000
        self.step = 2 if is_quick else 1
        self.micro_tokens = 100000
        self.readers = 2000 if rounds < 3 else 10000
        self.provider = servers.Provider(folder)
        self.systems = {}
        self.names = [n for n in KINDS if not n.startswith("node") or shutil.which("npm")]

    def system(self, name):
        if name not in self.systems:
            self.systems[name] = KINDS[name](self.folder, self.provider.address)
        return self.systems[name]

    def fresh(self, name):
        if name in self.systems:
            self.systems.pop(name).stop()
        return self.system(name)

    @contextlib.contextmanager
    def redis(self):
        socket = self.folder / "micro.sock"
        socket.unlink(missing_ok=True)
        process = Process("redis-micro", ["redis-server", "--port", "0", "--unixsocket", socket, "--dir", self.folder, "--save", "", "--maxclients", "2000"], self.folder)
        try:
            wait_until(socket.exists, "redis")
            yield process, socket
        finally:
            process.kill()

    def stop(self):
        for system in self.systems.values():
            system.stop()
        self.provider.stop()


def machine():
    cpu = next((line.split(":", 1)[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), platform.machine())
    memory = next(int(line.split()[1]) for line in pathlib.Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal")) // 1024 // 1024
    release = platform.freedesktop_os_release().get("PRETTY_NAME", "")
    return f"{os.cpu_count()} cores ({cpu}), {memory} GB, {release}, Linux {platform.release()}"


def measure(house, measures, rounds):
    for index in range(rounds):
        for each in measures:
            began, load = time.monotonic(), os.getloadavg()[0]
            try:
                each.run(house, index)
            except Exception:  # the other figures are worth having
                traceback.print_exc()
                house.book.add("bench", f"{each.name}.wrong", 1)
            print(f"round {index + 1}: {each.name} took {time.monotonic() - began:.0f} s (load before it {load:.1f})", file=sys.stderr, flush=True)


def report(house, rounds, began, load):
    ended = datetime.datetime.now()
    wrong = {f"{s} {n}": book for (s, n), values in house.book.rows.items() if n.endswith(".wrong") and (book := sum(values))}
    return "\n".join([
        f"{began:%Y-%m-%d %H:%M}, {machine()}. Medians of {rounds} round(s), {(ended - began).seconds // 60} min; load of the machine before it {load:.1f}.",
        "", table.targets(house.book), "", table.raw(house.book), "",
        "Requests that went wrong: " + (", ".join(f"{k.removesuffix('.wrong')} {v}" for k, v in wrong.items()) or "none") + "."])


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/run", description="Measures Sluice against nginx and two peers and prints one table.")
    parser.add_argument("what", nargs="*", help="quick: one short round, about 3 minutes; names of measures: only these: " + " ".join(m.name for m in MEASURES))
    parser.add_argument("--rounds", type=int)
    arguments = parser.parse_args()
    is_quick = "quick" in arguments.what
    names = [n for n in arguments.what if n != "quick"]
    measures = [m for m in MEASURES if not names or m.name in names]
    rounds = arguments.rounds or (1 if is_quick else 3)
    if shutil.which("npm"):
        servers.prepare_node()
    began, load = datetime.datetime.now(), os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder:
        house = House(pathlib.Path(folder), is_quick, rounds)
        try:
            measure(house, measures, rounds)
        finally:
            house.stop()
    text = report(house, rounds, began, load)
    results = ROOT / "build/results"
    results.mkdir(parents=True, exist_ok=True)
    (results / "bench.md").write_text(text + "\n")
    (results / "bench.json").write_text(json.dumps([{"system": s, "name": n, "rounds": v} for (s, n), v in house.book.rows.items()], indent=1))
    print(text)


if __name__ == "__main__":
    main()
