"""Workers as they sign on: where they run, what they serve, how they are."""

from config.database import Row, query

SILENT = 15.0  # seconds without a beat after which a worker counts as gone; it beats every five


def workers() -> list[Row]:
    """All that signed on and were not forgotten, the oldest first; `alive` and `queues` (a list) included."""
    rows = query(
        "SELECT id, host, pid, queues, threads, draining, memory_bytes, started_at, beat_at,"
        " beat_at > NOW - %s AS alive FROM worker ORDER BY id",
        SILENT,
    )
    return [{**row, "alive": bool(row["alive"]), "queues": row["queues"].split(",")} for row in rows]


def running() -> list[Row]:
    """The jobs that workers run now, by age of the attempt."""
    return query(
        "SELECT id, kind, owner_id, attempt, started_at, progress, worker_id FROM job"
        " WHERE state = 'running' AND worker_id IS NOT NULL ORDER BY started_at"
    )
