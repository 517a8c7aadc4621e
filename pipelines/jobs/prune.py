"""Forget what ended long ago, with its history, in small steps that hold nobody up."""

from config.database import change, query
from config.settings import settings

KEEP_SYSTEM_JOBS = 24 * 3600.0
DAY = 24 * 3600.0
AT_ONCE = 500  # jobs of one transaction


def prune() -> None:
    """Forget the system's own recurring jobs after a day, people's after MEDIANEST_KEEP_JOBS_DAYS (0: never)."""
    change("DELETE FROM job WHERE schedule IS NOT NULL AND finished_at < NOW - %s", KEEP_SYSTEM_JOBS)
    if days := settings().keep_jobs_days:
        prune_ended_before(days * DAY)


def prune_ended_before(age: float) -> None:
    """Delete people's jobs that ended more than `age` seconds ago; children go with their parent.

    Ids grow with time, so the old jobs stand first and no index of ends is needed.
    """
    last = 0
    while True:
        rows = query(
            "SELECT id, parent_id, finished_at < NOW - %s AS old FROM job WHERE id > %s AND created_at < NOW - %s"
            " ORDER BY id LIMIT %s",
            *(age, last, age, AT_ONCE),
        )
        if not rows:
            return
        last = rows[-1]["id"]
        for row in rows:
            if row["old"] and row["parent_id"] is None:
                change("DELETE FROM job WHERE parent_id = %s", row["id"])
        old = [row["id"] for row in rows if row["old"] and row["parent_id"] is None]
        if old:
            change(
                f"DELETE FROM job WHERE id IN ({', '.join(['%s'] * len(old))}) AND finished_at IS NOT NULL",
                *old,
            )
