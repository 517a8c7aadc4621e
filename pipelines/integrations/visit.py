"""What is at a service's address: one visit says how it is and, where something is wrong, what to do about it.

Of what a service says nothing is repeated but its name, its version and its identity.
"""

import base64
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urljoin

from pipelines.integrations import http
from pipelines.integrations.place import same_place

PATIENCE = 8.0  # seconds for all calls of a visit
LONGEST_WORD = 100
IDENTITY = re.compile(r"[!-~]{1,100}")  # of a Plex server, 40 hexadecimal digits so far

ELSEWHERE = "Check that it runs, and that the address, its port and http or https are right as seen from this machine."
UNTRUSTED = (
    "Use an address that its certificate is for, have the certificate signed by somebody whom this machine trusts, or"
    " use http:// inside your own network."
)


@dataclass(frozen=True)
class Visit:
    """What was found; `latency_ms` is that of the first answer, None without one.

    `state` is up, degraded, starting or down; `message` says what is wrong and `advice` what to do. `identity` is
    Plex' machineIdentifier.
    """

    state: str
    latency_ms: float | None
    message: str = ""
    advice: str = ""
    name: str | None = None
    version: str | None = None
    identity: str | None = None


class _Trouble(Exception):
    """The visit ends here."""

    def __init__(self, state: str, message: str, advice: str) -> None:
        super().__init__(message)
        self.state, self.message, self.advice = state, message, advice


def visit(service: str, url: str, secret: str | None) -> Visit:
    """Go to plex, overseerr or uptime_kuma, with its secret if there is one; takes at most PATIENCE seconds."""
    door = _Door(url)
    try:
        return _VISITS[service](door, secret)
    except _Trouble as trouble:
        return Visit(trouble.state, door.latency_ms, trouble.message, trouble.advice)


class _Door:
    """Calls to one address that keep to the time together."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._ends = time.monotonic() + PATIENCE
        self.latency_ms: float | None = None

    def get(self, path: str, headers: dict[str, str] | None = None) -> http.Reply:
        """An answer that does not say by its status that the service is unwell."""
        began = time.monotonic()
        try:
            reply = http.call(
                "GET",
                self._url + path,
                headers={"Accept": "application/json", **(headers or {})},
                deadline=max(self._ends - began, 0.1),
            )
        except http.Untrusted as error:
            raise _Trouble("down", error.message, UNTRUSTED) from None
        except http.Unreachable as error:
            raise _Trouble("down", error.message, ELSEWHERE) from None
        if self.latency_ms is None:
            self.latency_ms = round((time.monotonic() - began) * 1000, 1)
        if self._leads_away(reply):
            raise _Trouble("down", "It sends us on to another address.", "Give the address at which it ends.")
        if reply.status == 503:
            raise _Trouble("starting", "It answers that it is not ready yet.", "Wait until it has started.")
        if reply.status >= 500:
            raise _Trouble("degraded", f"It answers with error {reply.status}.", "Its own log says more.")
        return reply

    def _leads_away(self, reply: http.Reply) -> bool:
        """Whether it is a redirect to another host, or to https, which is not followed."""
        if not 300 <= reply.status < 400:
            return False
        try:
            return not same_place(self._url, urljoin(self._url, reply.headers.get("location", "")))
        except ValueError:
            return True


def _plex(door: _Door, token: str | None) -> Visit:
    facts = _inside(door.get("/identity"), "MediaContainer")
    identity = facts.get("machineIdentifier")
    if not isinstance(identity, str) or not IDENTITY.fullmatch(identity):
        raise _stranger("Plex", "Plex usually listens on port 32400.")
    found = Visit("up", door.latency_ms, version=_word(facts.get("version")), identity=identity)
    if token is None:
        return replace(found, advice="Without a token only people's sign-in works; add one for the library.")
    reply = door.get("/", {"X-Plex-Token": token})
    if reply.status != 200:
        return _refused(found, reply, "token", "Get the server's token anew and store it.")
    return replace(found, name=_word(_inside(reply, "MediaContainer").get("friendlyName")))


def _overseerr(door: _Door, key: str | None) -> Visit:
    version = _word(_inside(door.get("/api/v1/status")).get("version"))
    if version is None:
        raise _stranger("Overseerr", "Overseerr usually listens on port 5055.")
    found = Visit("up", door.latency_ms, version=version)
    if key is None:
        return replace(found, advice="Without an API key it can only be watched; add one for requests.")
    reply = door.get("/api/v1/auth/me", {"X-Api-Key": key})
    if reply.status != 200 or "id" not in _inside(reply):
        return _refused(found, reply, "API key", "Copy the API key from its general settings and store it.")
    return found


def _uptime_kuma(door: _Door, key: str | None) -> Visit:
    if door.get("/").status >= 400:  # it sends browsers on to its first page
        raise _stranger("Uptime Kuma", "Uptime Kuma usually listens on port 3001.")
    found = Visit("up", door.latency_ms)
    if key is None:
        return replace(found, advice="Without an API key it can only be watched; add one for its monitors.")
    words = base64.b64encode(f":{key}".encode()).decode()
    reply = door.get("/metrics", {"Authorization": f"Basic {words}"})
    if reply.status != 200 or b"# HELP " not in reply.body:
        return _refused(found, reply, "API key", "Make a new API key in its settings and store it.")
    return found


_VISITS: dict[str, Callable[[_Door, str | None], Visit]] = {
    "plex": _plex,
    "overseerr": _overseerr,
    "uptime_kuma": _uptime_kuma,
}


def _stranger(name: str, port: str) -> _Trouble:
    return _Trouble("down", f"What answers there is not {name}.", f"Check the address. {port}")


def _refused(found: Visit, reply: http.Reply, secret: str, advice: str) -> Visit:
    """What was found, but that the secret does not open it."""
    if reply.status in (401, 403):
        return replace(found, state="degraded", message=f"It refuses the {secret}.", advice=advice)
    message = f"It cannot be told whether it accepts the {secret}."
    return replace(found, state="degraded", message=message, advice="Check the address and its path.")


def _inside(reply: http.Reply, *names: str) -> dict[str, Any]:
    """The JSON object in a good answer, or the one that it holds by this name; empty if there is none."""
    try:
        value = reply.json() if reply.status == 200 else None
    except http.Unreachable:
        return {}
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _word(value: object) -> str | None:
    """A service's name for something, fit to be shown on a line."""
    if not isinstance(value, str):
        return None
    return "".join(letter for letter in value if letter.isprintable())[:LONGEST_WORD] or None
