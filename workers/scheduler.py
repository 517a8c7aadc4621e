"""`python -m workers.scheduler`: what happens by the clock. Several may run, one leads."""

import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from config.database import AWAY
from pipelines.jobs import family, lease, prune, schedule, waiting
from pipelines.jobs.events import publisher
from pipelines.models import service
from pipelines.registry import KINDS
from workers.boot import begin, connect

log = structlog.get_logger(__name__)

TICK = 0.5  # seconds
AFTER_OUTAGE = 5.0  # seconds in which workers may renew their leases before anything is rescued
STOOD_STILL = 3.0  # seconds between two ticks after which the whole machine may have slept, workers included


@dataclass
class Duty:
    """Something the leader does each `every` seconds."""

    act: Callable[[], object]
    every: float
    due: float = field(default=0.0)


class Rescue:
    """Rescues what is overdue at two looks in a row, so that time which passed unseen before one look costs nobody
    their job."""

    def __init__(self) -> None:
        self._seen: set[tuple[int, int]] = set()
        self._not_before = 0.0

    def hold_back(self) -> None:
        """Begin anew, once the workers had time to renew their leases."""
        self._seen = set()
        self._not_before = time.monotonic() + AFTER_OUTAGE

    def look(self) -> None:
        """Rescue what was overdue at the last look too."""
        if time.monotonic() < self._not_before:
            return
        overdue = {(row["id"], row["attempt"]): row for row in lease.overdue()}
        lease.rescue([row for key, row in overdue.items() if key in self._seen])
        self._seen = set(overdue)


def duties(rescue: Rescue) -> list[Duty]:
    """All that the leader does."""
    recurring = [kind for kind in KINDS.values() if kind.every is not None]
    return [
        Duty(rescue.look, TICK),
        Duty(schedule.promote, TICK),
        Duty(family.settle, TICK),
        Duty(lambda: waiting.explain(KINDS), 1.0),
        *(Duty(lambda kind=kind: schedule.fire(kind), 1.0) for kind in recurring),  # type: ignore[misc]
        Duty(prune.prune, 600.0),
        Duty(lease.forget_gone, 600.0),
        Duty(service.prune, 3600.0),
    ]


def lead_until(stop: threading.Event, holder: str) -> None:
    """Try to lead each tick, and do what is due while leading."""
    rescue = Rescue()
    tasks = duties(rescue)
    leading = False
    ticked = time.time()  # a monotonic clock does not see the machine sleep
    while not stop.wait(TICK):
        if not 0 <= time.time() - ticked <= STOOD_STILL:
            rescue.hold_back()
        ticked = time.time()
        try:
            leads = schedule.lead(holder)
            if leads != leading:
                log.info("leads" if leads else "stands by", holder=holder)
                leading = leads
            if leads:
                _act(tasks)
        except AWAY as error:
            log.warning("the database is away", error=type(error).__name__)
            rescue.hold_back()
    try:
        schedule.resign(holder)
    except AWAY:
        log.warning("could not resign; the database is away")


def _act(tasks: list[Duty]) -> None:
    for task in tasks:
        if time.monotonic() >= task.due:
            task.due = time.monotonic() + task.every
            task.act()


def main() -> None:
    """Run until told to stop."""
    stop = begin("scheduler")
    connect(connections=3, stop=stop)
    lead_until(stop, f"{socket.gethostname()}:{os.getpid()}")
    publisher.flush()


if __name__ == "__main__":
    main()
