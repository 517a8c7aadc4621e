"""The services that MediaNest depends on: how to look at each, and how one is described."""

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal, get_args

from config.database import AWAY, Row, now, query
from config.redis import RedisError, quick
from config.settings import settings
from pipelines.integrations.visit import Visit, visit
from pipelines.jobs.events import service_changed
from pipelines.jobs.resource import rfc3339
from pipelines.models import service
from pipelines.models.connection import NAMES, Connection, connection, note_identity, outlines

ServiceName = Literal["database", "redis", "disk", "plex", "overseerr", "uptime_kuma"]

SERVICES: tuple[str, ...] = get_args(ServiceName)

SLOW_MS = 2000.0
LOW_DISK = 1 << 30  # bytes
DAY = 86400.0
SLOWLY = "It answers slowly."
STORE = "Store it anew."
ANOTHER = "If the server is a new one, store its address anew; its owner becomes admin."


class Unwell(Exception):
    """The service was reached but is not well."""

    def __init__(self, state: str, message: str) -> None:
        super().__init__(message)
        self.state = state
        self.message = message


def _database() -> None:
    try:
        query("SELECT 1 AS one")
    except AWAY:
        raise Unwell("down", "The database does not answer.") from None


def _redis() -> None:
    try:
        quick().ping()
    except RedisError:
        raise Unwell("down", "Redis does not answer; jobs start up to two seconds later.") from None


def _disk() -> None:
    folder = settings().media_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
        writable = os.access(folder, os.W_OK)
    except OSError:
        raise Unwell("down", "The media directory cannot be reached.") from None
    if not writable:
        raise Unwell("down", "The media directory cannot be written to.")
    if free < LOW_DISK:
        raise Unwell("degraded", "Less than 1 GiB is free in the media directory.")


LOOKS: dict[str, Callable[[], None]] = {"database": _database, "redis": _redis, "disk": _disk}
"""How to look at what is ours; a look raises Unwell."""


def look_at(name: str) -> tuple[str, float | None, str]:
    """State, latency in milliseconds (None without answer) and a sentence about one service."""
    if name not in LOOKS:
        here = connection(name)
        found = visit_at(here)
        if found.identity and here.identity is None:
            note_identity(name, found.identity, here.url)
        return found.state, found.latency_ms, found.message
    began = time.monotonic()
    try:
        LOOKS[name]()
    except Unwell as trouble:
        return trouble.state, None, trouble.message
    latency = round((time.monotonic() - began) * 1000, 1)
    return ("degraded", latency, SLOWLY) if latency > SLOW_MS else ("up", latency, "")


def visit_at(here: Connection) -> Visit:
    """What is found where a service is said to be; no connection to the database is held meanwhile.

    Whoever answers at the address of Plex first is the server; another one there later is not taken for it.
    """
    if here.url is None:
        return Visit("unconfigured", None, advice="Say where it is.")
    found = visit(here.name, here.url, here.secret)
    if found.state != "up":
        return found
    if here.sealed:
        return replace(
            found, state="degraded", message="Its stored secret does not open any more.", advice=STORE
        )
    if here.identity and found.identity != here.identity:
        return replace(
            found, state="degraded", message="Another server answers at its address.", advice=ANOTHER
        )
    if found.latency_ms is not None and found.latency_ms > SLOW_MS:
        return replace(found, state="degraded", message=SLOWLY)
    return found


def note_look(name: str, state: str, latency_ms: float | None, message: str) -> Row:
    """Store what a look found and tell everyone; the service's row."""
    row = service.record(name, state, latency_ms, message)
    service_changed(describe_service(name, row))
    return row


def describe_service(name: str, row: Row | None) -> dict[str, Any]:
    """The service resource; `row` is its latest check, None before the first."""
    if row is None:
        state = "unconfigured" if name in NAMES and outlines()[name].url is None else "starting"
        unknown = {"latency_ms": None, "uptime": None, "since": None, "checked_at": None, "message": ""}
        return {"name": name, "state": state, **unknown}
    return {
        "name": name,
        "state": row["state"],
        "latency_ms": row["latency_ms"],
        "uptime": service.uptime_percent(name, now() - DAY),
        "since": rfc3339(row["since"]),
        "checked_at": rfc3339(row["at"]),
        "message": row["message"],
    }
