"""Places at a model over all processes: as many at once as it takes, those of the dead come free, who waits is told."""
from scripts import PREFIX


def test_no_more_than_the_limit_hold_a_place(bus):
    assert [bus.place('take', f'h{i}', limit=2) for i in range(3)] == [1, 1, 0]
    assert bus.place('take', 'h0', limit=2) == 1                     # sent again
    assert bus.place('take', 'h0', model='another', limit=2) == 1
    assert bus.place('give', 'h0') == 1 and bus.place('give', 'h0') == 0
    assert bus.place('take', 'h2', limit=2) == 1


def test_places_of_a_dead_worker_come_free_and_renewed_ones_do_not(bus):
    bus.place('take', 'dead', limit=2), bus.place('take', 'alive', limit=2)
    bus.redis.zadd(PREFIX + 'places:m', {'dead': 1, 'alive': 1})
    assert bus.place('renew', 'alive') == 1                          # late, but its request is open
    assert [bus.place('take', h, limit=2) for h in ('x', 'y')] == [1, 0]
    assert 0 < bus.redis.pttl(PREFIX + 'places:m') <= 10000


def test_a_free_place_is_told_only_where_somebody_was_refused(bus):
    heard = bus.redis.pubsub(ignore_subscribe_messages=True)
    heard.subscribe(PREFIX + 'places')
    heard.get_message(timeout=1)
    bus.place('take', 'a', limit=1), bus.place('give', 'a')
    bus.place('take', 'a', limit=1), bus.place('take', 'b', limit=1)
    bus.place('take', 'c', model='n', limit=1)
    bus.place('give', 'c', model='n'), bus.place('give', 'a'), bus.place('give', 'a')
    assert heard.get_message(timeout=5)['data'] == b'm'
    assert heard.get_message(timeout=0) is None
    heard.close()
