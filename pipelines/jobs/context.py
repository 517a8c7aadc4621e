"""A running attempt: what its pipeline reports goes to the row, what was asked of it comes back."""

import threading
import time
from typing import Any

import structlog

from config.database import AWAY, Row
from config.json_text import read_json
from pipelines.errors import Cancelled, LeaseLost, Paused, Stop
from pipelines.jobs import state
from pipelines.jobs.resource import NO_PROGRESS

log = structlog.get_logger(__name__)

REPORT_EVERY = 0.25  # seconds; a new stage is reported at once

WISHES: dict[str, type[Stop]] = {"cancel": Cancelled, "pause": Paused}


class Attempt:
    """The `Context` of one claimed job."""

    def __init__(self, row: Row) -> None:
        self.job_id = int(row["id"])
        self.owner_id = int(row["owner_id"])
        self.parent_id: int | None = row["parent_id"]
        self.attempt = int(row["attempt"])
        self.failures = int(row["failures"])
        self.checkpoint: dict[str, Any] = read_json(row["checkpoint"]) if row["checkpoint"] else {}
        self._reason: type[Stop] | None = None
        self._stopping = threading.Event()
        self._reported = 0.0
        self._stage = ""
        self._last: dict[str, Any] = NO_PROGRESS
        self._held: dict[str, Any] | None = None
        self._percent = 0.0
        self.heed(row["wish"])

    def stop(self, reason: type[Stop]) -> None:
        """Ask the pipeline to end at its next call; the first reason counts, a lost lease always."""
        if self._reason is None or reason is LeaseLost:
            self._reason = reason
        self._stopping.set()

    def heed(self, wish: str | None) -> None:
        """Stop if the row's `wish` says so."""
        if wish is not None:
            self.stop(WISHES[wish])

    def check(self) -> None:
        """Raise if the job should stop; a report that came too soon goes out when it may."""
        if self._held is not None and time.monotonic() - self._reported >= REPORT_EVERY:
            self._write(self._held)
        if self._reason is not None:
            raise self._reason

    def wait(self, seconds: float) -> None:
        """Sleep, but raise at once if the job should stop."""
        self._stopping.wait(seconds)
        self.check()

    def stops_within(self, seconds: float) -> bool:
        """Whether the job is to stop, now or in a moment."""
        return self._stopping.wait(seconds)

    def save(self, **checkpoint: Any) -> None:
        """Store values for the next attempt."""
        self.check()
        self.checkpoint.update(checkpoint)
        if not state.checkpoint(self.job_id, self.attempt, self.checkpoint):
            self.stop(LeaseLost)
            self.check()

    def progress(self, *, percent: float | None = None, stage: str = "", **report: Any) -> None:
        """Report where the job stands; percent never goes back within an attempt."""
        if percent is not None:
            self._percent = max(self._percent, min(100.0, round(float(percent), 1)))
            percent = self._percent
        self._held = self._last = {**NO_PROGRESS, **report, "percent": percent, "stage": stage}
        if stage != self._stage:
            self._stage = stage
            self._write(self._held)
        self.check()

    def completed(self) -> dict[str, Any]:
        """The last report of an attempt that succeeded."""
        return {**self._last, "percent": 100.0, "stage": "", "message": "", "rate": None, "eta_seconds": None}

    def _write(self, report: dict[str, Any]) -> None:
        self._held, self._reported = None, time.monotonic()
        try:
            row = state.progress(self.job_id, self.attempt, report)
        except AWAY:
            log.warning("the database is away; progress is not stored")
            return
        if row is None:
            self.stop(LeaseLost)
        else:
            self.heed(row["wish"])
