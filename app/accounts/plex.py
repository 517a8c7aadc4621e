"""Signing in with Plex: one browser, one PIN, one end.

The PIN is made and read by this server alone. The browser that began knows a random cookie, of which the database has
the SHA-256; nothing that a client sends names a PIN, and no token comes from it or goes to it.
"""

import hashlib
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote, urlencode

import structlog

from app.accounts import admission
from app.accounts.identity import Identity
from config.database import Row
from config.settings import settings
from pipelines.integrations.plex import access, server, tv
from pipelines.models import sign_in
from pipelines.models.connection import connection
from pipelines.models.sign_in import State

log = structlog.get_logger(__name__)

COOKIE = "mn_sign_in"
ASK_EVERY = 1.0  # seconds between two questions to plex.tv about one PIN
AT_ONCE = (
    2  # requests of this process that wait for plex.tv or the server; the others stay free for everybody else
)
PATIENCE = 1.0  # seconds that somebody who begins waits for a turn
BACK_OFF = 2.0  # seconds until an outside service that was away is asked again
LONGEST_BACK_OFF = 60.0  # however long plex.tv wishes
REMEMBERED = 10.0  # seconds that other tabs of the same browser have to see that they are signed in

MESSAGES = {
    "waiting": "Waiting for you to sign in at Plex.",
    "plex_away": "plex.tv does not answer as it should.",
    "server_away": "The Plex server cannot be reached.",
    "signed_in": "You are signed in.",
    "expired": "This sign-in is over. Please start again.",
    "no_access": "Your Plex account has no access to this Plex server. Ask its owner to share it with you.",
    "suspended": "Your account is suspended. Only an admin can let you in again.",
    "linked_elsewhere": "This Plex account belongs to another account here. Sign out and sign in with Plex to use it.",
    "approval": "An admin has to let you in first. Please come back later.",
}

_turns = threading.BoundedSemaphore(AT_ONCE)


class Unconfigured(Exception):
    """There is no Plex server that somebody could have access to."""


@dataclass(frozen=True)
class Begun:
    """A sign-in that waits for its person at `auth_url` until `expires_at` (seconds since 1970).

    `value` is the browser's cookie, `lifetime` how long that is good for.
    """

    value: str
    auth_url: str
    code: str
    expires_at: float
    lifetime: float


@dataclass(frozen=True)
class Standing:
    """How a sign-in stands. `enter` is the account for which a session is to begin, `over` ends the cookie."""

    state: str
    reason: str | None = None
    enter: int | None = None
    over: bool = False

    @property
    def message(self) -> str:
        """What the person is told."""
        return MESSAGES[self.reason or self.state]


_EXPIRED = Standing("expired", over=True)


def begin(*, link: bool, came_with: str | None, person: Identity | None, forward_url: str) -> Begun:
    """Make a PIN for a browser, in place of the one that it `came_with`; four letters to be typed by hand for `link`.

    `person` is whose account is to be connected with the one at Plex. Raises Unconfigured or tv.Away.
    """
    if connection("plex").url is None:
        raise Unconfigured
    with _turn(PATIENCE) as mine:
        if not mine:
            raise tv.Away("Many are asking it.")
        pin = tv.make_pin(strong=not link)
    if came_with:
        sign_in.forget(_digest(came_with))
    value = secrets.token_urlsafe(32)
    account_id = person.user_id if person else None
    row = sign_in.begin(_digest(value), pin.id, pin.code, pin.lifetime, account_id)
    url = f"{settings().plex_tv_url}/link" if link else _auth_url(pin.code, forward_url)
    return Begun(value, url, pin.code, row["expires_at"], pin.lifetime)


def look(value: str | None, person: Identity | None) -> Standing:
    """How the sign-in of the browser with this cookie stands; asks plex.tv if it is time to.

    `person` is who is signed in there. Of several looks at the same time one has the effect.
    """
    row = sign_in.find(_digest(value)) if value else None
    if row is None:
        return _EXPIRED
    if row["state"] != "waiting":
        return _ended(row, person)
    if row["over"]:
        sign_in.forget(row["digest"])
        return _EXPIRED
    with _turn(0) as mine:
        if not mine or not sign_in.take_turn(row["digest"], ASK_EVERY):
            return Standing("waiting", row["reason"])
        return _ask(row, person)


def barred(*, suspended: bool) -> Standing:
    """How it stands with somebody whose account was suspended or deleted before their session could begin."""
    return Standing("refused", "suspended", over=True) if suspended else _EXPIRED


def _ask(row: Row, person: Identity | None) -> Standing:
    try:
        token = tv.read_pin(row["pin_id"])
        if token is None:
            return _wait(row, None, 0.0)
        proof = access.prove(token)
    except (tv.PinOver, tv.Revoked):
        sign_in.forget(row["digest"])
        return _EXPIRED
    except tv.Away as away:
        log.warning("plex.tv is away; a sign-in waits", reason=away.message)
        return _wait(row, "plex_away", away.after)
    except server.Away as away:
        log.warning("the Plex server is away; a sign-in waits", reason=away.message)
        return _wait(row, "server_away")
    except access.NoAccess as refusal:
        end = admission.refuse(row, refusal.person)
    else:
        end = admission.admit(row, proof, token, person, REMEMBERED)
    if end is None:
        return _looked_again(row, person)
    return Standing(end.state, end.reason, enter=end.account_id, over=end.state == "signed_in")


def _wait(row: Row, reason: str | None, pause: float | None = None) -> Standing:
    sign_in.wait(row["digest"], reason, BACK_OFF if pause is None else min(pause, LONGEST_BACK_OFF))
    return Standing("waiting", reason)


def _looked_again(row: Row, person: Identity | None) -> Standing:
    """Another look ended it meanwhile."""
    now = sign_in.find(row["digest"])
    return _EXPIRED if now is None else _ended(now, person)


def _ended(row: Row, person: Identity | None) -> Standing:
    """What an ended sign-in looks like from a tab that did not end it; a session has begun already, and only once."""
    state: State = row["state"]
    if state == "waiting":
        return Standing("waiting", row["reason"])
    if state == "refused":
        return Standing("refused", row["reason"], over=True) if sign_in.forget(row["digest"]) else _EXPIRED
    if person is not None and person.user_id == row["account_id"]:
        return Standing("signed_in", over=True)
    return _EXPIRED if row["over"] else Standing("waiting")


@contextmanager
def _turn(patience: float) -> Iterator[bool]:
    """Whether this request may ask outside now; True is given to AT_ONCE at the same time."""
    mine = _turns.acquire(timeout=patience)
    try:
        yield mine
    finally:
        if mine:
            _turns.release()


def _auth_url(code: str, forward_url: str) -> str:
    words = {
        "clientID": tv.client_identifier(),
        "code": code,
        "context[device][product]": tv.PRODUCT,
        "forwardUrl": forward_url,
    }
    return f"{settings().plex_app_url}/auth#?{urlencode(words, quote_via=quote)}"


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode("utf-8", "replace")).hexdigest()
