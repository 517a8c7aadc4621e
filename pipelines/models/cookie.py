"""Cookies that people lend to their own downloads: one sealed text in Netscape's format for each person and host.

config.vault is imported where it is needed: it brings ten megabytes of cryptography, and most processes never use it.
"""

import re
from ipaddress import AddressValueError, IPv4Address

from peewee import CompositeKey, DoubleField, ForeignKeyField, TextField

from config.database import Row, change, query
from pipelines.errors import GiveUp
from pipelines.models.account import Account
from pipelines.models.table import Table

LONGEST_HOST = 253
_HOST = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


class Cookie(Table):
    """What a person lends for a host; `sealed` opens only in this row."""

    account = ForeignKeyField(Account, on_delete="CASCADE")
    host = TextField()
    sealed = TextField()
    created_at = DoubleField()

    class Meta:
        """A person has one text for a host."""

        primary_key = CompositeKey("account", "host")


def host_name(text: str) -> str | None:
    """A host as the table spells it: lower case, international letters as IDNA; None if it cannot be one.

    It has a dot: cookies for a whole top-level domain would be cookies for everybody.
    """
    try:
        host = text[: LONGEST_HOST + 1].encode("idna").decode().lower().removesuffix(".")
    except UnicodeError:
        return None
    if len(text) > LONGEST_HOST or len(host) > LONGEST_HOST or not _HOST.fullmatch(host):
        return None
    return host if _is_address(host) or not host.rpartition(".")[2].isdigit() else None


def _is_address(host: str) -> bool:
    try:
        IPv4Address(host)
    except AddressValueError:
        return False
    return True


def reach(host: str) -> list[str]:
    """The host and the domains above it, nearest first, without the top-level one; an address has none above."""
    if _is_address(host):
        return [host]
    labels = host.split(".")
    return [".".join(labels[start:]) for start in range(len(labels) - 1)]


def put(account_id: int, host: str, text: str) -> None:
    """Keep `text` for one of a person's hosts, in place of what was there."""
    from config.vault import seal

    change(
        "INSERT INTO cookie (account_id, host, sealed, created_at) VALUES (%s, %s, %s, NOW)"
        " ON CONFLICT (account_id, host) DO UPDATE SET sealed = excluded.sealed, created_at = excluded.created_at",
        *(account_id, host, seal(text, _identity(account_id, host))),
    )


def delete(account_id: int, host: str) -> bool:
    """Forget what a person lent for a host; False if that was nothing."""
    return bool(
        change("DELETE FROM cookie WHERE account_id = %s AND host = %s RETURNING host", account_id, host)
    )


def cookies_for(account_id: int, host: str) -> str | None:
    """What a person lends for a host, else for the nearest domain above it; raises GiveUp if it does not open."""
    name = host_name(host)
    if name is None:
        return None
    hosts = reach(name)
    marks = ", ".join(["%s"] * len(hosts))
    rows = query(
        f"SELECT host, sealed FROM cookie WHERE account_id = %s AND host IN ({marks})"
        " ORDER BY length(host) DESC LIMIT 1",
        *(account_id, *hosts),
    )
    return _opened(account_id, rows[0]) if rows else None


def _opened(account_id: int, row: Row) -> str:
    from config.vault import VaultError, unseal

    try:
        return unseal(row["sealed"], _identity(account_id, row["host"]))
    except VaultError:
        raise GiveUp(
            "cookies_unreadable",
            "Your cookies of this site cannot be opened any more.",
            advice="Store them again, then retry.",
            category="auth",
        ) from None


def hosts_of(account_id: int) -> list[Row]:
    """The hosts for which a person lends cookies (host, created_at), by name."""
    return query("SELECT host, created_at FROM cookie WHERE account_id = %s ORDER BY host", account_id)


def _identity(account_id: int, host: str) -> str:
    return f"cookie:{account_id}:{host}"
