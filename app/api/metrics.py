"""Numbers for Prometheus. Counters come from all processes of the machine, depths from the database."""

import hmac
import threading
import time
from dataclasses import asdict
from typing import Any

from flask import Response, current_app
from flask_openapi.blueprint import APIBlueprint

from app import access
from app.api import shapes
from app.errors import Problem
from config.database import AWAY, deadline
from config.metrics import exposition, gauge
from config.settings import settings
from pipelines.models import queue, worker

metrics = APIBlueprint("metrics", __name__, abp_tags=[{"name": "metrics"}], abp_responses=shapes.ERRORS)

PATIENCE = 3.0  # seconds the database gets
FRESH = 1.0  # second for which what the database said is shown again
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@metrics.get(
    "/metrics",
    security=[{"token": []}],
    responses={200: {"description": "Metrics", "content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def scrape() -> Response:
    """Show metrics in Prometheus' text format

    Wants MEDIANEST_METRICS_TOKEN or an admin's token as bearer.
    """
    if not _is_scraper() and not access.signed_in().admin:
        raise Problem("forbidden")
    gauges = current_app.extensions.setdefault("gauges", _Gauges()).read()
    if feed := current_app.extensions.get("feed"):
        figures = {name: float(value) for name, value in asdict(feed.stats()).items()}
        gauges.append(gauge("medianest_feed", "The feed of the web process that answers", "figure", figures))
    return Response(exposition(gauges), content_type=CONTENT_TYPE)


def _is_scraper() -> bool:
    offered, token = access.bearer(), settings().metrics_token
    return bool(token) and offered is not None and hmac.compare_digest(offered.encode(), token.encode())


class _Gauges:
    """What the database says, at most FRESH seconds old, however many ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._at = float("-inf")
        self._last: list[Any] = []

    def read(self) -> list[Any]:
        """The gauges; none while the database is away, the other figures still count."""
        with self._lock:
            if time.monotonic() - self._at > FRESH:
                waiting = deadline.set(PATIENCE)
                try:
                    self._last = [*_of_queues(), *_of_workers()]
                except AWAY:
                    return []
                finally:
                    deadline.reset(waiting)
                self._at = time.monotonic()
            return list(self._last)


def _of_queues() -> list[Any]:
    depths, settings = queue.depths(), queue.settings()

    def each(figure: str) -> dict[str, float]:
        return {name: float(depth[figure] or 0) for name, depth in depths.items()}

    states = {"queued": "queued", "running": "running", "scheduled": "scheduled", "paused": "paused_jobs"}
    totals = {state: sum(each(figure).values()) for state, figure in states.items()}
    paused = {name: float(row["paused"]) for name, row in settings.items()}
    return [
        gauge("medianest_jobs", "Jobs that have not ended", "state", totals),
        gauge("medianest_queue_depth", "Jobs that are due and wait", "queue", each("queued")),
        gauge("medianest_queue_running", "Jobs that workers run", "queue", each("running")),
        gauge(
            "medianest_queue_oldest_seconds",
            "How long the oldest has been due",
            "queue",
            each("oldest_seconds"),
        ),
        gauge("medianest_queue_paused", "Whether an admin paused the queue", "queue", paused),
    ]


def _of_workers() -> list[Any]:
    """By queue and machine, never by worker: a restart must not add to the labels."""
    alive = [row for row in worker.workers() if row["alive"]]
    processes: dict[str, float] = {}
    threads: dict[str, float] = {}
    draining: dict[str, float] = {}
    memory: dict[str, float] = {}
    for row in alive:
        for name in row["queues"]:
            processes[name] = processes.get(name, 0) + 1
            threads[name] = threads.get(name, 0) + row["threads"]
            draining[name] = draining.get(name, 0) + row["draining"]
        memory[row["host"]] = memory.get(row["host"], 0) + row["memory_bytes"]
    return [
        gauge("medianest_workers", "Worker processes that serve a queue", "queue", processes),
        gauge("medianest_worker_threads", "Their threads", "queue", threads),
        gauge("medianest_workers_draining", "Those that shut down", "queue", draining),
        gauge("medianest_worker_memory_bytes", "Resident memory of a machine's workers", "host", memory),
    ]
