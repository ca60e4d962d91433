"""Stories of single turns: what the answers and events of each end look like, seen without the model."""
import json

import pytest

from scripts import PREFIX
from turns import USAGE, begin, chat, delta, events, finish, messages, record, run, say


def test_a_turn_enters_the_chat_as_a_whole(bus):
    token = run(bus, 'c', 'g1', mode='new', more={'user': 'ann', 'metadata': '{"a":1}'})
    say(bus, 'g1', token, 'an', 'swer')
    assert chat(bus, 'c') == {}
    assert finish(bus, 'g1', token, system='be kind') == ['done', 1, 4]
    seq, kind, at, end = events(bus, 'g1')[-1]
    assert (seq, kind, end) == (4, 12, {'message_id': 'mg1', 'user_message_id': 'ug1', 'finish_reason': 'stop',
                                        'model': 'm', 'usage': USAGE})
    c = chat(bus, 'c')
    assert (c['title'], c['user'], c['metadata'], c['message_count'], c['model'], c['system']) == (
        'title', 'ann', '{"a":1}', '2', 'm', 'be kind')
    assert [m['role'] for m in messages(bus, 'c')] == ['user', 'assistant']
    assert bus.redis.zrange(PREFIX + 'chats:default', 0, -1) == [b'c']
    assert begin(bus, 'c', 'g2', mode='new')[0] == 'exists'
    begin(bus, 'c', 'g2')
    assert bus.claim(nonce='n2')[20:] == ['m', 'be kind', '']


def test_stop_answers_what_happened(bus):
    token = run(bus, 'c', 'g1')
    say(bus, 'g1', token, 'partial')
    outcome, g, c, seq, state, reason, restore, committed, message, usage, waiting = bus.stop('default', 'c', token='k')
    assert (outcome, g, c, seq, state, reason, committed, message, waiting) == (
        'stopped', 'g1', 'c', 3, 'stopped', 'user', '0', None, [])
    assert json.loads(restore) == {'message': 'text of g1'}
    assert json.loads(usage)['source'] == 'unknown' and json.loads(usage)['settled'] is False
    last = events(bus, 'g1')[-1]
    assert last[:2] == [3, 13] and last[3] == {'reason': 'user', 'restore': restore, 'committed': False, 'usage': usage}
    assert bus.append('default', 'g1', token, 4, [delta(4)]) == 0
    assert finish(bus, 'g1', token) == ['stopped', 0, 3]
    assert messages(bus, 'c') == []
    assert bus.redis.ttl('chat_stop:c') == 60
    assert bus.settle('default', 'g1', token, USAGE, 'provider') == 1
    assert not bus.redis.exists('chat_stop:c')
    assert bus.stop('default', 'c', token='k')[9] == USAGE
    assert bus.redis.hgetall(PREFIX + 'totals:default') == {b'input': b'3', b'output': b'4'}


def test_the_flag_stops_what_is_active_and_goes(bus):
    token = run(bus, 'c', 'g1')
    bus.redis.set('chat_stop:c', 1, ex=60)
    assert say(bus, 'g1', token, 'x', flag='chat_stop:c') == -1
    assert bus.stop('default', g='g1', reason='flag')[:1] == ['stopped']
    assert not bus.redis.exists('chat_stop:c')
    bus.redis.set('chat_stop:c', 1, ex=60)             # nothing runs: a left-over
    token = run(bus, 'c', 'g2')
    assert finish(bus, 'g2', token)[0] == 'done'


def test_another_tenants_flag_and_ids_are_its_own(bus):
    token = run(bus, 'c', 'g1', t='acme')
    bus.redis.set('chat_stop:c', 1)
    assert say(bus, 'g1', token, 'x', t='acme', flag='chat_stop@acme:c') == 2
    assert bus.stop('default', g='g1')[0] == 'will_stop'
    assert bus.stop('default', 'c')[0] == 'notfound'
    assert record(bus, 'g1', 'acme')['state'] == b'running'


def test_keep_commits_the_parts_in_order(bus):
    token = run(bus, 'c', 'g1', more={'on_stop': 'keep'})
    bus.append('default', 'g1', token, 2, [delta(2, 'void', 0)], visible=True)
    bus.append('default', 'g1', token, 3, [b'\x94\x03\x0b\x00\x81\xa5after\x01'])          # reset after 1
    bus.append('default', 'g1', token, 4, [delta(4, 'b1', 1), delta(5, 'a1', 0), delta(6, 'b2', 1)], visible=True)
    answer = bus.stop('default', g='g1')
    assert answer[6:9] == [None, '1', 'mg1']
    reply = messages(bus, 'c')[1]
    assert reply['content'] == 'a1\n\nb1b2' and reply['stopped'] is True and reply['generation_id'] == 'g1'
    assert events(bus, 'g1')[-1][3]['restore'] is None


@pytest.mark.parametrize('seen, text', [('0', None), ('1', None), ('3', 'ab'), ('99', 'abc'), ('', 'abc')])
def test_keep_seen_is_cut_and_clamped(bus, seen, text):
    token = run(bus, 'c', 'g1', more={'on_stop': 'keep_seen'})
    say(bus, 'g1', token, 'a', 'b', 'c')
    bus.stop('default', g='g1', seen=seen)
    assert [m['content'] for m in messages(bus, 'c')[1:]] == ([text] if text else [])


def test_keep_of_a_long_reply(bus):
    token = run(bus, 'c', 'g1', more={'on_stop': 'keep'})
    for first in range(2, 12002, 1000):
        bus.append('default', 'g1', token, first, [delta(first + i, 'é') for i in range(1000)], visible=True)
    assert bus.stop('default', g='g1')[3] == 12002
    assert messages(bus, 'c')[1]['content'] == 'é' * 12000


def test_a_stateless_turn_commits_nothing(bus):
    token = run(bus, '', 'g1', mode='none', more={'on_stop': 'keep'})
    say(bus, 'g1', token, 'text')
    assert bus.finish('default', 'g1', token, 'done', 2, output='{"text":"text"}', finish_reason='stop')[0] == 'done'
    assert record(bus, 'g1')['output'] == b'{"text":"text"}'
    token = run(bus, 'c', 'g2', mode='none', more={'on_stop': 'keep'})
    say(bus, 'g2', token, 'text')
    assert begin(bus, 'c', 'g3', mode='none')[0] == 'busy'
    assert bus.stop('default', 'c')[:1] == ['stopped']
    assert bus.redis.keys(PREFIX + 'msgs:*') + bus.redis.keys(PREFIX + 'chat:*') == []


def test_tombstones(bus):
    assert bus.stop('default', 'c', 'g1', seen='0')[:3] == ['will_stop', 'g1', 'c']
    assert begin(bus, 'c', 'g1', mode='new')[0] == 'stopped'
    assert [e[1] for e in events(bus, 'g1')] == [13]
    assert json.loads(record(bus, 'g1')['usage'])['source'] == 'none'
    assert bus.claim() is None
    assert begin(bus, 'c', 'g1', mode='new')[:4] == ['replayed', 'g1', 'stopped', 1]
    for i in range(3):
        assert bus.stop('default', g=f'x{i}', limit=3)[0] == 'will_stop'
    assert bus.stop('default', g='x9', limit=3)[0] == 'full'
    assert bus.stop('acme', g='x9', limit=3)[0] == 'will_stop'
    assert bus.redis.ttl(PREFIX + 'tomb:default') == 60
    bus.redis.zadd(PREFIX + 'tomb:default', {'x0': 1})      # its minute is over
    assert bus.stop('default', g='x9', limit=3)[0] == 'will_stop'
    assert begin(bus, 'c', 'x0')[0] == 'queued'


def test_the_same_request_twice_is_one_generation(bus):
    assert begin(bus, 'c', 'g1', idem='k')[0] == 'queued'
    assert begin(bus, 'other', 'g2', idem='k') == ['replayed', 'g1', 'queued', 1, 'c']
    assert begin(bus, 'c', 'g2', idem='k', hash='x')[0] == 'conflict'
    assert begin(bus, 'c', 'g1', hash='x')[0] == 'conflict'
    assert begin(bus, 'c', 'g1') == ['replayed', 'g1', 'queued', 1, 'c']
    assert begin(bus, 'c', 'g1', t='acme', idem='k')[0] == 'queued'
    finish(bus, 'g1', bus.claim()[2])
    bus.redis.delete(PREFIX + 'log:default:g1')             # ten minutes later
    assert begin(bus, 'c', 'g1')[2:4] == ['done', 0]
    assert bus.read('default', 'g1')[3] == 0
    bus.redis.delete(PREFIX + 'gen:default:g1')
    assert begin(bus, 'c', 'g3', idem='k')[2:4] == ['gone', 0]


def test_waiting_turns_start_in_order(bus):
    token = run(bus, 'c', 'g1')
    assert begin(bus, 'c', 'g2', busy='enqueue')[0] == 'waiting'
    assert begin(bus, 'c', 'g3', busy='enqueue')[:4] == ['waiting', 'g3', 'queued', 1]
    assert begin(bus, 'c', 'g4', busy='enqueue', wait_limit=2)[0] == 'full'
    assert begin(bus, 'c', 'g4')[:2] == ['busy', 'g1']
    assert bus.claim(nonce='none yet') is None
    finish(bus, 'g1', token)
    assert bus.claim(nonce='a')[1] == 'g2'
    assert bus.stop('default', g='g2', all=True)[10] == ['g3', json.dumps({'message': 'text of g3'})]
    assert bus.redis.exists('chat_stop:c')                  # nothing of the chat started


def test_a_stop_sets_no_flag_when_the_next_turn_starts(bus):
    run(bus, 'c', 'g1')
    begin(bus, 'c', 'g2', busy='enqueue')
    assert bus.stop('default', 'c', token='k')[1] == 'g1'
    assert not bus.redis.exists('chat_stop:c')
    assert bus.stop('default', 'c', token='k')[1] == 'g1'   # again: not the next turn
    assert bus.claim(nonce='a')[1] == 'g2'


def test_interrupt_ends_the_running_turn_as_busy(bus):
    token = run(bus, 'c', 'g1')
    assert begin(bus, 'c', 'g2', busy='interrupt')[0] == 'queued'
    assert record(bus, 'g1')['reason'] == b'busy'
    assert say(bus, 'g1', token, 'x') == 0
    assert bus.claim(nonce='a')[1] == 'g2'


def test_delete_leaves_nothing_that_anybody_wrote(bus):
    token = run(bus, 'c', 'g0', more={'user': 'ann'})
    finish(bus, 'g0', token)
    token = run(bus, 'c', 'g1', more={'on_stop': 'keep'})
    say(bus, 'g1', token, 'secret')
    bus.checkpoint('default', 'g1', token, 3, '1', 'secret', delta(3, ''), flag='chat_stop:c')
    begin(bus, 'c', 'g2', busy='enqueue')
    assert bus.delete('default', 'c') == 1
    assert bus.delete('default', 'c') == 0
    assert finish(bus, 'g1', token)[0] == 'stopped'
    left = [k.decode().removeprefix(PREFIX) for k in bus.redis.keys(PREFIX + '*')]
    assert not [k for k in left if k.split(':')[0] in ('chat', 'msgs', 'log', 'live', 'steps', 'gens', 'chats', 'wait')]
    for g in ('g0', 'g1', 'g2'):
        assert 'restore' not in record(bus, g) and 'request' not in record(bus, g)
    assert begin(bus, 'c', 'g1')[2:4] == ['stopped', 0]


def test_several_streams_append_in_one_call_and_fail_alone(bus):
    tokens = {}
    for g in 'abcdef':
        tokens[g] = run(bus, 'c' + g, g)
    bus.redis.set('chat_stop:cb', 1, ex=60)
    bus.stop('default', g='c', token='k')
    live = PREFIX + 'live:default:d:' + tokens['d']
    bus.redis.delete(live)
    bus.redis.set(live, 'not a list')
    say(bus, 'e', tokens['e'], 'one')
    items = [('default', g, tokens[g], 2, delta(2), '' if g in 'cf' else 'chat_stop:c' + g, True) for g in 'abcdef']
    a, b, c, d, e, f = bus.appends(*items)
    assert (a, b, c, e, f) == (2, -1, 0, -2 - 2, 2)     # taken, flagged, fenced, an earlier try had arrived, taken
    assert 'WRONGTYPE' in str(d)
    assert [x[0] for x in events(bus, 'a')] == [1, 2] and [x[0] for x in events(bus, 'e')] == [1, 2]
    assert bus.redis.hget(PREFIX + 'gen:default:a', 'shown') == b'1'
