"""What a tenant may begin in a minute and use in a day. Only what is accepted costs something."""
from scripts import PREFIX
from turns import begin, finish, record, run

DAY = 86400000


def spent(bus, t='default'):
    keys = bus.redis.keys(PREFIX + f'spent:{t}:*')
    assert len(keys) <= 1
    return int(bus.redis.get(keys[0])) if keys else 0


def test_a_minutes_requests_may_come_at_once_and_then_one_after_the_other(bus):
    for i in range(4):
        assert begin(bus, f'c{i}', f'g{i}', per_minute=4)[0] == 'queued'
    outcome, g, state, wait, c = begin(bus, 'c', 'late', per_minute=4)
    assert (outcome, g, state, c) == ('limited', 'late', '', 'c') and 14000 < wait <= 15000
    assert begin(bus, 'c', 'other', t='acme', per_minute=4)[0] == 'queued'
    rate = PREFIX + 'rate:default'
    assert 59000 < bus.redis.pttl(rate) <= 60000
    bus.redis.set(rate, float(bus.redis.get(rate)) - 15000)           # a quarter of a minute later
    assert begin(bus, 'c', 'late', per_minute=4)[0] == 'queued'
    assert begin(bus, 'd', 'more', per_minute=4)[0] == 'limited'


def test_what_is_not_accepted_or_seen_before_costs_nothing(bus):
    begin(bus, 'c', 'g', idem='k', per_minute=3)
    for _ in range(5):
        assert begin(bus, 'c', 'g', idem='k', per_minute=3)[0] == 'replayed'
        assert begin(bus, 'c', 'again', idem='k', per_minute=3)[0] == 'replayed'
        assert begin(bus, 'c', 'busy', per_minute=3)[0] == 'busy'
        assert begin(bus, 'd', 'full', per_minute=3, limit=1)[0] == 'full'
        assert begin(bus, 'c', 'none', per_minute=3, more={'replace_from': 'x'})[0] == 'no_message'
        bus.stop('default', g='dead')
        assert begin(bus, 'e', 'dead', per_minute=3)[0] in ('stopped', 'replayed')
    assert [begin(bus, f'f{i}', f'f{i}', per_minute=3)[0] for i in range(3)] == ['queued', 'queued', 'limited']
    assert begin(bus, 'c', 'g', per_minute=3)[0] == 'replayed'        # also when the rate is used up


def test_a_clock_that_jumped_back_blocks_for_a_minute_at_most(bus):
    bus.redis.set(PREFIX + 'rate:default', 10 ** 15)
    assert 0 < begin(bus, 'c', 'g', per_minute=60)[3] <= 1000


def test_a_days_tokens_are_counted_as_they_are_known(bus):
    token = run(bus, 'c', 'g', per_day=7)
    bus.stop('default', g='g')
    assert spent(bus) == 0
    bus.settle('default', 'g', token, '{"input":1,"output":5}', 'estimated')
    assert spent(bus) == 6 and begin(bus, 'c', 'g2', per_day=7)[0] == 'queued'
    bus.settle('default', 'g', token, '{"input":1,"output":6}', 'provider')
    bus.settle('default', 'g', token, '{"input":1,"output":6}', 'provider')
    assert spent(bus) == 7
    outcome, _, _, wait, _ = begin(bus, 'd', 'g3', per_day=7)
    now = int(bus.redis.time()[0]) * 1000
    assert outcome == 'limited' and abs(now % DAY + wait - DAY) < 2000
    assert begin(bus, 'd', 'g4', t='acme', per_day=7)[0] == 'queued'
    day = bus.redis.keys(PREFIX + 'spent:default:*')[0]
    assert DAY < bus.redis.pttl(day) <= 2 * DAY
    bus.redis.rename(day, PREFIX + f'spent:default:{now // DAY - 1}')  # midnight
    assert begin(bus, 'd', 'g3', per_day=7)[0] == 'queued'
    assert record(bus, 'g3')['state'] == b'queued'


def test_no_limit_keeps_no_rate(bus):
    finish(bus, 'g', run(bus, 'c', 'g'))
    assert not bus.redis.exists(PREFIX + 'rate:default') and spent(bus) == 7
