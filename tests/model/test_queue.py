"""Who is next, and what becomes of what nobody serves any more."""
from collections import Counter

from scripts import PREFIX
from turns import begin, events, finish, record, run, say


def claims(bus, n, kind='stream', **options):
    return [bus.claim(kind, nonce=f'{kind}{i}', **options)[:2] for i in range(n)]


def test_a_tenants_flood_and_a_users_flood_hold_up_nobody(bus):
    for i in range(20):
        begin(bus, f'f{i}', f'f{i}', t='acme', more={'user': 'flood'})
    begin(bus, 'a', 'a', t='acme', more={'user': 'ann'})
    begin(bus, 'b', 'b', t='default')
    assert claims(bus, 4) == [['acme', 'f0'], ['default', 'b'], ['acme', 'a'], ['acme', 'f1']]


def test_position_counts_what_is_taken_before(bus):
    for u, n in (('flood', 3), ('ann', 1)):
        for i in range(n):
            begin(bus, f'{u}{i}', f'{u}{i}', more={'user': u})
    assert begin(bus, 'bob0', 'bob0', more={'user': 'bob'})[3] == 2
    assert begin(bus, 'bob1', 'bob1', more={'user': 'bob'})[3] == 4
    ids = [('default', g) for g in ('flood0', 'ann0', 'bob0', 'flood1', 'bob1', 'flood2', 'nix')]
    assert bus.position(*ids) == [0, 1, 2, 3, 4, 5, -1]
    assert [g for _, g in claims(bus, 6)] == [g for _, g in ids[:6]]


def test_position_of_one_that_waits_behind_its_chats_active_one(bus):
    run(bus, 'c', 'active')
    begin(bus, 'other', 'other')
    said = [begin(bus, 'c', f'w{i}', busy='enqueue')[3] for i in range(3)]
    assert said == bus.position(*[('default', f'w{i}') for i in range(3)]) == [1, 2, 3]
    bus.stop('default', g='other')
    bus.stop('default', g='w0')
    assert bus.position(*[('default', f'w{i}') for i in range(3)]) == [-1, 0, 1]


def test_a_paused_lane_is_passed_by_until_it_is_resumed(bus):
    begin(bus, 'c', 'i')
    begin(bus, 'd', 'b', lane='stream.batch')
    bus.pause('stream.interactive')
    assert bus.claim(nonce='a')[1] == 'b' and bus.claim(nonce='b') is None
    assert begin(bus, 'e', 'i2')[0] == 'queued'
    bus.pause('stream.interactive', False)
    assert claims(bus, 2) == [['default', 'i'], ['default', 'i2']]


def test_one_process_sweeps_for_all(bus):
    begin(bus, 'c', 'g')
    bus.redis.hset(PREFIX + 'gen:default:g', 'queued_at', 1)
    assert bus.sweep(limit=1, gap=60000, interactive=10 ** 15) == [1]
    assert bus.sweep(gap=60000) == [0]                                 # another's is under way
    assert 59000 < bus.redis.pttl(PREFIX + 'swept') <= 60000
    assert bus.sweep(1, gap=60000) == [0]
    bus.redis.delete(PREFIX + 'swept')
    assert bus.sweep(gap=60000) == [0, 'default:g queue timeout']


def test_every_eighth_claim_asks_the_batch_lane_first(bus):
    for i in range(30):
        begin(bus, f'i{i}', f'i{i}')
        begin(bus, f'b{i}', f'b{i}', lane='stream.batch')
    lanes = ''.join(g[0] for _, g in claims(bus, 24))
    assert lanes == 'iiiiiiib' * 3 and Counter(lanes)['b'] == 3


def test_kinds_do_not_mix(bus):
    begin(bus, 'c', 'g', lane='graph.interactive')
    assert bus.claim('stream') is None
    assert bus.claim('graph')[1] == 'g'


def test_the_cap_of_a_tenant(bus):
    for i in range(3):
        begin(bus, f'c{i}', f'g{i}')
    begin(bus, 'c', 'other', t='acme')
    assert claims(bus, 3, cap=2) == [['default', 'g0'], ['acme', 'other'], ['default', 'g1']]
    bus.redis.delete(PREFIX + 'bell:stream.interactive')
    assert bus.claim(nonce='x', cap=2) is None
    finish(bus, 'g0', '1.stream0')
    assert bus.redis.exists(PREFIX + 'bell:stream.interactive')
    assert bus.claim(nonce='x', cap=2)[1] == 'g2'


def test_claim_is_safe_to_repeat_with_its_nonce(bus):
    for i in range(3):
        begin(bus, f'c{i}', f'g{i}')
    first, second = bus.claim(nonce='a'), bus.claim(nonce='b')      # pipelined, both replies lost
    assert bus.claim(nonce='a') == first and bus.claim(nonce='b') == second
    bus.stop('default', g='g0')
    assert bus.claim(nonce='a') is None
    assert bus.claim(nonce='c')[1] == 'g2'


def expire(bus, g, key='leases', t='default'):
    bus.redis.zadd(PREFIX + key, {f'{t}:{g}': 1})


def test_a_crash_before_the_first_text_is_run_again_five_times(bus):
    begin(bus, 'c', 'g')
    begin(bus, 'd', 'later')
    bus.reap()
    for i in range(1, 5):
        assert bus.claim(nonce=f'n{i}')[6] == str(i - 1)
        expire(bus, 'g')
        assert bus.reap() == ['default:g requeued']
    bus.claim(nonce='n5')
    expire(bus, 'g')
    assert bus.reap() == ['default:g dead']
    assert events(bus, 'g')[-1][1] == 14 and record(bus, 'g')['reason'] == b'crashes'
    assert bus.redis.zrange(PREFIX + 'dead', 0, -1) == [b'default:g']
    assert bus.redis.ttl(PREFIX + 'gen:default:g') > 6 * 86400


def test_a_crash_after_the_first_text_is_interrupted_and_a_zombie_is_fenced(bus):
    token = run(bus, 'c', 'g')
    say(bus, 'g', token, 'x')
    bus.reap()
    expire(bus, 'g')
    assert bus.reap() == ['default:g interrupted']
    end = events(bus, 'g')[-1]
    assert end[1] == 15 and end[3]['resumable'] is True and '"worker_lost"' in end[3]['error']
    assert say(bus, 'g', token, 'late') == 0 and finish(bus, 'g', token)[:2] == ['interrupted', 0]


def test_a_checkpoint_makes_it_safe_to_run_again(bus):
    token = run(bus, 'c', 'g')
    say(bus, 'g', token, 'x')
    assert bus.checkpoint('default', 'g', token, 3, '1', 'value', b'\x94\x03\x0a\x00\x80') == 3
    assert bus.checkpoint('default', 'g', token, 3, '1', 'value', b'\x94\x03\x0a\x00\x80') == -5
    bus.reap()
    expire(bus, 'g')
    assert bus.reap() == ['default:g requeued']
    again = bus.claim(nonce='b')
    assert again[2:5] == ['2.b', 3, '2']


def test_leases_get_grace_after_nobody_could_renew(bus):
    token = run(bus, 'c', 'g')
    say(bus, 'g', token, 'x')
    bus.reap()
    expire(bus, 'g')
    for away in (1, 10 ** 14):                              # Redis was away; the clock jumped back
        bus.redis.set(PREFIX + 'tick', away)
        expire(bus, 'g')
        assert bus.reap() == ['grace']
        assert bus.reap() == []
    assert bus.renew(('default', 'g', token)) == [1]


def test_a_wait_over_a_second_holds_no_slot(bus):
    token = run(bus, 'c', 'g')
    assert bus.release('default', 'g', token, 60000, '3') == 'released'
    assert bus.renew(('default', 'g', token)) == [0]
    bus.reap()
    assert bus.reap() == [] and bus.claim(nonce='b') is None
    expire(bus, 'g', 'delayed')
    assert bus.reap() == ['default:g due']
    assert bus.claim(nonce='c')[7] == '3'


def test_a_new_chat_whose_reader_left_is_stopped(bus):
    token = run(bus, 'c', 'g', more={'grace': '5000'})
    assert bus.watch('on', 60000, 'default:g') == 1
    assert bus.watch('off', 5000, 'default:g') == 1
    bus.reap()
    assert bus.reap() == []
    expire(bus, 'g', 'watch')
    assert bus.reap() == ['default:g stopped']
    assert record(bus, 'g')['reason'] == b'disconnect' and say(bus, 'g', token, 'x') == 0
    assert bus.watch('on', 60000, 'default:g') == 0


def test_queue_timeouts_by_lane(bus):
    for g, lane in (('i', 'stream.interactive'), ('b', 'stream.batch')):
        begin(bus, g, g, lane=lane)
        bus.redis.hincrby(PREFIX + f'gen:default:{g}', 'queued_at', -700000)
    assert bus.sweep() == [0, 'default:i queue timeout']
    assert bus.sweep(batch=600000) == [0, 'default:b queue timeout']
    assert '"queue_timeout"' in events(bus, 'i')[-1][3]['error']


def test_sweep_sees_flags_of_queued_ones_but_not_of_waiting_ones(bus):
    begin(bus, 'c', 'g1')
    begin(bus, 'c', 'g2', busy='enqueue')
    bus.redis.set('chat_stop:c', 1, ex=60)
    assert bus.sweep() == [0, 'default:g1 flag']
    assert bus.claim()[1] == 'g2'


def test_sweep_pages_and_ends_what_was_promoted_only_once(bus):
    """An ended one promotes another into a list that this sweep has read before: it must not be put there twice."""
    begin(bus, 'a', 'first')
    begin(bus, 'c', 'g1')
    begin(bus, 'c', 'g2', busy='enqueue')
    bus.redis.zadd(PREFIX + 'open', {'default:first': 1, 'default:g1': 2, 'default:g2': 3})
    bus.redis.set('chat_stop:c', 1, ex=60)
    assert bus.sweep(0, 2) == [2, 'default:g1 flag']
    assert bus.sweep() == [0]
    assert bus.redis.lrange(PREFIX + 'queue:stream.interactive:default:-', 0, -1) == [b'first', b'g2']
    bus.redis.hset(PREFIX + 'gen:default:first', 'queued_at', 1)
    begin(bus, 'a', 'second', busy='enqueue')
    assert bus.sweep() == [0, 'default:first queue timeout']
    assert bus.redis.lrange(PREFIX + 'queue:stream.interactive:default:-', 0, -1) == [b'g2', b'second']
