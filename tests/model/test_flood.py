"""F21: a flood of 100,000 queued by one tenant, or by one user of it, holds up nobody else, and what Redis does for each
call stays small. SLUICE_FLOOD sets its size."""
import os

import pytest

from scripts import PREFIX
from turns import begin

SIZE = int(os.environ.get('SLUICE_FLOOD', '100000'))
MANY_USERS = 10000
GROSS_US = 5000                            # of Redis's time for one call; measured are some tenths of it
FILL = """
local P, t, from, to, users = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local like = redis.call('HGETALL', P .. 'gen:' .. t .. ':first')
for i = from, to do
  local g, user = 'f' .. i, 'u' .. i % users
  local u, gen = redis.sha1hex(user), P .. 'gen:' .. t .. ':f' .. i
  redis.call('HSET', gen, unpack(like))
  redis.call('HSET', gen, 'user', user)
  redis.call('RPUSH', P .. 'log:' .. t .. ':' .. g, 'x')
  if redis.call('RPUSH', P .. 'queue:stream.interactive:' .. t .. ':' .. u, g) == 1 then
    redis.call('RPUSH', P .. 'users:stream.interactive:' .. t, u)
  end
  redis.call('ZADD', P .. 'open', 10 ^ 12 + i, t .. ':' .. g)
end
redis.call('HINCRBY', P .. 'n', 'q:' .. t, to - from + 1)
"""


def flood(bus, users):
    """As begin leaves it behind, but made inside Redis."""
    begin(bus, '', 'first', t='acme', mode='none', more={'user': 'u0'})
    for i in range(0, SIZE, 10000):
        bus.redis.eval(FILL, 0, PREFIX, 'acme', i, min(i + 10000, SIZE) - 1, users)


def cost(bus, calls):
    """Redis's microseconds for each of these calls, on average."""
    bus.redis.config_resetstat()
    for call in calls:
        call()
    return bus.redis.info('commandstats')['cmdstat_evalsha']['usec_per_call']


def test_a_tenants_flood_leaves_anothers_claims_next_in_turn(bus):
    flood(bus, users=1)
    for i in range(20):
        assert begin(bus, f'c{i}', f'g{i}')[3] == i          # the flood is not before it
    got = [bus.claim(nonce=f'n{i}', cap=0)[0] for i in range(40)]
    assert got == ['acme', 'default'] * 20


def test_a_users_flood_leaves_anothers_claims_next_in_turn(bus):
    flood(bus, users=1)
    for i in range(20):
        assert begin(bus, f'c{i}', f'g{i}', t='acme', limit=0, more={'user': 'ann'})[3] == 2 * i + 1
    got = [bus.claim(nonce=f'n{i}', cap=0)[1][0] for i in range(40)]
    assert got == ['f', 'g'] * 20


def test_batch_work_gets_each_eighth_claim_of_a_flooded_lane(bus):
    flood(bus, users=1)
    for i in range(3):
        begin(bus, f'b{i}', f'b{i}', lane='stream.batch')
    got = [bus.claim(nonce=f'n{i}', cap=0)[1][0] for i in range(24)]
    assert [i for i, g in enumerate(got) if g == 'b'] == [7, 15, 23]


@pytest.mark.parametrize('users', [1, MANY_USERS], ids=['one user', 'many users'])
def test_what_a_call_costs_redis_in_a_flood(bus, users):
    flood(bus, users)
    more = [f'm{i}' for i in range(50)]
    costs = {
        'begin': cost(bus, [lambda g=g: begin(bus, g, g, t='acme', limit=0, more={'user': 'u1'}) for g in more]),
        'begin of a new user': cost(bus, [lambda g=g: begin(bus, 'n' + g, 'n' + g, t='acme', limit=0, more={'user': g})
                                          for g in more]),
        'begin of another tenant': cost(bus, [lambda g=g: begin(bus, g, g) for g in more]),
        'position': cost(bus, [lambda g=g: bus.position(('acme', g)) for g in more]),
        'claim': cost(bus, [lambda g=g: bus.claim(nonce=g, cap=0) for g in more * 2]),
    }
    print(users, costs)
    assert max(costs.values()) < GROSS_US, costs


def test_positions_among_many_users_are_about_right(bus):
    flood(bus, MANY_USERS)                                   # 10 each
    assert begin(bus, 'c', 'new', t='acme', limit=0, more={'user': 'new'})[3] == MANY_USERS
    at, = bus.position(('acme', f'f{MANY_USERS * 2 + 200}'))   # its user's third
    assert abs(at - (2 * MANY_USERS + 200)) < MANY_USERS / 10


def test_a_sweep_goes_in_small_pages_and_changes_nothing(bus):
    flood(bus, MANY_USERS)
    depth = bus.redis.llen(PREFIX + 'users:stream.interactive:acme')
    for at in (0, SIZE // 2, SIZE - 500):
        spent = cost(bus, [lambda: bus.sweep(at, 100, interactive=10 ** 15)])
        assert spent < 100 * 1000, spent
        assert bus.sweep(at, 100, interactive=10 ** 15)[1:] == []
    assert bus.redis.llen(PREFIX + 'users:stream.interactive:acme') == depth


def test_an_operators_look_stays_small(bus):
    flood(bus, MANY_USERS)
    assert cost(bus, [bus.look] * 3) < 100 * 1000
    name, paused, waiting, _ = bus.look()[0][:4]
    assert (name, paused) == ('stream.interactive', 0) and abs(waiting - SIZE) < SIZE / 100
