"""What is measured, one class each: `run(house, index)` is one round, told to the book under names that the table knows."""
import json
import random
import statistics
import subprocess

from bench.after_stop import AfterStop
from bench.load import get, load
from bench.memory import idle_readers, hostile_clients
from bench.servers import BIN, Process

BENCH = BIN.parent / "bench"
STREAMS = 64


class Book:
    """All figures of all rounds: {(system, name): [value of each round]}."""

    def __init__(self):
        self.rows = {}

    def add(self, system, name, value):
        if value is not None:
            self.rows.setdefault((system, name), []).append(value)

    def get(self, system, name):
        """The median, or None when it was not measured."""
        values = self.rows.get((system, name))
        return statistics.median(values) if values else None

    def total(self, system, name):
        values = self.rows.get((system, name))
        return sum(values) if values else None

    def add_load(self, system, name, result):
        for key in ("rate", "jobs", "wrong", "unfinished"):
            self.add(system, f"{name}.{key}", result[key])
        for key in ("latency", "first_token", "stop_answer", "stop_end"):
            for percentile in ("p50", "p99"):
                self.add(system, f"{name}.{key}.{percentile}", result[key][percentile])
        for process, us in result["cpu_us_per_token"].items():
            self.add(system, f"{name}.cpu.{process}", us)
        if all(us is not None for us in result["cpu_us_per_token"].values()):
            self.add(system, f"{name}.cpu", sum(result["cpu_us_per_token"].values()))


class Loads:
    """One kind of load, on each system in turn; the round decides who begins."""

    name, systems = "", ("direct", "nginx", "sluice", "python", "node")

    def options(self, house, system):
        raise NotImplementedError

    def run(self, house, index):
        names = [name for name in self.systems if name in house.names]
        for name in names[index % len(names) :] + names[: index % len(names)]:
            system = house.system(name)
            self.run_one(house, system)
            system.settle()

    def run_one(self, house, system):
        house.book.add_load(system.name, self.name, load(system, **self.options(house, system)))


class Paced(Loads):
    """64 streams of 50 tokens/s, one second each: latency, time to the first token, processor time."""

    name = "paced64"

    def options(self, house, system):
        return dict(streams=STREAMS, tokens=50, delay_ms=20, stagger_ms=1000, warmup_ms=1000, window_ms=house.window_ms)


class Paced256(Loads):
    """256 streams of 50 tokens/s; none begins or ends in the window."""

    name = "paced256"

    def options(self, house, system):
        return dict(streams=256, tokens=50 * (3500 + house.window_ms) // 1000, delay_ms=20, stagger_ms=1000, warmup_ms=2500, window_ms=house.window_ms, once=True, patience_ms=4000)


class Gathered256(Paced256):
    """The same with a window of 10 ms in which text gathers."""

    name, systems = "gathered256", ("gathering",)


class Stops(Loads):
    """64 streams of 50 tokens/s, each stopped about half a second after its first token."""

    name, systems = "stops", ("sluice", "python", "node")

    def options(self, house, system):
        return dict(streams=STREAMS, tokens=500, delay_ms=20, stagger_ms=1000, warmup_ms=1500, window_ms=2 * house.window_ms, stop_min_ms=100, stop_max_ms=900, patience_ms=15000)


class Leaks(Loads):
    """As many stops as possible: what is published, and what a client reads, after a stop."""

    name, systems = "leaks", ("sluice", "python", "node")

    def options(self, house, system):
        stops = house.stops if system.name == "sluice" else house.stops // 8
        return dict(streams=STREAMS, tokens=500, delay_ms=20, stagger_ms=500, warmup_ms=0, window_ms=60000, stop_min_ms=10, stop_max_ms=150, stops=stops, patience_ms=15000)

    def run_one(self, house, system):
        if system.name == "node":  # nothing is published unless somebody resumes
            result = load(system, **self.options(house, system))
        else:
            with AfterStop(system) as after:
                result = load(system, **self.options(house, system))
            house.book.add(system.name, "published.late", after.late)
            house.book.add(system.name, "published.stops", after.stops)
        for name in ("stops", "leaked", "leaks"):
            house.book.add(system.name, f"leaks.{name}", result[name])
        house.book.add(system.name, "leaks.wrong", result["wrong"])


class Flood(Loads):
    """64 clients, each asking for 2,000 tokens as fast as they come, again and again."""

    name, systems = "flood", ("direct", "nginx", "sluice", "python", "node", "node-nostop")

    def options(self, house, system):
        return dict(streams=STREAMS, tokens=2000, delay_ms=0, warmup_ms=700, window_ms=house.window_ms, patience_ms=3000)


class Jobs(Loads):
    """64 clients in a closed loop of answers of one token."""

    name = "jobs"

    def options(self, house, system):
        return dict(streams=STREAMS, tokens=1, delay_ms=0, warmup_ms=700, window_ms=house.window_ms)


class Sustained(Loads):
    """More and more streams of 50 tokens/s, as long as 99 of 100 tokens are not later than 25 ms."""

    name, systems = "sustained", ("sluice", "python", "node")
    STEPS = {"sluice": (100, 150, 200, 250, 325, 400, 500, 600, 700, 800), "python": (5, 10, 20, 30, 45, 65, 90, 120, 160), "node": (10, 20, 40, 60, 90, 120, 160, 200, 250)}

    def run_one(self, house, system):
        best = 0
        for streams in self.STEPS[system.name][:: house.step]:
            result = load(system, streams=streams, tokens=160, delay_ms=20, stagger_ms=800, warmup_ms=1500, window_ms=1500, once=True)
            is_good = result["latency"]["p99"] is not None and result["latency"]["p99"] <= 25 and result["rate"] > 0.95 * streams * 50
            if not is_good:
                break
            best = result["rate"]
            system.settle()
        house.book.add(system.name, "sustained.rate", best)


class Curve(Loads):
    """5,000 tokens/s in all, over 10 to 5,000 streams, which speak in no step with each other: what a token costs must not depend on how many streams there are."""

    name, systems = "curve", ("sluice",)
    RATE, POINTS = 5000, (10, 100, 1000, 5000)

    def run_one(self, house, system):
        for streams in self.POINTS:
            delay_ms = 1000 * streams // self.RATE
            stagger_ms = max(1000, 4 * streams)  # slow enough that none begins in the window
            total_ms = stagger_ms + 1500 + house.window_ms + 500
            result = load(system, streams=streams, tokens=total_ms // delay_ms, delay_ms=delay_ms, stagger_ms=stagger_ms, jitter_ms=delay_ms, warmup_ms=stagger_ms + 1500, window_ms=house.window_ms, once=True, patience_ms=15000)
            house.book.add_load("sluice", f"curve{streams}", result)
            system.settle()


class RedisMicro:
    """Redis alone: what a token costs it, by way of saying it. One subscriber, 200 bytes, closed loop, a private Redis."""

    name = "redis"

    def run(self, house, index):
        ways = [(mode, streams) for mode in ("append", "native", "naive") for streams in (64, 256)]
        random.Random(index).shuffle(ways)
        with house.redis() as (redis, socket):
            for mode, streams in ways:
                subprocess.run(["redis-cli", "-s", socket, "flushall"], check=True, capture_output=True)
                argv = [BENCH / "bench-redis", socket, redis.pid, mode, streams, house.micro_tokens]
                result = json.loads(subprocess.run([str(a) for a in argv], check=True, capture_output=True, text=True, timeout=120).stdout)
                house.book.add("redis", f"{mode}{streams}.us", result["us"])
                house.book.add("redis", f"{mode}{streams}.rate", result["rate"])


class Json:
    """A JSON endpoint that does not ask Redis, against libevent's own HTTP server and a bare bufferevent."""

    name = "json"

    def run(self, house, index):
        self.one(house, "sluice", house.system("sluice").address, house.system("sluice").processes["api"].pid)
        for mode in ("evhttp", "bare"):
            process = Process(f"http-{mode}", [BENCH / "bench-http", mode], house.folder)
            try:
                self.one(house, mode, process.wait_line(r"listening http://(\S+)").group(1), process.pid)
            finally:
                process.kill()

    @staticmethod
    def one(house, name, address, pid):
        result = get(address, "/livez", streams=STREAMS, warmup_ms=300, window_ms=house.window_ms // 2, pids={"server": pid})
        house.book.add(name, "json.us", result["cpu_us"]["server"] / max(result["done"], 1))
        house.book.add(name, "json.rate", result["jobs"])


class Memory:
    """What an idle reader costs; what clients can make a process hold that do not read, or that talk without end."""

    name = "memory"

    def run(self, house, index):
        if index > 0:
            return
        system = house.fresh("sluice")
        for name, value in idle_readers(system, house.readers).items():
            house.book.add("sluice", f"idle.{name}", value)
        system = house.fresh("sluice")
        for name, value in hostile_clients(system).items():
            house.book.add("sluice", f"hostile.{name}", value)
        house.fresh("sluice")


MEASURES = (Paced(), Paced256(), Gathered256(), Stops(), Leaks(), Flood(), Jobs(), RedisMicro(), Json(), Curve(), Sustained(), Memory())
