"""Stories of turns that replace: a message and all after it give way when the turn is done, and not before."""
import json

import msgpack
import pytest

from scripts import PREFIX
from turns import begin, chat, events, finish, messages, record, run, say


def talk(bus, *generations, c='c'):
    for g in generations:
        finish(bus, g, run(bus, c, g, more={'title': 'title of ' + g}))


def ids(bus, c='c'):
    return [m['id'] for m in messages(bus, c)]


def replacing(message, **more):
    return {'replace_from': message, **more}


def test_the_message_and_all_after_it_give_way_at_the_commit(bus):
    talk(bus, 'g1', 'g2', 'g3')
    token = run(bus, 'c', 'r', more=replacing('ug2'))
    say(bus, 'r', token, 'new')
    assert ids(bus) == ['ug1', 'mg1', 'ug2', 'mg2', 'ug3', 'mg3']
    assert finish(bus, 'r', token)[:2] == ['done', 1]
    assert ids(bus) == ['ug1', 'mg1', 'ur', 'mr']
    assert (chat(bus, 'c')['message_count'], chat(bus, 'c')['title']) == ('4', 'title of g1')
    assert bus.redis.zrange(PREFIX + 'chats:default', 0, -1) == [b'c']
    assert finish(bus, 'r', token)[:2] == ['done', 1] and len(ids(bus)) == 4       # the reply was lost


def test_a_reply_can_be_replaced_too(bus):
    talk(bus, 'g1', 'g2')
    finish(bus, 'r', run(bus, 'c', 'r', more=replacing('mg1')))
    assert ids(bus) == ['ug1', 'ur', 'mr']


def test_the_first_message_takes_its_title_with_it(bus):
    talk(bus, 'g1')
    finish(bus, 'r', run(bus, 'c', 'r', more=replacing('ug1', title='another')))
    assert ids(bus) == ['ur', 'mr'] and chat(bus, 'c')['title'] == 'another'


def test_what_is_before_it_is_what_a_reader_of_the_chat_gets(bus):
    talk(bus, 'g1', 'g2')
    for before, seen in (('ug2', ['ug1', 'mg1']), ('mg1', ['ug1']), ('ug1', []), ('nix', []), ('', ['ug1', 'mg1', 'ug2', 'mg2'])):
        assert [msgpack.unpackb(m)['id'] for m in bus.view('default', 'c', before=before)[1]] == seen
    assert bus.view('default', 'c', limit=1, before='ug2')[1:3] == [bus.redis.lrange(PREFIX + 'msgs:default:c', 1, 1), 1]


@pytest.mark.parametrize('on_stop, left', [('discard', ['ug1', 'mg1']), ('keep', ['ur', 'mr'])])
def test_a_stop_changes_nothing_unless_the_partial_is_kept(bus, on_stop, left):
    talk(bus, 'g1')
    token = run(bus, 'c', 'r', more=replacing('ug1', on_stop=on_stop))
    say(bus, 'r', token, 'part')
    assert bus.stop('default', 'c')[7] == str(int(on_stop == 'keep'))
    assert ids(bus) == left and chat(bus, 'c')['message_count'] == '2'


def test_a_failed_one_changes_nothing(bus):
    talk(bus, 'g1')
    finish(bus, 'r', run(bus, 'c', 'r', more=replacing('ug1')), 'failed', reason='provider_error')
    assert ids(bus) == ['ug1', 'mg1']


def test_only_a_message_of_the_chat_can_be_replaced(bus):
    talk(bus, 'g1')
    talk(bus, 'other', c='d')
    for more in (replacing('uother'), replacing('nix'), replacing('g1')):
        assert begin(bus, 'c', 'r', more=more) == ['no_message', 'r', '', 0, 'c']
    assert begin(bus, 'e', 'r', mode='new', more=replacing('ug1'))[0] == 'no_message'
    assert begin(bus, 'c', 'r', mode='none', more=replacing('ug1'))[0] == 'no_message'
    token = run(bus, 'c', 'g2')
    assert begin(bus, 'c', 'r', busy='interrupt', more=replacing('nix'))[0] == 'no_message'
    assert say(bus, 'g2', token, 'undisturbed') == 2


def test_one_that_waits_and_finds_nothing_to_replace_fails_and_the_next_starts(bus):
    talk(bus, 'g1', 'g2')
    token = run(bus, 'c', 'first', more=replacing('ug1'))
    assert begin(bus, 'c', 'late', busy='enqueue', more=replacing('ug2'))[0] == 'waiting'
    assert begin(bus, 'c', 'next', busy='enqueue')[0] == 'waiting'
    finish(bus, 'first', token)
    end = events(bus, 'late')[-1]
    assert end[1] == 14 and json.loads(end[3]['error'])['code'] == 'conflict' and end[3]['restore']
    assert record(bus, 'late')['reason'] == b'conflict'
    assert bus.claim(nonce='x')[1] == 'next'


def test_an_interrupt_that_takes_its_own_target_away(bus):
    talk(bus, 'g1', 'g2')
    token = run(bus, 'c', 'first', more=replacing('ug1', on_stop='keep'))
    say(bus, 'first', token, 'partial')
    begin(bus, 'c', 'waiting', busy='enqueue')
    assert begin(bus, 'c', 'r', busy='interrupt', more=replacing('ug2')) == ['queued', 'r', 'failed', 0, 'c']
    assert bus.claim(nonce='x')[1] == 'waiting' and bus.sweep() == [0]
    assert ids(bus) == ['ufirst', 'mfirst']


def test_a_target_that_somebody_else_removed_while_it_ran(bus):
    talk(bus, 'g1')
    token = run(bus, 'c', 'r', more=replacing('ug1', on_stop='keep'))
    bus.redis.delete(PREFIX + 'msgs:default:c')
    assert finish(bus, 'r', token) == ['failed', 0, 2]
    assert finish(bus, 'r', token) == ['failed', 0, 2]
    assert record(bus, 'r')['reason'] == b'conflict' and json.loads(record(bus, 'r')['usage'])['source'] == 'provider'
    assert ids(bus) == []


def test_an_old_message_of_a_long_chat(bus):
    bus.redis.hset(PREFIX + 'chat:default:c', mapping={'message_count': 2500, 'title': 'long'})
    bus.redis.rpush(PREFIX + 'msgs:default:c', *[msgpack.packb({'v': 1, 'id': f'msg{i}', 'content': 'x' * 1000}) for i in range(2500)])
    finish(bus, 'r', run(bus, 'c', 'r', more=replacing('msg149')))
    assert ids(bus)[-3:] == ['msg148', 'ur', 'mr'] and chat(bus, 'c')['message_count'] == '151'
