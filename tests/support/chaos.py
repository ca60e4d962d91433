"""Load and trouble for a whole stack: chats that go on with turns of every kind, attacks on processes and connections, and what must hold when it is quiet again."""
import collections
import os
import random
import signal
import socket
import threading
import time
import traceback

import redis

from support.client import in_background
from support.processes import wait_until
from support.turns import Turn, check_history, new_id, script_of

P = "sluice:{s00}:"
PATIENCE_S = 90


class Load:
    """`chats` clients, each with one turn after the other: read, stopped in every way, repeated, left and read again. A quarter of them is stateless."""

    def __init__(self, stack, seed, chats=10, may_lose=False, tokens=60):
        self.stack, self.may_lose, self.tokens = stack, may_lose, tokens
        self.is_over = False
        self.turns = collections.defaultdict(list)  # by client
        self.failures = []
        self.threads = [threading.Thread(target=self._client, args=(n, random.Random(f"{seed}/{n}")), daemon=True) for n in range(chats)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, kind, value, trace):
        self.is_over = True
        for thread in self.threads:
            thread.join(PATIENCE_S)
        if kind is None:
            self.check()

    def _client(self, n, rng):
        chat = new_id("chat") if n % 4 else None
        try:
            while not self.is_over and not self.failures:
                self._turn(rng, chat, self.turns[chat or n])
        except Exception:  # told by check()
            self.failures.append(traceback.format_exc())

    def _url(self, rng):
        return lambda: rng.choice(self.stack.api_processes).url

    def _turn(self, rng, chat, turns):
        tokens = rng.randint(1, self.tokens)
        script = script_of(tokens, rng.choice([0, 2, 8, 20]), rng.choice([0, 0, 30, 200]))
        turn = Turn(self._url(random.Random(rng.random())), chat, script, tokens, patience_s=PATIENCE_S)
        turns.append(turn)
        rng.choice([self._read, self._read, self._stop_first, self._stop, self._stop, self._flag, self._storm, self._repeat, self._leave])(turn, rng)
        if turn.refused is None:
            turn.check(self.may_lose)
        else:  # a turn before it, whose end was lost, is not over
            assert self.may_lose and turn.refused in (409, 410), f"{turn.generation} was refused: {turn.refused}"
            time.sleep(0.1)

    def _read(self, turn, rng):
        turn.run()

    def _stop_first(self, turn, rng):
        stop = in_background(turn.stop)
        turn.run()
        stop.result(PATIENCE_S)

    def _begun(self, turn, rng, do):
        stream = turn.begin()
        if stream is None:
            return
        reader = in_background(turn.follow, stream)
        time.sleep(rng.choice([0, rng.uniform(0, 0.3), rng.uniform(0, 1)]))
        do()
        reader.result(PATIENCE_S)

    def _stop(self, turn, rng):
        self._begun(turn, rng, lambda: turn.stop(by_chat=rng.random() < 0.5))

    def _storm(self, turn, rng):
        def storm():
            for stop in [in_background(turn.stop, n % 2 == 0) for n in range(8)]:
                stop.result(PATIENCE_S)

        self._begun(turn, rng, storm)

    def _flag(self, turn, rng):
        def flag():
            for _ in range(50):
                try:
                    return self.stack.redis.execute_command("SET", f"chat_stop:{turn.chat}", "1", "EX", "60")
                except redis.exceptions.RedisError:
                    time.sleep(0.1)

        self._begun(turn, rng, flag)

    def _repeat(self, turn, rng):
        again = Turn(self._url(random.Random(rng.random())), turn.chat, turn.message, turn.tokens, turn.generation, PATIENCE_S)
        self._begun(turn, rng, again.run)
        if turn.refused is None and not self.may_lose:
            assert [e.data for e in again.events] == [e.data for e in turn.events], (turn.generation, again.events[-3:], turn.events[-3:])

    def _leave(self, turn, rng):
        stream = turn.begin()
        if stream is None:
            return
        event = stream.next()
        stream.close()
        if event is not None and event.type != "rewound":
            turn.events.append(event)
        time.sleep(rng.uniform(0, 0.5))
        turn.follow()

    def check(self):
        assert not any(thread.is_alive() for thread in self.threads), "a client hangs"
        assert not self.failures, "\n".join(self.failures)
        check_quiet(self.stack)
        for client, turns in self.turns.items():
            for turn in turns if not self.may_lose else []:
                turn.check_log()
            if isinstance(client, str):
                check_history(self.stack.api_processes[0].url, client, turns, self.may_lose)
        ends = collections.Counter(t.end.type if t.end else f"refused {t.refused}" if t.refused else "gone" for turns in self.turns.values() for t in turns)
        print(f"{sum(ends.values())} turns: {dict(ends)}, rewound {sum(t.rewound for turns in self.turns.values() for t in turns)}")


def check_quiet(stack):
    """Nothing is open, leased, counted or waiting, no provider is read, and every process that was not killed lives."""

    def is_quiet():
        counters = [n for n in stack.redis.hvals(P + "n") if n != b"0"]
        return not counters and not stack.redis.exists(P + "open", P + "leases", P + "delayed", P + "watch") and stack.provider_stats()["open"] == 0

    wait_until(is_quiet, "all to be over", 40)
    left = [k for kind in ("live", "queue", "users", "ring", "wait", "active") for k in stack.redis.keys(f"{P}{kind}:*")]
    assert not left, left
    dead = [p.name for p in stack.processes if not p.is_alive()]
    assert not dead, dead


# -- attacks: each takes a moment, and leaves the stack whole -----------------------------------------------------------------


def kill_worker(stack, rng):
    victim = rng.choice(stack.worker_processes)
    victim.kill()
    assert "Sanitizer" not in victim.read_log(), victim.read_log()[-4000:]
    stack.worker_processes.remove(victim)
    stack.processes.remove(victim)
    stack.start_worker()


def restart_worker(stack, rng):
    victim = stack.worker_processes.pop(0)
    stack.start_worker()
    assert victim.stop() == 0, victim.read_log()[-2000:]
    assert "Sanitizer" not in victim.read_log(), victim.read_log()[-4000:]
    stack.processes.remove(victim)


def _freeze(process, seconds):
    process.signal(signal.SIGSTOP)
    time.sleep(seconds)
    process.signal(signal.SIGCONT)


def freeze_worker(stack, rng):
    _freeze(rng.choice(stack.worker_processes), rng.uniform(0.3, 5))


def freeze_api(stack, rng):
    _freeze(rng.choice(stack.api_processes), rng.uniform(0.3, 2))


def freeze_redis(stack, rng):
    _freeze(stack.redis_process, rng.uniform(0.5, 4))


def forget_scripts(stack, rng):
    for command in (("SCRIPT", "FLUSH"), ("FUNCTION", "FLUSH"), ("CLIENT", "KILL", "TYPE", "normal"), ("CLIENT", "KILL", "TYPE", "pubsub")):
        stack.redis.execute_command(*command, *(("SKIPME", "yes") if command[0] == "CLIENT" else ()))
    time.sleep(0.5)


def kill_redis(stack, rng):
    stack.redis_process.kill()
    stack.processes.remove(stack.redis_process)
    time.sleep(rng.choice([0, 0.5]))
    stack.start_redis()


def lose_tail(stack, rng):
    """What a machine that dies loses with everysec: all that was not written through yet. Whole transactions only: a Redis that finds half of one leaves its head
    in the file, and applies that at the next start."""
    last = b"*1\r\n$4\r\nEXEC\r\n"
    path = max(stack.folder.glob("appendonlydir/*.incr.aof"))
    written = path.stat().st_size
    time.sleep(rng.uniform(0.2, 1.2))
    stack.redis_process.kill()
    stack.processes.remove(stack.redis_process)
    at = path.read_bytes().find(last, rng.randint(written, path.stat().st_size))
    if at >= 0:
        os.truncate(path, at + len(last))
    stack.start_redis()


def attack(stack, load, seed, attacks, seconds):
    """Attacks at random moments until the time is over or the load found something."""
    rng = random.Random(seed)
    end = time.monotonic() + seconds
    while time.monotonic() < end and not load.failures:
        time.sleep(rng.uniform(0.1, 0.8))
        rng.choice(attacks)(stack, rng)


class LossyProxy:
    """Stands between a process and Redis and cuts its connections: before a command arrives, or after it and before its answer."""

    def __init__(self, stack, seed, share):
        self.path = stack.folder / f"proxy-{seed}.sock"
        self.url = f"unix://{self.path}"
        self.target = str(stack.redis_socket)
        self.rng, self.share, self.cuts = random.Random(seed), share, 0
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            client, _ = self.listener.accept()
            server = socket.socket(socket.AF_UNIX)
            server.connect(self.target)
            for source, sink, is_command in ((client, server, True), (server, client, False)):
                threading.Thread(target=self._copy, args=(source, sink, is_command), daemon=True).start()

    def _copy(self, source, sink, is_command):
        try:
            for n in range(1 << 62):
                data = source.recv(1 << 20)
                if not data:
                    break
                if n > 1 and self.rng.random() < self.share:  # the first ones are greetings
                    self.cuts += 1
                    if is_command and self.rng.random() < 0.5:
                        sink.sendall(data)
                    break
                sink.sendall(data)
        except OSError:
            pass  # the other half cut it
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                end.close()
