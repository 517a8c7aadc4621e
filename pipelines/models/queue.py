"""Queues: what an admin set for each, and how much stands in them.

The counts use the partial indexes of live jobs alone, so a million ended jobs cost nothing.
"""

from collections import defaultdict

from peewee import IntegerField, TextField

from config.database import Row, change, query
from pipelines.models.table import Table


class Queue(Table):
    """What was set for a queue; without a row it is open and has no limit of its own."""

    name = TextField(primary_key=True)
    paused = IntegerField(default=0)
    max_running = IntegerField(null=True)


OPEN: Row = {"paused": 0, "max_running": None}

# the oldest is the one with the lowest id, which the index knows
_QUEUED = "SELECT queue, count(*) AS jobs, min(id) AS oldest FROM job WHERE state = 'queued' GROUP BY queue"
_COUNTS = {
    "running": "SELECT queue, count(*) AS jobs FROM job WHERE state = 'running' AND worker_id IS NOT NULL GROUP BY queue",
    "scheduled": "SELECT queue, count(*) AS jobs FROM job WHERE state = 'scheduled' GROUP BY queue",
    "paused_jobs": "SELECT queue, count(*) AS jobs FROM job WHERE state = 'paused' GROUP BY queue",
}


def settings() -> dict[str, Row]:
    """`paused` and `max_running` of each queue for which something was ever set."""
    return {row["name"]: row for row in query("SELECT name, paused, max_running FROM queue")}


def configure(
    name: str, *, paused: bool | None = None, limit: int | None = None, keep_limit: bool = True
) -> None:
    """Change what is set for a queue; `keep_limit` leaves its limit as it is."""
    now = settings().get(name, OPEN)
    values = (
        int(now["paused"] if paused is None else paused),
        now["max_running"] if keep_limit else limit,
    )
    change(
        "INSERT INTO queue (name, paused, max_running) VALUES (%s, %s, %s) ON CONFLICT (name)"
        " DO UPDATE SET paused = excluded.paused, max_running = excluded.max_running",
        *(name, *values),
    )


def depths() -> dict[str, dict[str, float | None]]:
    """For each queue with live jobs: `queued`, `running`, `scheduled`, `paused_jobs` and `oldest_seconds`.

    `oldest_seconds` is how long the oldest queued job has been due, None if there is none. A parent that waits for
    its children is not counted.
    """
    found: dict[str, dict[str, float | None]] = defaultdict(
        lambda: {"queued": 0, **dict.fromkeys(_COUNTS, 0), "oldest_seconds": None}
    )
    for row in query(_QUEUED):
        age = query(
            "SELECT NOW - GREATEST(created_at, COALESCE(scheduled_at, 0)) AS age FROM job WHERE id = %s",
            row["oldest"],
        )
        found[row["queue"]]["queued"] = row["jobs"]
        found[row["queue"]]["oldest_seconds"] = max(0.0, age[0]["age"]) if age else None
    for name, text in _COUNTS.items():
        for row in query(text):
            found[row["queue"]][name] = row["jobs"]
    return dict(found)
