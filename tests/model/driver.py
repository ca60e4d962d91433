"""Random operations against Redis and the model at once; after each, answer, state, messages and bells must be equal."""
import json
import random

import msgpack

from compare import VISIBLE, Comparer, Mismatch, decode, encode, expect
from model_state import DAY, DELTA, DUE, HOUR, LANES, RESET, STARTED, T, user_key
from scripts import PREFIX

TENANTS, CHATS, USERS = ('default', 'default', 'acme'), ('c1', 'c2', 'c:3'), ('', 'ann', 'bob')
REASONING, TOOL_CALL, SOURCE = 4, 7, 9


class Driver(Comparer):
    def __init__(self, scripts, seed):
        self.seed, self.random = seed, random.Random(seed)
        self.trace, self.outcomes = [], set()
        super().__init__(scripts)

    def restart(self):
        super().restart()
        self.ids, self.nonces, self.tokens, self.requests = 0, 0, [], {}
        self.trace.clear()
        self.stateless = self.pick(0.15, 0.15, 0.7)        # an episode of full chats, or one of a full queue

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

    def op_begin(self, chat=None, behind=None, graph=None, mode='any'):
        """chat, behind, graph: the chat, what to replace, the graph ('': none named); a turn that nothing else keeps from starting."""
        t, g = self.pick(*TENANTS), self.new_id()
        asked_mode, mode = mode, 'none' if self.chance(self.stateless) else self.pick('any', 'any', 'new')
        c = '' if mode == 'none' and self.chance(0.7) else self.pick(*CHATS)
        if chat:
            (t, c), mode = chat, asked_mode
        user = self.pick(*USERS)
        if self.chance(0.15) and self.model.tombs:
            t, mark = self.random.choice(list(self.model.tombs))
            where, _, whom = mark.partition(' ')
            g, _, at = where.partition('@')
            c = at if at and self.chance(0.7) else c
            user = next((u for u in USERS if u and user_key(u) == whom), user) if self.chance(0.7) else user
        elif self.chance(0.1) and self.any_gen():
            gen = self.any_gen()              # the same id again, also in the other tenant
            t, g = self.pick(gen.t, *TENANTS), gen.g
        fields = {
            'user': user, 'restore': json.dumps({'message': f'text of {g} \U0001f600 "'}),
            'user_msg': msgpack.packb({'v': 1, 'id': 'u' + g, 'role': 'user'}),
            'request': b'\x81\xa1v\x01' + g.encode(),
            'title': 't' + g, 'metadata': '{"a":1}', 'message_id': 'm' + g, 'user_message_id': 'u' + g,
            'on_stop': self.pick('discard', 'keep', 'keep_seen'),
            'on_interrupt': self.pick('interrupted', 'interrupted', 'continue', 'restart'),
            'grace': self.pick(0, HOUR), 'grace_if_new': self.pick(0, 1),
            'keep_chat': self.pick(0, DAY), 'keep_log': 600000, 'keep_record': 86400000}
        lane = self.pick(*LANES, *LANES[:1] * 5)
        if self.chance(0.2):
            fields['model'] = 'asked'
        elif self.chance(0.2):
            fields['graph'], lane = self.pick('desk', 'review'), lane.replace('stream', 'graph')
        if fields['user'] and self.chance(0.4):
            fields['own'] = '1'
        if self.chance(0.3):
            fields['system'] = 'asked ' + g
        said = self.model.chat(t, c).messages if c else []
        if self.chance(0.6 if said else 0.02):
            fields['replace_from'] = self.pick('nix', *[m['id'] for m in said[-6:]] * 3)
        taking = self.any_gen(lambda gen: gen.state == 'running' and gen.shown and gen.fields['on_stop'] == 'keep'
                              and gen.fields.get('replace_from') and gen.flag not in self.model.flags and gen.mode == 'any')
        policy = self.pick('reject', 'enqueue', 'enqueue', 'enqueue', 'interrupt')
        if taking and self.chance(0.3):           # one whose partial reply will take what others want to replace
            t, c, mode, policy = taking.t, taking.chat, 'any', self.pick('enqueue', 'interrupt')
            fields['replace_from'] = self.model.chat(t, c).messages[-1]['id']
        if behind:                                # they wait for a turn that takes what they want to replace
            policy = 'enqueue'
            fields.update(replace_from=behind)
        if graph is not None:
            for name in ('model', 'graph', 'own') + self.pick((), ('replace_from',)):
                fields.pop(name, None)
            fields.update({'graph': graph} if graph else {})
        fields = {k: v if isinstance(v, bytes) else str(v) for k, v in fields.items()}
        args = dict(t=t, c=c, g=g, mode=mode, fields=fields, lane=lane,
                    busy=policy, hash=self.pick('h1', 'h1', 'h1', 'h2'),
                    idem=self.pick('', '', '', '', '', '', f'k{g}', 'k1'), limit=self.pick(0, 4),
                    wait_limit=self.pick(0, 2), per_minute=self.pick(0, 0, 0, 4), per_day=self.pick(0, 0, 0, self.model.spent.get(t, 0) + self.pick(0, 1), 60))
        if graph is not None:
            args.update(idem='', limit=0, wait_limit=0, per_minute=0, per_day=0)
        self.requests[t, g] = args
        self.call_begin(args)

    def call_begin(self, args):
        got = self.scripts.begin(**args)
        self.outcomes.add('begin ' + got[0] + (' failed' if got[0] == 'queued' and got[2] == 'failed' else ''))
        if got[0] == 'limited':                   # 4 in a minute: one each 15 s
            got[3] = 'a turn of the rate' if 10000 < got[3] <= 15000 else 'until midnight' if got[3] <= DAY else got[3]
        expect('begin', got, self.model.begin(flag=self.scripts.flag(args['t'], args['c']), **args))

    def op_begin_again(self):
        if self.requests:
            self.call_begin(self.random.choice(list(self.requests.values())))

    def op_claim(self, kind=None):
        kind, worker = kind or self.pick('stream', 'graph'), self.pick('w1', 'w2')
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
        if isinstance(got, list) and got[22]:
            self.outcomes.add('claim answers' if 'ask' in self.model.get(*got[:2]).steps else 'claim graph')

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
            o.update(self.asking(gen))
        else:
            o.update(reason='timeout_idle', error='{"code":"timeout_idle","message":"m","retryable":true}',
                     resumable=self.pick('0', '1'))
        for _ in range(self.pick(1, 1, 1, 2)):    # twice: the reply was lost
            got = self.scripts.finish(t, g, token, state, expected, **o)
            expect('finish', got, self.model.finish(t, g, token, state, expected, **o))
            self.outcomes.add('finish ' + got[0])

    def asking(self, gen, often=0.5):
        """What the end of a graph's turn adds."""
        graph = gen and gen.fields.get('graph')
        if not graph:
            return {}
        o = {'graph': graph} if self.chance(0.5) else {}
        if self.chance(often):
            o.update(resume='{"expires_at":5}', parked='state of ' + gen.g, parked_ms=DAY)
        return o

    def op_turn(self):
        """A running turn of a chat ends well; where there is none, one begins and is claimed."""
        gen = self.any_gen(lambda gen: gen.state == 'running' and gen.mode != 'none' and gen.flag not in self.model.flags)
        if not gen:
            self.op_begin()
            return self.op_claim()
        if gen.fields.get('replace_from') and not self.model.is_without_target(gen):
            self.op_begin((gen.t, gen.chat), self.model.chat(gen.t, gen.chat).messages[-1]['id'])
            self.op_begin((gen.t, gen.chat))
        o = dict(reply=msgpack.packb({'v': 1, 'id': 'm' + gen.g, 'role': 'assistant', 'content': 'answer'}), model='m1',
                 **self.asking(gen))
        args = (gen.t, gen.g, gen.token, 'done', len(gen.log))
        expect('finish', self.scripts.finish(*args, **o), self.model.finish(*args, **o))
        if self.chance(0.5):
            self.op_begin((gen.t, gen.chat))

    def op_ask(self):
        """Graphs ask back; the answers to them end in one way or another."""
        for _ in range(4):
            self.ask()

    def ask(self):
        gen = self.any_gen(lambda gen: gen.state == 'running' and gen.mode != 'none' and gen.chat and gen.fields.get('graph')
                           and gen.flag not in self.model.flags and not self.model.is_without_target(gen))
        if gen and 'ask' in gen.steps and self.chance(0.5):
            return self.op_partial(gen)
        if gen:
            o = dict(reply=msgpack.packb({'v': 1, 'id': 'm' + gen.g, 'role': 'assistant', 'content': 'answer'}),
                     **self.asking(gen, 0.85)) if self.chance(0.8) else {}
            args = (gen.t, gen.g, gen.token, 'done' if o else 'failed', '')
            expect('finish', self.scripts.finish(*args, **o), self.model.finish(*args, **o))
            return None
        asked = [key for key, chat in self.model.chats.items() if chat.ask and not self.model.active(*key)]
        if asked and self.chance(0.25):
            return self.unask(*self.random.choice(asked))
        if asked:
            self.op_begin(self.random.choice(asked), graph=self.pick('', '', '', 'desk'))
        else:
            self.op_begin((self.pick(*TENANTS), self.pick(*CHATS)), graph='desk')
        return self.op_claim('graph')

    def unask(self, t, c):
        """Nothing runs in a chat that asks; what comes is not an answer."""
        what, chat = self.pick('stop', 'stop later', 'stateless', 'fade', 'delete'), self.model.chat(t, c)
        if what == 'stop later':
            self.redis.delete(PREFIX + f'last:{t}:{c}')
            chat.last = None
        if what.startswith('stop'):
            self.call_stop((t, c, ''), dict(reason='user', token='', seen='', all=False, limit=1, user=self.pick('', *USERS)))
        elif what == 'stateless':
            self.op_begin((t, c), graph='', mode='none')
        elif what == 'fade':
            key = t, user_key(chat.record['user']), c
            self.redis.zadd(PREFIX + 'fading', {':'.join(key): 0})
            self.model.fading[key] = DUE
            self.op_sweep()
        else:
            expect('delete', self.scripts.delete(t, c), self.model.delete(t, c))

    def op_stop(self):
        gen, t = self.any_gen(), self.pick(*TENANTS)
        c, g = self.pick(*CHATS), ''
        known = [key for key, chat in self.model.chats.items() if chat.record]
        if known and self.chance(0.5):
            t, c = self.random.choice(known)
        busy = self.any_gen(lambda gen: gen.state == 'running' and self.model.chat(gen.t, gen.chat).wait)
        waiting = self.any_gen(lambda gen: gen.where == 'wait' and gen.g != self.model.chat(gen.t, gen.chat).wait[-1])
        if busy and self.chance(0.3):
            gen = busy
        elif waiting and self.chance(0.5):
            gen = waiting
        if gen and self.chance(0.7):
            t, c, g = gen.t, self.pick('', gen.chat, gen.chat, 'c1'), gen.g
        elif self.chance(0.6):
            c, g = self.pick('', c), self.new_id()
        token = self.pick('', 'r1', 'r2', f'new{self.random.random()}')
        seen = '' if self.chance(0.5) else str(self.pick(0, 1, 2, 3, 4, 6, 10 ** 21))
        args = (t, c, g)
        o = dict(reason=self.pick('user', 'user', 'user', 'flag', 'disconnect'), token=token, seen=seen,
                 all=self.chance(0.8 if gen and gen is waiting else 0.4), limit=self.pick(0, 1, 1, 2),
                 user=self.pick('', *USERS))
        self.call_stop(args, o)

    def call_stop(self, args, o):
        for _ in range(self.pick(1, 1, 1, 2)):
            got = self.scripts.stop(*args, **o)
            expect('stop', got, self.model.stop(*args, **o))
            self.outcomes.add(f'stop {got[0]}' + (' kept' if got[7] == '1' else '') + (' all' if got[10] else ''))

    def op_partial(self, gen=None):
        """A reply of several parts, with something voided, is stopped by a reader who has seen some of it."""
        t, g, token = (gen.t, gen.g, gen.token) if gen else self.token()
        gen = self.model.get(t, g)
        if not gen or gen.state != 'running' or gen.token != token or gen.flag in self.model.flags:
            return
        for _ in range(3):
            events = [self.event(len(gen.log) + 1 + i) for i in range(2)]
            first = len(gen.log) + 1
            expect('append', self.scripts.append(t, g, token, first, [encode(e) for e in events], visible=True),
                   self.model.append(t, g, token, first, events, '', True))
        seen = self.pick('', str(self.random.randrange(len(gen.log) + 2)))
        o = dict(reason='user', token='', seen=seen, all=False, limit=0)
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
        crashes = self.pick(1, 2, 3)
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
        some = [self.any_gen(), self.any_gen(), self.any_gen(lambda gen: gen.where == 'wait')]
        ids = [(gen.t, gen.g) for gen in some if gen]
        if ids:
            expect('position', self.scripts.position(*ids), self.model.position(*ids))

    def op_whose(self):
        gen = self.any_gen()
        t, c, g = self.pick(*TENANTS), self.pick(*CHATS), ''
        if gen and self.chance(0.6):
            t, c, g = gen.t, self.pick(gen.chat, *CHATS), self.pick('', gen.g, gen.g, self.new_id())
        user, only = self.pick(*USERS), self.pick('', '', c, *CHATS)
        if c or g:
            got = self.scripts.whose(t, c, g, user=user, only=only)
            self.outcomes.add(f'whose {got}')
            expect('whose', got, self.model.whose(t, c, g, user, only))

    def op_watch(self):
        some = [self.any_gen(lambda gen: gen.watch), self.any_gen()]
        ids = [(gen.t, gen.g) for gen in some if gen]
        if ids:
            mode = self.pick('on', 'off')
            got = self.scripts.watch(mode, HOUR, *[f'{t}:{g}' for t, g in ids])
            expect('watch', got, self.model.watch(mode, ids))

    def op_patch(self):
        t, c = self.pick(*TENANTS), self.pick(*CHATS)
        known = [key for key, chat in self.model.chats.items() if chat.record]
        if known and self.chance(0.7):
            t, c = self.random.choice(known)
        fields = self.pick({'title': 'given'}, {'metadata': '{"b":2}'}, {'title': 'given too', 'metadata': 'null'}, {'graph': 'given'},
                           {'graph': ''})
        got = self.scripts.patch(t, c, **fields)
        expect('patch', got, self.model.patch(t, c, fields))
        self.outcomes.add(f'patch {got}')

    def op_place(self):
        for _ in range(3):
            model, verb = self.pick('m1', 'm 2'), self.pick('take', 'take', 'take', 'give', 'give', 'renew')
            args = ([f'h{self.random.randrange(5)}' for _ in range(self.pick(1, 1, 2))], model, self.pick(1, 2, 3))
            told = len(self.model.freed)
            got = self.scripts.place(verb, *args[0], model=model, limit=args[2], lease=HOUR)
            expect('place', got, self.model.model_place(verb, *args))
            self.outcomes.add(f'place {verb} {min(got, 1)}' + (' told' if len(self.model.freed) > told else ''))
            held = self.model.places[model]
            if held and self.chance(0.3):
                h = self.random.choice(list(held))
                self.redis.zadd(PREFIX + 'places:' + model, {h: 0})
                held[h] = DUE

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

    def do_pause(self):
        lane, paused = self.pick(*LANES), self.chance(0.4)
        self.scripts.pause(lane, paused)
        (self.model.paused.add if paused else self.model.paused.discard)(lane)

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
        if self.model.fading and self.chance(0.5):
            key = self.random.choice(list(self.model.fading))
            self.redis.zadd(PREFIX + 'fading', {':'.join(key): 0})
            self.model.fading[key] = DUE
        if self.chance(0.1) and self.model.tick:
            self.redis.set(PREFIX + 'tick', 0)
            self.model.tick = DUE
        gen = self.any_gen(lambda gen: gen.state == 'queued')
        if gen and self.chance(0.3):
            self.redis.hset(PREFIX + f'gen:{gen.t}:{gen.g}', 'queued_at', 0)
            gen.queued_at = DUE

    def do_expire(self):
        """Keys whose time is over vanish."""
        m, what = self.model, self.pick('last', 'last', 'ask', 'note', 'claim', 'idem', 'tomb', 'log', 'record', 'flag')
        gen = self.any_gen(lambda gen: not gen.open)
        if what == 'last':
            some = [key for key, chat in m.chats.items() if chat.last]
            t, c = self.random.choice(some) if some else ('default', 'c1')
            self.redis.delete(PREFIX + f'last:{t}:{c}')
            m.chat(t, c).last = None
            if self.chance(0.5):
                self.call_stop((t, c, ''), dict(reason='user', token='', seen='', all=False, limit=1, user=self.pick('', *USERS)))
        elif what == 'ask':
            some = [key for key, chat in m.chats.items() if chat.ask]
            if some:
                key = self.random.choice(some)
                self.redis.delete(PREFIX + 'ask:%s:%s' % key)
                m.chats[key].ask = None
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

    WEIGHTS = {'op_begin': 26, 'op_begin_again': 4, 'op_claim': 16, 'op_append': 22, 'op_checkpoint': 3, 'op_finish': 8, 'op_turn': 10, 'op_ask': 7,
               'op_stop': 8, 'op_partial': 3, 'op_settle': 4, 'op_release': 3, 'op_renew': 1, 'op_reap': 2, 'op_sweep': 2,
               'op_read': 2, 'op_position': 2, 'op_whose': 3, 'op_watch': 1, 'op_delete': 2, 'op_place': 2, 'op_patch': 3, 'do_flag': 3,
               'do_pause': 2, 'do_overdue': 6, 'do_expire': 6}

    def step(self):
        op = self.random.choices(list(self.WEIGHTS), self.WEIGHTS.values())[0]
        self.model.listen()
        self.trace.append(op)
        getattr(self, op)()
        self.compare()

    def run(self, ops, episode=100):
        for i in range(ops):
            if i % episode == 0:
                self.restart()
            try:
                self.step()
            except Mismatch as e:
                raise Mismatch(f'seed {self.seed}, operation {i}, last {self.trace[-8:]}: {e}') from None
