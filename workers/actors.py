"""One Dramatiq actor for each queue: claim the best due job, run it, again.

A message only says that there is work, so which one an actor answers does not matter.
"""

import time
from collections.abc import Callable, Mapping

import dramatiq
import structlog

from config.broker import broker
from config.database import AWAY, Row
from pipelines.jobs import runner
from pipelines.jobs.claim import claim
from pipelines.jobs.events import ring_bell
from pipelines.jobs.lease import Worker
from pipelines.kind import Kind, Limits, limits_of
from workers import alone

log = structlog.get_logger(__name__)

TURN_SECONDS = 1.0  # after this the thread goes to whoever waits for it
CRASHES_BEFORE_ALONE = 2


def declare(kinds: Mapping[str, Kind], queues: list[str], worker: Callable[[], Worker]) -> None:
    """Make the actor of each queue known to Dramatiq."""
    for queue in queues:
        dramatiq.actor(actor_name=queue, queue_name=queue, broker=broker)(_work_on(queue, kinds, worker))


def _work_on(queue: str, kinds: Mapping[str, Kind], worker: Callable[[], Worker]) -> Callable[..., None]:
    limits = limits_of(queue, kinds.values())

    def work(own: bool = False) -> None:
        try:
            _work(queue, limits, kinds, worker(), own)
        except AWAY as error:
            log.warning("the database is away", queue=queue, error=type(error).__name__)

    return work


def _work(queue: str, limits: Limits, kinds: Mapping[str, Kind], worker: Worker, own: bool) -> None:
    until = time.monotonic() + TURN_SECONDS
    served = [kind for kind in kinds.values() if kind.queue == queue]

    def claim_next() -> Row | None:
        over = worker.draining.is_set() or time.monotonic() > until
        if over or any(kind.held() for kind in served):
            return None
        return claim(queue, worker.id, limits)

    row = claim_next()
    ran = row is not None
    if ran and own:  # nobody rang for this one, so others may be waiting unheard
        ring_bell(queue)
    while row is not None:
        row = _run(row, kinds, worker, claim_next) or claim_next()
    if ran and time.monotonic() > until:
        ring_bell(queue)


def _run(
    row: Row, kinds: Mapping[str, Kind], worker: Worker, claim_next: Callable[[], Row | None]
) -> Row | None:
    if row["crashes"] < CRASHES_BEFORE_ALONE:
        return runner.run(row, kinds, worker, claim_next)
    alone.run_in_process_of_its_own(row, worker)
    return None
