"""The model's part of what ends without a word: leases given back, renewed, reaped; what waited too long."""
from model_records import DUE, KEEP_DEAD, T
from model_state import State


class Leases(State):
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
        for t, u, c in sorted(key for key, score in self.fading.items() if score == DUE):
            if self.chat(t, c).active:
                self.fading[t, u, c] = T
                continue
            del self.fading[t, u, c]
            self.chat(t, c).record, self.chat(t, c).messages, self.chat(t, c).ask = None, [], None
            out.append(f'{t}:{c} faded')
        return out
