"""Compares what Redis holds and said with what the model says it should.

Besides, what no model is needed for is looked at in the raw state (`check_raw`): one terminal event, a log without gap,
one home for each open generation, counters equal to the sets.
"""
import json
import re

import msgpack

from model import Model
from model_records import DONE, DUE, FAILED, INTERRUPTED, STOPPED, T
from scripts import PREFIX

DUMP = """
local get = {string = {'GET'}, hash = {'HGETALL'}, list = {'LRANGE', 0, -1}, zset = {'ZRANGE', 0, -1, 'WITHSCORES'},
  set = {'SMEMBERS'}}
local out = {}
for _, k in ipairs(redis.call('KEYS', '*')) do
  local t = redis.call('TYPE', k).ok
  out[#out + 1] = {k, t, redis.call('PTTL', k), redis.call(get[t][1], k, unpack(get[t], 2))}
  if k:match(':bell:') then redis.call('DEL', k) end
end
return cmsgpack.pack(out)
"""
TIMES = {'created_at', 'started_at', 'first_token_at', 'ended_at', 'updated_at'}
VISIBLE = (3, 4, 5, 6, 7)


class Mismatch(AssertionError):
    pass


def expect(what, got, wanted):
    if got != wanted:
        raise Mismatch(f'{what}\n  redis {got!r}\n  model {wanted!r}')


decoded = {}


def decode(event):
    """An event without its time; its bytes are looked at once."""
    if event not in decoded:
        e = msgpack.unpackb(event)
        if e[1] not in VISIBLE:
            if not isinstance(e[2], int) or e[2] < 10 ** 12 and e[2] != 0:
                raise Mismatch(f'event without time {e!r}')
            e = [e[0], e[1], e[3]]
            if e[2].get('error'):
                error = json.loads(e[2]['error'])
                if not error['message'] or 'retryable' not in error:
                    raise Mismatch(f'bad error {error!r}')
                e[2]['error'] = error['code']
        decoded[event] = e
    return decoded[event]


def encode(e):
    return msgpack.packb([e[0], e[1], 0, e[2]] if e[1] not in VISIBLE else e)


def message(blob):
    m = msgpack.unpackb(blob)
    return dict(m, created_at=T) if 'created_at' in m else m


class Comparer:
    def __init__(self, scripts):
        self.scripts, self.redis = scripts, scripts.redis
        self.dump_script = self.redis.register_script(DUMP)
        self.subscriber = self.redis.pubsub(ignore_subscribe_messages=True)
        self.subscriber.psubscribe(PREFIX + 'events:*', PREFIX + 'control', PREFIX + 'places')
        for _ in range(3):
            self.subscriber.get_message(timeout=1)
        self.restart()

    def close(self):
        self.subscriber.close()

    def restart(self):
        self.redis.flushdb()
        self.model = Model()
        self.normals, self.hashes = {}, {}

    def raw(self):
        out = {}
        for key, kind, ttl, value in msgpack.unpackb(self.dump_script(), raw=True):
            key = re.sub(rb':spent:(.*):[0-9]+$', rb':spent:\1:today', key)
            out[key.decode()] = (kind.decode(), value, None if ttl == -1 else ttl)
        return self.of_one_slot(out)

    @staticmethod
    def of_one_slot(raw):
        """The figures of all slots together: which slot is a matter of the clock."""
        sums, ttl = {}, 0
        for key in [key for key in raw if key.startswith(PREFIX + 'figures:')]:
            _, value, left = raw.pop(key)
            ttl = max(ttl, left)
            for i in range(0, len(value), 2):
                sums[value[i]] = sums.get(value[i], 0) + int(value[i + 1])
        if sums:
            raw[PREFIX + 'figures:now'] = ('hash', [x for f, n in sums.items() for x in (f, str(n).encode())], ttl)
        return raw

    def time_of(self, value):
        value = float(value)
        return DUE if value == 0 else T

    def normal(self, key, kind, value):
        """What the model speaks of, of a raw value; one that has not changed is not looked at again."""
        was = self.normals.get(key)
        if not was or was[0] != value:
            was = self.normals[key] = (value, self.make_normal(key, kind, value))
        return was[1]

    def make_normal(self, key, kind, value):
        name = key.removeprefix(PREFIX).split(':')[0]
        if kind == 'zset':
            scores = {value[i].decode(): self.time_of(value[i + 1]) for i in range(0, len(value), 2)}
            return scores
        if kind == 'hash':
            h = {value[i].decode(): value[i + 1] for i in range(0, len(value), 2)}
            if name == 'n':
                return {f: v.decode() for f, v in h.items() if v != b'0'}
            h = {f: T if f in TIMES else v if f in ('user_msg', 'request') else v.decode() for f, v in h.items()}
            if name == 'gen':
                h['queued_at'] = self.time_of(h['queued_at'])
                if h.get('error'):
                    h['error'] = json.loads(h['error'])['code']
            return h
        if kind == 'list':
            if name in ('log', 'live'):
                return [decode(e) for e in value]
            return [message(m) for m in value] if name == 'msgs' else [v.decode() for v in value]
        if kind == 'set':
            return {v.decode() for v in value}
        if name in ('tick', 'rate'):
            return self.time_of(value)
        return msgpack.unpackb(value) if name == 'stopreq' else value.decode()

    def compare(self):
        raw = self.raw()
        wanted = {(k if k.startswith('chat_stop') else PREFIX + k): v for k, v in self.model.keys().items()}
        rang = set()
        for key in list(raw):
            if key.startswith(PREFIX + 'bell:'):
                rang.add(key.split(':bell:')[1])
                del raw[key]
        n = PREFIX + 'n'
        raw.setdefault(n, ('hash', [], None))
        expect('keys', sorted(raw), sorted(wanted))
        for key, (kind, value, ttl) in raw.items():
            w_kind, w_value, w_ttl = wanted[key]
            got = self.normal(key, kind, value)
            if (kind, got) != (w_kind, w_value):
                if kind == w_kind == 'hash':
                    got, w_value = ({f: v for f, v in d.items() if (f, v) not in o.items()}
                                    for d, o in ((got, w_value), (w_value, got)))
                raise Mismatch(f'{key}\n  redis {kind} {got!r}\n  model {w_kind} {w_value!r}')
            if (ttl is None) != (w_ttl is None) or ttl is not None and not w_ttl - 60000 < ttl <= w_ttl:
                raise Mismatch(f'{key}: kept for {ttl}, should be {w_ttl}')
        expect('bells', rang, self.model.rang)
        self.check_raw(raw)
        said, woken, freed = [], [], []
        m = self.subscriber.get_message(timeout=0)
        while m:
            channel = m['channel'].decode().removeprefix(PREFIX)
            if channel == 'control':
                woken.append(tuple(m['data'].decode().split(' ')))
            elif channel == 'places':
                freed.append(m['data'].decode())
            else:
                said.append((*channel.split(':', 2)[1:], decode(m['data'])))
            m = self.subscriber.get_message(timeout=0)
        expect('messages', said, self.model.said)
        expect('wake-ups', woken, self.model.woken)
        expect('free places', freed, self.model.freed)

    def check_raw(self, raw):
        """Invariants that no model is needed for."""
        def hash_of(key):
            value = raw[key][1] if key in raw else []
            was = self.hashes.get(key)
            if not was or was[0] != value:
                was = self.hashes[key] = (value, {value[i]: value[i + 1] for i in range(0, len(value), 2)})
            return was[1]
        listed = {}
        for key, (kind, value, _) in raw.items():
            name, *rest = key.removeprefix(PREFIX).split(':')
            if name in ('queue', 'wait'):
                for g in value:
                    listed.setdefault((rest[1] if name == 'queue' else rest[0], g.decode()), []).append(key)
            elif name in ('leases', 'delayed'):
                for i in range(0, len(value), 2):
                    listed.setdefault(tuple(value[i].decode().split(':', 1)), []).append(key)
            elif name in ('log', 'live'):
                events = [decode(e) for e in value]
                expect('seqs of ' + key, [e[0] for e in events], list(range(1, len(events) + 1)))
                ends = sum(e[1] in (DONE, STOPPED, FAILED, INTERRUPTED) for e in events)
                h = hash_of(f'{PREFIX}gen:{rest[0]}:{rest[1]}')
                if h:
                    is_open = h[b'state'] in (b'queued', b'running')
                    expect('terminal events of ' + key, ends, 0 if is_open else 1)
                    expect('place of the log', name, 'live' if h[b'state'] == b'running' else 'log')
        counts = {}
        for key in raw:
            if not key.startswith(PREFIX + 'gen:'):
                continue
            h = hash_of(key)
            t, g = key.removeprefix(PREFIX + 'gen:').split(':', 1)
            is_open = h[b'state'] in (b'queued', b'running')
            expect('homes of ' + key, len(listed.get((t, g), [])), int(is_open))
            if is_open:
                f = ('r:' if h[b'state'] == b'running' else 'q:') + t
                counts[f] = counts.get(f, 0) + 1
        expect('counters', {f.decode(): int(v) for f, v in hash_of(PREFIX + 'n').items() if int(v)}, counts)
