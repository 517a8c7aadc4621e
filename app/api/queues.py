"""Queues, for admins: how full they are, and holding them back."""

from typing import Annotated, Any

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from app import access
from app.accounts import audit
from app.api import shapes
from app.api.answers import Body, PageQuery, answer, part
from app.errors import Problem, wrong_field
from config.database import transaction
from pipelines.jobs.events import ring_bell
from pipelines.kind import limits_of
from pipelines.models import queue, worker
from pipelines.registry import KINDS

queues = APIBlueprint(
    "queues",
    __name__,
    url_prefix="/api/v1/admin/queues",
    abp_tags=[{"name": "admin"}],
    abp_security=shapes.SIGNED_IN,
    abp_responses=shapes.ERRORS,
)

MOST_RUNNING = 1000
BELLS = 64  # threads that are woken when a queue goes on


class QueueSettings(Body):
    """What to change; what is left out stays."""

    paused: bool = Field(default=False, strict=True, description="true: nothing of this queue starts.")
    limit: Annotated[int, Field(strict=True, ge=1, le=MOST_RUNNING)] | None = Field(
        default=None, description="How many of its jobs may run at once, over all workers; null: any number."
    )


class QueuePath(BaseModel):
    """Which queue."""

    name: str


def _described() -> dict[str, dict[str, Any]]:
    settings, depths = queue.settings(), queue.depths()
    serving = [each for each in worker.workers() if each["alive"] and not each["draining"]]
    names = {kind.queue for kind in KINDS.values()} | settings.keys() | depths.keys()
    return {
        name: _describe(name, settings.get(name, queue.OPEN), depths.get(name), serving)
        for name in sorted(names)
    }


def _describe(name: str, setting: Any, depth: Any, serving: list[Any]) -> dict[str, Any]:
    limits = limits_of(name, KINDS.values())
    workers = [each for each in serving if name in each["queues"]]
    return {
        "name": name,
        "kinds": sorted(kind.name for kind in KINDS.values() if kind.queue == name),
        "paused": bool(setting["paused"]),
        "limit": setting["max_running"],
        "per_user": limits.per_user,
        "per_host": limits.per_host,
        **(depth or {"queued": 0, "running": 0, "scheduled": 0, "paused_jobs": 0, "oldest_seconds": None}),
        "workers": len(workers),
        "threads": sum(each["threads"] for each in workers),
    }


@queues.get("", responses={200: shapes.Page[shapes.Queue]})
def list_queues(query: PageQuery) -> Response:
    """List the queues

    With what stands in them and who serves them.
    """
    return part(list(_described().values()), query, "queues")


@queues.patch("/<name>", responses={200: shapes.Queue})
def change(path: QueuePath, body: QueueSettings) -> Response:
    """Pause a queue or limit it

    Holds at the next claim of every worker; what runs goes on.
    """
    given = body.model_fields_set
    if not given:
        raise wrong_field("paused", "give paused, limit or both")
    if path.name not in _described():
        raise Problem("not_found", "There is no such queue.")
    with transaction():
        queue.configure(
            path.name,
            paused=body.paused if "paused" in given else None,
            limit=body.limit,
            keep_limit="limit" not in given,
        )
        audit.note("queue.changed", path.name, access.signed_in(), **body.model_dump(exclude_unset=True))
    ring_bell(path.name, BELLS)
    return answer(_described()[path.name])
