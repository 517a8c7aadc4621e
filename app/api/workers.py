"""Workers, for admins: where they run, how they are and what each does."""

from typing import Any

from flask import Response
from flask_openapi.blueprint import APIBlueprint

from app.api import shapes
from app.api.answers import PageQuery, part
from config.database import Row
from config.json_text import read_json
from pipelines.jobs.resource import describe_owner, rfc3339
from pipelines.models import worker

workers = APIBlueprint(
    "workers",
    __name__,
    url_prefix="/api/v1/admin/workers",
    abp_tags=[{"name": "admin"}],
    abp_security=shapes.SIGNED_IN,
    abp_responses=shapes.ERRORS,
)


@workers.get("", responses={200: shapes.Page[shapes.Worker]})
def list_workers(query: PageQuery) -> Response:
    """List the workers

    One that ended without signing off stays for an hour, with `alive` false.
    """
    running = worker.running()
    return part([_describe(each, running) for each in worker.workers()], query, "workers")


def _describe(row: Row, running: list[Row]) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "host": row["host"],
        "pid": row["pid"],
        "queues": row["queues"],
        "threads": row["threads"],
        "alive": row["alive"],
        "draining": bool(row["draining"]),
        "memory_bytes": row["memory_bytes"],
        "started_at": rfc3339(row["started_at"]),
        "seen_at": rfc3339(row["beat_at"]),
        "running": [_describe_job(job) for job in running if job["worker_id"] == row["id"]],
    }


def _describe_job(job: Row) -> dict[str, Any]:
    progress = read_json(job["progress"] or "{}")
    return {
        "id": str(job["id"]),
        "kind": job["kind"],
        "owner": describe_owner(job["owner_id"]),
        "attempt": job["attempt"],
        "percent": progress.get("percent"),
        "started_at": rfc3339(job["started_at"]),
    }
