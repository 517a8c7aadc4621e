"""Write a job down. One statement checks the idempotency key, finds the job's turn and inserts the row.

Users take turns: a job's `turn` is one more than the greatest turn that now runs in its queue and
than the greatest that its owner has waiting (start-time fair queueing, derived from the rows alone).
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from config.database import Row, change, query
from pipelines.jobs import state
from pipelines.jobs.events import job_changed
from pipelines.kind import Kind

DEFAULT_PRIORITY = 4
KEY_LIFETIME = 24 * 3600.0  # seconds an idempotency key is remembered

_TURN = """(SELECT 1 + GREATEST(
    COALESCE((SELECT max(turn) FROM job WHERE queue = %s AND state = 'running'),
             (SELECT turn - 1 FROM job WHERE queue = %s AND state = 'queued'
               ORDER BY priority DESC, rescued DESC, turn, id LIMIT 1), 0),
    COALESCE((SELECT max(turn) FROM job WHERE owner_id = %s AND queue = %s AND state = 'queued'), 0)))"""

_INSERT = f"""INSERT INTO job (kind, queue, owner_id, params, state, priority, turn, max_attempts, idem, idem_digest,
    request_id, schedule, slot, created_at, scheduled_at)
 SELECT %s, %s, %s, %s, CASE WHEN CAST(%s AS DOUBLE PRECISION) > NOW THEN 'scheduled' ELSE 'queued' END,
    %s, {_TURN}, %s, %s, %s, %s, %s, %s, NOW, CAST(%s AS DOUBLE PRECISION)
 WHERE true ON CONFLICT DO NOTHING"""


class KeyReused(Exception):
    """The idempotency key was used within a day for another job."""


@dataclass(frozen=True)
class Submission:
    """What a job begins with; `scheduled_at` in seconds since 1970, `params` already validated JSON."""

    kind: Kind
    params: dict[str, Any]
    owner_id: int
    priority: int = DEFAULT_PRIORITY
    scheduled_at: float | None = None
    key: str | None = None
    request_id: str = ""
    schedule: str | None = None
    slot: int | None = None

    def digest(self) -> str:
        """A fingerprint of what is asked for."""
        body = [self.kind.name, self.params, self.priority, self.scheduled_at]
        return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def submit(wanted: Submission) -> tuple[Row, bool]:
    """The job's row and whether it is new; raises KeyReused."""
    while True:
        if row := insert(wanted):
            job_changed(row)
            return row, True
        if row := _by_key(wanted):
            return row, False


def insert(wanted: Submission) -> Row | None:
    """Insert the row and its first line of history, tell nobody; None if its key or slot is taken."""
    kind, queue, owner = wanted.kind, wanted.kind.queue, wanted.owner_id
    digest = wanted.digest() if wanted.key else None
    rows = state.write(
        _INSERT,
        *(kind.name, queue, owner, json.dumps(wanted.params), wanted.scheduled_at, wanted.priority),
        *(queue, queue, owner, queue),
        *(kind.max_attempts, wanted.key, digest, wanted.request_id, wanted.schedule, wanted.slot),
        wanted.scheduled_at,
        event="submitted",
    )
    return rows[0] if rows else None


def _by_key(wanted: Submission) -> Row | None:
    """The job that has the key; an outdated key is freed and None returned."""
    rows = query(
        f"SELECT {state.COLUMNS}, created_at < NOW - %s AS outdated FROM job WHERE owner_id = %s AND idem = %s",
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
