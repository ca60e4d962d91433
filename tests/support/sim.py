"""The simulated provider's journal."""

from support.client import get_json


def last_row(sim):
    return get_json(sim.url + "/journal")[1][-1]
