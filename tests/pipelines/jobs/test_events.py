"""What goes out goes out once, in order, and a loss is told."""

import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from config import redis
from config.redis import FEED_STREAM
from pipelines.jobs.events import Publisher
from tests.private_server import wait_until
from tests.servers import RedisServer

pytestmark = pytest.mark.usefixtures("home")


def entry(number: int) -> dict[str, Any]:
    return {"o": "*", "a": "1", "k": f"job:{number}", "r": "0", "f": {"type": "job"}}


def stream() -> list[dict[bytes, bytes]]:
    return [fields for _, fields in redis.quick().xrange(FEED_STREAM)]


def told_to_read_again() -> bool:
    return any(b"reset" in fields for fields in stream())


@pytest.fixture
def hasty_switches() -> Iterator[None]:
    """Threads that take turns as often as they can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("hasty_switches")
def test_several_first_users_lose_nothing() -> None:
    for _ in range(30):
        redis.quick().delete(FEED_STREAM)
        publisher, together = Publisher(), threading.Barrier(8)

        def put(number: int, put: Callable[..., None] = publisher.put, ready: Any = together) -> None:
            ready.wait()
            put(entry(number))

        threads = [threading.Thread(target=put, args=(number,)) for number in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        publisher.flush()
        assert sorted(fields[b"k"] for fields in stream()) == [b"job:%d" % number for number in range(8)]


def test_an_event_that_cannot_be_sent_does_not_silence_the_process() -> None:
    publisher = Publisher()
    publisher.put({**entry(1), "f": {"type": object()}})
    publisher.flush()
    publisher.put(entry(2))
    publisher.flush()
    assert told_to_read_again() and stream()[-1][b"k"] == b"job:2"


def test_a_loss_is_told_although_nothing_more_happens(redis_server: RedisServer) -> None:
    publisher = Publisher()
    redis_server.kill()
    try:
        publisher.put(entry(1))
        publisher.flush()
    finally:
        redis_server.start()
    wait_until(told_to_read_again, 5, "the reset")
