"""Parents and children: a job that splits runs without a worker until its children have ended.

How many of them have ended is counted from their rows, by the scheduler that leads, so a crash can
leave no wrong number behind.
"""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from config.database import Row, afterwards, change, query, transaction
from config.json_text import read_json, write_json
from pipelines.jobs import state
from pipelines.jobs.events import job_changed
from pipelines.jobs.resource import NO_PROGRESS
from pipelines.jobs.submit import TURN
from pipelines.kind import Kind, Split
from pipelines.models.job import ENDED

AT_ONCE = 500  # rows of one INSERT

_OPEN = "state IN ('running', 'paused') AND children > 0 AND worker_id IS NULL"

NONE_ENDED = dict.fromkeys(ENDED, 0)

ALL_FAILED = {
    "code": "children_failed",
    "category": "permanent",
    "message": "All parts of this job failed.",
    "advice": "Each part says what went wrong.",
    "retry_at": None,
}


def split(row: Row, kind: Kind, parts: Split) -> Row | None:
    """Write the children down and let the parent's worker go, all or nothing. None: the lease is lost."""
    if not parts.params:
        return state.succeed(row["id"], row["attempt"], parts.result | {"counts": {"total": 0, **NONE_ENDED}})
    with transaction():
        parents = state.write(
            "UPDATE job SET children = %s, result = %s, error = NULL, waiting = NULL, checkpoint = NULL,"
            f" worker_id = NULL, lease_until = NULL, revision = revision + 1 {state.FENCE} AND wish IS NULL",
            *(len(parts.params), write_json(parts.result), row["id"], row["attempt"]),
            event="split",
            detail={"children": len(parts.params)},
        )
        children = _insert(parents[0], kind, parts.params) if parents else []
    if not parents:
        return state.release(row["id"], row["attempt"])  # its owner wished something meanwhile
    for each in (*parents, *children):
        afterwards(partial(job_changed, each))
    return settle_one(parents[0]) or parents[0]


def _insert(parent: Row, kind: Kind, params: list[dict[str, Any]]) -> list[Row]:
    queue, owner = parent["queue"], parent["owner_id"]
    turn = query(f"SELECT {TURN} AS turn", queue, queue, owner, queue)[0]["turn"]
    same = (parent["id"], kind.name, queue, owner, "queued", parent["priority"], kind.max_attempts)
    values = [
        (*same, write_json(each), kind.host(each), turn + place, parent["request_id"])
        for place, each in enumerate(params)
    ]
    rows: list[Row] = []
    for start in range(0, len(values), AT_ONCE):
        some = values[start : start + AT_ONCE]
        marks = ", ".join(["(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, NOW)"] * len(some))
        rows += change(
            "INSERT INTO job (parent_id, kind, queue, owner_id, state, priority, max_attempts, params, host, turn,"
            f" request_id, created_at) VALUES {marks} RETURNING {state.COLUMNS}",
            *(value for each in some for value in each),
        )
    change(
        "INSERT INTO job_event (job_id, at, event, state, attempt, revision)"
        " SELECT id, NOW, 'submitted', state, attempt, revision FROM job WHERE parent_id = %s",
        parent["id"],
    )
    return rows


def settle() -> None:
    """Count the children of each parent that is not at its end, and end those whose children all have."""
    for parent in query(f"SELECT {state.COLUMNS} FROM job WHERE children > 0 AND finished_at IS NULL"):
        settle_one(parent)


def settle_one(parent: Row) -> Row | None:
    """The parent's row if something was to be changed."""
    rows = query("SELECT state, count(*) AS jobs FROM job WHERE parent_id = %s GROUP BY state", parent["id"])
    counts = Counter({row["state"]: int(row["jobs"]) for row in rows})
    ended = {each: counts[each] for each in ENDED}
    done, total = sum(ended.values()), parent["children"]
    result = read_json(parent["result"] or "{}") | {"counts": {"total": total, **ended}}
    if done >= total:
        return _end(parent, ended, result)
    report = {**NO_PROGRESS, "percent": round(100 * done / total, 1), "stage": "children"}
    report |= {"done": done, "total": total, "unit": "jobs"}
    if read_json(parent["progress"] or "null") == report and read_json(parent["result"] or "{}") == result:
        return None
    rows = change(
        "UPDATE job SET progress = %s, result = %s, revision = revision + 1"
        f" WHERE id = %s AND {_OPEN} RETURNING {state.COLUMNS}",
        *(write_json(report), write_json(result), parent["id"]),
    )
    for row in rows:
        afterwards(partial(job_changed, row))
    return rows[0] if rows else None


def _end(parent: Row, ended: dict[str, int], result: dict[str, Any]) -> Row | None:
    """Cancelled if that was wished or nothing came of it, failed if everything failed, else succeeded."""
    total = parent["children"]
    if ended["failed"] == total:
        end = "failed"
    elif parent["wish"] == "cancel" or not ended["succeeded"]:
        end = "cancelled"
    else:
        end = "succeeded"
    report = {**NO_PROGRESS, "percent": 100.0, "done": total, "total": total, "unit": "jobs"}
    rows = state.changed(
        "UPDATE job SET state = %s, result = %s, progress = %s, error = %s, wish = NULL, finished_at = NOW,"
        f" revision = revision + 1 WHERE id = %s AND {_OPEN}"
        " AND NOT EXISTS (SELECT 1 FROM job AS child WHERE child.parent_id = job.id AND child.finished_at IS NULL)",
        *(end, write_json(result), write_json(report)),
        *(write_json(ALL_FAILED) if end == "failed" else None, parent["id"]),
        event=end,
    )
    return rows[0] if rows else None


def steer(step: Callable[[int], Row | None], job_id: int) -> Row | None:
    """Do what somebody asks for (`state.cancel`, `pause`, `resume`, `retry`) and what follows from it in the family."""
    row = step(job_id)
    if row is None:
        return None
    if row["parent_id"] is not None and step is state.retry:
        _reopen(row["parent_id"])
    return (settle_one(row) if row["children"] else None) or row


def _reopen(parent_id: int) -> None:
    """A child begins again: its parent, should it have ended, waits for it."""
    state.changed(
        "UPDATE job SET state = 'running', error = NULL, finished_at = NULL, revision = revision + 1"
        " WHERE id = %s AND finished_at IS NOT NULL",
        parent_id,
        event="reopened",
    )
