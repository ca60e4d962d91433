"""What others and the clock do: flags set, lanes paused, times that are over, keys that vanish."""
from draws import CHATS, TENANTS, USERS, Draws
from model_records import DUE, LANES, T
from scripts import PREFIX


class Clock(Draws):
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
