"""The Redis clients; every user of Redis gets its client here.

Redis carries doorbells and events, so nobody may wait long for it: short timeouts, no retries.
"""

import threading
import time
from functools import cache
from typing import Any

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from config.settings import settings

RedisError = redis.RedisError

FEED_STREAM = "medianest:feed"
FEED_LENGTH = 10_000
BLOCK_SECONDS = 2.0  # a blocking read; below the client's socket timeout


def _client(timeout: float) -> Any:
    return redis.Redis.from_url(
        settings().redis_url,
        socket_timeout=timeout,
        socket_connect_timeout=min(timeout, 0.5),
        retry=Retry(NoBackoff(), 0),
        health_check_interval=0,
    )


@cache
def quick() -> Any:
    """The client for commands that answer at once (timeout 0.5 s)."""
    return _client(0.5)


@cache
def blocking() -> Any:
    """The client for reads that wait up to BLOCK_SECONDS."""
    return _client(BLOCK_SECONDS + 1.0)


def pool(timeout: float) -> Any:
    """Connections for a library that makes a client of its own; no answer takes longer than `timeout` seconds."""
    return _client(timeout).connection_pool


def follower(url: str, timeout: float) -> Any:
    """An asynchronous client for one reader; RESP2, so that XREAD answers in lists."""
    return redis.asyncio.Redis.from_url(
        url,
        protocol=2,
        socket_timeout=timeout,
        socket_connect_timeout=2.0,
        retry=AsyncRetry(NoBackoff(), 0),
        health_check_interval=0,
    )


class Outage:
    """Skip Redis for a while after it failed, so that its absence costs nothing."""

    def __init__(self, pause: float = 5.0) -> None:
        self._pause = pause
        self._until = 0.0
        self._lock = threading.Lock()

    def over(self) -> bool:
        """Whether Redis may be tried."""
        return time.monotonic() >= self._until

    def begins(self, pause: float | None = None) -> None:
        """Redis has just failed."""
        with self._lock:
            self._until = time.monotonic() + (self._pause if pause is None else pause)
