"""The protocol once more, in Python and in memory: what each script should answer and leave behind.

Generations, chats and queues are objects here; `keys()` says which keys Redis should then hold. Times are not modelled
but by name: T stands for a time, DUE for one that the test has pushed into the past. Published messages, doorbells and
wake-ups of the last call are in `said`, `rang`, `woken`.
"""
import hashlib
import json
import re

import msgpack

T, DUE = 'T', 'DUE'
MINUTE, HOUR, DAY = 60000, 3600000, 86400000
KEEP_LOG, KEEP_RECORD, KEEP_DEAD = 10 * MINUTE, DAY, 7 * DAY
LANES = ('stream.interactive', 'stream.batch', 'graph.interactive', 'graph.batch')
QUEUED, STARTED, DELTA, RESET, DONE, STOPPED, FAILED, INTERRUPTED = 1, 2, 3, 11, 12, 13, 14, 15
END = {'done': DONE, 'stopped': STOPPED, 'failed': FAILED, 'interrupted': INTERRUPTED}
NONE = '{"input":0,"output":0,"cached":0,"reasoning":0,"source":"none","settled":true}'
UNKNOWN = '{"input":null,"output":null,"cached":null,"reasoning":null,"source":"unknown","settled":false}'
RANK = ('unknown', 'estimated', 'none', 'provider')
CODES = {'worker_lost': 'worker_lost', 'log_lost': 'worker_lost', 'crashes': 'crashes', 'queue_timeout': 'queue_timeout'}
PRIVATE = 'request restore user_msg title metadata system output error'.split()


def user_key(user):
    return hashlib.sha1(user.encode()).hexdigest() if user else '-'


class Generation:
    def __init__(self, t, g, chat, lane, mode, hash, flag, fields):
        self.t, self.g, self.chat, self.lane, self.mode, self.hash, self.flag = t, g, chat, lane, mode, hash, flag
        self.fields = dict(fields)             # what begin was given, later what the end left
        self.u = user_key(fields['user'])
        self.state, self.where, self.epoch, self.token = 'queued', 'new', 0, ''
        self.shown, self.crashes, self.queued_at = 0, 0, T
        self.seen_first = self.was_claimed = self.log_lost = False
        self.attempt = self.owner = None
        self.log, self.steps, self.counted = [], {}, {}
        self.record_ttl = self.log_ttl = None
        self.lease = self.delay = self.watch = None

    @property
    def open(self):
        return self.state in ('queued', 'running')

    @property
    def may_run_again(self):
        return not self.shown or self.fields['on_interrupt'] in ('continue', 'restart')

    def record(self):
        r = dict(self.fields, v='1', chat=self.chat, mode=self.mode, lane=self.lane, state=self.state, where=self.where,
                 epoch=str(self.epoch), tok=self.token, shown=str(self.shown), crashes=str(self.crashes), flag=self.flag,
                 hash=self.hash, created_at=T, queued_at=self.queued_at)
        if self.was_claimed:
            r.update(started_at=T, owner=self.owner)
        if self.seen_first:
            r['first_token_at'] = T
        if self.attempt is not None:
            r['attempt'] = self.attempt
        if not self.open:
            r['ended_at'] = T
        return r


class Chat:
    def __init__(self):
        self.active, self.wait, self.last, self.record, self.messages = None, [], None, None, []
        self.generations, self.generations_ttl = set(), None


class Model:
    def __init__(self):
        self.gens, self.chats, self.flags = {}, {}, {}
        self.ring, self.users, self.queue = {lane: [] for lane in LANES}, {}, {}
        self.tombs, self.idem, self.totals, self.noted, self.claims, self.turns = {}, {}, {}, {}, {}, {}
        self.dead, self.tick = [], None
        self.listen()

    def listen(self):
        self.said, self.rang, self.woken = [], set(), []

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
            self.chat(gen.t, gen.chat).wait.remove(gen.g)
        gen.delay = None

    def emit(self, gen, kind, fields):
        gen.log.append([len(gen.log) + 1, kind, fields])
        self.said.append((gen.t, gen.g, gen.log[-1]))

    def activate(self, gen):
        if gen.chat:
            self.chat(gen.t, gen.chat).active = gen.g
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
        for name in ('input', 'output'):
            n = json.loads(usage).get(name)
            if n is not None and n != gen.counted.get(name, 0):
                totals = self.totals.setdefault(gen.t, {})
                totals[name] = totals.get(name, 0) + n - gen.counted.get(name, 0)
                gen.counted[name] = n
                gen.fields['counted_' + name] = str(n)

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
        if state == 'done':
            fields = {'message_id': f['message_id'], 'user_message_id': f['user_message_id'],
                      'finish_reason': o.get('finish_reason'), 'model': model or None, 'usage': usage}
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
        while chat.wait:
            nx = self.get_open(gen.t, chat.wait.pop(0))
            if nx:
                return self.activate(nx)
        if tell and was_running and gen.flag:
            self.flags[gen.flag] = T

    def commit(self, gen, reply, o):
        chat, f = self.chat(gen.t, gen.chat), gen.fields
        chat.messages += [msgpack.unpackb(f['user_msg']), reply]
        r = chat.record = chat.record or {'title': f['title'], 'user': f['user']}
        if gen.mode == 'new':
            r.setdefault('metadata', f['metadata'])
        r.update(created_at=T, updated_at=T, message_count=str(len(chat.messages)))
        if o.get('model') or f.get('model'):
            r['model'] = o.get('model') or f['model']
        if 'system' in o or f.get('system'):
            r['system'] = o.get('system', f.get('system'))

    # --- the scripts -----------------------------------------------------------------------------------------------
    def begin(self, t, c, g, lane, mode, busy, hash, idem, limit, wait_limit, flag, fields):
        def replay(g, hash_then, chat):
            gen = self.get(t, g)
            kept = bool(gen) and (gen.open or bool(gen.log) and not gen.log_lost)
            return ['replayed' if hash_then == hash else 'conflict', g, gen.state if gen else 'gone', int(kept), chat]
        if self.get(t, g):
            return replay(g, self.get(t, g).hash, self.get(t, g).chat)
        if (t, idem) in self.idem:
            return replay(*self.idem[t, idem])
        chat = self.chat(t, c)
        if mode == 'new' and chat.record:
            return ['exists', g, '', 0, c]
        gen = Generation(t, g, c, lane, mode, hash, flag, fields)

        def write():
            self.gens[t, g] = gen
            if idem:
                self.idem[t, idem] = (g, hash, c)
        if self.tombs.get((t, g)) == T:
            del self.tombs[t, g]
            write()
            self.over(gen, 'stopped', 'user')
            return ['stopped', g, 'stopped', 0, c]
        if limit and self.count(t, 'queued') >= limit:
            return ['full', g, '', 0, c]
        active = self.active(t, c)
        if active:
            flagged = active.flag in self.flags
            if busy == 'interrupt':
                self.over(active, 'stopped', 'flag' if flagged else 'busy', take=True)
                active = None
            elif flagged:
                self.over(active, 'stopped', 'flag')
                active = self.active(t, c)
        if active and busy != 'enqueue':
            return ['busy', active.g, active.state, 0, c]
        if active and wait_limit and len(chat.wait) >= wait_limit:
            return ['full', g, '', 0, c]
        position = self.ahead(lane, t, gen.u, len(self.queue.get((lane, t, gen.u), [])))
        position += len(chat.wait) if active else 0
        write()
        gen.where = 'wait'
        self.emit(gen, QUEUED, {'message_id': fields['message_id'], 'user_message_id': fields['user_message_id'],
                                'position': position})
        if int(fields['grace']):
            gen.watch = T
        if c:
            chat.generations.add(g)
            chat.generations_ttl = None
        if active:
            chat.wait.append(g)
            return ['waiting', g, 'queued', position, c]
        self.activate(gen)
        return ['queued', g, 'queued', position, c]

    def claim(self, kind, worker, nonce, cap, caps):
        def answer(gen):
            f, r = gen.fields, (self.chat(gen.t, gen.chat).record or {}) if gen.mode != 'none' else {}
            return [gen.t, gen.g, gen.token, len(gen.log), str(gen.epoch), str(gen.shown), str(gen.crashes),
                    gen.attempt or '', gen.chat, gen.flag, gen.mode, gen.lane, f['on_stop'], f['on_interrupt'], f['user'],
                    f['message_id'], f['user_message_id'], T, f['request'], f['user_msg'], r.get('model', ''),
                    r.get('system', '')]
        if (worker, nonce) in self.claims:
            gen = self.get(*self.claims[worker, nonce])
            return answer(gen) if gen and gen.state == 'running' and gen.token == f'{gen.epoch}.{nonce}' else None
        lanes = [kind + '.interactive', kind + '.batch']
        if self.turns.get(kind, 0) % 8 == 7:
            lanes.reverse()
        more = False
        for lane in lanes:
            ring = self.ring[lane]
            for _ in range(len(ring)):
                if not ring:
                    break
                t = ring.pop(0)
                ring.append(t)
                most = caps.get(t, cap)
                if most and self.count(t, 'running') >= most:
                    continue
                users = self.users[lane, t]
                u = users.pop(0)
                users.append(u)
                g = self.queue[lane, t, u].pop(0)
                self.tidy(lane, t, u)
                gen = self.get(t, g)
                if gen.flag in self.flags:
                    gen.where = 'popped'
                    self.over(gen, 'stopped', 'flag')
                    more = True
                    continue
                gen.epoch += 1
                gen.token, gen.owner, gen.was_claimed = f'{gen.epoch}.{nonce}', worker, True
                gen.state, gen.where, gen.lease = 'running', '', T
                self.claims[worker, nonce] = (t, g)
                self.turns[kind] = self.turns.get(kind, 0) + 1
                return answer(gen)
        return 1 if more else None

    def append(self, t, g, token, first, events, flag, visible, step=None, shown=0):
        gen = self.get(t, g)
        if flag and flag in self.flags:
            return -1
        if not gen or gen.state != 'running' or gen.token != token:
            return 0
        if first != len(gen.log) + 1:
            return -2 - len(gen.log)
        for e in events:
            gen.log.append(e)
            self.said.append((t, g, e))
        if step:
            gen.steps[step[0]] = step[1]
            gen.shown = shown
        elif visible:
            gen.shown, gen.seen_first = 1, True
        return len(gen.log)

    def finish(self, t, g, token, state, expected, **o):
        gen = self.get(t, g)
        if not gen or gen.open and (gen.state != 'running' or gen.token != token):
            return ['gone', 0, 0]
        if not gen.open:
            return [gen.state, int(gen.token == token and gen.state == state), len(gen.log)]
        if gen.flag in self.flags:
            self.over(gen, 'stopped', 'flag', own=True, usage=o.get('usage'), source=o.get('source'))
            return ['stopped', 0, len(gen.log)]
        if expected != '' and expected != len(gen.log):
            return ['behind', len(gen.log), 0]
        reply = o.pop('reply', None) if state == 'done' and gen.mode != 'none' else None
        o.pop('reply', None)
        self.over(gen, state, o.pop('reason', ''), reply=reply and msgpack.unpackb(reply), own=True, **o)
        return [state, 1, len(gen.log)]

    def stop(self, t, c, g, reason, token, seen, all, limit):
        def answer(outcome, g, dropped=()):
            waiting = [x for w in dropped for x in (w, self.get(t, w) and self.get(t, w).fields.get('restore'))]
            gen = self.get(t, g)
            if not gen:
                return [outcome, g or None, c or None, None, None, None, None, '0', None, None, waiting]
            f, ended = gen.fields, not gen.open
            kept = f.get('committed') == '1'
            return [outcome, g, gen.chat or None, len(gen.log) if ended else None, gen.state,
                    ended and f['reason'] or None, f.get('restore') if ended and not kept else None,
                    f.get('committed', '0'), f['message_id'] if kept else None, f['usage'] if ended else None, waiting]

        def decide(outcome, g, dropped=()):
            if token:
                self.noted[t, token] = (outcome, g, dropped)
            return answer(outcome, g, dropped)
        if (t, token) in self.noted:
            return answer(*self.noted[t, token])
        by_chat = g == ''
        if by_chat:
            gen = self.active(t, c) or self.get(t, self.chat(t, c).last)
            if not gen:
                return decide('idle' if self.chat(t, c).record else 'notfound', '')
        else:
            gen = self.get(t, g)
        if not gen:
            if reason != 'user':
                return answer('notfound', g)
            self.tombs = {k: v for k, v in self.tombs.items() if v == T or k[0] != t}
            if limit and (t, g) not in self.tombs and sum(1 for k in self.tombs if k[0] == t) >= limit:
                return answer('full', g)
            self.tombs[t, g] = T
            return decide('will_stop', g)
        if c and gen.chat != c:
            return answer('notfound', '')
        if not gen.open:
            return decide('already_' + gen.state, gen.g)
        if reason == 'flag' and gen.flag not in self.flags:
            return decide('no_flag', gen.g)
        dropped = []
        if all and gen.chat:
            wait = self.chat(t, gen.chat).wait
            dropped = list(wait) if gen.where != 'wait' else wait[wait.index(gen.g) + 1:]
            for w in dropped:
                self.over(self.get(t, w), 'stopped', reason)
        self.over(gen, 'stopped', reason, tell=reason != 'flag',
                  seen=int(seen) if re.fullmatch(r'\d+', seen) else None)
        return decide('stopped', gen.g, dropped)

    def settle(self, t, g, token, usage, source):
        gen = self.get(t, g)
        if not gen or gen.token != token:
            return -1
        if gen.open:
            return -2
        f = gen.fields
        better = RANK.index(source) > RANK.index(f['usrc'])
        if better:
            f.update(usage=usage, usrc=source)
        f['usage'] = f['usage'].replace('"settled":false', '"settled":true')
        self.tally(gen, f['usage'])
        if not self.active(t, gen.chat):
            self.flags.pop(gen.flag, None)
        return int(better)

    def release(self, t, g, token, delay, attempt):
        gen = self.get(t, g)
        if not gen:
            return 'gone'
        if gen.state != 'running' or gen.token != token:
            return gen.state
        if gen.flag in self.flags:
            self.over(gen, 'stopped', 'flag', own=True)
            return 'stopped'
        if not gen.may_run_again:
            return 'shown'
        self.unplace(gen)
        if attempt:
            gen.attempt = attempt
        if delay:
            gen.state, gen.where, gen.delay = 'queued', 'delay', T
        else:
            self.place(gen, True)
        return 'released'

    def renew(self, *leases):
        out = []
        for t, g, token in leases:
            gen = self.get(t, g)
            out.append(int(bool(gen) and gen.state == 'running' and gen.token == token))
            if out[-1] and gen.lease:
                gen.lease = T
        return out

    def reap(self, max_crashes):
        if self.tick != T:
            self.tick = T
            for gen in self.gens.values():
                gen.lease, gen.watch = gen.lease and T, gen.watch and T
            return ['grace']
        out = []
        for what, due in (('lease', self.reap_lease), ('delay', self.reap_delay), ('watch', self.reap_watch)):
            for gen in sorted(self.gens.values(), key=lambda gen: f'{gen.t}:{gen.g}'):
                if getattr(gen, what) == DUE:
                    out.append(f'{gen.t}:{gen.g} {due(gen, max_crashes)}')
        return out

    def reap_lease(self, gen, max_crashes):
        if gen.flag in self.flags:
            self.over(gen, 'stopped', 'flag')
            return 'stopped'
        if not gen.may_run_again:
            self.over(gen, 'interrupted', 'worker_lost')
            return 'interrupted'
        gen.crashes += 1
        if gen.crashes >= max_crashes:
            self.over(gen, 'interrupted' if gen.shown else 'failed', 'crashes', keep_record=KEEP_DEAD, keep_log=KEEP_DEAD)
            self.dead.append((gen.t, gen.g))
            return 'dead'
        self.unplace(gen)
        self.place(gen, True)
        return 'requeued'

    def reap_delay(self, gen, _):
        gen.delay = None
        self.place(gen, True)
        return 'due'

    def reap_watch(self, gen, _):
        self.over(gen, 'stopped', 'disconnect')
        return 'stopped'

    def sweep(self, order):
        out = [0]
        for t, g in order:
            gen = self.get_open(t, g)
            if not gen or gen.state == 'running' or gen.where == 'wait':
                continue
            if gen.flag in self.flags:
                self.over(gen, 'stopped', 'flag')
                out.append(f'{t}:{g} flag')
            elif gen.where == 'queue' and gen.queued_at == DUE:
                self.over(gen, 'failed', 'queue_timeout')
                out.append(f'{t}:{g} queue timeout')
        return out

    def read(self, t, g, after, max):
        gen = self.get(t, g)
        if not gen:
            return None
        log = [] if gen.log_lost else gen.log
        return [gen.state, len(log), gen.token, int(gen.open or bool(log)), gen.chat, log[after:after + max]]

    def position(self, *ids):
        out = []
        for t, g in ids:
            gen = self.get(t, g)
            line = self.queue.get((gen.lane, t, gen.u), []) if gen and gen.where == 'queue' else []
            out.append(self.ahead(gen.lane, t, gen.u, line.index(g)) if g in line else -1)
        return out

    def watch(self, mode, members):
        n = 0
        for t, g in members:
            gen = self.get(t, g)
            if gen and gen.watch:
                n += 1
                gen.watch = T if mode == 'on' else gen.watch
        return n

    def delete(self, t, c):
        chat = self.chat(t, c)
        had = chat.record is not None or chat.active is not None
        for g in [*chat.wait, chat.active]:
            gen = self.get_open(t, g)
            if gen:
                self.over(gen, 'stopped', 'deleted', take=True, discard=True)
        for g in chat.generations:
            gen = self.get(t, g)
            if gen:
                gen.log_lost, gen.steps = True, {}
                gen.fields = {k: v for k, v in gen.fields.items() if k not in PRIVATE}
        del self.chats[t, c]
        return int(had)

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
        for kind, n in self.turns.items():
            k['turns:' + kind] = ('string', str(n), None)
        for name, members in zsets.items():
            if members:
                k[name] = ('zset', members, None)
        if self.dead:
            k['dead'] = ('zset', {f'{t}:{g}': T for t, g in self.dead}, None)
        if self.tick:
            k['tick'] = ('string', self.tick, None)
        for name in self.flags:
            k[name] = ('string', '1', MINUTE)
        return k
