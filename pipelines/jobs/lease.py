"""Who runs what, and for how long that is believed.

A worker renews the leases of its attempts each second and holds a liveness lock. An attempt is
rescued when its worker's lock is free and renewals are missing, or, lock or not, when its lease is
long over (a frozen worker). An expired lease whose worker lives, say because a job holds the
interpreter, waits.
"""

import os
import socket
import threading
import time
from collections.abc import Callable

import structlog

from config.database import AWAY, Row, change, query
from config.json_text import write_json
from config.liveness import Life, forget, living
from config.process import memory_bytes
from pipelines.errors import Drained, LeaseLost
from pipelines.jobs import state
from pipelines.jobs.context import Attempt

log = structlog.get_logger(__name__)

LEASE = 6.0  # seconds
RENEW_EVERY = 1.0
MISSING_RENEWALS = 2.5  # seconds without renewal before a dead worker's job is rescued
FROZEN = 60.0  # seconds past its lease after which a living worker's job is rescued
BEAT_EVERY = 5.0
CHORES_EVERY = 60.0
GONE = 3600.0  # seconds after which a silent worker's row is deleted

LOST_ERROR = {
    "code": "worker_lost",
    "category": "temporary",
    "message": "The worker that ran this job ended unexpectedly.",
    "advice": "If it happens again, look at the worker's log and its memory limit.",
    "retry_at": None,
}


class Worker:
    """This process as a worker: its row, its liveness lock, the attempts it runs and the thread that renews them."""

    def __init__(self, queues: list[str], threads: int) -> None:
        values = (socket.gethostname(), os.getpid(), ",".join(queues), threads)
        self.id = int(
            change(
                "INSERT INTO worker (host, pid, queues, threads, started_at, beat_at)"
                " VALUES (%s, %s, %s, %s, NOW, NOW) RETURNING id",
                *values,
            )[0]["id"]
        )
        self._life = Life(self.id)
        self._running: dict[tuple[int, int], Attempt] = {}
        self._strays: set[tuple[int, int]] = set()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self.draining = threading.Event()
        self._thread = threading.Thread(target=self._pulse, name="pulse", daemon=True)
        self._thread.start()

    def begin(self, attempt: Attempt) -> None:
        """Renew this attempt's lease from now on."""
        with self._lock:
            self._running[attempt.job_id, attempt.attempt] = attempt
        if self.draining.is_set():
            attempt.stop(Drained)

    def end(self, attempt: Attempt) -> None:
        """The attempt is over."""
        with self._lock:
            self._running.pop((attempt.job_id, attempt.attempt), None)

    def drain(self) -> None:
        """Ask every attempt to stop and claim nothing more."""
        self.draining.set()
        with self._lock:
            attempts = list(self._running.values())
        for attempt in attempts:
            attempt.stop(Drained)

    def each_minute(self, chores: list[Callable[[], None]]) -> None:
        """Do these now and again in a thread of their own, so that slow ones delay no renewal."""
        threading.Thread(target=self._do, args=(chores,), name="chores", daemon=True).start()

    def _do(self, chores: list[Callable[[], None]]) -> None:
        while True:
            for chore in chores:
                try:
                    chore()
                except Exception:  # the outermost frame of this thread; it is tried again
                    log.exception("a chore failed")
            if self._ended.wait(CHORES_EVERY):
                return

    def leave(self) -> None:
        """Sign off: what still runs goes back to its queue, the row and the lock go."""
        self._ended.set()
        self._thread.join(2.0)
        try:
            for key in self._held():  # did not end in time; the process does now
                state.release(*key)
            change("DELETE FROM worker WHERE id = %s", self.id)
        except AWAY:
            log.warning("could not sign off; the database is away")
        self._life.end()

    def _pulse(self) -> None:
        beat = 0.0
        while not self._ended.wait(RENEW_EVERY):
            try:
                self._renew()
                if time.monotonic() - beat >= BEAT_EVERY:
                    beat = time.monotonic()
                    self._beat()
            except AWAY as error:
                log.warning("the database is away; leases are not renewed", error=type(error).__name__)
            except Exception:  # without this thread every job here would run twice
                log.exception("the pulse stumbled")

    def _renew(self) -> None:
        with self._lock:
            running = dict(self._running)
        if not running:
            return
        held = {(row["id"], row["attempt"]): row["wish"] for row in renew(self.id)}
        for key, attempt in running.items():
            if key in held:
                attempt.heed(held[key])
            elif key in self._running:
                attempt.stop(LeaseLost)

    def _beat(self) -> None:
        self._life.keep()
        draining = int(self.draining.is_set())
        change(
            "UPDATE worker SET beat_at = NOW, draining = %s, memory_bytes = %s WHERE id = %s",
            *(draining, memory_bytes(), self.id),
        )
        self._return_strays()

    def _return_strays(self) -> None:
        """Give back what the table says we run and we do not: the answer to a claim was lost on its way.

        Only what was so at the last beat too; a claim that just came in has not begun yet.
        """
        held = self._held()
        with self._lock:
            strays = held - self._running.keys()
        for key in strays & self._strays:
            log.warning("gives back a job that it never began", job_id=str(key[0]))
            state.release(*key)
        self._strays = strays

    def _held(self) -> set[tuple[int, int]]:
        """The attempts that are ours by the table."""
        rows = query("SELECT id, attempt FROM job WHERE worker_id = %s AND state = 'running'", self.id)
        return {(row["id"], row["attempt"]) for row in rows}


def renew(worker_id: int) -> list[Row]:
    """Extend the leases of everything that a worker runs; what its owners wish meanwhile."""
    return change(
        "UPDATE job SET lease_until = NOW + %s WHERE worker_id = %s AND state = 'running' RETURNING id, attempt, wish",
        LEASE,
        worker_id,
    )


_LAST = "failures + 1 >= max_attempts AND wish IS NULL"
_RESCUE = f"""UPDATE job SET failures = failures + 1, crashes = crashes + 1, rescued = 1, waiting = NULL, error = %s,
    state = CASE WHEN {_LAST} THEN 'failed' ELSE
        CASE wish WHEN 'cancel' THEN 'cancelled' WHEN 'pause' THEN 'paused' ELSE 'queued' END END,
    finished_at = CASE WHEN {_LAST} OR wish = 'cancel' THEN NOW END, {state.LET_GO} {state.FENCE}"""


def overdue() -> list[Row]:
    """Running attempts that miss renewals and whose worker is dead or frozen."""
    rows = query(
        "SELECT id, attempt, worker_id, lease_until < NOW - %s AS frozen FROM job"
        " WHERE state = 'running' AND worker_id IS NOT NULL AND lease_until < NOW + %s",
        FROZEN,
        LEASE - MISSING_RENEWALS,
    )
    alive = living({row["worker_id"] for row in rows if not row["frozen"]}) if rows else set()
    return [row for row in rows if row["frozen"] or row["worker_id"] not in alive]


def rescue(attempts: list[Row] | None = None) -> list[Row]:
    """Take overdue attempts' jobs back: into the queue, or to their end if the budget is used up."""
    rescued: list[Row] = []
    for row in overdue() if attempts is None else attempts:
        rescued += state.changed(
            _RESCUE,
            write_json(LOST_ERROR),
            row["id"],
            row["attempt"],
            event="rescued",
            detail={"error": LOST_ERROR},
        )
    return rescued


def forget_gone() -> None:
    """Delete the rows of workers that have been silent for long and run nothing, and what their locks left."""
    gone = change(
        "DELETE FROM worker WHERE beat_at < NOW - %s"
        " AND id NOT IN (SELECT worker_id FROM job WHERE state = 'running' AND worker_id IS NOT NULL) RETURNING id",
        GONE,
    )
    for row in gone:
        forget(row["id"])
