"""What answers look like, for the API's documentation; answers themselves are written without these models."""

from typing import Any, Generic, Literal, TypeVar

from flask_openapi.models.response import Response as ResponseDoc
from flask_openapi.types import ResponseDict
from pydantic import BaseModel, Field

from app.errors import CODES

JOB_ERRORS = {
    "blocked_address": "the address leads to a place that downloads may not reach",
    "bot_check": "the site wants to be sure that a person is asking",
    "children_failed": "all parts of the job failed",
    "cookies_unreadable": "the stored cookies do not open with this installation's key",
    "disk_full": "no room on the disk",
    "download_failed": "the download failed for a reason we have no word for",
    "download_process_died": "the process that downloads ended without a word",
    "ffmpeg_missing": "ffmpeg or ffprobe is needed and not installed",
    "incomplete": "the file did not arrive complete",
    "internal": "something went wrong inside MediaNest",
    "live_refused": "a live broadcast",
    "media_directory": "the finished file cannot be put into the media directory",
    "network": "the connection failed",
    "not_found": "it does not exist, or no longer does",
    "processing_failed": "putting the downloaded streams together failed",
    "protected": "protected against copying",
    "rate_limited": "the other side asks us to slow down",
    "refused": "the other side refused to hand it out",
    "service_down": "a service that is needed does not answer",
    "sign_in_required": "only for people who signed in there",
    "site_error": "the other side answered with an error of its own",
    "staging_locked": "an older run still holds the files",
    "staging_unusable": "the staging directory cannot be used",
    "stalled": "nothing moved for too long",
    "too_large": "larger than the limit",
    "too_slow": "took longer than the limit",
    "unavailable_here": "not shown in this country",
    "unsupported_url": "nothing at this address that can be downloaded",
    "worker_lost": "the worker that ran the job ended unexpectedly",
}
"""The codes with which jobs fail."""

SIGNED_IN: list[dict[str, list[Any]]] = [{"session": []}, {"token": []}]

Item = TypeVar("Item")


class Page(BaseModel, Generic[Item]):
    """A part of a list; `next_cursor` leads to the next part."""

    items: list[Item]
    next_cursor: str | None


class Owner(BaseModel):
    """Who submitted the job."""

    id: str
    name: str | None


class Progress(BaseModel):
    """Where the running attempt stands."""

    percent: float | None = Field(ge=0, le=100)
    stage: str
    message: str
    done: int | None
    total: int | None
    unit: str | None
    rate: float | None = Field(description="In `unit` a second.")
    eta_seconds: float | None


class Waiting(BaseModel):
    """Why the job does not run yet."""

    reason: Literal["retry", "service", "host", "disk", "limit", "queue_paused", "held"]
    message: str
    until: str | None


class JobError(BaseModel):
    """Why the last attempt failed, and what can be done about it."""

    code: str = Field(description="\n".join(f"- `{code}`: {text}" for code, text in JOB_ERRORS.items()))
    category: Literal["permanent", "auth", "rate", "temporary", "local"]
    message: str
    advice: str
    retry_at: str | None


class Job(BaseModel):
    """A job, the same here and in the live feed."""

    id: str
    kind: str
    queue: str
    state: Literal["scheduled", "queued", "running", "paused", "succeeded", "failed", "cancelled"]
    owner: Owner | None = Field(description="null for the system's own jobs")
    params: dict[str, Any]
    priority: int = Field(ge=0, le=9)
    progress: Progress
    attempt: int = Field(description="Counts the runs and only grows.")
    failures: int = Field(description="The job is failed for good at `max_attempts` of them.")
    max_attempts: int
    revision: int = Field(description="Grows with every change.")
    result: dict[str, Any] | None
    waiting: Waiting | None
    error: JobError | None
    parent_id: str | None
    created_at: str
    scheduled_at: str | None
    started_at: str | None
    finished_at: str | None


class File(BaseModel):
    """A file in the library; `path` is relative to the media directory."""

    path: str
    bytes: int
    sha256: str


class Download(BaseModel):
    """What a job put in the library; the media file comes first in `files`."""

    id: str
    job_id: str
    owner: Owner | None = Field(description="null for the system's own")
    title: str
    uploader: str | None
    duration: float | None = Field(description="In seconds.")
    mode: Literal["video", "audio"]
    source_url: str
    files: list[File]
    extractor: str
    media_id: str = Field(description="Its id at the site; for the generic extractor its address.")
    created_at: str


class JobEvent(BaseModel):
    """One thing that happened to a job."""

    id: str
    at: str
    event: str
    state: str
    attempt: int
    revision: int
    detail: dict[str, Any] | None


class Queue(BaseModel):
    """A queue, what holds it back and what stands in it."""

    name: str
    kinds: list[str] = Field(description="The kinds of jobs that wait here.")
    paused: bool
    limit: int | None = Field(description="How many may run at once, as an admin set it.")
    per_user: int | None = Field(description="How many of one person may run at once.")
    per_host: int | None = Field(description="How many from one host may run at once.")
    queued: int = Field(description="Due and waiting.")
    running: int
    scheduled: int = Field(description="Not due yet.")
    paused_jobs: int
    oldest_seconds: float | None = Field(description="How long the oldest queued job has been due.")
    workers: int = Field(description="Worker processes that serve it now.")
    threads: int = Field(description="Their threads: the most that can run at once.")


class WorkersJob(BaseModel):
    """What a worker does."""

    id: str
    kind: str
    owner: Owner | None
    attempt: int
    percent: float | None
    started_at: str


class Worker(BaseModel):
    """A worker process."""

    id: str
    host: str
    pid: int
    queues: list[str]
    threads: int
    alive: bool = Field(description="Heard of within the last 15 seconds.")
    draining: bool = Field(description="Shuts down: finishes or gives back what it runs.")
    memory_bytes: int = Field(description="Resident memory of the process, without the programs it started.")
    started_at: str
    seen_at: str
    running: list[WorkersJob]


class Kind(BaseModel):
    """What a job can do."""

    name: str
    title: str
    queue: str
    params: dict[str, Any] = Field(description="A JSON Schema.")
    submit: Literal["user", "admin", "system"] = Field(description="Who may submit it.")
    every: float | None = Field(description="Seconds after which the system submits one by itself.")
    max_attempts: int
    allowed: bool = Field(description="Whether you may submit it.")


class Service(BaseModel):
    """How a service is."""

    name: str
    state: Literal["up", "degraded", "starting", "down", "unconfigured"]
    latency_ms: float | None
    uptime: float | None = Field(description="Percent of the last day.")
    since: str | None = Field(description="When it came into this state.")
    checked_at: str | None
    message: str
    url: str | None = Field(default=None, description="Only for admins, of a service that can be set.")
    has_secret: bool | None = Field(default=None, description="Whether it has a token or key; as `url`.")


class ServerSeen(BaseModel):
    """What a service calls itself."""

    name: str | None
    version: str | None


class ServiceTest(BaseModel):
    """What a test of a service's address and secret showed."""

    ok: bool
    state: Literal["up", "degraded", "starting", "down", "unconfigured"]
    latency_ms: float | None = Field(description="Of its first answer.")
    message: str = Field(description="What is wrong.")
    advice: str = Field(description="What to do.")
    server: ServerSeen | None


class ServiceCheck(BaseModel):
    """How a service was for a while."""

    at: str
    state: str
    latency_ms: float | None
    checks: int


class Alive(BaseModel):
    """Yes."""

    status: Literal["ok"]


Condition = Literal["healthy", "degraded", "starting", "down", "unconfigured"]


class Health(BaseModel):
    """How the services are."""

    status: Literal["ok", "degraded", "error"]
    timestamp: str
    services: dict[str, Condition]


class FieldError(BaseModel):
    """What is wrong with one field."""

    field: str
    message: str


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str = Field(
        description="\n".join(f"- `{code}` ({status}): {title}" for code, (status, title) in CODES.items()),
        json_schema_extra={"enum": list(CODES)},
    )
    request_id: str
    errors: list[FieldError] | None = Field(default=None, description="With 422: which fields.")


def _error_doc(status: int) -> ResponseDoc:
    titles = [title for number, title in CODES.values() if number == status]
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return ResponseDoc.model_validate(
        {"description": "; or ".join(titles), "content": {"application/problem+json": schema}}
    )


ERRORS: ResponseDict = {
    status: _error_doc(status) for status in sorted({number for number, _ in CODES.values()})
}
"""For the documentation of a blueprint: every error, with what it may mean."""
