"""The only code that changes job rows: each change raises `revision`, enters the history, then goes out.

The statements of a run carry `id`, `attempt` and `state = 'running'`: an attempt that lost its lease
changes nothing and learns it from the missing row.
"""

from functools import partial
from typing import Any

from config.database import Row, afterwards, change, change_prepared, is_sqlite, transaction
from config.json_text import read_json, write_json
from pipelines.errors import WaitReason
from pipelines.jobs.events import job_changed
from pipelines.models.job import Job

# what a job is found and ordered by; nobody asks for it when a job has changed
_ASIDE = ("host", "turn", "unique_key", "idem", "idem_digest", "schedule", "slot")
COLUMNS = ", ".join(column for column in Job._meta.columns if column not in _ASIDE)

_NOTE = "INSERT INTO job_event (job_id, at, event, state, attempt, revision, detail)"

# without a worker it is a parent that waits for its children, and the attempt is over
FENCE = "WHERE id = %s AND attempt = %s AND state = 'running' AND worker_id IS NOT NULL"

# a run that ends because it has to gives way to what its owner asked for meanwhile
_WISHED = (
    "CASE wish WHEN 'cancel' THEN 'cancelled' WHEN 'pause' THEN 'paused' ELSE '{otherwise}' END,"
    " finished_at = CASE wish WHEN 'cancel' THEN NOW END"
)
OR_SCHEDULED = _WISHED.format(otherwise="scheduled")
OR_QUEUED = _WISHED.format(otherwise="queued")
LET_GO = "worker_id = NULL, lease_until = NULL, wish = NULL, revision = revision + 1"


def write(
    statement: str, *params: Any, event: str, detail: dict[str, Any] | None = None, lock: str = ""
) -> list[Row]:
    """Run one INSERT or UPDATE of jobs and note `event` for each changed row, all or nothing.

    Statements with the same `lock` never run at the same time. Returns the new rows; tells nobody (see `changed`).
    """
    text = None if detail is None else write_json(detail)
    if not is_sqlite():
        rows = change_prepared(
            f"WITH changed AS ({statement} RETURNING {COLUMNS}), noted AS ({_NOTE} SELECT id, NOW, %s, state, attempt,"
            " revision, %s FROM changed) SELECT to_json(changed)::text AS job FROM changed",
            *(*params, event, text),
            lock=lock,
        )
        return [read_json(row["job"]) for row in rows]  # one text is read faster than thirty columns
    with transaction():
        rows = change(f"{statement} RETURNING {COLUMNS}", *params)
        for row in rows:
            values = (row["id"], event, row["state"], row["attempt"], row["revision"], text)
            change(f"{_NOTE} VALUES (%s, NOW, %s, %s, %s, %s, %s)", *values)
    return rows


def changed(
    statement: str, *params: Any, event: str, detail: dict[str, Any] | None = None, lock: str = ""
) -> list[Row]:
    """`write`, then tell everyone concerned, with the surrounding transaction if there is one."""
    rows = write(statement, *params, event=event, detail=detail, lock=lock)
    for row in rows:
        afterwards(partial(job_changed, row))
    return rows


def _one(rows: list[Row]) -> Row | None:
    return rows[0] if rows else None


# What an attempt reports


def progress(job_id: int, attempt: int, report: dict[str, Any]) -> Row | None:
    """Store how far the attempt is; no line of history. None: the lease is lost."""
    row = _one(
        change(
            f"UPDATE job SET progress = %s, revision = revision + 1 {FENCE} RETURNING {COLUMNS}",
            write_json(report),
            job_id,
            attempt,
        )
    )
    if row is not None:
        afterwards(partial(job_changed, row))
    return row


def checkpoint(job_id: int, attempt: int, values: dict[str, Any]) -> bool:
    """Store what the next attempt should know; False: the lease is lost."""
    return bool(
        change(f"UPDATE job SET checkpoint = %s {FENCE} RETURNING id", write_json(values), job_id, attempt)
    )


def succeed(
    job_id: int, attempt: int, result: dict[str, Any], progress: dict[str, Any] | None = None
) -> Row | None:
    """The job is done; `progress` is the last there was to report."""
    return _one(
        changed(
            "UPDATE job SET state = 'succeeded', result = %s, progress = COALESCE(%s, progress), error = NULL,"
            f" waiting = NULL, checkpoint = NULL, finished_at = NOW, {LET_GO} {FENCE}",
            write_json(result),
            None if progress is None else write_json(progress),
            job_id,
            attempt,
            event="succeeded",
        )
    )


def fail(job_id: int, attempt: int, error: dict[str, Any]) -> Row | None:
    """The job has failed for good."""
    return _one(
        changed(
            f"UPDATE job SET state = 'failed', failures = failures + 1, error = %s, waiting = NULL,"
            f" finished_at = NOW, {LET_GO} {FENCE}",
            write_json(error),
            job_id,
            attempt,
            event="failed",
            detail={"error": error},
        )
    )


def retry_later(job_id: int, attempt: int, error: dict[str, Any], after: float) -> Row | None:
    """The attempt failed; another begins in `after` seconds, unless its owner wished otherwise."""
    return _one(
        changed(
            f"UPDATE job SET state = {OR_SCHEDULED}, failures = failures + 1,"
            " error = %s, waiting = CASE WHEN wish IS NULL THEN %s END, scheduled_at = NOW + %s,"
            f" {LET_GO} {FENCE}",
            write_json(error),
            write_json({"reason": "retry", "message": error["message"], "until": error["retry_at"]}),
            after,
            job_id,
            attempt,
            event="retry",
            detail={"error": error},
        )
    )


def snooze(
    job_id: int, attempt: int, reason: WaitReason, message: str, until: float, after: float
) -> Row | None:
    """The job waits for something outside; costs no failure."""
    waiting = {"reason": reason, "message": message, "until": until}
    return _one(
        changed(
            f"UPDATE job SET state = {OR_SCHEDULED}, waiting = CASE WHEN wish IS NULL THEN %s END,"
            f" scheduled_at = NOW + %s, {LET_GO} {FENCE}",
            write_json(waiting),
            after,
            job_id,
            attempt,
            event="snoozed",
            detail={"waiting": waiting},
        )
    )


def hold(job_id: int, attempt: int, reason: WaitReason, message: str) -> Row | None:
    """The job cannot go on here now: back to the queue, where it stays due. Costs no failure."""
    waiting = {"reason": reason, "message": message, "until": None}
    return _one(
        changed(
            f"UPDATE job SET state = {OR_QUEUED}, rescued = 1, waiting = CASE WHEN wish IS NULL THEN %s END,"
            f" {LET_GO} {FENCE}",
            write_json(waiting),
            job_id,
            attempt,
            event="held",
            detail={"waiting": waiting},
        )
    )


def release(job_id: int, attempt: int) -> Row | None:
    """The worker shuts down or was asked to stop the job: back to the queue, or as its owner wished."""
    return _one(
        changed(
            f"UPDATE job SET state = {OR_QUEUED}, rescued = 1, {LET_GO} {FENCE}",
            job_id,
            attempt,
            event="released",
        )
    )


# What people ask for, of a job and of its children with it. A job that split into children is `running` without a
# worker until `family.settle` finds that they have ended.


def _steer(statement: str, job_id: int, event: str) -> Row | None:
    rows = changed(statement, *[job_id] * statement.count("%s"), event=event)
    return next((row for row in rows if row["id"] == job_id), None)


def cancel(job_id: int) -> Row | None:
    """End a job that has not ended; a running one ends when its worker notices. None: it has ended."""
    return _steer(
        "UPDATE job SET state = CASE WHEN state = 'running' OR children > 0 THEN 'running' ELSE 'cancelled' END,"
        " wish = CASE WHEN state = 'running' OR children > 0 THEN 'cancel' END, waiting = NULL,"
        " finished_at = CASE WHEN state = 'running' OR children > 0 THEN NULL ELSE NOW END, revision = revision + 1"
        " WHERE (id = %s OR parent_id = %s) AND state IN ('scheduled', 'queued', 'running', 'paused')",
        job_id,
        "cancel",
    )


def pause(job_id: int) -> Row | None:
    """Keep a job from running; a running one stops when its worker notices. None: it cannot be paused."""
    return _steer(
        "UPDATE job SET state = CASE WHEN state = 'running' AND children = 0 THEN 'running' ELSE 'paused' END,"
        " wish = CASE WHEN state = 'running' AND children = 0 THEN COALESCE(wish, 'pause') END, waiting = NULL,"
        " revision = revision + 1 WHERE (id = %s OR parent_id = %s) AND state IN ('scheduled', 'queued', 'running')"
        " AND NOT (children > 0 AND wish IS NOT NULL)",
        job_id,
        "pause",
    )


def resume(job_id: int) -> Row | None:
    """Let a paused job go on, with its old turn. None: it is not paused."""
    return _steer(
        "UPDATE job SET state = CASE WHEN state = 'running' OR children > 0 THEN 'running'"
        " WHEN scheduled_at > NOW THEN 'scheduled' ELSE 'queued' END, wish = NULL, revision = revision + 1"
        " WHERE (id = %s AND state = 'paused') OR (parent_id = %s AND (state = 'paused' OR wish = 'pause')"
        " AND EXISTS (SELECT 1 FROM job AS parent WHERE parent.id = %s AND parent.state = 'paused'))",
        job_id,
        "resume",
    )


def retry(job_id: int) -> Row | None:
    """Begin a failed or cancelled job again with a full budget. None: it is neither.

    Raises peewee.IntegrityError if its unique key belongs to a live job meanwhile.
    """
    return _steer(
        "UPDATE job SET state = CASE WHEN children > 0 THEN 'running' ELSE 'queued' END, failures = 0, crashes = 0,"
        " error = NULL, waiting = NULL, wish = NULL, progress = NULL, finished_at = NULL, scheduled_at = NULL,"
        " revision = revision + 1 WHERE state IN ('failed', 'cancelled') AND (id = %s OR (parent_id = %s"
        " AND EXISTS (SELECT 1 FROM job AS parent WHERE parent.id = %s AND parent.state IN ('failed', 'cancelled'))))",
        job_id,
        "retry",
    )
