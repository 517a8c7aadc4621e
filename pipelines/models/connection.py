"""How the services are reached: their addresses and secrets, as an admin set them, else as the environment says.

The environment gives first values only: once an admin has set a service, its row counts, also one without an address,
which says that it was disconnected on purpose. The identity of a server that only the environment names is kept in a
row of its own, `environment:<name>`, with the digest of the address it was seen at: it counts for as long as the
environment says that address, and never holds a later change of it back.

config.vault is imported where it is needed: it brings ten megabytes of cryptography, and most processes never use it.
"""

import hashlib
from dataclasses import dataclass, field, replace

import structlog
from peewee import DoubleField, TextField

from config.database import Row, change, query
from config.settings import settings
from pipelines.models.table import Table

log = structlog.get_logger(__name__)

NAMES = ("plex", "overseerr", "uptime_kuma")
"""The services whose address and secret can be set."""


@dataclass(frozen=True)
class Connection:
    """A service's address without a slash at its end (None: unconfigured) and its secret (None: it has none).

    `identity` is Plex' machineIdentifier as last seen with these settings. `sealed` says that there is a secret which
    does not open any more, and `secret` is None then. `changed_at` is when an admin set it (None: nobody has).
    """

    name: str
    url: str | None
    secret: str | None = field(repr=False)
    identity: str | None
    sealed: bool = False
    changed_at: float | None = None


@dataclass(frozen=True)
class Outline:
    """What may be told about a connection, found without opening its secret."""

    url: str | None
    has_secret: bool


class ConnectionRow(Table):
    """What an admin set; `secret` is sealed for this row, a row without `url` is a service that was disconnected."""

    name = TextField(primary_key=True)
    url = TextField(null=True)
    secret = TextField(null=True)
    identity = TextField(null=True)
    changed_at = DoubleField()

    class Meta:
        """The name of the table."""

        table_name = "connection"


def connection(name: str) -> Connection:
    """How the service is reached now; KeyError if it is none of NAMES."""
    here = first(name)
    aside = _aside(name)
    found = query(
        "SELECT name, url, secret, identity, changed_at FROM connection WHERE name IN (%s, %s)", name, aside
    )
    rows = {row["name"]: row for row in found}
    if name in rows:
        return _opened(rows[name])
    seen = rows.get(aside)
    return replace(here, identity=seen["identity"]) if seen and seen["url"] == _digest(here.url) else here


def first(name: str) -> Connection:
    """How the environment says that the service is reached, which counts until an admin sets it."""
    here = settings()
    url, secret = {
        "plex": (here.plex_url, here.plex_token),
        "overseerr": (here.overseerr_url, here.overseerr_api_key),
        "uptime_kuma": (here.uptime_kuma_url, here.uptime_kuma_api_key),
    }[name]
    return Connection(name, url, (secret or None) if url else None, None)


def outlines() -> dict[str, Outline]:
    """Address of each of NAMES, and whether it has a secret."""
    found = {name: Outline(first(name).url, first(name).secret is not None) for name in NAMES}
    for row in query("SELECT name, url, secret FROM connection"):
        if row["name"] in found:
            found[row["name"]] = Outline(row["url"], row["secret"] is not None)
    return found


def store(
    name: str, url: str | None, secret: str | None, identity: str | None, known: Connection | None = None
) -> bool:
    """Reach the service like this from now on; without `url` it is disconnected and its secret forgotten.

    With `known` only if nobody has set the service since that was read; False if somebody has.
    """
    from config.vault import seal

    sealed = seal(secret, _identity(name)) if url and secret else None
    unchanged, since = (" WHERE connection.changed_at = %s", (known.changed_at,)) if known else ("", ())
    stored = change(
        "INSERT INTO connection (name, url, secret, identity, changed_at) VALUES (%s, %s, %s, %s, NOW)"
        " ON CONFLICT (name) DO UPDATE SET url = excluded.url, secret = excluded.secret,"
        f" identity = excluded.identity, changed_at = excluded.changed_at{unchanged} RETURNING name",
        *(name, url, sealed, identity if url else None, *since),
    )
    return bool(stored)


def note_identity(name: str, identity: str, seen_at: str | None = None) -> None:
    """This is who answers at the service's address, if nobody is known to yet; `store` alone accepts somebody else.

    With `seen_at` only if that is still the address.
    """
    rows = query("SELECT url FROM connection WHERE name = %s", name)
    url = rows[0]["url"] if rows else first(name).url
    if url is None or (seen_at or url) != url:
        return
    if rows:
        change(
            "UPDATE connection SET identity = %s WHERE name = %s AND url = %s AND identity IS NULL",
            *(identity, name, url),
        )
    else:
        change(
            "INSERT INTO connection (name, url, identity, changed_at) VALUES (%s, %s, %s, NOW)"
            " ON CONFLICT (name) DO UPDATE SET url = excluded.url, identity = excluded.identity,"
            " changed_at = excluded.changed_at WHERE connection.url <> excluded.url",
            *(_aside(name), _digest(url), identity),
        )


def _opened(row: Row) -> Connection:
    name = row["name"]
    found = Connection(name, row["url"], None, row["identity"], changed_at=row["changed_at"])
    if row["secret"] is None:
        return found
    from config.vault import VaultError, unseal

    try:
        return replace(found, secret=unseal(row["secret"], _identity(name)))
    except VaultError as error:
        log.error("the secret of a service does not open", service=name, reason=str(error))
        return replace(found, sealed=True)


def _identity(name: str) -> str:
    return f"connection:{name}"


def _aside(name: str) -> str:
    return f"environment:{name}"


def _digest(url: str | None) -> str:
    """The environment's address as it may be written down: it may hold a password."""
    return hashlib.sha256((url or "").encode()).hexdigest()
