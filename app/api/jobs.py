"""Jobs: write one down, look at it, steer it."""

import math
import re
from collections.abc import Callable
from typing import Any

import structlog
from flask import Response, g, request
from flask_openapi.blueprint import APIBlueprint
from peewee import IntegrityError
from pydantic import BaseModel, Field, ValidationError

from app import access, limits
from app.accounts.identity import Identity
from app.api import shapes
from app.api.answers import Body, DateTime, PageQuery, Text, answer, number_of, page, place_of
from app.errors import Problem, wrong_field, wrong_fields
from config.database import Row
from config.json_text import write_json
from pipelines.jobs import family, state
from pipelines.jobs.resource import describe, describe_event
from pipelines.jobs.submit import DEFAULT_PRIORITY, KeyReused, QuotaUsedUp, Submission
from pipelines.jobs.submit import submit as write_down
from pipelines.kind import Kind
from pipelines.models import job
from pipelines.models.account import SYSTEM
from pipelines.registry import KINDS

jobs = APIBlueprint(
    "jobs",
    __name__,
    url_prefix="/api/v1/jobs",
    abp_tags=[{"name": "jobs"}],
    abp_security=shapes.SIGNED_IN,
    abp_responses=shapes.ERRORS,
)

KEY = re.compile(r"[\x20-\x7e]{1,255}")


class NewJob(Body):
    """What to do. `GET /kinds` says which kinds there are and what their `params` look like."""

    kind: str = Field(max_length=100, examples=["download"])
    params: dict[str, Any] = Field(default_factory=dict, examples=[{"url": "https://example.com/video.mp4"}])
    priority: int = Field(
        default=DEFAULT_PRIORITY,
        strict=True,
        ge=0,
        le=9,
        description="9 goes first; above 4 only for admins.",
    )
    scheduled_at: DateTime | None = Field(default=None, description="Not before this time.")


class JobsQuery(PageQuery):
    """Which jobs."""

    kind: Text | None = Field(default=None, description="One or several, separated by commas.")
    state: str | None = Field(
        default=None,
        pattern=rf"^({'|'.join(job.STATES)})(,({'|'.join(job.STATES)}))*$",
        description="One or several, separated by commas.",
    )
    routine: bool | None = Field(
        default=None, description="false leaves out what the system submits by itself, true all else."
    )
    owner: str | None = Field(
        default=None,
        pattern=r"^(me|none|[0-9]{1,18})$",
        description="An account's id, `me`, or `none` for the system's own.",
    )
    parent: str | None = Field(
        default=None,
        pattern=r"^(none|[0-9]{1,18})$",
        description="The children of this job; `none` for jobs that are nobody's children.",
    )
    q: Text | None = Field(default=None, description="Words in the parameters or the result.")


class JobPath(BaseModel):
    """Which job."""

    job_id: str


IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "description": "The same key of the same user within 24 hours leads to the same job.",
}


@jobs.post(
    "",
    responses={202: shapes.Job, 200: shapes.Job},
    openapi_extensions={"parameters": [IDEMPOTENCY_KEY]},
)
def submit(body: NewJob) -> Response:
    """Submit a job

    202 with the new job and its address in `Location`; 200 if the Idempotency-Key has led to this job before, or if
    the kind allows only one such job at a time and it is there already. 429 with `Retry-After` once the hour's quota
    is used up, or after too many submissions in a minute.
    """
    person = access.signed_in()
    limits.spend_own("submit", person)
    wanted = _submission(body, person)
    try:
        row, new = write_down(wanted)
    except KeyReused:
        raise Problem("key_reused") from None
    except QuotaUsedUp as error:
        raise _too_many(error) from None
    if row["owner_id"] != person.user_id and not person.admin:
        raise Problem("duplicate_job")
    structlog.contextvars.bind_contextvars(job_id=str(row["id"]))
    return answer(
        describe(row), 202 if new else 200, {"Location": f"{request.root_path}/api/v1/jobs/{row['id']}"}
    )


def _too_many(error: QuotaUsedUp) -> Problem:
    seconds = math.ceil(error.after)
    detail = f"You may submit {error.quota} of these in an hour; there is room again in {math.ceil(seconds / 60)} min."
    return Problem("quota_used_up", detail, headers={"Retry-After": str(seconds)})


def _submission(body: NewJob, person: Identity) -> Submission:
    kind = _kind_for(person, body.kind)
    if body.priority > DEFAULT_PRIORITY and not person.admin:
        raise Problem("priority_reserved")
    try:
        params = kind.params.model_validate(body.params).model_dump(mode="json")
    except ValidationError as error:
        raise wrong_fields(error, "params.") from None
    return Submission(
        kind=kind,
        params=params,
        owner_id=person.user_id,
        priority=body.priority,
        scheduled_at=body.scheduled_at.timestamp() if body.scheduled_at else None,
        key=_idempotency_key(),
        request_id=g.request_id,
        hourly=person.hourly(kind.name, kind.hourly()),
    )


def _kind_for(person: Identity, name: str) -> Kind:
    kind = KINDS.get(name)
    if kind is None or kind.submit_role == "system":
        raise wrong_field("kind", "is not a kind of job; GET /kinds lists them")
    if kind.submit_role == "admin" and not person.admin:
        raise Problem("forbidden", "Jobs of this kind are for admins.")
    _require_permission(person, name)
    return kind


def _require_permission(person: Identity, kind: str) -> None:
    if not person.may_submit(kind):
        raise access.refusal("not_permitted", person, f"Ask an admin to let you {kind}.")


def _idempotency_key() -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not KEY.fullmatch(key):
        raise wrong_field("Idempotency-Key", "must have 1 to 255 printable ASCII characters")
    return key


@jobs.get("", responses={200: shapes.Page[shapes.Job]})
def list_jobs(query: JobsQuery) -> Response:
    """List jobs, the newest first

    Everyone sees their own jobs, admins see all.
    """
    person = access.signed_in()
    owner = _owner_id(query.owner, person)
    before = place_of(query.cursor, "jobs")
    if not person.admin and owner not in (None, person.user_id):
        return page([], query.limit, "jobs", describe)
    rows = job.newest_first(
        limit=query.limit + 1,
        before=before,
        owner_id=owner if person.admin else person.user_id,
        kinds=query.kind.split(",") if query.kind else None,
        states=query.state.split(",") if query.state else None,
        routine=query.routine,
        parent_id=int(query.parent) if query.parent and query.parent != "none" else None,
        children=query.parent != "none",
        text=write_json(query.q)[1:-1] if query.q else None,  # as it stands in the stored JSON
    )
    return page(rows, query.limit, "jobs", describe)


def _owner_id(owner: str | None, person: Identity) -> int | None:
    if owner == "me":
        return person.user_id
    return SYSTEM if owner == "none" else None if owner is None else int(owner)


def _own_job(job_id: str) -> Row:
    """The job, if whoever asks may see it; raises the 404."""
    person = access.signed_in()
    number = number_of(job_id)
    row = None if number is None else job.find(number, None if person.admin else person.user_id)
    if row is None:
        raise Problem("not_found", "There is no such job.")
    return row


@jobs.get("/<job_id>", responses={200: shapes.Job})
def show(path: JobPath) -> Response:
    """Show a job"""
    return answer(describe(_own_job(path.job_id)))


@jobs.get("/<job_id>/events", responses={200: shapes.Page[shapes.JobEvent]})
def events(path: JobPath, query: PageQuery) -> Response:
    """Tell what happened to a job, the oldest first"""
    row = _own_job(path.job_id)
    after = place_of(query.cursor, "events") or 0
    return page(
        job.history(row["id"], limit=query.limit + 1, after=after), query.limit, "events", describe_event
    )


def _steer(path: JobPath, change: Callable[[int], Row | None], done: str) -> Response:
    row = _own_job(path.job_id)
    try:
        changed = family.steer(change, row["id"])
    except IntegrityError:
        raise Problem("duplicate_job") from None
    if changed is None:
        now = job.find(row["id"]) or row
        raise Problem("wrong_state", f"The job is {now['state']} and cannot be {done}.")
    return answer(describe(changed), 202)


@jobs.post("/<job_id>/cancel", responses={202: shapes.Job})
def cancel(path: JobPath) -> Response:
    """Cancel a job

    From scheduled, queued, running and paused; a running one ends within two seconds.
    """
    return _steer(path, state.cancel, "cancelled")


@jobs.post("/<job_id>/pause", responses={202: shapes.Job})
def pause(path: JobPath) -> Response:
    """Pause a job

    From scheduled, queued and running; what is done so far is kept.
    """
    return _steer(path, state.pause, "paused")


@jobs.post("/<job_id>/resume", responses={202: shapes.Job})
def resume(path: JobPath) -> Response:
    """Let a paused job go on"""
    return _steer(path, state.resume, "resumed")


@jobs.post("/<job_id>/retry", responses={202: shapes.Job})
def retry(path: JobPath) -> Response:
    """Begin a failed or cancelled job again

    The same job, with its count of failures back at 0.
    """
    _require_permission(access.signed_in(), _own_job(path.job_id)["kind"])
    return _steer(path, state.retry, "retried")
