"""Short forms for tests that play one story."""
import json

import msgpack

from scripts import PREFIX

USAGE = '{"input":3,"output":4,"cached":null,"reasoning":null,"source":"provider","settled":true}'


def fields(g, **more):
    base = {'user': '', 'restore': json.dumps({'message': 'text of ' + g}), 'title': 'title', 'metadata': 'null',
            'user_msg': msgpack.packb({'v': 1, 'id': 'u' + g, 'role': 'user', 'content': 'text of ' + g}),
            'request': b'\x80', 'message_id': 'm' + g, 'user_message_id': 'u' + g, 'on_stop': 'discard',
            'on_interrupt': 'interrupted', 'grace': '0', 'keep_log': '600000', 'keep_record': '86400000'}
    return {**base, **more}


def begin(bus, c, g, t='default', more=None, **options):
    return bus.begin(t, c, g, fields=fields(g, **(more or {})), **options)


def run(bus, c, g, t='default', more=None, **options):
    """Begun and claimed (nothing else may wait): its token."""
    begin(bus, c, g, t, more, **options)
    claimed = bus.claim(nonce='n-' + g)
    assert claimed[:2] == [t, g]
    return claimed[2]


def delta(seq, text='x', part=0):
    return msgpack.packb([seq, 3, part, text])


def say(bus, g, token, *texts, t='default', flag=''):
    """Appends texts behind what is there."""
    first = bus.read(t, g)[1] + 1
    return bus.append(t, g, token, first, [delta(first + i, x) for i, x in enumerate(texts)], flag=flag, visible=True)


def finish(bus, g, token, state='done', t='default', **more):
    done = {'reply': msgpack.packb({'v': 1, 'id': 'm' + g, 'role': 'assistant', 'content': 'answer'}),
            'finish_reason': 'stop', 'model': 'm', 'usage': USAGE, 'source': 'provider'} if state == 'done' else {}
    return bus.finish(t, g, token, state, **{**done, **more})


def events(bus, g, t='default'):
    return [msgpack.unpackb(e) for e in bus.read(t, g, 0, 10 ** 6)[5]]


def record(bus, g, t='default'):
    return {k.decode(): v for k, v in bus.redis.hgetall(f'{PREFIX}gen:{t}:{g}').items()}


def chat(bus, c, t='default'):
    return {k.decode(): v.decode() for k, v in bus.redis.hgetall(f'{PREFIX}chat:{t}:{c}').items()}


def messages(bus, c, t='default'):
    return [msgpack.unpackb(m) for m in bus.redis.lrange(f'{PREFIX}msgs:{t}:{c}', 0, -1)]
