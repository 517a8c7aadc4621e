"""What goes out: events to the feed and doorbells to the workers, through one thread a process.

The thread sends what has gathered in one round trip, keeps the order, and never makes anybody wait:
while Redis is away events are dropped, and when it is back everyone is told to read again. What comes
alone goes out at once; after a round trip, which costs as much as six events, more may gather.
"""

import os
import threading
import time
from collections import Counter, deque
from typing import Any

import structlog

from config.broker import ring
from config.database import Row
from config.json_text import write_json
from config.metrics import EVENTS_LOST
from config.redis import FEED_LENGTH, FEED_STREAM, Outage, RedisError, quick
from pipelines.jobs.resource import Resource, describe

log = structlog.get_logger(__name__)

MOST_WAITING = 5000
RETRY_SECONDS = 1.0
GATHER_SECONDS = 0.002

Entry = dict[str, Any]


class Publisher:
    """A bounded queue and the thread that empties it into Redis; started on first use, also after a fork."""

    def __init__(self) -> None:
        self._starting = threading.Lock()
        self._reset()

    def _reset(self) -> None:
        self._pid = 0
        self._entries: deque[Entry] = deque()
        self._bells: Counter[str] = Counter()
        self._wake = threading.Condition()
        self._lost = False
        self._busy = False
        self._outage = Outage(RETRY_SECONDS)

    def put(self, entry: Entry | None = None, queue: str | None = None, times: int = 1) -> None:
        """Send an event, ring a queue's bell, or both in this order."""
        if self._pid != os.getpid():
            with self._starting:  # of several first users one starts it, and none loses what it puts
                if self._pid != os.getpid():
                    self._start()
        with self._wake:
            if entry is not None:
                if len(self._entries) >= MOST_WAITING:
                    self._entries.popleft()
                    self._note_loss(1)
                self._entries.append(entry)
            if queue is not None:
                self._bells[queue] += times
            self._wake.notify()

    def _start(self) -> None:
        self._reset()
        threading.Thread(target=self._run, name="publisher", daemon=True).start()
        self._pid = os.getpid()

    def _note_loss(self, count: int) -> None:
        self._lost = True
        EVENTS_LOST.inc(count)

    def _run(self) -> None:
        while True:
            with self._wake:
                self._busy = False
                self._wake.notify_all()
                while not self._entries and not self._bells:
                    if not self._wake.wait(RETRY_SECONDS if self._lost else None):
                        break  # nothing more happens, but what was lost must be told
                entries, self._entries = self._entries, deque()
                bells, self._bells = self._bells, Counter()
                self._busy = True
            try:
                self._send(entries, bells)
            except Exception:  # the outermost frame of the thread that everyone hears by
                log.exception("events could not be sent")
                self._note_loss(len(entries))
            time.sleep(GATHER_SECONDS)

    def _send(self, entries: deque[Entry], bells: Counter[str]) -> None:
        if not self._outage.over():
            self._note_loss(len(entries))
            return
        pipeline = quick().pipeline(transaction=False)
        if self._lost:
            pipeline.xadd(FEED_STREAM, {"reset": "1"}, maxlen=FEED_LENGTH)
        for entry in entries:
            frame = write_json(entry["f"])
            pipeline.xadd(FEED_STREAM, {**entry, "f": frame}, maxlen=FEED_LENGTH)
        for queue, times in bells.items():
            ring(pipeline, queue, times)
        try:
            pipeline.execute()
            self._lost = False
        except RedisError as error:
            self._outage.begins()
            self._note_loss(len(entries))
            if entries:
                log.warning("redis is away; events are dropped", error=type(error).__name__)

    def flush(self, seconds: float = 2.0) -> None:
        """Wait until everything is sent, but not longer."""
        deadline = time.monotonic() + seconds
        with self._wake:
            while (self._entries or self._bells or self._busy) and self._pid == os.getpid():
                if not self._wake.wait(deadline - time.monotonic()) and time.monotonic() >= deadline:
                    return


publisher = Publisher()


def job_changed(row: Row) -> Resource:
    """Tell everyone concerned that a job changed, its queue too if it is due; returns the resource."""
    resource = describe(row)
    entry = {
        "o": str(row["owner_id"]),
        "a": "1",
        "k": f"job:{row['id']}",
        "r": str(row["revision"]),
        "f": {"type": "job", "job": resource},
    }
    publisher.put(entry, queue=row["queue"] if row["state"] == "queued" else None)
    return resource


def service_changed(resource: Resource) -> None:
    """Tell everyone how a service is."""
    frame = {"type": "service", "service": resource}
    publisher.put({"o": "*", "a": "1", "k": f"service:{resource['name']}", "r": "0", "f": frame})


def ring_bell(queue: str, times: int = 1) -> None:
    """Say that there is work in a queue, for so many threads."""
    publisher.put(queue=queue, times=times)
