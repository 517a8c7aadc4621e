"""Accounts, their sessions and their personal tokens; only digests of secrets are stored."""

from functools import lru_cache

from peewee import AutoField, DoubleField, ForeignKeyField, TextField

from pipelines.models.table import Table

SYSTEM = 0  # the owner id of what nobody owns: the system's jobs, the local command line's


class Account(Table):
    """Someone who can sign in; `role` is user or admin."""

    id = AutoField()
    name = TextField()
    password_hash = TextField()
    role = TextField()
    created_at = DoubleField()


class Session(Table):
    """A signed-in browser; `digest` is the SHA-256 of the cookie's value."""

    digest = TextField(primary_key=True)
    account = ForeignKeyField(Account, on_delete="CASCADE")
    created_at = DoubleField()
    seen_at = DoubleField()
    agent = TextField()


class Token(Table):
    """A personal token; `digest` is an HMAC of its secret part."""

    id = TextField(primary_key=True)
    digest = TextField()
    account = ForeignKeyField(Account, on_delete="CASCADE")
    label = TextField()
    created_at = DoubleField()
    used_at = DoubleField(null=True)


@lru_cache(maxsize=1024)
def name_of(account_id: int) -> str | None:
    """The name of an account, None if there is none; names do not change."""
    account = Account.select(Account.name).where(Account.id == account_id).first()
    return None if account is None else str(account.name)
