"""Take the best due job of a queue: priority, then rescued ones, then whose turn it is, then age.

Jobs that would exceed a limit are stepped over. Running rows are counted, so there is no counter
that a crash could leave wrong. SKIP LOCKED alone does not keep a limit on PostgreSQL: two claims
that count at the same time both see a free place. Claims of a queue with limits take turns.
"""

from config.database import Row, is_sqlite, query
from pipelines.jobs import state
from pipelines.jobs.lease import LEASE
from pipelines.kind import Limits

_CLAIM = """UPDATE job SET state = 'running', attempt = attempt + 1, revision = revision + 1, rescued = 0,
    worker_id = %s, lease_until = NOW + %s, started_at = NOW, progress = NULL, waiting = NULL, error = NULL
 WHERE id = (SELECT id FROM job WHERE queue = %s AND state = 'queued' {allowed}
    ORDER BY priority DESC, rescued DESC, turn, id LIMIT 1 {skip})"""

_RUNNING = "FROM job WHERE queue = %s AND state = 'running' AND worker_id IS NOT NULL"
_FREE = "AND NOT EXISTS (SELECT 1 FROM queue WHERE name = %s AND (paused = 1 OR max_running IS NOT NULL))"
_OPEN = f"""AND NOT EXISTS (SELECT 1 FROM queue WHERE name = %s
    AND (paused = 1 OR max_running <= (SELECT count(*) {_RUNNING})))"""
_PER_USER = f"AND owner_id NOT IN (SELECT owner_id {_RUNNING} GROUP BY owner_id HAVING count(*) >= %s)"
_PER_HOST = f"AND (host = '' OR host NOT IN (SELECT host {_RUNNING} GROUP BY host HAVING count(*) >= %s))"

NO_LIMITS = Limits()


def claim(queue: str, worker_id: int, limits: Limits = NO_LIMITS) -> Row | None:
    """The job that this worker now runs, or None if nothing is due that may run."""
    if is_sqlite() or limits != NO_LIMITS:
        return _claim_in_turn(queue, worker_id, limits)
    row = _claim(_FREE, worker_id, queue, [queue])
    if row is None and query("SELECT 1 FROM queue WHERE name = %s AND max_running IS NOT NULL", queue):
        row = _claim_in_turn(queue, worker_id, limits)
    return row


def _claim_in_turn(queue: str, worker_id: int, limits: Limits) -> Row | None:
    allowed = _OPEN
    params: list[object] = [queue, queue]
    for condition, most in ((_PER_USER, limits.per_user), (_PER_HOST, limits.per_host)):
        if most is not None:
            allowed += f" {condition}"
            params += [queue, most]
    return _claim(allowed, worker_id, queue, params, lock=f"queue:{queue}")


def _claim(allowed: str, worker_id: int, queue: str, params: list[object], lock: str = "") -> Row | None:
    rows = state.changed(
        _CLAIM.format(allowed=allowed, skip="" if is_sqlite() else "FOR UPDATE SKIP LOCKED"),
        *(worker_id, LEASE, queue, *params),
        event="started",
        detail={"worker": str(worker_id)},
        lock=lock,
    )
    return rows[0] if rows else None


def take_over(job_id: int, attempt: int, worker_id: int) -> Row | None:
    """Move a running attempt to another worker of this machine, without a new attempt."""
    rows = state.changed(
        f"UPDATE job SET worker_id = %s, lease_until = NOW + %s, revision = revision + 1 {state.FENCE}",
        worker_id,
        LEASE,
        job_id,
        attempt,
        event="alone",
        detail={"worker": str(worker_id)},
    )
    return rows[0] if rows else None
