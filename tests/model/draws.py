"""What the driver draws its operations from: one generator of random numbers, and what the model knows."""
import random
import time

from compare import Comparer
from model_records import DELTA, RESET, STARTED

TENANTS, CHATS, USERS = ('default', 'default', 'acme'), ('c1', 'c2', 'c:3'), ('', 'ann', 'bob')
REASONING, TOOL_CALL, SOURCE = 4, 7, 9


class Draws(Comparer):
    USAGE = {'provider': '{"input":7,"output":9,"cached":null,"reasoning":null,"source":"provider","settled":false}',
             'estimated': '{"input":5,"output":11,"cached":null,"reasoning":null,"source":"estimated","settled":false}',
             'unknown': '{"input":null,"output":null,"source":"unknown","settled":false}',
             'none': '{"input":0,"output":0,"cached":0,"reasoning":0,"source":"none","settled":true}'}

    def __init__(self, scripts, seed):
        self.seed, self.random = seed, random.Random(seed)
        self.trace, self.outcomes = [], set()
        super().__init__(scripts)

    def restart(self):
        super().restart()
        self.ids, self.nonces, self.tokens, self.requests = 0, 0, [], {}
        self.trace.clear()
        self.began = time.monotonic()
        self.stateless = self.pick(0.15, 0.15, 0.7)        # an episode of full chats, or one of a full queue

    def age_ms(self):
        """Of this episode: rates forgive with time, so what they answer is known no better than that."""
        return 1000 * (time.monotonic() - self.began)

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
