"""Is it alive, is it ready, and how are the services: for load balancers, monitors and people."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from flask import Response
from flask_openapi.blueprint import APIBlueprint

from app.api import shapes
from app.api.answers import answer
from app.errors import Problem
from config.database import AWAY, Row, deadline
from config.redis import RedisError, quick
from config.schema import SchemaMismatch, require_current
from pipelines.models import connection, service

health = APIBlueprint("health", __name__, abp_tags=[{"name": "health"}])

PATIENCE = 3.0  # seconds the database gets

WORDS = {"up": "healthy"}  # the other states are called the same
UNWELL = {"degraded", "starting", "down"}


@contextmanager
def _impatient() -> Iterator[None]:
    token = deadline.set(PATIENCE)
    try:
        yield
    finally:
        deadline.reset(token)


@health.get("/health", responses={200: shapes.Alive})
def alive() -> Response:
    """Say that the process lives

    Touches nothing else.
    """
    return answer({"status": "ok"})


@health.get("/ready", responses={200: shapes.Alive, 503: shapes.Problem})
def ready() -> Response:
    """Say whether requests can be served: the database answers and has this version's schema"""
    try:
        with _impatient():
            require_current()
    except SchemaMismatch:
        raise Problem("schema_mismatch") from None
    return answer({"status": "ok"})


@health.get("/api/health", responses={200: shapes.Health, 503: shapes.Health})
@health.get("/api/v1/health", responses={200: shapes.Health, 503: shapes.Health})
def services() -> Response:
    """Say how the services are

    200 for `ok` and `degraded`, 503 for `error` (the database is down).
    """
    checked = _checked()
    states = {
        "database": "down" if checked is None else "healthy",
        "redis": _redis(),
        "plex": _outside("plex", checked),
        "overseerr": _outside("overseerr", checked),
    }
    status = "error" if checked is None else "degraded" if UNWELL & set(states.values()) else "ok"
    timestamp = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    body = {"status": status, "timestamp": timestamp, "services": states}
    return answer(body, 503 if checked is None else 200)


Checked = dict[str, tuple[str | None, Row | None]]


def _checked() -> Checked | None:
    """Address and newest check of each service outside; None while the database is away."""
    try:
        with _impatient():
            rows = service.present()
            return {name: (place.url, rows.get(name)) for name, place in connection.outlines().items()}
    except AWAY:
        return None


def _redis() -> str:
    try:
        quick().ping()
    except RedisError:
        return "down"
    return "healthy"


def _outside(name: str, checked: Checked | None) -> str:
    url, row = checked[name] if checked else (connection.first(name).url, None)
    if url is None:
        return "unconfigured"
    if row is None or row["state"] == "unconfigured":
        return "starting"  # nobody has looked yet
    state = str(row["state"])
    return WORDS.get(state, state)
