"""The Plex server that MediaNest belongs to: which one it is, and whether a token lets somebody in."""

import secrets

import structlog

from pipelines.integrations import http
from pipelines.integrations.http import Reply
from pipelines.integrations.visit import IDENTITY
from pipelines.models.connection import Connection, note_identity

log = structlog.get_logger(__name__)

ODD = "Its answer cannot be understood."
DEADLINE = 3.0  # seconds for one answer
OPEN = (
    "In the settings of the Plex server, under Network, remove MediaNest's network from \"List of IP addresses and"
    ' networks that are allowed without auth". Until then nobody becomes admin by owning the server.'
)


class Away(Exception):
    """No answer of the server that can be relied on; `message` says in plain words why."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def identity(here: Connection) -> str:
    """The machineIdentifier of the configured server, which is up; raises Away.

    Whoever answers first at a newly configured address is the server. Another one there later is not believed until
    the address is stored anew: its owner would become admin.
    """
    machine = _machine(_ask(here, "/identity"))
    if here.identity is None:
        note_identity(here.name, machine)
    elif here.identity != machine:
        log.error("another Plex server answers at the address", advice="Store the address of Plex again.")
        raise Away("Another server answers at its address.")
    return machine


def lets_in(here: Connection, token: str, machine: str) -> bool:
    """Whether the token opens the server; raises Away."""
    reply = _ask(here, "/", token)
    if reply.status == 401:
        return False
    _check(reply)
    if _named(reply) not in (None, machine):
        raise Away("Another server answers at its address.")
    return True


def judges_tokens(here: Connection, machine: str) -> bool:
    """Whether the server turns away a token that nobody has; raises Away.

    One that opens for all who ask from our network says nothing about who they are.
    """
    if not lets_in(here, secrets.token_urlsafe(15), machine):
        return True
    log.error("the Plex server lets MediaNest in with any token", advice=OPEN)
    return False


def _ask(here: Connection, path: str, token: str = "") -> Reply:
    if here.url is None:
        raise Away("It is not configured.")
    headers = {"Accept": "application/json"} | ({"X-Plex-Token": token} if token else {})
    try:
        return http.call("GET", here.url + path, headers=headers, deadline=DEADLINE)
    except http.Unreachable as error:
        raise Away(error.message) from None


def _machine(reply: Reply) -> str:
    _check(reply)
    machine = _named(reply)
    if machine is None:
        raise Away(ODD)
    return machine


def _check(reply: Reply) -> None:
    if reply.status != 200:
        starting = reply.status == 503
        raise Away("It is starting." if starting else f"It answers with error {reply.status}.")


def _named(reply: Reply) -> str | None:
    """Which server an answer says that it comes from; raises Away if it says nothing that can be understood."""
    try:
        machine = reply.json()["MediaContainer"]["machineIdentifier"]
    except http.Unreachable:
        raise Away(ODD) from None
    except (LookupError, TypeError):
        return None
    return machine if isinstance(machine, str) and IDENTITY.fullmatch(machine) else None
