"""Turns of the driver: begun, claimed, written to, ended, asked back in."""
import json

import msgpack

from compare import VISIBLE, encode, expect
from draws import CHATS, SOURCE, TENANTS, USERS, Draws
from model_records import DAY, DUE, HOUR, LANES, T, user_key
from scripts import PREFIX


class Turns(Draws):
    def op_begin(self, chat=None, behind=None, graph=None, mode='any'):
        """chat, behind, graph: the chat, what to replace, the graph ('': none named); a turn that nothing else keeps from
        starting."""
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
                    wait_limit=self.pick(0, 2), per_minute=self.pick(0, 0, 0, 4),
                    per_day=self.pick(0, 0, 0, self.model.spent.get(t, 0) + self.pick(0, 1), 60))
        if graph is not None:
            args.update(idem='', limit=0, wait_limit=0, per_minute=0, per_day=0)
        self.requests[t, g] = args
        self.call_begin(args)

    def call_begin(self, args):
        got = self.scripts.begin(**args)
        self.outcomes.add('begin ' + got[0] + (' failed' if got[0] == 'queued' and got[2] == 'failed' else ''))
        if got[0] == 'limited':                   # 4 in a minute: one each 15 s
            is_rate = 15000 - self.age_ms() <= got[3] <= 15000
            got[3] = 'a turn of the rate' if is_rate else 'until midnight' if got[3] <= DAY else got[3]
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
