"""Write a job down. One statement checks the idempotency key, finds the job's turn and inserts the row.

Users take turns: a job's `turn` is one more than the greatest turn that now runs in its queue and
than the greatest that its owner has waiting (start-time fair queueing, derived from the rows alone).
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from config.database import Row, change, now, query
from config.json_text import write_json
from pipelines.jobs import state
from pipelines.jobs.events import job_changed
from pipelines.kind import Kind
from pipelines.models.job import LIVE

DEFAULT_PRIORITY = 4
KEY_LIFETIME = 24 * 3600.0  # seconds an idempotency key is remembered
HOUR = 3600.0
MOST_COUNTED = 1_000_000

TURN = """(SELECT 1 + GREATEST(
    COALESCE((SELECT max(turn) FROM job WHERE queue = %s AND state = 'running' AND worker_id IS NOT NULL),
             (SELECT turn - 1 FROM job WHERE queue = %s AND state = 'queued'
               ORDER BY priority DESC, rescued DESC, turn, id LIMIT 1), 0),
    COALESCE((SELECT max(turn) FROM job WHERE owner_id = %s AND queue = %s AND state = 'queued'), 0)))"""

_INSERT = f"""INSERT INTO job (kind, queue, host, unique_key, owner_id, params, state, priority, turn, max_attempts,
    idem, idem_digest, request_id, schedule, slot, created_at, scheduled_at)
 SELECT %s, %s, %s, %s, %s, %s, CASE WHEN CAST(%s AS DOUBLE PRECISION) > NOW THEN 'scheduled' ELSE 'queued' END,
    %s, {TURN}, %s, %s, %s, %s, %s, %s, NOW, CAST(%s AS DOUBLE PRECISION)
 WHERE {{allowed}} ON CONFLICT DO NOTHING"""

# when the job was submitted that must be an hour old before there is room for another; ordered by time because
# PostgreSQL may prefer to walk the primary key, past everyone else's jobs
_QUOTA = """(SELECT created_at FROM job WHERE owner_id = %s AND kind = %s AND parent_id IS NULL
    ORDER BY created_at DESC LIMIT 1 OFFSET %s)"""
_WITHIN_QUOTA = f"COALESCE({_QUOTA}, 0) <= NOW - {HOUR}"


class KeyReused(Exception):
    """The idempotency key was used within a day for another job."""


class QuotaUsedUp(Exception):
    """The owner has submitted as many jobs of this kind as an hour allows; there is room in `after` seconds."""

    def __init__(self, quota: int, after: float) -> None:
        super().__init__(f"{quota} an hour")
        self.quota, self.after = quota, after


@dataclass(frozen=True)
class Submission:
    """What a job begins with; `scheduled_at` in seconds since 1970, `params` already validated JSON.

    `hourly` is how many of this kind the owner may submit in an hour; 0 or None: any number.
    """

    kind: Kind
    params: dict[str, Any]
    owner_id: int
    priority: int = DEFAULT_PRIORITY
    scheduled_at: float | None = None
    key: str | None = None
    request_id: str = ""
    schedule: str | None = None
    slot: int | None = None
    hourly: int | None = None

    def digest(self) -> str:
        """A fingerprint of what is asked for."""
        body = [self.kind.name, self.params, self.priority, self.scheduled_at]
        return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def submit(wanted: Submission) -> tuple[Row, bool]:
    """The job's row and whether it is new; raises KeyReused and QuotaUsedUp.

    A row that is not new has the idempotency key, or is the live job with the unique key (it may be another owner's).
    """
    while True:
        if row := insert(wanted):
            job_changed(row)
            return row, True
        if row := _by_key(wanted) or _by_unique_key(wanted):
            return row, False
        _check_quota(wanted)


def insert(wanted: Submission) -> Row | None:
    """Insert the row and its first line of history, tell nobody; None if its key or slot is taken or the quota used up."""
    kind, queue, owner, params = wanted.kind, wanted.kind.queue, wanted.owner_id, wanted.params
    digest = wanted.digest() if wanted.key else None
    quota: tuple[object, ...] = (owner, kind.name, wanted.hourly - 1) if wanted.hourly else ()
    rows = state.write(
        _INSERT.format(allowed=_WITHIN_QUOTA if quota else "true"),
        *(kind.name, queue, kind.host(params), kind.unique(params), owner, write_json(params)),
        *(wanted.scheduled_at, wanted.priority, queue, queue, owner, queue),
        *(kind.max_attempts, wanted.key, digest, wanted.request_id, wanted.schedule, wanted.slot),
        *(wanted.scheduled_at, *quota),
        event="submitted",
        lock=f"owner:{owner}"
        if quota
        else "",  # of two that take the last place at the same time one comes second
    )
    return rows[0] if rows else None


def _check_quota(wanted: Submission) -> None:
    """Raise QuotaUsedUp if that is why there is no row."""
    if not wanted.hourly:
        return
    counted = query(f"SELECT {_QUOTA} AS first", wanted.owner_id, wanted.kind.name, wanted.hourly - 1)
    after = float(counted[0]["first"] or 0) + HOUR - now()
    if after > 0:
        raise QuotaUsedUp(wanted.hourly, after)


def quota_used(owner_id: int, kind: str, hourly: int | None) -> tuple[int, float | None]:
    """How many jobs of the kind count for the owner's quota now, at most all of it, and when the first stops counting.

    Without a quota (0 or None) all of the last hour are counted.
    """
    counted = query(
        "SELECT count(*) AS used, min(created_at) AS first FROM (SELECT created_at FROM job"
        f" WHERE owner_id = %s AND kind = %s AND parent_id IS NULL AND created_at > NOW - {HOUR}"
        " ORDER BY created_at DESC LIMIT %s) AS latest",
        *(owner_id, kind, hourly or MOST_COUNTED),
    )[0]
    return int(counted["used"]), None if counted["first"] is None else float(counted["first"]) + HOUR


def _by_unique_key(wanted: Submission) -> Row | None:
    """The live job that has the unique key."""
    key = wanted.kind.unique(wanted.params)
    if key is None:
        return None
    live = ", ".join(f"'{each}'" for each in LIVE)
    rows = query(
        f"SELECT {state.COLUMNS} FROM job WHERE kind = %s AND unique_key = %s AND state IN ({live})",
        *(wanted.kind.name, key),
    )
    return rows[0] if rows else None


def _by_key(wanted: Submission) -> Row | None:
    """The job that has the key; an outdated key is freed and None returned."""
    rows = query(
        f"SELECT {state.COLUMNS}, idem_digest, created_at < NOW - %s AS outdated FROM job"
        " WHERE owner_id = %s AND idem = %s",
        KEY_LIFETIME,
        wanted.owner_id,
        wanted.key,
    )
    if not rows:
        return None
    row = rows[0]
    if row["outdated"]:
        change("UPDATE job SET idem = NULL WHERE id = %s AND idem = %s", row["id"], wanted.key)
        return None
    if row["idem_digest"] != wanted.digest():
        raise KeyReused
    return row
