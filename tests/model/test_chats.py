"""Chats as they are changed, listed and, when their time is over, removed."""
import pytest

from scripts import PREFIX
from turns import begin, chat, finish, messages, run

DAY = 86400000


def talk(bus, c, g, **more):
    finish(bus, g, run(bus, c, g, more=more))


def test_a_title_that_was_given_stays(bus):
    assert bus.patch('default', 'c', title='given') == 0 and not bus.redis.exists(PREFIX + 'chat:default:c')
    talk(bus, 'c', 'g1', title='first')
    assert bus.patch('default', 'c', metadata='{"b":2}') == 1
    talk(bus, 'c', 'g2', title='second', replace_from='ug1')
    assert chat(bus, 'c')['title'] == 'second' and chat(bus, 'c')['metadata'] == '{"b":2}'
    assert bus.patch('default', 'c', title='given') == 1
    talk(bus, 'c', 'g3', title='third', replace_from='ug2')
    assert chat(bus, 'c')['title'] == 'given' and [m['id'] for m in messages(bus, 'c')] == ['ug3', 'mg3']


def fade(bus, *ids):
    bus.redis.zadd(PREFIX + 'fading', {i: 1 for i in ids}, xx=True)
    return bus.sweep()


@pytest.mark.parametrize('user', ['', 'ann'])
def test_a_chat_is_kept_after_its_last_commit_and_then_gone_with_its_places_in_the_lists(bus, user):
    talk(bus, 'c:1', 'g1', user=user, keep_chat=DAY)
    talk(bus, 'other', 'g2', user=user)
    name, = bus.redis.zrange(PREFIX + 'fading', 0, -1)
    due = bus.redis.zscore(PREFIX + 'fading', name)
    assert abs(due - int(bus.redis.time()[0]) * 1000 - DAY) < 60000
    assert bus.sweep() == [0]
    assert fade(bus, name) == [0, 'default:c:1 faded']
    left = [k.decode() for k in bus.redis.keys(PREFIX + '*c:1')]
    assert [k for k in left if ':chat:' in k or ':msgs:' in k] == []
    for key in bus.redis.keys(PREFIX + 'chats:*'):
        assert bus.redis.zrange(key, 0, -1) == [b'other']
    assert begin(bus, 'c:1', 'g3', mode='new')[0] == 'queued'


def test_each_commit_counts_anew_and_for_ever_takes_it_back(bus):
    talk(bus, 'c', 'g1', keep_chat=DAY)
    bus.redis.zadd(PREFIX + 'fading', {'default:-:c': 1})
    talk(bus, 'c', 'g2', keep_chat=DAY)
    assert bus.redis.zscore(PREFIX + 'fading', 'default:-:c') > DAY
    talk(bus, 'c', 'g3', keep_chat=0)
    assert not bus.redis.exists(PREFIX + 'fading')


def test_no_chat_goes_from_under_a_turn(bus):
    talk(bus, 'c', 'g1', keep_chat=DAY)
    token = run(bus, 'c', 'g2')
    assert fade(bus, 'default:-:c') == [0]
    assert finish(bus, 'g2', token)[:2] == ['done', 1] and len(messages(bus, 'c')) == 4


def test_delete_leaves_nothing_to_fade(bus):
    talk(bus, 'c', 'g1', user='ann', keep_chat=DAY)
    bus.delete('default', 'c')
    assert not bus.redis.exists(PREFIX + 'fading')


def test_the_list_has_the_newest_commit_first_and_pages(bus):
    for i in range(5):
        talk(bus, f'c{i}', f'g{i}', user='ann' if i % 2 else '')
        bus.redis.zadd(PREFIX + 'chats:default', {f'c{i}': i})
    run(bus, 'c4', 'running')
    more, *rows = bus.chats('default', limit=2)
    assert more == 1 and [r[:2] for r in rows] == [['c4', 'running'], ['c3', '']]
    assert [r[0] for r in bus.chats('default', limit=9, after='c3')[1:]] == ['c2', 'c1', 'c0']
    assert sorted(r[0] for r in bus.chats('default', user='ann')[1:]) == ['c1', 'c3']
