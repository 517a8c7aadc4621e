"""A job as everyone outside sees it: REST, the feed and the command line show the same JSON."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from config.database import AWAY, Row
from config.json_text import read_json
from pipelines.models.account import SYSTEM, name_of

Resource = dict[str, Any]

NO_PROGRESS: Resource = {
    "percent": None,
    "stage": "",
    "message": "",
    "done": None,
    "total": None,
    "unit": None,
    "rate": None,
    "eta_seconds": None,
}


@lru_cache(maxsize=1024)
def rfc3339(seconds: float | None) -> str | None:
    """Seconds since 1970 as `2026-11-20T12:00:00.000Z`."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")[: -len("+00:00")] + "Z"


def _loads(text: str | None) -> Any:
    return None if text is None else read_json(text)


def describe(row: Row) -> Resource:
    """The job resource of the contract."""
    return {
        "id": str(row["id"]),
        "kind": row["kind"],
        "queue": row["queue"],
        "state": row["state"],
        "owner": describe_owner(row["owner_id"]),
        "params": _loads(row["params"]),
        "priority": row["priority"],
        "progress": _loads(row["progress"]) or NO_PROGRESS,
        "attempt": row["attempt"],
        "failures": row["failures"],
        "max_attempts": row["max_attempts"],
        "revision": row["revision"],
        "result": _loads(row["result"]),
        "waiting": _timed(row["waiting"], "until"),
        "error": _timed(row["error"], "retry_at"),
        "parent_id": None if row["parent_id"] is None else str(row["parent_id"]),
        "created_at": rfc3339(row["created_at"]),
        "scheduled_at": rfc3339(row["scheduled_at"]),
        "started_at": rfc3339(row["started_at"]),
        "finished_at": rfc3339(row["finished_at"]),
    }


def describe_owner(owner: int) -> Resource | None:
    """Whose a job is; None: the system's."""
    return None if owner == SYSTEM else {"id": str(owner), "name": _name_of(owner)}


def _name_of(owner: int) -> str | None:
    """The name, None if it cannot be looked up now: what is told here has already happened."""
    try:
        return name_of(owner)
    except AWAY:
        return None


def _timed(text: str | None, name: str) -> Any:
    """An object whose member `name` is stored in seconds and shown as a date."""
    value = _loads(text)
    return None if value is None else {**value, name: rfc3339(value.get(name))}


def describe_event(row: Row) -> Resource:
    """One line of a job's history."""
    return {
        "id": str(row["id"]),
        "at": rfc3339(row["at"]),
        "event": row["event"],
        "state": row["state"],
        "attempt": row["attempt"],
        "revision": row["revision"],
        "detail": _loads(row["detail"]),
    }
