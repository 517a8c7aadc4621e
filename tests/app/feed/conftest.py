"""One web process with a feed for the tests that only look; those that break something start their own."""

from collections.abc import Iterator

import pytest

from tests.app.feed.live import FeedServer, Publisher
from tests.servers import RedisServer


@pytest.fixture(scope="module")
def own_redis() -> Iterator[RedisServer]:
    """A Redis that tests here may empty and kill."""
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="module")
def server(own_redis: RedisServer) -> Iterator[FeedServer]:
    with FeedServer(own_redis.url, recheck=0.1, beat=0.05) as server:
        yield server


@pytest.fixture
def publisher(own_redis: RedisServer) -> Publisher:
    return Publisher(own_redis.url)
