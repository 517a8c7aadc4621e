"""The services that MediaNest depends on: how to look at each, and how one is described."""

import os
import shutil
import time
from collections.abc import Callable
from typing import Any, Literal, get_args

from config.database import AWAY, Row, now, query
from config.redis import RedisError, quick
from config.settings import settings
from pipelines.integrations import http
from pipelines.jobs.resource import rfc3339
from pipelines.models import service

ServiceName = Literal["database", "redis", "disk", "plex", "overseerr", "uptime_kuma"]

SERVICES: tuple[str, ...] = get_args(ServiceName)

SLOW_MS = 2000.0
LOW_DISK = 1 << 30  # bytes
DAY = 86400.0


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


def _web(url: str | None, path: str) -> Callable[[], None]:
    def look() -> None:
        if url is None:
            raise Unwell("unconfigured", "")
        try:
            status = http.status(url + path)
        except http.Unreachable as error:
            raise Unwell("down", error.message) from None
        if status == 503:
            raise Unwell("starting", "It answers that it is not ready yet.")
        if status >= 500:
            raise Unwell("degraded", f"It answers with error {status}.")

    return look


def looks() -> dict[str, Callable[[], None]]:
    """How to look at each service; a look raises Unwell."""
    here = settings()
    return {
        "database": _database,
        "redis": _redis,
        "disk": _disk,
        "plex": _web(here.plex_url, "/identity"),
        "overseerr": _web(here.overseerr_url, "/api/v1/status"),
        "uptime_kuma": _web(here.uptime_kuma_url, "/"),
    }


def look_at(name: str) -> tuple[str, float | None, str]:
    """State, latency in milliseconds (None without answer) and a sentence about one service."""
    began = time.monotonic()
    try:
        looks()[name]()
    except Unwell as trouble:
        return trouble.state, None, trouble.message
    latency = round((time.monotonic() - began) * 1000, 1)
    if latency > SLOW_MS:
        return "degraded", latency, "It answers slowly."
    return "up", latency, ""


def describe_service(name: str, row: Row | None) -> dict[str, Any]:
    """The service resource; `row` is its latest check, None before the first."""
    if row is None:
        state = "unconfigured" if getattr(settings(), f"{name}_url", "") is None else "starting"
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
