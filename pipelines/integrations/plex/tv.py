"""plex.tv: PINs to sign in with, and what it knows about the holder of a token.

Statuses decide, not bodies: what stands in front of plex.tv answers for it at times, in HTML or in nothing at all. Only
what is listed here as such says that a PIN is over or a token revoked; everything else means that plex.tv is away.
"""

import platform
import uuid
from dataclasses import dataclass, field
from importlib import metadata
from typing import Annotated, Any, TypeVar

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)

from config.settings import settings
from pipelines.integrations import http
from pipelines.integrations.http import Reply
from pipelines.models.secret import kept

PRODUCT = "MediaNest"
DEADLINE = 3.0  # seconds for one answer
SLOW_DOWN = 5.0  # seconds, where plex.tv asks to slow down and does not say for how long
USUAL_LIFE = 900.0  # seconds of a PIN, where plex.tv does not say
LONGEST_LIFE = 86400.0  # seconds; more than any PIN lives
NOT_VALID = (401, 498)  # a token that is unknown or revoked, and one that is outdated
LONGEST_EMAIL = 320

Token = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,8192}$")]
Number = Annotated[int, Field(gt=0, lt=2**63)]
Told = TypeVar("Told")


class Away(Exception):
    """No answer of plex.tv that can be relied on; `after` are the seconds that it asks us to wait."""

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.after = after


class PinOver(Exception):
    """The PIN has expired, or plex.tv does not know it."""


class Revoked(Exception):
    """The token is worth nothing any more."""


class _Term(BaseModel):
    """How long a PIN lives, which plex.tv says in seconds and by its own clock."""

    expires_in: float = Field(alias="expiresIn", default=USUAL_LIFE, le=LONGEST_LIFE)
    created: AwareDatetime | None = Field(alias="createdAt", default=None)
    expires: AwareDatetime | None = Field(alias="expiresAt", default=None)

    @property
    def lifetime(self) -> float:
        """In seconds: the shorter of both."""
        if self.created is None or self.expires is None:
            return self.expires_in
        return min(self.expires_in, (self.expires - self.created).total_seconds())


class Pin(_Term):
    """A PIN that waits for somebody."""

    id: Number
    code: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{4,100}$")]


@dataclass(frozen=True)
class Person:
    """An account at plex.tv. `id` is who it is; name and e-mail are what its owner calls himself today."""

    id: int
    name: str
    email: str | None = field(repr=False)


class Share(BaseModel):
    """A server in somebody's list, with their own token for it."""

    token: Token = Field(alias="accessToken", repr=False)
    owned: bool


class _Claim(_Term):
    token: Annotated[Token | None, BeforeValidator(lambda said: said or None)] = Field(alias="authToken")


class _User(BaseModel):
    id: Number
    username: Any = None
    title: Any = None
    email: Any = None


def make_pin(*, strong: bool) -> Pin:
    """A new PIN, of four letters to be typed by hand unless it is `strong`; raises Away."""
    reply = _ask("POST", "/api/v2/pins", strong="true") if strong else _ask("POST", "/api/v2/pins")
    pin = _read(reply, Pin)
    if pin.lifetime <= 0:
        raise Away("Its answer cannot be understood.")
    return pin


def read_pin(pin_id: int) -> str | None:
    """The token of whoever claimed the PIN, None as long as nobody did; raises PinOver or Away."""
    reply = _ask("GET", f"/api/v2/pins/{pin_id}")
    if reply.status == 404:
        raise PinOver
    claim = _read(reply, _Claim)
    if claim.token is None and claim.lifetime <= 0:
        raise PinOver
    return claim.token


def user(token: str) -> Person:
    """Whose token it is; raises Revoked or Away."""
    told = _read(_ask_as("/api/v2/user", token), _User)
    name = _clean(told.title) or _clean(told.username)
    return Person(told.id, name, _clean(told.email)[:LONGEST_EMAIL] or None)


def shares(token: str, machine: str) -> list[Share]:
    """What the list of the token's holder has as the server of this machineIdentifier; raises Revoked or Away.

    An app on a device stands in the same list and may call itself anything: a server, with the identifier of another
    one, and as its holder's own. So there may be several, and what one of them says is worth what the server says to it.
    """
    reply = _ask_as("/api/v2/resources", token, includeHttps="1", includeRelay="1")
    return [
        _fitting(entry, Share)
        for entry in _read(reply, list[dict[str, Any]])
        if entry.get("clientIdentifier") == machine and "server" in str(entry.get("provides")).split(",")
    ]


def ping(token: str) -> None:
    """Keep the token alive; raises Revoked or Away."""
    _read(_ask_as("/api/v2/ping", token), dict[str, Any])


def client_identifier() -> str:
    """How plex.tv tells this installation from others; a PIN is read by the one that made it."""
    return kept("plex-client", lambda: str(uuid.uuid4()))


def _ask(method: str, path: str, token: str = "", **params: str) -> Reply:
    try:
        return http.call(
            method,
            settings().plex_tv_url + path,
            headers=_headers() | ({"X-Plex-Token": token} if token else {}),
            params=params,
            deadline=DEADLINE,
        )
    except http.Unreachable as error:
        raise Away(error.message) from None


def _ask_as(path: str, token: str, **params: str) -> Reply:
    reply = _ask("GET", path, token, **params)
    if reply.status in NOT_VALID or (reply.status == 422 and b"Invalid token" in reply.body):
        raise Revoked
    return reply


def _headers() -> dict[str, str]:
    return {
        "Accept": "application/json",
        "X-Plex-Client-Identifier": client_identifier(),
        "X-Plex-Product": PRODUCT,
        "X-Plex-Version": metadata.version("medianest"),
        "X-Plex-Platform": platform.system(),
        "X-Plex-Device": PRODUCT,
        "X-Plex-Device-Name": PRODUCT,
    }


def _read(reply: Reply, shape: type[Told]) -> Told:
    """The answer in its shape; raises Away for any status but success."""
    if reply.status not in (200, 201):
        usual = SLOW_DOWN if reply.status == 429 else None
        raise Away(f"It answers with error {reply.status}.", reply.retry_after or usual)
    try:
        return _fitting(reply.json(), shape)
    except http.Unreachable as error:
        raise Away(error.message) from None


def _fitting(value: object, shape: type[Told]) -> Told:
    try:
        return TypeAdapter(shape).validate_python(value)
    except ValidationError:
        raise Away("Its answer cannot be understood.") from None


def _clean(said: object) -> str:
    """What somebody wrote about himself as one line of characters that can be seen."""
    line = " ".join(said.split()) if isinstance(said, str) else ""
    return "".join(letter for letter in line if letter.isprintable()).strip()
