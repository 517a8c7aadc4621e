"""Services: how everything that MediaNest depends on is, and how it was."""

from typing import Literal

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from app.api import shapes
from app.api.answers import PageQuery, answer, part
from app.errors import Problem
from config.database import Row, now
from pipelines.jobs.resource import rfc3339
from pipelines.models import service
from pipelines.services import SERVICES, describe_service

services = APIBlueprint(
    "services",
    __name__,
    url_prefix="/api/v1/services",
    abp_tags=[{"name": "services"}],
    abp_security=shapes.SIGNED_IN,
    abp_responses=shapes.ERRORS,
)

HOUR = 3600.0
WINDOWS = {"24h": (24 * HOUR, 300.0), "7d": (7 * 24 * HOUR, 1800.0), "30d": (30 * 24 * HOUR, 2 * HOUR)}
"""For each window its length and the time one item stands for, in seconds."""


class ServicePath(BaseModel):
    """Which service."""

    name: str


class HistoryQuery(PageQuery):
    """How far back."""

    window: Literal["24h", "7d", "30d"] = Field(default="24h")


@services.get("", responses={200: shapes.Page[shapes.Service]})
def list_services(query: PageQuery) -> Response:
    """List the services"""
    latest = service.present()
    return part([describe_service(name, latest.get(name)) for name in SERVICES], query, "services")


def _known(name: str) -> str:
    if name not in SERVICES:
        raise Problem("not_found", "There is no such service.")
    return name


@services.get("/<name>", responses={200: shapes.Service})
def show(path: ServicePath) -> Response:
    """Show a service"""
    name = _known(path.name)
    return answer(describe_service(name, service.present().get(name)))


@services.get("/<name>/history", responses={200: shapes.Page[shapes.ServiceCheck]})
def history(path: ServicePath, query: HistoryQuery) -> Response:
    """Tell how a service was, the oldest first

    Each item stands for 5 minutes (24h), 30 minutes (7d) or 2 hours (30d) in which the service was looked at:
    the worst state found and the mean latency.
    """
    name = _known(path.name)
    length, step = WINDOWS[query.window]
    rows = service.history(name, now() - length, step)
    return part([_describe(row) for row in rows], query, "history")


def _describe(row: Row) -> dict[str, object]:
    latency = row["latency_ms"]
    return {
        "at": rfc3339(row["at"]),
        "state": row["state"],
        "latency_ms": None if latency is None else round(latency, 1),
        "checks": row["checks"],
    }
