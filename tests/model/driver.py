"""Random operations against Redis and the model at once; after each, answer, state, messages and bells must be equal.

Besides, what no model is needed for is looked at in the raw state (`check_raw`): one terminal event, a log without gap,
one home for each open generation, counters equal to the sets, and no script takes a flag that it may not.
"""
import json
import random

import msgpack

from model import DUE, FAILED, HOUR, LANES, STARTED, DELTA, RESET, STOPPED, DONE, INTERRUPTED, T, Model
from scripts import PREFIX

DUMP = """
local get = {string = {'GET'}, hash = {'HGETALL'}, list = {'LRANGE', 0, -1}, zset = {'ZRANGE', 0, -1, 'WITHSCORES'}}
local out = {}
for _, k in ipairs(redis.call('KEYS', '*')) do
  local t = redis.call('TYPE', k).ok
  out[#out + 1] = {k, t, redis.call('PTTL', k), redis.call(get[t][1], k, unpack(get[t], 2))}
  if k:match(':bell:') then redis.call('DEL', k) end
end
return cmsgpack.pack(out)
"""
TIMES = {'created_at', 'started_at', 'first_token_at', 'ended_at', 'updated_at'}
TENANTS, CHATS, USERS = ('default', 'acme'), ('c1', 'c2', 'c:3'), ('', 'ann', 'bob')
REASONING, TOOL_CALL, SOURCE = 4, 7, 9
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


class Driver:
    def __init__(self, scripts, seed):
        self.scripts, self.redis, self.seed = scripts, scripts.redis, seed
        self.dump_script = self.redis.register_script(DUMP)
        self.subscriber = self.redis.pubsub(ignore_subscribe_messages=True)
        self.subscriber.psubscribe(PREFIX + 'events:*', PREFIX + 'control')
        self.subscriber.get_message(timeout=1), self.subscriber.get_message(timeout=1)
        self.random = random.Random(seed)
        self.trace, self.outcomes = [], set()
        self.restart()

    def close(self):
        self.subscriber.close()

    def restart(self):
        self.redis.flushdb()
        self.model = Model()
        self.ids, self.nonces, self.tokens, self.requests = 0, 0, [], {}
        self.trace.clear()
        self.normals, self.hashes = {}, {}

    # --- comparing -------------------------------------------------------------------------------------------------
    def raw(self):
        out = {}
        for key, kind, ttl, value in msgpack.unpackb(self.dump_script(), raw=True):
            out[key.decode()] = (kind.decode(), value, None if ttl == -1 else ttl)
        return out

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
        if name == 'tick':
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
        said, woken = [], []
        m = self.subscriber.get_message(timeout=0)
        while m:
            channel = m['channel'].decode().removeprefix(PREFIX)
            if channel == 'control':
                woken.append(tuple(m['data'].decode().split(' ')))
            else:
                said.append((*channel.split(':', 2)[1:], decode(m['data'])))
            m = self.subscriber.get_message(timeout=0)
        expect('messages', said, self.model.said)
        expect('wake-ups', woken, self.model.woken)

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

    # --- operations ------------------------------------------------------------------------------------------------
    def pick(self, *of):
        return self.random.choice(of)

    def chance(self, p):
        return self.random.random() < p

    def any_gen(self, test=lambda gen: True):
        some = [gen for gen in self.model.gens.values() if test(gen)]
        return self.random.choice(some) if some else None

    def new_id(self):
        self.ids += 1
        return f'g{self.ids}'

    def op_begin(self):
        t, g = self.pick(*TENANTS), self.new_id()
        mode = self.pick('any', 'any', 'new', 'none')
        c = '' if mode == 'none' and self.chance(0.4) else self.pick(*CHATS)
        if self.chance(0.15) and self.model.tombs:
            t, g = self.random.choice(list(self.model.tombs))
        elif self.chance(0.1) and self.any_gen():
            gen = self.any_gen()              # the same id again, also in the other tenant
            t, g = self.pick(gen.t, *TENANTS), gen.g
        fields = {
            'user': self.pick(*USERS), 'restore': json.dumps({'message': f'text of {g} \U0001f600 "'}),
            'user_msg': msgpack.packb({'v': 1, 'id': 'u' + g, 'role': 'user'}), 'request': b'\x81\xa1v\x01' + g.encode(),
            'title': 't' + g, 'metadata': '{"a":1}', 'message_id': 'm' + g, 'user_message_id': 'u' + g,
            'on_stop': self.pick('discard', 'keep', 'keep_seen'),
            'on_interrupt': self.pick('interrupted', 'interrupted', 'continue', 'restart'),
            'grace': self.pick(0, 0, HOUR), 'keep_log': 600000, 'keep_record': 86400000}
        if self.chance(0.3):
            fields['model'] = 'asked'
        if self.chance(0.3):
            fields['system'] = 'asked ' + g
        fields = {k: v if isinstance(v, bytes) else str(v) for k, v in fields.items()}
        args = dict(t=t, c=c, g=g, mode=mode, fields=fields, lane=self.pick(*LANES, *LANES[:1] * 5),
                    busy=self.pick('reject', 'enqueue', 'enqueue', 'interrupt'), hash=self.pick('h1', 'h1', 'h1', 'h2'),
                    idem=self.pick('', '', '', '', '', '', f'k{g}', 'k1'), limit=self.pick(0, 4), wait_limit=self.pick(0, 2))
        self.requests[t, g] = args
        self.call_begin(args)

    def call_begin(self, args):
        got = self.scripts.begin(**args)
        self.outcomes.add('begin ' + got[0])
        expect('begin', got, self.model.begin(flag=self.scripts.flag(args['t'], args['c']), **args))

    def op_begin_again(self):
        if self.requests:
            self.call_begin(self.random.choice(list(self.requests.values())))

    def op_claim(self):
        kind, worker = self.pick('stream', 'stream', 'graph'), self.pick('w1', 'w2')
        if self.chance(0.15) and self.model.claims:
            worker, nonce = self.random.choice(list(self.model.claims))
        else:
            self.nonces += 1
            nonce = f'n{self.nonces}'
        cap, caps = self.pick(0, 2, 3), self.pick({}, {'acme': 1})
        got = self.scripts.claim(kind, worker, nonce, HOUR, cap, [x for kv in caps.items() for x in kv])
        wanted = self.model.claim(kind, worker, nonce, cap, {t: int(n) for t, n in caps.items()})
        if isinstance(got, list):
            got[17] = T
            got[18:20] = [v.encode() if isinstance(v, str) else v for v in got[18:20]]
            self.tokens.append((got[0], got[1], got[2]))
        expect('claim', got, wanted)
        self.outcomes.add('claim ' + ('one' if isinstance(got, list) else str(got)))

    def token(self):
        """Mostly a living one, sometimes a zombie's."""
        live = [k for k in self.tokens if self.model.get(*k[:2]) and self.model.get(*k[:2]).state == 'running'
                and self.model.get(*k[:2]).token == k[2]]
        zombies = [k for k in self.tokens if self.model.get(*k[:2]) and self.model.get(*k[:2]).state == 'running'
                   and self.model.get(*k[:2]).token != k[2]]
        if zombies and self.chance(0.2):
            return self.random.choice(zombies)
        if live and self.chance(0.85):
            return self.random.choice(live)
        return self.random.choice(self.tokens) if self.tokens else ('default', 'g1', '1.x')

    def event(self, seq):
        kind = self.pick(STARTED, DELTA, DELTA, DELTA, DELTA, REASONING, TOOL_CALL, SOURCE, RESET)
        if kind == STARTED:
            return [seq, kind, {'model': self.pick('m1', 'm2')}]
        if kind == RESET:
            return [seq, kind, {'after': self.random.randrange(max(seq, 1))}]
        if kind == SOURCE:
            return [seq, kind, {'url': 'u'}]
        if kind == TOOL_CALL:
            return [seq, kind, 0, 'call', 'name', '{}']
        return [seq, kind, self.random.randrange(3), f'{seq} é ']

    def op_append(self):
        t, g, token = self.token()
        gen = self.model.get(t, g)
        first = max(1, (len(gen.log) if gen else 1) + self.pick(1, 1, 1, 1, 1, 0, 2, -1))
        events = [self.event(first + i) for i in range(self.pick(1, 1, 2, 3))]
        visible = any(e[1] in VISIBLE for e in events)
        flag = gen.flag if gen else ''
        args = (t, g, token, first)
        got = self.scripts.append(*args, [encode(e) for e in events], flag=flag, visible=visible)
        wanted = self.model.append(*args, events, flag, visible)
        self.outcomes.add(f'append {max(-2, min(1, got))}')
        expect('append', got, wanted)
        if wanted > 0 and self.chance(0.1):       # the reply was lost
            again = self.scripts.append(*args, [encode(e) for e in events], flag=flag, visible=visible)
            expect('append again', -2 - again >= first + len(events) - 1, True)

    def op_checkpoint(self):
        t, g, token = self.token()
        gen = self.model.get(t, g)
        if not gen:
            return
        seq, shown = max(1, len(gen.log) + self.pick(1, 1, 1, 2)), self.pick(0, 0, 1)
        step, e = (self.pick('1', '2/a'), f'value {seq}'), [seq, SOURCE, {'step': seq}]
        got = self.scripts.checkpoint(t, g, token, seq, *step, encode(e), flag=gen.flag, shown=shown)
        expect('checkpoint', got, self.model.append(t, g, token, seq, [e], gen.flag, False, step, shown))

    USAGE = {'provider': '{"input":7,"output":9,"cached":null,"reasoning":null,"source":"provider","settled":false}',
             'estimated': '{"input":5,"output":11,"cached":null,"reasoning":null,"source":"estimated","settled":false}',
             'unknown': '{"input":null,"output":null,"source":"unknown","settled":false}',
             'none': '{"input":0,"output":0,"cached":0,"reasoning":0,"source":"none","settled":true}'}

    def op_finish(self):
        t, g, token = self.token()
        gen = self.model.get(t, g)
        state = self.pick('done', 'done', 'failed', 'interrupted')
        expected = self.pick('', len(gen.log) if gen else 3, len(gen.log) if gen else 3, 99)
        o = {}
        if self.chance(0.7):
            o['source'] = self.pick(*self.USAGE)
            o['usage'] = self.USAGE[o['source']]
        if state == 'done':
            o.update(reply=msgpack.packb({'v': 1, 'id': 'm' + g, 'role': 'assistant', 'content': 'answer'}),
                     finish_reason='stop', model=self.pick('m1', 'm2'))
            if self.chance(0.5):
                o['system'] = self.pick('', 'be kind')
            if gen and gen.mode == 'none':
                o['output'] = '{"text":"answer"}'
        else:
            o.update(reason='timeout_idle', error='{"code":"timeout_idle","message":"m","retryable":true}',
                     resumable=self.pick('0', '1'))
        for _ in range(self.pick(1, 1, 1, 2)):    # twice: the reply was lost
            got = self.scripts.finish(t, g, token, state, expected, **o)
            expect('finish', got, self.model.finish(t, g, token, state, expected, **o))
            self.outcomes.add('finish ' + got[0])

    def op_stop(self):
        gen, t = self.any_gen(), self.pick(*TENANTS)
        c, g = self.pick(*CHATS), ''
        known = [key for key, chat in self.model.chats.items() if chat.record]
        if known and self.chance(0.5):
            t, c = self.random.choice(known)
        busy = self.any_gen(lambda gen: gen.state == 'running' and self.model.chat(gen.t, gen.chat).wait)
        waiting = self.any_gen(lambda gen: gen.where == 'wait' and self.model.chat(gen.t, gen.chat).wait[-1] != gen.g)
        if busy and self.chance(0.3):
            gen = busy
        elif waiting and self.chance(0.5):
            gen = waiting
        if gen and self.chance(0.7):
            t, c, g = gen.t, self.pick('', gen.chat, gen.chat, 'c1'), gen.g
        elif self.chance(0.3):
            c, g = '', self.new_id()
        token = self.pick('', 'r1', 'r2', f'new{self.random.random()}')
        seen = '' if self.chance(0.5) else str(self.pick(0, 1, 2, 3, 4, 6, 10 ** 21))
        args = (t, c, g)
        o = dict(reason=self.pick('user', 'user', 'user', 'flag', 'disconnect'), token=token, seen=seen,
                 all=self.chance(0.4), limit=self.pick(0, 1, 1))
        for _ in range(self.pick(1, 1, 1, 2)):
            got = self.scripts.stop(*args, **o)
            expect('stop', got, self.model.stop(*args, **o))
            self.outcomes.add(f'stop {got[0]}' + (' kept' if got[7] == '1' else '') + (' all' if got[10] else ''))

    def op_partial(self):
        """A reply of several parts, with something voided, is stopped by a reader who has seen some of it."""
        t, g, token = self.token()
        gen = self.model.get(t, g)
        if not gen or gen.state != 'running' or gen.token != token or gen.flag in self.model.flags:
            return
        for _ in range(3):
            events = [self.event(len(gen.log) + 1 + i) for i in range(2)]
            first = len(gen.log) + 1
            expect('append', self.scripts.append(t, g, token, first, [encode(e) for e in events], visible=True),
                   self.model.append(t, g, token, first, events, '', True))
        o = dict(reason='user', token='', seen=self.pick('', str(self.random.randrange(len(gen.log) + 2))), all=False, limit=0)
        expect('stop', self.scripts.stop(t, g=g, **o), self.model.stop(t, '', g, **o))

    def op_settle(self):
        t, g, token = self.random.choice(self.tokens) if self.tokens else self.token()
        told = self.any_gen(lambda gen: not gen.open and gen.token and gen.flag in self.model.flags)
        if told and self.chance(0.6):
            t, g, token = told.t, told.g, told.token
        source = self.pick(*self.USAGE)
        got = self.scripts.settle(t, g, token, self.USAGE[source], source)
        expect('settle', got, self.model.settle(t, g, token, self.USAGE[source], source))
        self.outcomes.add(f'settle {got}')

    def op_release(self):
        args = (*self.token(), self.pick(0, HOUR), self.pick('', '2'))
        got = self.scripts.release(*args)
        expect('release', got, self.model.release(*args))
        self.outcomes.add('release ' + got)

    def op_renew(self):
        leases = [self.token() for _ in range(self.pick(1, 3))]
        expect('renew', self.scripts.renew(*leases, lease=HOUR), self.model.renew(*leases))

    def op_reap(self):
        crashes = self.pick(2, 3, 3)
        got = self.scripts.reap(lease=HOUR, crashes=crashes, gap=HOUR)
        expect('reap', got, self.model.reap(crashes))
        self.outcomes.update('reap ' + line.split(' ')[-1] for line in got)

    def op_sweep(self):
        order = [i.decode().split(':', 1) for i in self.redis.zrange(PREFIX + 'open', 0, -1)]
        got = self.scripts.sweep(interactive=HOUR, batch=HOUR)
        expect('sweep', got, self.model.sweep(order))
        self.outcomes.update('sweep ' + line.split(' ', 1)[1] for line in got[1:])

    def op_read(self):
        gen = self.any_gen()
        args = (gen.t, gen.g, self.random.randrange(8), self.pick(1, 3, 100)) if gen else ('default', 'nix', 0, 9)
        got = self.scripts.read(*args)
        if got:
            got = [got[0].decode(), got[1], got[2].decode(), got[3], got[4].decode(), [decode(e) for e in got[5]]]
        expect('read', got, self.model.read(*args))

    def op_position(self):
        ids = [(gen.t, gen.g) for gen in (self.any_gen() for _ in range(3)) if gen]
        if ids:
            expect('position', self.scripts.position(*ids), self.model.position(*ids))

    def op_watch(self):
        ids = [(gen.t, gen.g) for gen in (self.any_gen(lambda gen: gen.watch) or self.any_gen() for _ in range(2)) if gen]
        if ids:
            mode = self.pick('on', 'off')
            got = self.scripts.watch(mode, HOUR, *[f'{t}:{g}' for t, g in ids])
            expect('watch', got, self.model.watch(mode, ids))

    def op_delete(self):
        args = (self.pick(*TENANTS), self.pick(*CHATS))
        keeping = self.any_gen(lambda gen: gen.shown and gen.open and gen.chat and gen.fields['on_stop'] != 'discard')
        if keeping and self.chance(0.5):
            args = keeping.t, keeping.chat
        expect('delete', self.scripts.delete(*args), self.model.delete(*args))

    # --- what others and the clock do ---------------------------------------------------------------------------------
    def do_flag(self):
        t, c = self.pick(*TENANTS), self.pick(*CHATS)
        gen = self.any_gen(lambda gen: gen.open and gen.flag)
        flag = gen.flag if gen and self.chance(0.7) else self.scripts.flag(t, c)
        self.redis.set(flag, '1', ex=60)
        self.model.flags[flag] = T

    def do_overdue(self):
        """A lease, a delay or a last reader's lease ends; a queue is too slow; nobody has reaped for long."""
        what, key = self.pick(('lease', 'leases'), ('lease', 'leases'), ('delay', 'delayed'), ('watch', 'watch'))
        gen = self.any_gen(lambda gen: getattr(gen, what))
        if gen:
            self.redis.zadd(PREFIX + key, {f'{gen.t}:{gen.g}': 0}, xx=True)
            setattr(gen, what, DUE)
            if gen.flag and self.chance(0.3):      # the worker died before it saw the flag
                self.redis.set(gen.flag, '1', ex=60)
                self.model.flags[gen.flag] = T
            if self.chance(0.7):
                self.op_reap()
        if self.chance(0.1) and self.model.tick:
            self.redis.set(PREFIX + 'tick', 0)
            self.model.tick = DUE
        gen = self.any_gen(lambda gen: gen.state == 'queued')
        if gen and self.chance(0.3):
            self.redis.hset(PREFIX + f'gen:{gen.t}:{gen.g}', 'queued_at', 0)
            gen.queued_at = DUE

    def do_expire(self):
        """Keys whose time is over vanish."""
        m, what = self.model, self.pick('last', 'last', 'note', 'claim', 'idem', 'tomb', 'log', 'record', 'flag')
        gen = self.any_gen(lambda gen: not gen.open)
        if what == 'last':
            some = [key for key, chat in m.chats.items() if chat.last]
            t, c = self.random.choice(some) if some else ('default', 'c1')
            self.redis.delete(PREFIX + f'last:{t}:{c}')
            m.chat(t, c).last = None
        elif what == 'flag' and m.flags:
            flag = self.random.choice(list(m.flags))
            self.redis.delete(flag)
            del m.flags[flag]
        elif what in ('note', 'claim', 'idem'):
            held, name = {'note': (m.noted, 'stopreq'), 'claim': (m.claims, 'claim'), 'idem': (m.idem, 'idem')}[what]
            if held:
                key = self.random.choice(list(held))
                self.redis.delete(PREFIX + f'{name}:{key[0]}:{key[1]}')
                del held[key]
        elif what == 'tomb' and m.tombs:
            t, g = self.random.choice(list(m.tombs))
            self.redis.zadd(PREFIX + f'tomb:{t}', {g: 0}, xx=True)
            m.tombs[t, g] = DUE
        elif what == 'log' and gen:
            self.redis.delete(PREFIX + f'log:{gen.t}:{gen.g}')
            gen.log_lost = True
        elif what == 'record' and gen:
            self.redis.delete(*(PREFIX + f'{k}:{gen.t}:{gen.g}' for k in ('gen', 'log', 'steps')))
            del m.gens[gen.t, gen.g]

    WEIGHTS = {'op_begin': 26, 'op_begin_again': 4, 'op_claim': 16, 'op_append': 22, 'op_checkpoint': 3, 'op_finish': 8,
               'op_stop': 8, 'op_partial': 3, 'op_settle': 4, 'op_release': 3, 'op_renew': 1, 'op_reap': 2, 'op_sweep': 2, 'op_read': 2,
               'op_position': 2, 'op_watch': 1, 'op_delete': 1, 'do_flag': 3, 'do_overdue': 6, 'do_expire': 6}

    def step(self):
        op = self.random.choices(list(self.WEIGHTS), self.WEIGHTS.values())[0]
        self.model.listen()
        self.trace.append(op)
        getattr(self, op)()
        self.compare()

    def run(self, ops, episode=120):
        for i in range(ops):
            if i % episode == 0:
                self.restart()
            try:
                self.step()
            except Mismatch as e:
                raise Mismatch(f'seed {self.seed}, operation {i}, last {self.trace[-8:]}: {e}') from None
