"""Services: how everything that MediaNest depends on is, and how it was; for admins, where it is.

Plex, Overseerr and Uptime Kuma can be set. Their secrets come in and never go out, to nobody but the service itself.
"""

from dataclasses import replace
from typing import Annotated, Any, Literal

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, Field, ValidationError

from app import access, envelope
from app.accounts import audit
from app.api import shapes
from app.api.answers import Body, PageQuery, answer, part
from app.errors import Problem, wrong_field, wrong_fields
from config.database import Row, now, transaction
from pipelines.integrations.place import LONGEST, WrongPlace, read_url, same_place, shown
from pipelines.jobs.resource import rfc3339
from pipelines.models import plex_account, service
from pipelines.models.connection import Connection, connection, outlines, store
from pipelines.services import SERVICES, describe_service, note_look, visit_at

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


SECRETS = {"plex": "token", "overseerr": "api_key", "uptime_kuma": "api_key"}
"""Which field holds the secret of each service that can be set."""

Secret = Annotated[str, Field(min_length=1, max_length=2048, pattern=r"^[\x21-\x7e]+$")]


class ServiceSettings(Body):
    """Where a service is, and what opens it.

    Left out, the secret stays as it is, but not for another host or port; null forgets it.
    """

    url: Annotated[str, Field(max_length=LONGEST)] | None = Field(
        description="Its address as this machine reaches it, with port; null disconnects it."
    )
    token: Secret | None = Field(default=None, repr=False, description="Of Plex: the server's token.")
    api_key: Secret | None = Field(default=None, repr=False, description="Of Overseerr and Uptime Kuma.")


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
    described = _with_places({name: describe_service(name, latest.get(name)) for name in SERVICES})
    return part(described, query, "services")


def _with_places(resources: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """The resources, for an admin with what only admins see; the feed, which everyone sees, has none of it."""
    if access.signed_in().admin:
        for name, outline in outlines().items():
            if name in resources:
                resources[name] |= {"url": shown(outline.url), "has_secret": outline.has_secret}
    return list(resources.values())


def _known(name: str) -> str:
    if name not in SERVICES:
        raise Problem("not_found", "There is no such service.")
    return name


@services.get("/<name>", responses={200: shapes.Service})
def show(path: ServicePath) -> Response:
    """Show a service"""
    name = _known(path.name)
    return _show(name, service.present().get(name))


def _show(name: str, row: Row | None) -> Response:
    return answer(_with_places({name: describe_service(name, row)})[0])


@services.put("/<name>", responses={200: shapes.Service})
def change(path: ServicePath, body: ServiceSettings) -> Response:
    """Say where a service is, or disconnect it

    Its answer says at once how it is there. Settings are stored also if it does not answer, but not if another admin
    has changed them while it was asked.
    """
    name = _known(path.name)
    if name not in SECRETS:
        raise Problem("method_not_allowed", "This service cannot be set here.", headers={"Allow": "GET"})
    known = connection(name)
    wanted = _wanted(known, body)
    found = visit_at(replace(wanted, identity=None))  # an admin may say that the server is another one
    _store(known, replace(wanted, identity=found.identity or wanted.identity))
    return _show(name, note_look(name, found.state, found.latency_ms, found.message))


def _wanted(known: Connection, body: ServiceSettings) -> Connection:
    """The connection that an admin wants; raises the 422."""
    field, given = SECRETS[known.name], body.model_fields_set
    for other in {"token", "api_key"} & given - {field}:
        raise wrong_field(other, f"this service has none; its secret is {field}")
    secret = getattr(body, field)
    if body.url is None:
        if secret is not None:
            raise wrong_field(field, "a service without url has none")
        return Connection(known.name, None, None, None)
    try:
        url = read_url(body.url)
    except WrongPlace as error:
        raise wrong_field("url", str(error)) from None
    same = known.url is not None and same_place(known.url, url)
    if field not in given:
        secret = _kept_secret(known, same)
    return Connection(known.name, url, secret, known.identity if same else None)


def _kept_secret(known: Connection, same: bool) -> str | None:
    """The secret that a service has, for the same place; it is never sent to another one."""
    if known.sealed:
        raise wrong_field(SECRETS[known.name], "give it again, the stored one does not open any more")
    if known.secret is not None and not same:
        raise wrong_field(SECRETS[known.name], "give it again, the stored one is for another address")
    return known.secret


def _store(known: Connection, wanted: Connection) -> None:
    with transaction():
        if not store(wanted.name, wanted.url, wanted.secret, wanted.identity, known):
            raise Problem("changed_meanwhile", "Look at its settings again, then change them.")
        if wanted.name == "plex" and wanted.identity != known.identity:
            plex_account.doubt_everyone()
        audit.note(
            "service.changed",
            wanted.name,
            access.signed_in(),
            old_url=shown(known.url),
            url=shown(wanted.url),
            secret_changed=known.sealed or wanted.secret != known.secret,
        )


OPTIONAL_SETTINGS = {
    "required": False,
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ServiceSettings"}}},
}


@services.post(
    "/<name>/test",
    responses={200: shapes.ServiceTest},
    openapi_extensions={"requestBody": OPTIONAL_SETTINGS},
)
def test(path: ServicePath) -> Response:
    """Try out how a service is reached

    With a body those settings, which are not stored; without one the stored ones.
    """
    name = _known(path.name)
    if name not in SECRETS:
        raise Problem("not_found", "This service has no settings to test.")
    here = connection(name)
    body = envelope.optional_body()
    if body is not None:
        try:
            here = _wanted(here, ServiceSettings.model_validate(body))
        except ValidationError as error:
            raise wrong_fields(error) from None
    found = visit_at(here)
    ok = found.state == "up"
    audit.note("service.tested", name, access.signed_in(), url=shown(here.url), ok=ok)
    seen = {"name": found.name, "version": found.version} if found.version or found.name else None
    return answer(
        {
            "ok": ok,
            "state": found.state,
            "latency_ms": found.latency_ms,
            "message": found.message,
            "advice": found.advice,
            "server": seen,
        }
    )


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
