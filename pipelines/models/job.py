"""The job table as it is read; `pipelines.jobs.state` alone writes it."""

from typing import Any

from peewee import AutoField, BigIntegerField, DoubleField, IntegerField, TextField

from config.database import Row, database
from pipelines.models.table import Table

STATES = ("scheduled", "queued", "running", "paused", "succeeded", "failed", "cancelled")
ENDED = ("succeeded", "failed", "cancelled")
LIVE = tuple(state for state in STATES if state not in ENDED)


class Job(Table):
    """One job. Times are seconds since 1970 by the database's clock; objects are JSON texts."""

    id = AutoField()
    kind = TextField()
    queue = TextField()
    host = TextField()
    owner_id = BigIntegerField()
    parent_id = BigIntegerField(null=True)
    children = IntegerField()
    params = TextField()
    state = TextField()
    wish = TextField(null=True)
    priority = IntegerField()
    rescued = IntegerField()
    turn = BigIntegerField()
    attempt = IntegerField()
    failures = IntegerField()
    crashes = IntegerField()
    max_attempts = IntegerField()
    revision = IntegerField()
    worker_id = BigIntegerField(null=True)
    lease_until = DoubleField(null=True)
    progress = TextField(null=True)
    checkpoint = TextField(null=True)
    result = TextField(null=True)
    error = TextField(null=True)
    waiting = TextField(null=True)
    unique_key = TextField(null=True)
    idem = TextField(null=True)
    idem_digest = TextField(null=True)
    schedule = TextField(null=True)
    slot = BigIntegerField(null=True)
    request_id = TextField()
    created_at = DoubleField()
    scheduled_at = DoubleField(null=True)
    started_at = DoubleField(null=True)
    finished_at = DoubleField(null=True)


class JobEvent(Table):
    """One thing that happened to a job."""

    id = AutoField()
    job_id = BigIntegerField()
    at = DoubleField()
    event = TextField()
    state = TextField()
    attempt = IntegerField()
    revision = IntegerField()
    detail = TextField(null=True)

    class Meta:
        """The name of the table."""

        table_name = "job_event"


def find(job_id: int, owner_id: int | None = None) -> Row | None:
    """The job, or None; with `owner_id` only if it belongs to that account."""
    condition = Job.id == job_id
    if owner_id is not None:
        condition &= Job.owner_id == owner_id
    with database.connection_context():
        row: Row | None = Job.select().where(condition).dicts().first()
        return row


def newest_first(
    *,
    limit: int,
    before: int | None = None,
    owner_id: int | None = None,
    kinds: list[str] | None = None,
    states: list[str] | None = None,
    routine: bool | None = None,
    parent_id: int | None = None,
    children: bool = True,
    text: str | None = None,
) -> list[Row]:
    """Up to `limit` jobs that match, with ids below `before`.

    `routine` are those that the system submits by itself; `text` is looked for in params and result. Without
    `children` those are left out that have a parent.
    """
    conditions: list[Any] = []
    if owner_id is not None:
        conditions.append(Job.owner_id == owner_id)
    for column, values in ((Job.kind, kinds), (Job.state, states)):
        if values is not None:
            conditions.append(column.in_(values))
    if routine is not None:
        conditions.append(Job.schedule.is_null(not routine))
    if parent_id is not None:
        conditions.append(Job.parent_id == parent_id)
    if not children:
        conditions.append(Job.parent_id.is_null())
    if before is not None:
        conditions.append(Job.id < before)
    if text:
        conditions.append(Job.params.contains(text) | Job.result.contains(text))
    with database.connection_context():
        query = Job.select()
        if conditions:
            query = query.where(*conditions)
        rows: Any = query.order_by(Job.id.desc()).limit(limit).dicts()
        return list(rows)


def unfinished(owner_id: int) -> list[int]:
    """The ids of an account's jobs that have not ended, without children: those end with their parents."""
    mine = (Job.owner_id == owner_id) & Job.parent_id.is_null() & Job.state.in_(LIVE)
    with database.connection_context():
        return [row.id for row in Job.select(Job.id).where(mine).order_by(Job.id)]


def history(job_id: int, *, limit: int, after: int = 0) -> list[Row]:
    """What happened to a job after event id `after`, oldest first."""
    with database.connection_context():
        query = JobEvent.select().where((JobEvent.job_id == job_id) & (JobEvent.id > after))
        rows: Any = query.order_by(JobEvent.id).limit(limit).dicts()
        return list(rows)
