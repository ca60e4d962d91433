"""The table: targets T1 to T16 and the stricter ones, each judged by figures of one run."""


def over(a, b):
    return None if a is None or not b else a / b


def minus(a, b):
    return None if a is None or b is None else a - b


class Row:
    """One target: what, the figure, how it is bounded. `note` tells the figures that it was made of."""

    def __init__(self, number, what, value, bound, unit="", note="", at_least=False):
        self.number, self.what, self.value, self.bound, self.unit, self.note, self.at_least = number, what, value, bound, unit, note, at_least

    def verdict(self):
        if self.value is None:
            return "not measured"
        return "met" if (self.value >= self.bound if self.at_least else self.value <= self.bound) else "**missed**"

    def cells(self):
        sign = "≥" if self.at_least else "≤"
        return self.number, self.what, f"{sign} {number(self.bound)}{self.unit}", f"{number(self.value)}{self.unit}", self.verdict(), self.note


def number(value):
    if value is None:
        return "–"
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2g}" if abs(value) < 1 else f"{value:.3g}"


def figures(book, name, systems, unit=""):
    return ", ".join(f"{s} {number(book.get(s, name))}{unit}" for s in systems if book.get(s, name) is not None)


def redis_rows(book):
    us = {key: book.get("redis", f"{key}.us") for key in ("append64", "append256", "native64", "native256", "naive64", "naive256")}
    rate = {key: book.get("redis", f"{key}.rate") for key in us}
    told = ", ".join(f"{key} {number(value)}" for key, value in us.items()) + " us"
    yield Row("T1", "Redis per token: append, by RPUSHX + PUBLISH (256 streams)", over(us["append256"], us["native256"]), 2.5, "x", told)
    for n in (64, 256):
        yield Row("T2", f"Redis per token: append, by GET, then PUBLISH ({n} streams)", over(us[f"append{n}"], us[f"naive{n}"]), 0.3, "x")
        yield Row("T2", f"tokens/s: append, by GET, then PUBLISH ({n} streams)", over(rate[f"append{n}"], rate[f"naive{n}"]), 6, "x", f"{number(rate[f'append{n}'])} and {number(rate[f'naive{n}'])} /s", at_least=True)
    yield Row("T3", "flooded: Redis per token, by RPUSHX + PUBLISH of one", over(book.get("sluice", "flood.cpu.redis"), us["native256"]), 1, "x", f"{number(book.get('sluice', 'flood.cpu.redis'))} us")


def leak_rows(book):
    def rate(system, late, stops):
        return over(1000 * (book.total(system, late) or 0), book.total(system, stops))

    ours, theirs = book.total("sluice", "published.stops"), book.total("python", "published.stops")
    yield Row("T4", "chunks published after a stop", book.total("sluice", "published.late"), 0, "", f"in {number(ours)} stops")
    yield Row("T4", "the same of the Python peer, in 1,000 stops (the control)", rate("python", "published.late", "published.stops"), 5, "", f"in {number(theirs)} stops", at_least=True)
    yield Row("T5", "tokens that a client read after its stop was answered", book.total("sluice", "leaks.leaks"), 0, "", f"in {number(book.total('sluice', 'leaks.stops'))} stops")
    for peer in ("python", "node"):
        if book.total(peer, "leaks.stops"):
            yield Row("T5", f"stops of the {peer} peer with tokens afterwards, in 1,000 (the control)", rate(peer, "leaks.leaked", "leaks.stops"), 1, "", f"in {number(book.total(peer, 'leaks.stops'))} stops", at_least=True)


def stop_rows(book):
    p50, p99 = book.get("sluice", "stops.stop_end.p50"), book.get("sluice", "stops.stop_end.p99")
    peers = [v for v in (book.get(s, "stops.stop_end.p50") for s in ("python", "node")) if v is not None]
    yield Row("T6", "stop to the stream's end, p50", p50, 1, " ms", figures(book, "stops.stop_end.p50", ("python", "node"), " ms"))
    yield Row("T6", "stop to the stream's end, p99", p99, 5, " ms", figures(book, "stops.stop_end.p99", ("python", "node"), " ms"))
    yield Row("T6", "by the faster polling peer, p50", over(p50, min(peers) if peers else None), 0.2, "x")


def first_token_rows(book):
    direct = book.get("direct", "paced64.first_token.p50")
    added = {s: minus(book.get(s, "paced64.first_token.p50"), direct) for s in ("nginx", "sluice", "python", "node")}
    yield Row("T7", "time to the first token, added, p50", added["sluice"], 2, " ms", f"direct {number(direct)}, nginx +{number(added['nginx'])}, python +{number(added['python'])}, node +{number(added['node'])} ms")
    yield Row("T7", "by Node's", over(added["sluice"], added["node"]), 0.35, "x")
    yield Row("T7", "by Python's", over(added["sluice"], added["python"]), 0.15, "x")


def latency_rows(book):
    p50 = book.get("sluice", "paced64.latency.p50")
    systems = ("direct", "nginx", "python", "node")
    yield Row("T8", "a token's latency at 64 x 50/s, p50", p50, 1, " ms", figures(book, "paced64.latency.p50", systems, " ms"))
    yield Row("T8", "by nginx's", over(p50, book.get("nginx", "paced64.latency.p50")), 6, "x")
    yield Row("T8", "p99", book.get("sluice", "paced64.latency.p99"), 5, " ms", figures(book, "paced64.latency.p99", systems, " ms"))


def cpu_rows(book):
    ours = book.get("sluice", "paced256.cpu")
    parts = " + ".join(number(book.get("sluice", f"paced256.cpu.{p}")) for p in ("api", "worker", "redis"))
    peers = figures(book, "paced256.cpu", ("nginx", "python", "node"), " us")
    yield Row("T9", "processor time per token at 256 x 50/s, by nginx's", over(ours, book.get("nginx", "paced256.cpu")), 4.5, "x", f"{number(ours)} us: api + worker + redis {parts}; {peers}")
    yield Row("T9", "by Python's", over(ours, book.get("python", "paced256.cpu")), 0.3, "x")
    yield Row("T9", "by Node's", over(ours, book.get("node", "paced256.cpu")), 0.75, "x")
    gathered = book.get("gathering", "gathered256.cpu")
    yield Row("T10", "the same, text gathered for 10 ms, by nginx's", over(gathered, book.get("nginx", "paced256.cpu")), 3, "x", f"{number(gathered)} us; latency p50 {number(book.get('gathering', 'gathered256.latency.p50'))} ms")
    yield Row("T10", "by that without gathering", over(gathered, ours), 0.65, "x")


def capacity_rows(book):
    rate = {s: book.get(s, "sustained.rate") for s in ("sluice", "python", "node")}
    told = figures(book, "sustained.rate", ("sluice", "python", "node"), "/s")
    yield Row("T11", "tokens/s with a p99 latency up to 25 ms, by Python's", over(rate["sluice"], rate["python"]), 5, "x", told, at_least=True)
    yield Row("T11", "by Node's", over(rate["sluice"], rate["node"]), 2, "x", at_least=True)
    flood = {s: book.get(s, "flood.rate") for s in ("sluice", "python", "node", "node-nostop", "nginx")}
    told = figures(book, "flood.rate", flood, "/s")
    for system, bound in (("python", 20), ("node", 5), ("node-nostop", 1.5), ("nginx", 0.12)):
        yield Row("T12", f"tokens/s of a flood, by {system}'s", over(flood["sluice"], flood[system]), bound, "x", told, at_least=True)
        told = ""
    yield Row("T12", "a flood's latency, p50", book.get("sluice", "flood.latency.p50"), 20, " ms", figures(book, "flood.latency.p50", ("direct", "nginx", "python", "node"), " ms"))
    jobs = {s: book.get(s, "jobs.jobs") for s in ("sluice", "python", "node", "direct")}
    told = figures(book, "jobs.jobs", ("direct", "nginx", "sluice", "python", "node"), "/s")
    for system, bound in (("python", 6), ("node", 2), ("direct", 0.25)):
        yield Row("T13", f"answers of one token/s, by {system}'s", over(jobs["sluice"], jobs[system]), bound, "x", told, at_least=True)
        told = ""


def edge_rows(book):
    yield Row("T14", "memory of an idle reader (API, user space)", book.get("sluice", "idle.kb"), 6, " KB", f"{number(book.get('sluice', 'idle.readers'))} readers")
    ours, evhttp, bare = (book.get(s, "json.us") for s in ("sluice", "evhttp", "bare"))
    yield Row("T15", "JSON endpoint: requests per processor second, by evhttp's", over(evhttp, ours), 0.8, "x", f"{number(ours)}, evhttp {number(evhttp)}, bare bufferevent {number(bare)} us a request", at_least=True)
    yield Row("T15", "by a bare bufferevent's", over(bare, ours), 0.45, "x", at_least=True)
    yield Row("T16", "memory held by a reader that never reads", book.get("sluice", "hostile.stalled_kb"), 512, " KB", "its buffer may have 256 KiB and one page of the log")
    yield Row("T16", "memory held by a client that sends 64 MiB into its stream", book.get("sluice", "hostile.talker_kb"), 512, " KB")


def curve_rows(book):
    points = {n: book.get("sluice", f"curve{n}.cpu") for n in (10, 100, 1000, 5000)}
    values = [v for v in points.values() if v is not None]
    told = ", ".join(f"{n:,} streams {number(v)}" for n, v in points.items()) + " us"
    yield Row("flat", "processor time per token at 5,000 tokens/s in all, 10 to 5,000 streams: dearest by cheapest", over(max(values), min(values)) if len(values) == len(points) else None, 1.5, "x", told)


def rows(book):
    for part in (redis_rows, leak_rows, stop_rows, first_token_rows, latency_rows, cpu_rows, curve_rows, capacity_rows, edge_rows):
        yield from part(book)


def markdown(header, lines):
    out = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return out + ["| " + " | ".join(str(cell) for cell in line) + " |" for line in lines]


def targets(book):
    return "\n".join(markdown(("", "what", "target", "measured", "", "figures"), [row.cells() for row in rows(book)]))


def raw(book):
    """Each system's own figures."""
    names = [("paced64.latency.p50", "latency p50, ms"), ("paced64.latency.p99", "p99"), ("paced64.first_token.p50", "first token p50, ms"), ("paced64.first_token.p99", "p99"),
             ("paced64.cpu", "us/token, 64 x 50/s"), ("paced256.cpu", "256 x 50/s"), ("paced256.rate", "tokens/s of 12,800"), ("stops.stop_end.p50", "stop p50, ms"), ("stops.stop_end.p99", "p99"),
             ("flood.rate", "flood, tokens/s"), ("jobs.jobs", "one-token answers/s"), ("sustained.rate", "tokens/s at p99 25 ms")]
    systems = [s for s in ("direct", "nginx", "sluice", "python", "node", "node-nostop") if any((s, n) in book.rows for n, _ in names)]
    return "\n".join(markdown([""] + [title for _, title in names], [[s] + [number(book.get(s, n)) for n, _ in names] for s in systems]))
