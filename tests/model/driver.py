"""Random operations against Redis and the model at once; after each, answer, state, messages and bells must be equal."""
from compare import Mismatch, decode, encode, expect
from draws import CHATS, TENANTS, USERS
from driver_clock import Clock
from driver_turns import Turns
from model_records import DUE, HOUR
from scripts import PREFIX


class Driver(Turns, Clock):
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
        fields = self.pick({'title': 'given'}, {'metadata': '{"b":2}'}, {'title': 'given too', 'metadata': 'null'},
                           {'graph': 'given'}, {'graph': ''})
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

    WEIGHTS = {'op_begin': 26, 'op_begin_again': 4, 'op_claim': 16, 'op_append': 22, 'op_checkpoint': 3, 'op_finish': 8,
               'op_turn': 10, 'op_ask': 7, 'op_stop': 8, 'op_partial': 3, 'op_settle': 4, 'op_release': 3, 'op_renew': 1,
               'op_reap': 2, 'op_sweep': 2, 'op_read': 2, 'op_position': 2, 'op_whose': 3, 'op_watch': 1, 'op_delete': 2,
               'op_place': 2, 'op_patch': 3, 'do_flag': 3, 'do_pause': 2, 'do_overdue': 6, 'do_expire': 6}

    def step(self):
        op = self.random.choices(list(self.WEIGHTS), self.WEIGHTS.values())[0]
        self.model.listen()
        self.trace.append(op)
        getattr(self, op)()
        self.compare()

    def run(self, ops, episode=100):
        for i in range(ops):
            if i % episode == 0 or self.age_ms() > 10000:     # a slow machine: before the first turn of a rate comes back
                self.restart()
            try:
                self.step()
            except Mismatch as e:
                raise Mismatch(f'seed {self.seed}, operation {i}, last {self.trace[-8:]}: {e}') from None
