"""The protocol once more, in Python and in memory: what each script should answer, on the state of model_state.py."""
import re

import msgpack

from model_leases import Leases
from model_records import DUE, PRIVATE, QUEUED, RANK, T, Generation, user_key


def tomb_marks(g, c, user):
    """The marks of a stop before its generation that count for it, the narrowest last."""
    marks = [g, g + '@' + c if c else g]
    return marks + [mark + ' ' + user_key(user) if user else mark for mark in marks]


class Model(Leases):
    def owner(self, t, c):
        """Whose a chat is; None: nothing is known of it."""
        record, active = self.chat(t, c).record, self.get(t, self.chat(t, c).active)
        return record['user'] if record else active.fields['user'] if active else None

    def is_for(self, gen, user):
        record = self.chat(gen.t, gen.chat).record if gen.chat else None
        return user in ('', gen.fields['user']) or bool(record) and record['user'] == user

    def whose(self, t, c, g, user, only):
        def answer(is_mine):
            return 1 if is_mine else -1
        if g:
            gen = self.get(t, g)
            return answer(only in ('', gen.chat) and self.is_for(gen, user)) if gen else 0
        if only and c != only:
            return -1
        owner = self.owner(t, c)
        return 0 if owner is None else answer(user in ('', owner))

    def begin(self, t, c, g, lane, mode, busy, hash, idem, limit, wait_limit, per_minute, per_day,
              flag, fields):
        def replay(g, hash_then, chat):
            gen = self.get(t, g)
            kept = bool(gen) and (gen.open or bool(gen.log) and not gen.log_lost)
            return ['replayed' if hash_then == hash else 'conflict', g, gen.state if gen else 'gone', int(kept), chat]
        if fields.get('own') == '1':
            user, old = fields['user'], self.get(t, g)
            if old and not self.is_for(old, user) or c and self.owner(t, c) not in (None, user):
                return ['notfound', g, '', 0, c]
        if self.get(t, g):
            return replay(g, self.get(t, g).hash, self.get(t, g).chat)
        if (t, idem) in self.idem:
            return replay(*self.idem[t, idem])
        chat = self.chat(t, c)
        if mode == 'new' and chat.record:
            return ['exists', g, '', 0, c]
        if fields.get('replace_from') and (mode != 'any' or chat.place(fields['replace_from']) is None):
            return ['no_message', g, '', 0, c]
        gen = Generation(t, g, c, lane, mode, hash, flag, fields)
        if fields['grace_if_new'] == '1' and chat.record and mode != 'none':
            gen.fields['grace'] = '0'

        def write():
            self.gens[t, g] = gen
            if idem:
                self.idem[t, idem] = (g, hash, c)
            if per_minute and not marks:
                self.rated[t] = self.rated.get(t, 0) + 1
        marks = [mark for mark in tomb_marks(g, c, fields['user']) if self.tombs.get((t, mark)) == T]
        if marks:
            del self.tombs[t, marks[-1]]
            write()
            self.over(gen, 'stopped', 'user')
            return ['stopped', g, 'stopped', 0, c]
        if per_day and self.spent.get(t, 0) >= per_day:
            return ['limited', g, '', 'until midnight', c]
        if per_minute and self.rated.get(t, 0) >= per_minute:
            return ['limited', g, '', 'a turn of the rate', c]
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
        if not active and c and mode != 'none':
            lane = (self.choose(gen) or (0, 0, lane))[2]
        position = self.ahead(lane, t, gen.u, len(self.queue.get((lane, t, gen.u), [])))
        position += len(chat.wait) if active else 0
        write()
        gen.where = 'wait'
        self.emit(gen, QUEUED, {'message_id': fields['message_id'], 'user_message_id': fields['user_message_id'],
                                'position': position})
        if int(gen.fields['grace']):
            gen.watch = T
        if c:
            chat.generations.add(g)
            chat.generations_ttl = None
        if active:
            chat.wait.append(g)
            return ['waiting', g, 'queued', position, c]
        if self.start(gen):
            return ['queued', g, 'queued', position, c]
        self.start_waiting(chat, t)
        return ['queued', g, 'failed', 0, c]

    def claim(self, kind, worker, nonce, cap, caps):
        def answer(gen):
            f, r = gen.fields, (self.chat(gen.t, gen.chat).record or {}) if gen.mode != 'none' else {}
            return [gen.t, gen.g, gen.token, len(gen.log), str(gen.epoch), str(gen.shown), str(gen.crashes),
                    gen.attempt or '', gen.chat, gen.flag, gen.mode, gen.lane, f['on_stop'], f['on_interrupt'], f['user'],
                    f['message_id'], f['user_message_id'], T, f['request'], f['user_msg'], r.get('model', ''),
                    r.get('system', ''), f.get('graph', '')]
        if (worker, nonce) in self.claims:
            gen = self.get(*self.claims[worker, nonce])
            return answer(gen) if gen and gen.state == 'running' and gen.token == f'{gen.epoch}.{nonce}' else None
        lanes = [kind + '.interactive', kind + '.batch']
        if self.turns.get(kind, 0) % 8 == 7:
            lanes.reverse()
        more = False
        for lane in lanes:
            ring = self.ring[lane] if lane not in self.paused else []
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

    def stop(self, t, c, g, reason, token, seen, all, limit, user=''):
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
                chat = self.chat(t, c)
                if not chat.record or user not in ('', chat.record['user']):
                    return decide('notfound', '')
                chat.ask = None
                return decide('idle', '')
        else:
            gen = self.get(t, g)
        if not gen:
            if reason != 'user':
                return answer('notfound', g)
            self.tombs = {k: v for k, v in self.tombs.items() if v == T or k[0] != t}
            mark = tomb_marks(g, c, user)[-1]
            if limit and (t, mark) not in self.tombs and sum(1 for k in self.tombs if k[0] == t) >= limit:
                return answer('full', g)
            self.tombs[t, mark] = T
            return decide('will_stop', g)
        if c and gen.chat != c or not self.is_for(gen, user):
            return answer('notfound', '')
        if not gen.open:
            if by_chat:
                self.chat(t, c).ask = None
            return decide('already_' + gen.state, gen.g)
        if reason == 'flag' and gen.flag and gen.flag not in self.flags:
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
            line = self.queue.get((gen.lane, t, gen.u), []) if gen and gen.where in ('queue', 'wait') else []
            if gen and gen.where == 'wait':
                out.append(self.chat(t, gen.chat).wait.index(g) + self.ahead(gen.lane, t, gen.u, len(line)))
                continue
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

    def patch(self, t, c, fields):
        record = self.chat(t, c).record
        if record:
            record.update(fields, **({'titled': '1'} if 'title' in fields else {}))
            if not record.get('graph', 'one'):
                del record['graph']
        return int(bool(record))

    def model_place(self, verb, holders, model, limit):
        held = self.places.setdefault(model, {})
        freed, n = [h for h, score in held.items() if score == DUE], 0
        for h in freed:
            del held[h]
        for h in holders:
            if verb == 'give' and held.pop(h, None):
                freed.append(h)
                n += 1
            elif verb == 'renew' or verb == 'take' and (h in held or len(held) < limit):
                held[h] = T
                n += 1
            elif verb == 'take':
                self.wanted.add(model)
        if freed and verb != 'take' and model in self.wanted:
            self.wanted.remove(model)
            self.freed.append(model)
        return n

    def delete(self, t, c):
        chat = self.chat(t, c)
        if chat.record:
            self.fading.pop((t, user_key(chat.record['user']), c), None)
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
