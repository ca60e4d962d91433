"""F32: random operations; after each, Redis must answer and hold what the reference model says.

SLUICE_MODEL_OPS sets the number of operations (default 20,000), SLUICE_MODEL_SEED the first seed.
"""
import os

import pytest

from driver import Driver

OPS = int(os.environ.get('SLUICE_MODEL_OPS', '20000'))
SEED = int(os.environ.get('SLUICE_MODEL_SEED', '1'))
EVERY_OUTCOME = set("""
begin queued/begin waiting/begin stopped/begin replayed/begin conflict/begin busy/begin full/begin exists
begin no_message/begin limited/begin notfound/whose 1/whose 0/whose -1/patch 0/patch 1/sweep faded
claim one/claim graph/claim answers/claim 1/claim None/append 1/append 0/append -1/append -2
finish done/finish failed/finish interrupted/finish stopped/finish gone/finish behind
stop stopped/stop stopped kept/stop stopped all/stop already_done kept/stop already_stopped/stop already_failed
stop already_interrupted/stop idle/stop will_stop/stop notfound/stop full/stop no_flag
settle 1/settle 0/settle -1/settle -2/release released/release shown/release stopped/release gone/release queued
reap grace/reap requeued/reap interrupted/reap dead/reap stopped/reap due/sweep flag/sweep queue timeout
place take 1/place take 0/place give 1 told/place give 0/place renew 1/place renew 1 told
""".strip().replace('\n', '/').split('/'))


@pytest.fixture(scope='module')
def outcomes():
    return set()


@pytest.mark.parametrize('seed', range(SEED, SEED + 4))
def test_random_operations(bus, outcomes, seed):
    driver = Driver(bus, seed)
    try:
        driver.run(OPS // 4)
    finally:
        outcomes |= driver.outcomes
        driver.close()


@pytest.mark.skipif(OPS < 20000, reason='too few operations to meet every outcome')
def test_every_outcome_was_met(outcomes):
    assert EVERY_OUTCOME <= outcomes, EVERY_OUTCOME - outcomes
