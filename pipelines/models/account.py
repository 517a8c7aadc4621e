"""Accounts, their sessions and their personal tokens; only digests of secrets are stored."""

import time
from functools import lru_cache
from typing import Literal

from peewee import AutoField, BigIntegerField, DoubleField, ForeignKeyField, TextField

from config.database import change, is_sqlite, query, transaction
from pipelines.models.table import Table

SYSTEM = 0  # the owner id of what nobody owns: the system's jobs, the local command line's
NAMES_KEPT = 60  # seconds until the name of a deleted account is forgotten


Why = Literal["approval", "access", "admin"]
"""Why somebody is suspended: an admin has not let them in yet; Plex no longer shares the server with them (the next
sign-in that proves access ends it); an admin wants it so (only an admin ends it)."""


class LastAdmin(Exception):
    """Nobody would be left to look after the installation."""


class Account(Table):
    """Someone who can sign in; `role` is user, admin or suspended, and then `suspended` says why.

    `rights` is JSON: {"denied": [kind, …], "quotas": {kind: jobs an hour}}. What Plex says of them: `plex_id` is who they
    are, `email` only information; both tokens are sealed (config.vault); `checked_at` is when their access was proved.
    """

    id = AutoField()
    name = TextField()
    password_hash = TextField()
    role = TextField()
    suspended = TextField(default="")
    rights = TextField(default="{}")
    email = TextField(null=True)
    plex_id = BigIntegerField(null=True)
    plex_token = TextField(null=True)
    server_token = TextField(null=True)
    checked_at = DoubleField(null=True)
    seen_at = DoubleField(null=True)
    created_at = DoubleField()


class Session(Table):
    """A signed-in browser; `digest` is the SHA-256 of the cookie's value."""

    digest = TextField(primary_key=True)
    account = ForeignKeyField(Account, on_delete="CASCADE")
    created_at = DoubleField()
    seen_at = DoubleField()
    agent = TextField()
    address = TextField(default="")


class Token(Table):
    """A personal token; `digest` is an HMAC of its secret part."""

    id = TextField(primary_key=True)
    digest = TextField()
    account = ForeignKeyField(Account, on_delete="CASCADE")
    label = TextField()
    scopes = TextField()
    created_at = DoubleField()
    expires_at = DoubleField(null=True)
    used_at = DoubleField(null=True)


def name_of(account_id: int) -> str | None:
    """The name of an account, None if there is none. Names do not change, but an account may be deleted."""
    return remembered_name(account_id, int(time.monotonic() // NAMES_KEPT))


@lru_cache(maxsize=1024)
def remembered_name(account_id: int, _minute: int) -> str | None:
    """The name as this process read it in that minute."""
    account = Account.select(Account.name).where(Account.id == account_id).first()
    return None if account is None else str(account.name)


def set_role(account_id: int, role: str, why: Why | None = None) -> None:
    """Change what someone may do; their sessions end. Raises LastAdmin. `why` goes with the role suspended only."""
    with transaction():
        keep_an_admin(account_id if role != "admin" else None)
        change("UPDATE account SET role = %s, suspended = %s WHERE id = %s", role, why or "", account_id)
        change("DELETE FROM session WHERE account_id = %s", account_id)


def keep_an_admin(without: int | None) -> None:
    """Raise LastAdmin if `without` is the only admin; of two transactions that ask this one waits for the other."""
    if without is not None and hold_admins() == [without]:
        raise LastAdmin


def hold_admins() -> list[int]:
    """The ids of the admins, whom nobody else changes before the transaction ends.

    Whoever holds one account alone as well holds the admins first: in one order nobody waits for each other.
    """
    lock = "" if is_sqlite() else " FOR UPDATE"  # SQLite has one writer anyway
    return [row["id"] for row in query(f"SELECT id FROM account WHERE role = 'admin' ORDER BY id{lock}")]
