"""What the model remembers of a generation and of a chat. Times are not modelled but by name: T stands for a time, DUE
for one that the test has pushed into the past.
"""
import hashlib

T, DUE = 'T', 'DUE'
MINUTE, HOUR, DAY = 60000, 3600000, 86400000
KEEP_LOG, KEEP_RECORD, KEEP_DEAD = 10 * MINUTE, DAY, 7 * DAY
LANES = ('stream.interactive', 'stream.batch', 'graph.interactive', 'graph.batch')
QUEUED, STARTED, DELTA, RESET, DONE, STOPPED, FAILED, INTERRUPTED = 1, 2, 3, 11, 12, 13, 14, 15
END = {'done': DONE, 'stopped': STOPPED, 'failed': FAILED, 'interrupted': INTERRUPTED}
NONE = '{"input":0,"output":0,"cached":0,"reasoning":0,"source":"none","settled":true}'
UNKNOWN = '{"input":null,"output":null,"cached":null,"reasoning":null,"source":"unknown","settled":false}'
RANK = ('unknown', 'estimated', 'none', 'provider')
CODES = {'worker_lost': 'worker_lost', 'log_lost': 'worker_lost', 'crashes': 'crashes', 'queue_timeout': 'queue_timeout',
         'conflict': 'conflict'}
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
        self.ask = None                        # what a graph's turn left to go on from
        self.generations, self.generations_ttl = set(), None

    def place(self, message):
        """Where a message of this id stands, the newest first."""
        return next((i for i in reversed(range(len(self.messages))) if self.messages[i]['id'] == message), None)
