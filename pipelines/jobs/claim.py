"""Take the best due job of a queue: priority, then rescued ones, then whose turn it is, then age."""

from config.database import Row, is_sqlite
from pipelines.jobs import state
from pipelines.jobs.lease import LEASE

_CLAIM = """UPDATE job SET state = 'running', attempt = attempt + 1, revision = revision + 1, rescued = 0,
    worker_id = %s, lease_until = NOW + %s, started_at = NOW, progress = NULL, waiting = NULL, error = NULL
 WHERE id = (SELECT id FROM job WHERE queue = %s AND state = 'queued'
    ORDER BY priority DESC, rescued DESC, turn, id LIMIT 1 {skip}) AND state = 'queued'"""


def claim(queue: str, worker_id: int) -> Row | None:
    """The job that this worker now runs, or None if nothing is due."""
    skip = "" if is_sqlite() else "FOR UPDATE SKIP LOCKED"
    rows = state.changed(
        _CLAIM.format(skip=skip), worker_id, LEASE, queue, event="started", detail={"worker": str(worker_id)}
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
