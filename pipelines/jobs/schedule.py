"""What happens by the clock, under one leader: due jobs, recurring ones, and rescue.

A recurring job is fired for a slot (its period's number since 1970) by compare-and-set, and the job
row carries the slot under a unique index: two schedulers cannot fire one slot twice.
"""

from config.database import Row, change, now, query, transaction
from pipelines.jobs import state
from pipelines.jobs.events import job_changed
from pipelines.jobs.submit import Submission, insert
from pipelines.kind import Kind
from pipelines.models.account import SYSTEM
from pipelines.models.job import ENDED

LEADERSHIP = 3.0  # seconds a leader stays without renewing


def lead(holder: str) -> bool:
    """Be, stay or become the leader for LEADERSHIP seconds; False while another one leads."""
    rows = change(
        "INSERT INTO leader (name, holder, until) VALUES ('scheduler', %s, NOW + %s)"
        " ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until"
        " WHERE leader.holder = excluded.holder OR leader.until < NOW RETURNING holder",
        holder,
        LEADERSHIP,
    )
    return bool(rows)


def resign(holder: str) -> None:
    """Let another scheduler lead at once."""
    change("DELETE FROM leader WHERE name = 'scheduler' AND holder = %s", holder)


def promote() -> list[Row]:
    """Put the scheduled jobs whose time has come into their queues."""
    if not query(
        "SELECT 1 AS due FROM job WHERE state = 'scheduled' AND scheduled_at <= (SELECT NOW) LIMIT 1"
    ):
        return []
    return state.changed(
        "UPDATE job SET state = 'queued', waiting = NULL, revision = revision + 1"
        " WHERE state = 'scheduled' AND scheduled_at <= (SELECT NOW)",
        event="due",
    )


def fire(kind: Kind) -> Row | None:
    """Submit a recurring kind for the present slot, unless that is done or its last job has not ended."""
    assert kind.every is not None
    slot = int(now() // kind.every)
    with transaction():
        if not _take_slot(kind.name, slot):
            return None
        row = insert(
            Submission(
                kind=kind, params={}, owner_id=SYSTEM, schedule=kind.name, slot=slot, request_id="schedule"
            )
        )
    if row is not None:
        job_changed(row)
    return row


def _take_slot(name: str, slot: int) -> bool:
    ended = ", ".join(f"'{each}'" for each in ENDED)
    return bool(
        change(
            "INSERT INTO schedule (name, last_slot) SELECT %s, %s WHERE NOT EXISTS"
            f" (SELECT 1 FROM job WHERE schedule = %s AND state NOT IN ({ended}))"
            " ON CONFLICT (name) DO UPDATE SET last_slot = excluded.last_slot"
            " WHERE schedule.last_slot < excluded.last_slot RETURNING last_slot",
            name,
            slot,
            name,
        )
    )
