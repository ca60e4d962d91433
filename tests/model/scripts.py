"""The scripts as Redis gets them, and one Python function for each with its arguments by name.

The texts are put together by the same assemble.cmake as in the build; `edit` changes a source before that (mutations).
"""
import pathlib
import re
import shutil
import subprocess
import tempfile

import redis

FOLDER = pathlib.Path(__file__).resolve().parents[2] / 'lib' / 'bus' / 'scripts'
PREFIX = 'sluice:{s00}:'
NAMES = ('begin claim finish stop settle release renew reap sweep read position watch delete view place whose patch look dead chats publish graphs report').split()


def assemble(edit=None):
    """{name: text}. edit: (file name, old, new): old must be there, every occurrence is replaced."""
    with tempfile.TemporaryDirectory() as work:
        source, out = pathlib.Path(work) / 'in', pathlib.Path(work) / 'out'
        shutil.copytree(FOLDER, source)
        if edit:
            name, old, new = edit
            text = (source / name).read_text()
            assert old in text, f'{name} has no {old!r}'
            (source / name).write_text(text.replace(old, new))
        subprocess.run(['cmake', f'-DSRC={source}', f'-DOUT={out}', '-P', str(FOLDER / 'assemble.cmake')], check=True)
        texts = {name: (out / f'{name}.lua').read_text() for name in NAMES}
        texts['library'] = (out / 'library.lua').read_text()
    return texts


def text(value):
    """Replies as str where they are text; events and blobs stay bytes."""
    if isinstance(value, list):
        return [text(v) for v in value]
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value
    return value


class Scripts:
    """What a process of Sluice says to Redis. Defaults are those of the configuration."""

    def __init__(self, client, texts):
        self.redis = client
        self.texts = texts
        self.sha = {name: client.script_load(texts[name]) for name in NAMES}
        self.name = re.match(r'#!lua name=sluice_([0-9a-f]{8})\n', texts['library']).group(1)
        self.load_library()

    def load_library(self):
        try:
            self.redis.execute_command('FUNCTION', 'LOAD', self.texts['library'])
        except redis.ResponseError as e:
            if 'already exists' not in str(e):
                raise

    def run(self, name, keys, *argv):
        return self.redis.execute_command('EVALSHA', self.sha[name], len(keys), *keys, *argv)

    @staticmethod
    def key(*parts):
        return PREFIX + ':'.join(parts)

    @staticmethod
    def flag(t, c):
        if not c:
            return ''
        return f'chat_stop:{c}' if t == 'default' else f'chat_stop@{t}:{c}'

    def begin(self, t, c, g, *, lane='stream.interactive', mode='any', busy='reject', hash='h', idem='', limit=10000,
              wait_limit=10, per_minute=0, per_day=0, fields=None):
        keys = [self.key('gen', t, g)] + ([self.flag(t, c)] if c else [])
        pairs = [x for kv in (fields or {}).items() for x in kv]
        return text(self.run('begin', keys, PREFIX, t, c, g, lane, mode, busy, hash, idem, limit, wait_limit,
                             per_minute, per_day, *pairs))

    def claim(self, kind='stream', worker='w', nonce='n', lease=10000, cap=64, caps=()):
        return text(self.run('claim', [self.key('ring', kind + '.interactive')], PREFIX, kind, worker, nonce, lease, cap,
                             *caps))

    def append(self, t, g, token, first, events, *, flag='', visible=False):
        keys = [self.key('live', t, g, token), self.key('gen', t, g)] + ([flag] if flag else [])
        return self.redis.execute_command('FCALL', 'append_' + self.name, len(keys), *keys, self.key('events', t, g),
                                          first, int(visible), *events)

    def appends(self, *items):
        """(t, g, token, seq, event, flag, visible) of each."""
        keys, argv = [], []
        for t, g, token, seq, event, flag, visible in items:
            live = self.key('live', t, g, token)
            keys += [live, self.key('gen', t, g), flag or live]
            argv += [self.key('events', t, g), seq, int(visible), event]
        return self.redis.execute_command('FCALL', 'appends_' + self.name, len(keys), *keys, *argv)

    def checkpoint(self, t, g, token, seq, field, value, event, *, flag='', shown=False):
        keys = [self.key('live', t, g, token), self.key('gen', t, g), self.key('steps', t, g)] + ([flag] if flag else [])
        return self.redis.execute_command('FCALL', 'checkpoint_' + self.name, len(keys), *keys, self.key('events', t, g),
                                          seq, int(shown), field, value, event)

    def finish(self, t, g, token, state, expected='', **fields):
        pairs = [x for kv in fields.items() for x in kv]
        return text(self.run('finish', [self.key('gen', t, g)], PREFIX, t, g, token, state, expected, *pairs))

    def stop(self, t, c='', g='', *, reason='user', token='', seen='', all=False, limit=1000, user=''):
        return text(self.run('stop', [self.key('open')], PREFIX, t, c, g, reason, token, seen, int(all), limit, user))

    def whose(self, t, c='', g='', *, user='', only=''):
        return self.run('whose', [self.key('open')], PREFIX, t, c, g, user, only)

    def settle(self, t, g, token, usage, source):
        return self.run('settle', [self.key('gen', t, g)], PREFIX, t, g, token, usage, source)

    def release(self, t, g, token, delay=0, attempt=''):
        return text(self.run('release', [self.key('gen', t, g)], PREFIX, t, g, token, delay, attempt))

    def renew(self, *leases, lease=10000):
        return self.run('renew', [self.key('leases')], PREFIX, lease, *[x for l in leases for x in l])

    def reap(self, lease=10000, crashes=5, gap=3000, limit=100, keep_dead=604800000):
        return text(self.run('reap', [self.key('leases')], PREFIX, lease, crashes, gap, limit, keep_dead))

    def sweep(self, offset=0, limit=1000, interactive=600000, batch=86400000, gap=0):
        return text(self.run('sweep', [self.key('open')], PREFIX, offset, limit, interactive, batch, gap))

    def read(self, t, g, after=0, max=256):
        return self.run('read', [self.key('gen', t, g)], PREFIX, t, g, after, max)

    def position(self, *ids):
        return self.run('position', [self.key('open')], PREFIX, *[x for i in ids for x in i])

    def view(self, t, c, limit=1000, before=''):
        return self.run('view', [self.key('chat', t, c)], PREFIX, t, c, limit, before)

    def watch(self, mode, ms, *members):
        return self.run('watch', [self.key('watch')], mode, ms, *members)

    def pause(self, lane, paused=True):
        return (self.redis.sadd if paused else self.redis.srem)(self.key('paused'), lane)

    def patch(self, t, c, **fields):
        return self.run('patch', [self.key('chat', t, c)], *[x for kv in fields.items() for x in kv])

    def look(self, most=200, slots=180):
        return text(self.run('look', [self.key('open')], PREFIX, most, slots))

    def report(self, **counts):
        return self.run('report', [self.key('figures')], PREFIX, *(x for name, n in counts.items() for x in (name.replace('__', ':'), n)))

    def dead(self, limit=50, offset=0):
        return text(self.run('dead', [self.key('dead')], PREFIX, offset, limit))

    def chats(self, t, limit=50, after='', user=''):
        return text(self.run('chats', [self.key('chats', t)], PREFIX, t, limit, after, user))

    def place(self, verb, *holders, model='m', limit=0, lease=10000):
        return self.run('place', [self.key('places', model), self.key('wanted', model)], PREFIX, verb, model, lease, limit,
                        *holders)

    def delete(self, t, c):
        return self.run('delete', [self.key('open')], PREFIX, t, c)
