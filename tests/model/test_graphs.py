"""Stories of graphs: which one a turn runs, what an ask leaves behind, what drops it, checkpoints, what workers publish."""
import msgpack
import pytest

from scripts import PREFIX
from turns import begin, chat, events, finish, record, run, say

PARKED = {'parked': 'state', 'parked_ms': 60000, 'resume': '{"expires_at":5}', 'graph': 'desk', 'finish_reason': 'ask'}


def asked(bus, c='c', t='default'):
    return {k.decode(): v.decode() for k, v in bus.redis.hgetall(f'{PREFIX}ask:{t}:{c}').items()}


def steps(bus, g, t='default'):
    return {k.decode(): v.decode() for k, v in bus.redis.hgetall(f'{PREFIX}steps:{t}:{g}').items()}


def run_graph(bus, g, c='c', more=None, **options):
    """Begun and claimed from the graph lane; its token."""
    begin(bus, c, g, more=more, **options)
    claimed = bus.claim('graph', nonce='n-' + g)
    assert claimed[1] == g and claimed[11].startswith('graph.') and claimed[22]
    return claimed[2]


def ask(bus, g='g1', c='c'):
    """A turn of the graph that ends with a question."""
    token = run_graph(bus, g, c, {'graph': 'desk'}, lane='graph.interactive')
    assert finish(bus, g, token, **PARKED)[:2] == ['done', 1]


def test_an_ask_is_parked_and_the_next_message_goes_on_behind_it(bus):
    ask(bus)
    assert asked(bus) == {'graph': 'desk', 'value': 'state', 'message_id': 'mg1'}
    assert 0 < bus.redis.pttl(PREFIX + 'ask:default:c') <= 60000
    end = events(bus, 'g1')[-1]
    assert (end[3]['finish_reason'], end[3]['resume']) == ('ask', '{"expires_at":5}')
    token = run_graph(bus, 'g2')
    assert steps(bus, 'g2') == {'ask': 'state'} and asked(bus)
    assert (record(bus, 'g2')['graph'], record(bus, 'g2')['lane']) == (b'desk', b'graph.interactive')
    finish(bus, 'g2', token, graph='desk')
    assert asked(bus) == {} and chat(bus, 'c')['graph'] == 'desk'
    run_graph(bus, 'g3')
    assert steps(bus, 'g3') == {}


def test_the_lane_is_of_the_same_kind(bus):
    ask(bus)
    begin(bus, 'c', 'g2', lane='stream.batch')
    assert bus.claim('graph', nonce='x')[11] == 'graph.batch'


@pytest.mark.parametrize('on_stop', ['discard', 'keep'])
def test_a_go_on_that_is_stopped_leaves_the_question(bus, on_stop):
    ask(bus)
    token = run_graph(bus, 'g2', more={'on_stop': on_stop})
    say(bus, 'g2', token, 'half')
    assert bus.stop('default', 'c')[0] == 'stopped'
    assert asked(bus)['value'] == 'state'
    run_graph(bus, 'g3')
    assert steps(bus, 'g3') == {'ask': 'state'}


def test_a_go_on_that_fails_leaves_the_question(bus):
    ask(bus)
    for g in ('g2', 'g3'):
        finish(bus, g, run_graph(bus, g), 'failed', reason='step_failed')
        assert steps(bus, g) == {'ask': 'state'}
    assert asked(bus)['value'] == 'state'


def test_another_ask_takes_its_place(bus):
    ask(bus)
    finish(bus, 'g2', run_graph(bus, 'g2'), **{**PARKED, 'parked': 'later state'})
    assert asked(bus) == {'graph': 'desk', 'value': 'later state', 'message_id': 'mg2'}


def test_a_message_that_names_a_model_drops_it_when_it_starts(bus):
    ask(bus)
    token = run_graph(bus, 'g2')
    assert begin(bus, 'c', 'g3', busy='enqueue', more={'model': 'm'})[0] == 'waiting'
    assert asked(bus)
    finish(bus, 'g2', token, 'failed', reason='step_failed')
    assert asked(bus) == {} and record(bus, 'g3')['lane'] == b'stream.interactive'
    token = bus.claim(nonce='x')[2]
    finish(bus, 'g3', token)
    assert 'graph' not in chat(bus, 'c') and chat(bus, 'c')['model'] == 'm'


def test_a_message_that_names_a_graph_drops_it(bus):
    ask(bus)
    run_graph(bus, 'g2', more={'graph': 'desk'}, lane='graph.interactive')
    assert asked(bus) == {} and steps(bus, 'g2') == {}


def test_what_is_refused_or_dead_on_arrival_drops_nothing(bus):
    ask(bus)
    bus.stop('default', g='dead')
    assert begin(bus, 'c', 'dead', more={'model': 'm'})[0] == 'stopped'
    assert begin(bus, 'c', 'g2', mode='new', more={'model': 'm'})[0] == 'exists'
    assert asked(bus)['value'] == 'state'


def test_a_turn_that_waited_chooses_when_it_starts(bus):
    token = run_graph(bus, 'g1', more={'graph': 'desk'}, lane='graph.interactive')
    assert begin(bus, 'c', 'g2', busy='enqueue')[0] == 'waiting'
    finish(bus, 'g1', token, **PARKED)
    assert steps(bus, 'g2') == {'ask': 'state'} and record(bus, 'g2')['lane'] == b'graph.interactive'


@pytest.mark.parametrize('is_last_known', [True, False])
def test_a_stop_by_chat_while_nothing_runs_drops_it(bus, is_last_known):
    ask(bus)
    if not is_last_known:
        bus.redis.delete(PREFIX + 'last:default:c')
    first = bus.stop('default', 'c', token='r1')
    assert first[0] == ('already_done' if is_last_known else 'idle') and asked(bus) == {}
    ask(bus, 'g2')
    assert bus.stop('default', 'c', token='r1') == first and asked(bus)     # sent again: nothing of a later turn
    assert bus.stop('default', g='g2')[0] == 'already_done' and asked(bus)  # names a turn, not the chat
    assert bus.stop('default', 'c', user='another')[0] == 'notfound' and asked(bus)


def test_deletion_drops_it(bus):
    ask(bus)
    bus.delete('default', 'c')
    assert asked(bus) == {}


def test_a_turn_that_replaces_the_question_does_not_answer_it(bus):
    ask(bus)
    token = run_graph(bus, 'g2', more={'replace_from': 'ug1'})
    assert steps(bus, 'g2') == {} and record(bus, 'g2')['graph'] == b'desk' and asked(bus)
    finish(bus, 'g2', token)
    assert asked(bus) == {}


def test_one_that_replaces_what_is_behind_the_question_does(bus):
    ask(bus)
    token = run_graph(bus, 'g2', more={'on_stop': 'keep'})
    say(bus, 'g2', token, 'half')
    bus.stop('default', g='g2')
    run_graph(bus, 'g3', more={'replace_from': 'ug2'})
    assert steps(bus, 'g3') == {'ask': 'state'}


def test_a_stateless_turn_takes_and_drops_nothing(bus):
    ask(bus)
    begin(bus, 'c', 'g2', mode='none')
    token = bus.claim(nonce='x')[2]
    assert bus.finish('default', 'g2', token, 'done', output='{}')[:2] == ['done', 1]
    assert asked(bus) and steps(bus, 'g2') == {}


def test_a_graph_leaves_the_chats_model_as_it_was(bus):
    finish(bus, 'g1', run(bus, 'c', 'g1', more={'model': 'first'}), model='first')
    finish(bus, 'g2', run_graph(bus, 'g2', more={'graph': 'desk'}, lane='graph.interactive'), model='inner')
    assert (chat(bus, 'c')['model'], chat(bus, 'c')['graph']) == ('first', 'desk')
    assert record(bus, 'g2')['model'] == b'inner'


def test_the_graph_of_a_chat_can_be_set_and_cleared(bus):
    finish(bus, 'g1', run(bus, 'c', 'g1'))
    assert bus.patch('default', 'c', graph='review') == 1
    finish(bus, 'g2', run_graph(bus, 'g2'))
    assert bus.patch('default', 'c', graph='') == 1 and 'graph' not in chat(bus, 'c')
    run(bus, 'c', 'g3')


def test_a_parked_key_of_another_kind_disturbs_nobody(bus):
    finish(bus, 'g1', run(bus, 'c', 'g1'))
    bus.redis.set(PREFIX + 'ask:default:c', 'odd')
    finish(bus, 'g2', run(bus, 'c', 'g2'))
    assert bus.redis.exists(PREFIX + 'ask:default:c') == 0


@pytest.mark.parametrize('shown, fate', [(0, 'requeued'), (1, 'interrupted')])
def test_a_checkpoint_says_what_a_crash_means(bus, shown, fate):
    token = run_graph(bus, 'g', more={'graph': 'desk'}, lane='graph.interactive')
    say(bus, 'g', token, 'of a step')
    step = msgpack.packb([3, 10, 1, {'node': 'a', 'status': 'finished'}])
    assert bus.checkpoint('default', 'g', token, 3, '1', 'kept', step, shown=shown) == 3
    assert -2 - bus.checkpoint('default', 'g', token, 3, '1', 'kept', step, shown=shown) == 3
    bus.reap()
    bus.redis.zadd(PREFIX + 'leases', {'default:g': 0})
    assert bus.reap() == ['default:g ' + fate]
    assert steps(bus, 'g') == {'1': 'kept'}


def publish(bus, *rows, keep=1000, keep_text=2000):
    return bus.run('publish', [PREFIX + 'graphs'], PREFIX, keep, keep_text, *[x for row in rows for x in row])


def test_what_was_said_last_is_listed_until_nobody_says_it(bus):
    assert publish(bus, ('b', 'b1', '{}', 'text of b1'), ('a', 'a1', '{1}', 'text of a1')) == 2
    assert publish(bus, ('a', 'a2', '{2}', 'text of a2')) == 2
    assert bus.run('graphs', [PREFIX + 'graphs'], PREFIX) == [b'a', b'a2', b'{2}', b'b', b'b1', b'{}']
    assert bus.redis.get(PREFIX + 'graph:a1') == b'text of a1'
    bus.redis.hset(PREFIX + 'graphs', 'a', '1 a2 {2}')
    assert bus.run('graphs', [PREFIX + 'graphs'], PREFIX) == [b'b', b'b1', b'{}']
    assert publish(bus, ('b', 'b1', '{}', 'text of b1')) == 1
