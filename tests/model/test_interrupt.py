"""What becomes of a turn whose worker is lost or gives it back after text was shown: on_interrupt."""
import msgpack
import pytest

from scripts import PREFIX
from turns import begin, delta, events, finish, messages, record, run, say

RESET = 11


def lose(bus, g):
    bus.redis.zadd(PREFIX + 'leases', {f'default:{g}': 1})
    return bus.reap()


def reset(bus, g, token, after):
    seq = bus.read('default', g)[1] + 1
    return bus.append('default', g, token, seq, [msgpack.packb([seq, RESET, 1, {'after': after}])])


def shown(bus, policy, on_stop='keep'):
    bus.reap()
    token = run(bus, 'c', 'g', more={'on_interrupt': policy, 'on_stop': on_stop})
    say(bus, 'g', token, 'one ', 'two ')
    return token


@pytest.mark.parametrize('policy', ['continue', 'restart'])
@pytest.mark.parametrize('how', ['lost', 'released', 'delayed'])
def test_a_shown_one_goes_on_in_the_same_log(bus, policy, how):
    token = shown(bus, policy)
    if how == 'lost':
        assert lose(bus, 'g') == ['default:g requeued']
    else:
        delay = 60000 if how == 'delayed' else 0
        assert bus.release('default', 'g', token, delay, 'note') == 'released'
        if delay:
            assert bus.claim(nonce='x') is None
            bus.redis.zadd(PREFIX + 'delayed', {'default:g': 1})
            assert bus.reap() == ['default:g due']
    claim = bus.claim(nonce='again')
    assert claim[1:8] == ['g', '2.again', 3, '2', '1', str(int(how == 'lost')), '' if how == 'lost' else 'note']
    assert claim[13] == policy
    assert say(bus, 'g', token, 'zombie') == 0
    assert say(bus, 'g', claim[2], 'three') == 4


def test_continue_keeps_what_was_shown_and_restart_voids_it(bus):
    for policy, text in (('continue', 'one two three'), ('restart', 'three')):
        shown(bus, policy)
        lose(bus, 'g')
        token = bus.claim(nonce='again')[2]
        if policy == 'restart':
            assert reset(bus, 'g', token, 1) == 4
        say(bus, 'g', token, 'three')
        assert bus.stop('default', 'c')[0] == 'stopped'
        assert messages(bus, 'c')[-1]['content'] == text
        assert [e[0] for e in events(bus, 'g')] == list(range(1, len(events(bus, 'g')) + 1))
        bus.redis.flushdb()


def test_a_restart_that_was_stopped_before_its_first_text_keeps_nothing(bus):
    shown(bus, 'restart')
    lose(bus, 'g')
    reset(bus, 'g', bus.claim(nonce='again')[2], 1)
    assert bus.stop('default', 'c')[7] == '0' and messages(bus, 'c') == []


def test_a_stop_while_it_waits_to_go_on_keeps_what_was_shown(bus):
    shown(bus, 'continue')
    lose(bus, 'g')
    assert bus.stop('default', 'c')[7] == '1'
    assert [m['content'] for m in messages(bus, 'c')[1:]] == ['one two ']
    assert bus.claim(nonce='again') is None


def test_interrupted_is_the_default_and_can_be_gone_on_with(bus):
    token = shown(bus, 'interrupted')
    assert bus.release('default', 'g', token) == 'shown'
    assert lose(bus, 'g') == ['default:g interrupted']
    assert events(bus, 'g')[-1][3]['resumable'] is True and messages(bus, 'c') == []
    assert begin(bus, 'c', 'next')[0] == 'queued'


@pytest.mark.parametrize('policy', ['continue', 'restart'])
def test_the_fifth_crash_ends_it_as_interrupted(bus, policy):
    shown(bus, policy)
    for i in range(4):
        assert lose(bus, 'g') == ['default:g requeued']
        say(bus, 'g', bus.claim(nonce=f'n{i}')[2], 'more')
    assert lose(bus, 'g') == ['default:g dead']
    assert record(bus, 'g')['state'] == b'interrupted' and record(bus, 'g')['reason'] == b'crashes'


def test_done_after_a_crash_commits_once(bus):
    shown(bus, 'continue')
    lose(bus, 'g')
    token = bus.claim(nonce='again')[2]
    bus.append('default', 'g', token, 4, [delta(4, 'three')], visible=True)
    assert finish(bus, 'g', token)[:2] == ['done', 1] and len(messages(bus, 'c')) == 2
