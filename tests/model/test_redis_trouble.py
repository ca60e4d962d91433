"""What Redis can do to us: full memory, lost tails, lost replies, damaged states."""
import itertools

import msgpack
import pytest
import redis

from redis_server import RedisServer
from scripts import PREFIX, Scripts
from turns import begin, delta, events, finish, messages, record, run, say


def test_full_memory_refuses_only_what_makes_new_work(bus):
    running = [run(bus, f'c{i}', f'g{i}') for i in range(3)]
    begin(bus, 'q', 'queued', more={'on_stop': 'keep'})
    begin(bus, 'w', 'gone')
    say(bus, 'g0', running[0], 'x')
    bus.reap()
    client = bus.redis
    client.config_set('maxmemory', 1)
    try:
        refused = {
            'begin': lambda: begin(bus, 'n', 'new'), 'claim': lambda: bus.claim(nonce='x'),
            'append': lambda: bus.append('default', 'g0', running[0], 3, [delta(3)]),
            'checkpoint': lambda: bus.checkpoint('default', 'g0', running[0], 3, '1', 'v', delta(3))}
        for call in refused.values():
            with pytest.raises(redis.ResponseError, match='OOM'):
                call()
        assert bus.read('default', 'g0')[1] == 2
        assert bus.renew(('default', 'g0', running[0])) == [1]
        assert bus.watch('on', 1000, 'default:g0') == 0
        assert bus.position(('default', 'queued')) == [0]
        assert bus.stop('default', g='queued')[0] == 'stopped'
        assert bus.stop('default', g='unseen')[0] == 'will_stop'
        assert finish(bus, 'g0', running[0])[:2] == ['done', 1]
        assert bus.stop('default', 'c1', token='k')[0] == 'stopped'
        assert bus.settle('default', 'g1', running[1], '{"input":1}', 'provider') == 1
        assert bus.release('default', 'g2', running[2]) == 'released'
        assert bus.reap() == [] and bus.sweep() == [0]
        assert bus.delete('default', 'c0') == 1
    finally:
        client.config_set('maxmemory', 0)
    assert bus.claim(nonce='y')[1] in ('g2', 'gone')


def test_lost_replies_repeated_with_the_same_arguments(bus):
    token = run(bus, 'c', 'g')
    first = bus.append('default', 'g', token, 2, [delta(2), delta(3)], visible=True)
    again = bus.append('default', 'g', token, 2, [delta(2), delta(3)], visible=True)
    assert first == 3 and -2 - again >= 2 + 2 - 1
    assert finish(bus, 'g', token) == finish(bus, 'g', token) == ['done', 1, 4]
    assert len(messages(bus, 'c')) == 2
    token = run(bus, 'c', 'h')
    assert bus.release('default', 'h', token) == 'released' and bus.release('default', 'h', token) == 'queued'
    token = bus.claim(nonce='z')[2]
    first = bus.stop('default', 'c', token='k', all=True)
    begin(bus, 'c', 'next')                                  # the user resends before the repeated stop arrives
    assert bus.stop('default', 'c', token='k', all=True) == first and first[1] == 'h'
    assert bus.stop('default', g='h')[0] == 'already_stopped'
    for _ in range(2):
        bus.settle('default', 'h', token, '{"input":5,"output":1}', 'provider')
    assert bus.redis.hget(PREFIX + 'totals:default', 'input') == b'8'
    assert record(bus, 'next')['state'] == b'queued'


def test_a_cut_tail_is_noticed_by_worker_and_reader(bus):
    token = run(bus, 'c', 'g')
    say(bus, 'g', token, 'a', 'b', 'c')
    live = f'{PREFIX}live:default:g:{token}'
    bus.redis.rpop(live, 2)                                 # Redis came back without its last second
    assert bus.append('default', 'g', token, 5, [delta(5)]) == -2 - 2
    assert finish(bus, 'g', token, expected=4) == ['behind', 2, 0]
    assert bus.read('default', 'g', 4)[1] == 2              # shorter than the reader's cursor: rewound
    assert bus.append('default', 'g', token, 3, [delta(3), delta(4), delta(5)]) == 5
    assert finish(bus, 'g', token, expected=5)[:2] == ['done', 1]
    assert [e[0] for e in events(bus, 'g')] == [1, 2, 3, 4, 5, 6]


def test_scripts_and_library_come_back_after_a_flush(bus):
    bus.redis.script_flush()
    bus.redis.execute_command('FUNCTION', 'FLUSH')
    with pytest.raises(redis.exceptions.NoScriptError):
        begin(bus, 'c', 'g')
    with pytest.raises(redis.ResponseError, match='not found'):
        bus.append('default', 'g', '1.n', 2, [delta(2)])
    bus.load_library()
    again = Scripts(bus.redis, bus.texts)
    assert begin(again, 'c', 'g')[0] == 'queued'


def test_a_killed_redis_comes_back_with_everything_when_it_syncs_always(texts):
    server = RedisServer('--appendonly', 'yes', '--appendfsync', 'always', '--save', '')
    try:
        bus = Scripts(server.client(), texts)
        token = run(bus, 'c', 'g')
        say(bus, 'g', token, 'x')
        begin(bus, 'd', 'stopped')
        bus.stop('default', g='stopped')
        server.kill()
        server.start()
        bus = Scripts(server.client(), texts)
        assert record(bus, 'stopped')['state'] == b'stopped'
        assert bus.reap() == ['grace']                       # nobody could renew while it was away
        assert say(bus, 'g', token, 'y') == 3
        assert finish(bus, 'g', token)[:2] == ['done', 1]
    finally:
        server.close()


def test_a_damaged_chat_hinders_no_end(bus):
    token = run(bus, 'c', 'g', more={'on_stop': 'keep'})
    say(bus, 'g', token, 'x')
    bus.redis.set(PREFIX + 'chat:default:c', 'not a hash')
    with pytest.raises(redis.ResponseError, match='DAMAGED'):
        finish(bus, 'g', token)
    assert record(bus, 'g')['state'] == b'running'
    assert bus.stop('default', g='g')[0:8:7] == ['stopped', '0']


DAMAGES = {
    'record gone': lambda r, t: r.delete(PREFIX + 'gen:default:g'),
    'log gone': lambda r, t: r.delete(PREFIX + 'log:default:g', f'{PREFIX}live:default:g:{t}'),
    'log of another type': lambda r, t: [r.set(k, 'x') for k in (PREFIX + 'log:default:g', f'{PREFIX}live:default:g:{t}')
                                         if r.exists(k)],
    'no lease': lambda r, t: r.delete(PREFIX + 'leases'),
    'no delay': lambda r, t: r.delete(PREFIX + 'delayed'),
    'queue gone': lambda r, t: r.delete(*[k for k in r.keys(PREFIX + 'queue:*')] or ['x']),
    'users gone': lambda r, t: r.delete(*[k for k in r.keys(PREFIX + 'users:*')] or ['x']),
    'rings gone': lambda r, t: r.delete(*[k for k in r.keys(PREFIX + 'ring:*')] or ['x']),
    'wait list gone': lambda r, t: r.delete(PREFIX + 'wait:default:c'),
    'active gone': lambda r, t: r.delete(PREFIX + 'active:default:c'),
    'active names nobody': lambda r, t: r.set(PREFIX + 'active:default:c', 'nobody'),
    'counters wrong': lambda r, t: r.hset(PREFIX + 'n', mapping={'q:default': 99, 'r:default': -3}),
    'in the queue twice': lambda r, t: r.rpush(PREFIX + 'queue:stream.interactive:default:-', 'g', 'g', 'nobody'),
    'ring of nobody': lambda r, t: r.rpush(PREFIX + 'ring:stream.interactive', 'nobody', 'default'),
    'bad events': lambda r, t: r.type(f'{PREFIX}live:default:g:{t}') == b'list'
    and r.rpush(f'{PREFIX}live:default:g:{t}', 'not msgpack'),
}


@pytest.mark.parametrize('damages', [*[(d,) for d in DAMAGES], *itertools.combinations(DAMAGES, 2)], ids='+'.join)
@pytest.mark.parametrize('state', ['queued', 'running', 'delayed', 'waiting behind'])
def test_every_damaged_state_ends(bus, state, damages):
    """Whatever is broken: with reap, sweep and a worker that does its work, all of it is over in the end."""
    token = 'none'
    if state == 'queued':
        begin(bus, 'c', 'g', more={'on_stop': 'keep'})
    else:
        token = run(bus, 'c', 'g', more={'on_stop': 'keep'})
        if state == 'delayed':
            bus.release('default', 'g', token, 100000)
        elif state == 'waiting behind':
            say(bus, 'g', token, 'x')
    begin(bus, 'c', 'behind', busy='enqueue')
    begin(bus, 'd', 'other')
    bus.reap()
    for d in damages:
        DAMAGES[d](bus.redis, token)
    for i in range(12):
        for key in ('leases', 'delayed'):
            for member in bus.redis.zrange(PREFIX + key, 0, -1):
                bus.redis.zadd(PREFIX + key, {member: 1})
        bus.reap()
        bus.sweep()
        claimed = bus.claim(nonce=f'w{i}')
        if isinstance(claimed, list):
            assert finish(bus, claimed[1], claimed[2])[0] == 'done'
    assert bus.redis.zrange(PREFIX + 'open', 0, -1) == []
    left = {v for v in bus.redis.hvals(PREFIX + 'n')}
    assert left <= {b'0'}
    for g in ('g', 'behind', 'other'):
        assert record(bus, g).get('state', b'gone') in (b'done', b'failed', b'interrupted', b'stopped', b'gone')
        if record(bus, g):
            log = [msgpack.unpackb(e) for e in bus.read('default', g, 0, 99)[5] if e != b'not msgpack']
            assert [e[1] in (12, 13, 14, 15) for e in log] == [False] * (len(log) - 1) + [True]
    assert begin(bus, 'c', 'after')[0] == 'queued'
    assert bus.sweep() == [0]
