"""The state of the model: generations, chats and queues, how a generation starts, moves and ends, and `keys()`: what Redis
should then hold. Published messages, doorbells and wake-ups of the last call: `said`, `rang`, `woken`, `freed`.
"""
import json

import msgpack

from model_records import (CODES, DAY, DELTA, END, HOUR, KEEP_LOG, KEEP_RECORD, LANES, MINUTE, NONE, RESET, STARTED, UNKNOWN,
                           Chat, T, user_key)


class State:
    def __init__(self):
        self.gens, self.chats, self.flags = {}, {}, {}
        self.ring, self.users, self.queue = {lane: [] for lane in LANES}, {}, {}
        self.tombs, self.idem, self.totals, self.noted, self.claims, self.turns = {}, {}, {}, {}, {}, {}
        self.dead, self.tick = [], None
        self.figures, self.failures = {}, []
        self.places, self.wanted, self.paused = {}, set(), set()
        self.rated, self.spent, self.fading = {}, {}, {}
        self.listen()

    def listen(self):
        self.said, self.rang, self.woken, self.freed = [], set(), [], []

    # --- small questions -------------------------------------------------------------------------------------------
    def chat(self, t, c):
        return self.chats.setdefault((t, c), Chat())

    def get(self, t, g):
        return self.gens.get((t, g))

    def get_open(self, t, g):
        gen = self.gens.get((t, g))
        return gen if gen and gen.open else None

    def count(self, t, state):
        return sum(1 for gen in self.gens.values() if gen.t == t and gen.state == state)

    def active(self, t, c):
        return self.get_open(t, self.chat(t, c).active) if c else None

    # --- the queue -------------------------------------------------------------------------------------------------
    def place(self, gen, front=False):
        at = 0 if front else 10 ** 9
        line = self.queue.setdefault((gen.lane, gen.t, gen.u), [])
        line.insert(at, gen.g)
        users = self.users.setdefault((gen.lane, gen.t), [])
        if gen.u not in users:
            users.insert(at, gen.u)
        if gen.t not in self.ring[gen.lane]:
            self.ring[gen.lane].insert(at, gen.t)
        gen.state, gen.where, gen.queued_at = 'queued', 'queue', T
        self.rang.add(gen.lane)

    def tidy(self, lane, t, u):
        if self.queue.get((lane, t, u)):
            return
        self.queue.pop((lane, t, u), None)
        users = self.users.get((lane, t), [])
        if u in users:
            users.remove(u)
        if not users:
            self.users.pop((lane, t), None)
            if t in self.ring[lane]:
                self.ring[lane].remove(t)

    def ahead(self, lane, t, u, i):
        """Plays the turns of the users until it is the turn of the one with i before it in u's list."""
        lines = {v: len(self.queue[lane, t, v]) for v in self.users.get((lane, t), [])}
        order = list(lines) if u in lines else [*lines, u]
        lines[u] = max(lines.get(u, 0), i + 1)
        taken = {v: 0 for v in order}
        while True:
            for v in order:
                if v == u and taken[v] == i:
                    return sum(taken.values())
                if taken[v] < lines[v]:
                    taken[v] += 1

    def unplace(self, gen):
        if gen.state == 'running':
            gen.lease = None
            for lane in LANES:
                if self.users.get((lane, gen.t)):
                    self.rang.add(lane)
        elif gen.where == 'queue':
            line = self.queue[gen.lane, gen.t, gen.u]
            if gen.g in line:
                line.remove(gen.g)
            self.tidy(gen.lane, gen.t, gen.u)
        elif gen.where == 'wait':
            wait = self.chat(gen.t, gen.chat).wait
            if gen.g in wait:
                wait.remove(gen.g)
        gen.delay = None

    def emit(self, gen, kind, fields):
        gen.log.append([len(gen.log) + 1, kind, fields])
        self.said.append((gen.t, gen.g, gen.log[-1]))

    def is_without_target(self, gen):
        replaces = gen.fields.get('replace_from')
        return bool(replaces) and self.chat(gen.t, gen.chat).place(replaces) is None

    def start(self, gen):
        if self.is_without_target(gen):
            self.over(gen, 'failed', 'conflict')
            return False
        self.activate(gen)
        return True

    def start_waiting(self, chat, t):
        while chat.wait:
            nx = self.get_open(t, chat.wait.pop(0))
            if nx and self.start(nx):
                return True
        return False

    def choose(self, gen):
        """(graph or '', parked or None, lane) of a turn that names neither graph nor model; None of one that does."""
        chat, replaces = self.chat(gen.t, gen.chat), gen.fields.get('replace_from')
        if gen.fields.get('graph') or gen.fields.get('model'):
            return None
        ask = chat.ask
        if ask and replaces:
            question, at = chat.place(ask['message_id']), chat.place(replaces)
            ask = None if question is None or at is None or question >= at else ask
        graph = ask['graph'] if ask else (chat.record or {}).get('graph', '')
        return graph, ask['value'] if ask else None, gen.lane.replace('stream', 'graph') if graph else gen.lane

    def activate(self, gen):
        if gen.chat:
            chat = self.chat(gen.t, gen.chat)
            if gen.mode != 'none':
                choice = self.choose(gen)
                if choice is None:
                    chat.ask = None
                elif choice[0]:
                    gen.fields['graph'], parked, gen.lane = choice
                    gen.steps = {'ask': parked} if parked else {}
            chat.active = gen.g
            self.flags.pop(gen.flag, None)
        self.place(gen)

    # --- the end ---------------------------------------------------------------------------------------------------
    @staticmethod
    def partial(gen, seen):
        log = gen.log if seen is None else gen.log[:seen]
        pieces, model = [], None
        for e in log:
            if e[1] == DELTA:
                pieces.append(e)
            elif e[1] == STARTED:
                model = e[2].get('model')
            elif e[1] == RESET:
                pieces = [p for p in pieces if p[0] <= e[2]['after']]
        parts = sorted({p[2] for p in pieces})
        return '\n\n'.join(''.join(p[3] for p in pieces if p[2] == part) for part in parts), model

    def tally(self, gen, usage):
        before = sum(gen.counted.values())
        for name in ('input', 'output'):
            n = json.loads(usage).get(name)
            if n is not None and n != gen.counted.get(name, 0):
                totals = self.totals.setdefault(gen.t, {})
                totals[name] = totals.get(name, 0) + n - gen.counted.get(name, 0)
                gen.counted[name] = n
                gen.fields['counted_' + name] = str(n)
        more = sum(gen.counted.values()) - before
        if more:
            self.spent[gen.t] = self.spent.get(gen.t, 0) + more

    def note_end(self, gen, state, error):
        is_failure = state in ('failed', 'interrupted')
        for name in ['ended:' + state] + [f'code:{error}'] * (is_failure and error is not None):
            self.figures[name] = self.figures.get(name, 0) + 1
        if is_failure:
            self.failures = [f'{gen.t}:{gen.g}', *self.failures][:50]

    def over(self, gen, state, reason, *, reply=None, seen=None, take=False, tell=False, own=False, discard=False,
             keep_record=KEEP_RECORD, keep_log=KEEP_LOG, **o):
        f, was_running = gen.fields, gen.state == 'running'
        source = o.get('source') or ('unknown' if gen.epoch else 'none')
        usage = o.get('usage') or {'none': NONE, 'unknown': UNKNOWN}[source]
        if state == 'stopped' and f['on_stop'] != 'discard' and not discard and gen.mode != 'none':
            content, model = self.partial(gen, seen if f['on_stop'] == 'keep_seen' else None)
            if content:
                reply = {'v': 1, 'id': f['message_id'], 'role': 'assistant', 'content': content, 'created_at': T,
                         'generation_id': gen.g, 'usage': usage, 'stopped': True}
                if model:
                    reply['model'] = model
        if was_running and not own:
            self.woken.append((gen.t, gen.g, gen.token))
        self.unplace(gen)
        committed = reply is not None
        restore = None if committed else f['restore']
        error = json.loads(o['error'])['code'] if o.get('error') else CODES.get(reason)
        resumable = state == 'interrupted' and bool(gen.shown) and o.get('resumable') != '0'
        model = o.get('model') or f.get('model', '')
        if committed:
            self.commit(gen, reply, o)
        if committed and state == 'done':
            self.chat(gen.t, gen.chat).ask = {'graph': o.get('graph') or f['graph'], 'value': o['parked'],
                                              'message_id': f['message_id']} if 'parked' in o else None
        if state == 'done':
            fields = {'message_id': f['message_id'], 'user_message_id': f['user_message_id'],
                      'finish_reason': o.get('finish_reason'), 'model': model or None, 'usage': usage}
            if 'resume' in o:
                fields['resume'] = o['resume']
        elif state == 'stopped':
            fields = {'reason': reason, 'restore': restore, 'committed': committed, 'usage': usage}
            if committed:
                fields['message_id'] = f['message_id']
        else:
            fields = {'error': error, 'restore': restore, 'resumable': resumable, 'usage': usage}
        self.emit(gen, END[state], fields)
        f.update(reason=reason, committed=str(int(committed)), seq=str(len(gen.log)), usage=usage, usrc=source,
                 error=error or '', resumable=str(int(resumable)), finish_reason=o.get('finish_reason', ''), model=model,
                 output=o.get('output', ''))
        gen.state, gen.where, gen.watch = state, '', None
        gen.record_ttl, gen.log_ttl = keep_record, keep_log
        self.tally(gen, usage)
        self.note_end(gen, state, error)
        if not gen.chat:
            return
        chat = self.chat(gen.t, gen.chat)
        chat.generations.add(gen.g)
        chat.generations_ttl = KEEP_RECORD
        if chat.active != gen.g:
            return
        chat.active, chat.last = None, gen.g
        self.flags.pop(gen.flag, None)
        if take:
            return
        if self.start_waiting(chat, gen.t):
            return
        if tell and was_running and gen.flag:
            self.flags[gen.flag] = T

    def commit(self, gen, reply, o):
        chat, f = self.chat(gen.t, gen.chat), gen.fields
        at = chat.place(f.get('replace_from'))
        if at is not None:
            del chat.messages[at:]
            if at == 0 and 'titled' not in chat.record:
                chat.record['title'] = f['title']
        chat.messages += [msgpack.unpackb(f['user_msg']), reply]
        r = chat.record = chat.record or {'title': f['title'], 'user': f['user']}
        if gen.mode == 'new':
            r.setdefault('metadata', f['metadata'])
        r.update(created_at=T, updated_at=T, message_count=str(len(chat.messages)))
        graph = o.get('graph') or f.get('graph')
        if graph:
            r['graph'] = graph
        else:
            r.pop('graph', None)
        if not graph and (o.get('model') or f.get('model')):
            r['model'] = o.get('model') or f['model']
        if 'system' in o or f.get('system'):
            r['system'] = o.get('system', f.get('system'))
        fading = (gen.t, user_key(r['user']), gen.chat)
        if f.get('keep_chat', '0') != '0':
            self.fading[fading] = T
        else:
            self.fading.pop(fading, None)

    # --- what Redis should hold -------------------------------------------------------------------------------------
    def keys(self):
        """{key without prefix: (type, value, ttl or None)}; flags are there under their own names."""
        k, count = {}, {}
        zsets = {'open': {}, 'leases': {}, 'delayed': {}, 'watch': {}}
        for (t, g), gen in self.gens.items():
            i = f'{t}:{g}'
            k['gen:' + i] = ('hash', gen.record(), gen.record_ttl)
            if not gen.log_lost:
                k[f'live:{i}:{gen.token}' if gen.state == 'running' else 'log:' + i] = ('list', gen.log, gen.log_ttl)
            if gen.steps:
                k['steps:' + i] = ('hash', gen.steps, None if gen.open else KEEP_LOG)
            if gen.open:
                zsets['open'][i] = T
                n = ('r:' if gen.state == 'running' else 'q:') + t
                count[n] = str(int(count.get(n, 0)) + 1)
            for name, score in (('leases', gen.lease), ('delayed', gen.delay), ('watch', gen.watch)):
                if score:
                    zsets[name][i] = score
        k['n'] = ('hash', count, None)
        for (t, c), chat in self.chats.items():
            i = f'{t}:{c}'
            if chat.active:
                k['active:' + i] = ('string', chat.active, None)
            if chat.last:
                k['last:' + i] = ('string', chat.last, KEEP_LOG)
            if chat.ask:
                k['ask:' + i] = ('hash', chat.ask, DAY)
            if chat.wait:
                k['wait:' + i] = ('list', chat.wait, None)
            if chat.generations:
                k['gens:' + i] = ('zset', {g: T for g in chat.generations}, chat.generations_ttl)
            if chat.record:
                k['chat:' + i] = ('hash', chat.record, None)
                k['msgs:' + i] = ('list', chat.messages, None)
                for name in {'chats:' + t, f'chats:{t}:{user_key(chat.record["user"])}'} - {f'chats:{t}:-'}:
                    k.setdefault(name, ('zset', {}, None))[1][c] = T
        for lane, ring in self.ring.items():
            if ring:
                k['ring:' + lane] = ('list', ring, None)
        for (lane, t), users in self.users.items():
            k[f'users:{lane}:{t}'] = ('list', users, None)
        for (lane, t, u), line in self.queue.items():
            k[f'queue:{lane}:{t}:{u}'] = ('list', line, None)
        for (t, g), score in self.tombs.items():
            k.setdefault('tomb:' + t, ('zset', {}, MINUTE))[1][g] = score
        for (t, key), (g, hash, c) in self.idem.items():
            k[f'idem:{t}:{key}'] = ('hash', {'gen': g, 'hash': hash, 'chat': c}, DAY)
        for t, totals in self.totals.items():
            k['totals:' + t] = ('hash', {f: str(n) for f, n in totals.items()}, None)
        for (t, token), (outcome, g, dropped) in self.noted.items():
            k[f'stopreq:{t}:{token}'] = ('string', [outcome, g, list(dropped)], MINUTE)
        for (worker, nonce), (t, g) in self.claims.items():
            k[f'claim:{worker}:{nonce}'] = ('string', f'{t}:{g}', HOUR)
        for model, holders in self.places.items():
            if holders:
                k['places:' + model] = ('zset', holders, HOUR)
        for t, n in self.rated.items():
            k['rate:' + t] = ('string', T, MINUTE)
        for t, n in self.spent.items():
            k[f'spent:{t}:today'] = ('string', str(n), 2 * DAY)
        if self.paused:
            k['paused'] = ('set', self.paused, None)
        if self.fading:
            k['fading'] = ('zset', {':'.join(key): score for key, score in self.fading.items()}, None)
        for model in self.wanted:
            k['wanted:' + model] = ('string', '1', HOUR)
        for kind, n in self.turns.items():
            k['turns:' + kind] = ('string', str(n), None)
        for name, members in zsets.items():
            if members:
                k[name] = ('zset', members, None)
        if self.dead:
            k['dead'] = ('zset', {f'{t}:{g}': T for t, g in self.dead}, None)
        if self.figures:
            k['figures:now'] = ('hash', {f: str(n) for f, n in self.figures.items()}, 181 * 5000)
        if self.failures:
            k['failures'] = ('list', self.failures, None)
        if self.tick:
            k['tick'] = ('string', self.tick, None)
        for name in self.flags:
            k[name] = ('string', '1', MINUTE)
        return k
