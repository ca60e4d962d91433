import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from redis_server import RedisServer  # noqa: E402
from scripts import Scripts, assemble  # noqa: E402


@pytest.fixture(scope='session')
def texts():
    return assemble()


@pytest.fixture(scope='session')
def server():
    server = RedisServer()
    yield server
    server.close()


@pytest.fixture
def bus(server, texts):
    client = server.client()
    client.flushdb()
    return Scripts(client, texts)
