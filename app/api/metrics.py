"""Numbers for Prometheus. Counters come from all processes of the machine, depths from the job table."""

import hmac
from dataclasses import asdict

from flask import Response, current_app
from flask_openapi.blueprint import APIBlueprint

from app import access
from app.api import shapes
from app.errors import Problem
from config.database import AWAY, Row, deadline, query
from config.metrics import exposition, gauge
from config.settings import settings

metrics = APIBlueprint("metrics", __name__, abp_tags=[{"name": "metrics"}], abp_responses=shapes.ERRORS)

PATIENCE = 3.0  # seconds the database gets
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
LIVE = ("scheduled", "queued", "running", "paused")


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
    rows = _live_jobs()
    gauges = [
        gauge("medianest_jobs", "Jobs that have not ended", "state", _total(rows, "state", LIVE)),
        gauge("medianest_queue_depth", "Jobs that are due and wait", "queue", _total(_queued(rows), "queue")),
    ]
    if feed := current_app.extensions.get("feed"):
        figures = {name: float(value) for name, value in asdict(feed.stats()).items()}
        gauges.append(gauge("medianest_feed", "The feed of the web process that answers", "figure", figures))
    return Response(exposition(gauges), content_type=CONTENT_TYPE)


def _is_scraper() -> bool:
    offered, token = access.bearer(), settings().metrics_token
    return bool(token) and offered is not None and hmac.compare_digest(offered.encode(), token.encode())


def _live_jobs() -> list[Row]:
    """Numbers of jobs by queue and state; none while the database is away, the other figures still count."""
    states = ", ".join(f"'{state}'" for state in LIVE)
    waiting = deadline.set(PATIENCE)
    try:
        return query(
            f"SELECT queue, state, count(*) AS jobs FROM job WHERE state IN ({states}) GROUP BY queue, state"
        )
    except AWAY:
        return []
    finally:
        deadline.reset(waiting)


def _queued(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row["state"] == "queued"]


def _total(rows: list[Row], column: str, always: tuple[str, ...] = ()) -> dict[str, float]:
    totals = dict.fromkeys(always, 0.0) if rows else {}
    for row in rows:
        totals[row[column]] = totals.get(row[column], 0.0) + row["jobs"]
    return totals
