"""A Dramatiq broker for doorbells: messages that say "there is work in this queue" and may be lost.

The job table is the queue, so a message needs no acknowledgement, no delay and no dead letters. What
it must be is fast and bounded: on an idle system the stock Redis broker polls and starts a job after
389 ms (median), a blocking pop wakes a worker in 2 to 3 ms; a stock queue without workers grows for
ever, this list holds at most 64 bells. A worker also looks at the table by itself: after two idle
seconds, and each second for every free thread while Redis is away.

Written on Dramatiq's public Broker and Consumer interfaces alone; the stock `dramatiq` command works
with it too.
"""

import threading
import time
from collections.abc import Iterable
from functools import cache
from typing import Any

import structlog
from dramatiq import Broker, Message, set_broker
from dramatiq.broker import Consumer, MessageProxy
from dramatiq.errors import QueueNotFound
from dramatiq.middleware import ShutdownNotifications

from config.metrics import FOREIGN_BELLS
from config.redis import BLOCK_SECONDS, Outage, RedisError, blocking, quick

log = structlog.get_logger(__name__)

MOST_BELLS = 64
POLL_WITHOUT_REDIS = 1.0  # seconds


def list_of(queue: str) -> str:
    """The Redis list that carries a queue's bells."""
    return f"medianest:bell:{queue}"


def bell(queue: str, *, own: bool = False) -> Message[Any]:
    """A message for the actor of `queue`; `own` marks one that a worker gave itself."""
    return Message(queue_name=queue, actor_name=queue, args=(), kwargs={"own": own}, options={})


class DoorbellBroker(Broker):
    """Bells in bounded Redis lists."""

    def __init__(self) -> None:
        super().__init__(middleware=[ShutdownNotifications()])
        self.outage = Outage()

    def declare_queue(self, queue_name: str) -> None:
        """Make a queue known; there is no delay queue beside it."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues[queue_name] = None
            self.emit_after("declare_queue", queue_name)

    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        """Ring; while Redis is away this does nothing, the workers look for themselves."""
        if delay is not None:
            raise ValueError("a doorbell cannot be delayed; schedule the job")
        self.emit_before("enqueue", message, delay)
        if self.outage.over():
            try:
                ring(quick().pipeline(transaction=False), message.queue_name).execute()
            except RedisError:
                self.outage.begins()
        self.emit_after("enqueue", message, delay)
        return message

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 30_000) -> Consumer:
        """Bells of one queue; Dramatiq's prefetch is twice its threads, a bell is for a free thread."""
        return DoorbellConsumer(queue_name, free=max(1, prefetch // 2))

    def get_declared_delay_queues(self) -> set[str]:
        """None: jobs wait in the table."""
        return set()

    def flush(self, queue_name: str) -> None:
        """Forget a queue's bells."""
        if queue_name not in self.queues:
            raise QueueNotFound(queue_name)  # type: ignore[no-untyped-call]
        quick().delete(list_of(queue_name))

    def flush_all(self) -> None:
        """Forget all bells."""
        for queue_name in self.queues:
            self.flush(queue_name)


@cache
def _chime(queue: str) -> bytes:
    return bell(queue).encode()


def ring(pipeline: Any, queue: str, times: int = 1) -> Any:
    """Add the commands that ring a queue's bell to a Redis pipeline."""
    key = list_of(queue)
    bells = [_chime(queue)] * min(times, MOST_BELLS)
    return pipeline.lpush(key, *bells).ltrim(key, 0, MOST_BELLS - 1)


class DoorbellConsumer(Consumer):
    """Waits for a bell while a thread is free; gives itself one when none comes."""

    def __init__(self, queue_name: str, free: int) -> None:
        self.queue_name = queue_name
        self._free = threading.BoundedSemaphore(free)
        self._silent = False  # Redis did not answer the last time

    def __next__(self) -> MessageProxy | None:
        if not self._free.acquire(timeout=0.5):
            return None
        try:
            message = self._wait()
        except BaseException:
            self._free.release()
            raise
        if message is None:
            self._free.release()
            return None
        return MessageProxy(message)

    def _wait(self) -> Message[Any] | None:
        try:
            found = blocking().blpop(list_of(self.queue_name), timeout=BLOCK_SECONDS)
        except RedisError:
            return self._without_redis()
        self._silent = False
        return bell(self.queue_name, own=True) if found is None else self._decode(found[1])

    def _without_redis(self) -> Message[Any]:
        if not self._silent:
            log.warning("redis is away; looking at the job table instead", queue=self.queue_name)
        self._silent = True
        time.sleep(POLL_WITHOUT_REDIS / 2)
        return bell(self.queue_name, own=True)

    def _decode(self, data: bytes) -> Message[Any] | None:
        try:
            message: Message[Any] = Message.decode(data)
            if message.actor_name != self.queue_name:
                raise ValueError("another actor's")
        except Exception as error:  # noqa: BLE001 (whatever a stranger wrote: count it and go on)
            FOREIGN_BELLS.inc()
            log.warning("ignored a foreign doorbell", queue=self.queue_name, error=type(error).__name__)
            return None
        return bell(self.queue_name)  # nothing of what came in is used further

    def ack(self, message: MessageProxy) -> None:
        """The thread is free again."""
        self._free.release()

    nack = ack

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Ring again for the bells that were not answered."""
        try:
            pipeline = quick().pipeline(transaction=False)
            for message in messages:
                ring(pipeline, message.queue_name)
            pipeline.execute()
        except RedisError:
            pass  # other workers look at the table

    def close(self) -> None:
        """Nothing to release: the client is shared by the process."""


broker = DoorbellBroker()
set_broker(broker)
