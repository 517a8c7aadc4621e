"""An installation with something in every place that holds a secret, and a look at all that its database holds."""

from collections.abc import Iterator
from typing import Any

from app.accounts import tokens, users
from config.database import is_sqlite, query
from config.vault import unseal
from pipelines.models import connection, cookie, plex_account
from pipelines.models.sealed import COLUMNS
from pipelines.models.secret import kept

HOSTS = ("example.com", "video.example.org")


def plant() -> str:
    """Put a secret into each sealed column; the answer is a personal token. The secrets all say `planted`."""
    account = users.create("ann", None, "admin")
    for host in HOSTS:
        cookie.put(account, host, f"planted cookies of {host}")
    connection.store("plex", "http://plex.example", "planted token of plex", None)
    kept("trial", lambda: "planted trial")
    plex_account.note_proof(account, None, "planted token of ann", "planted token of ann at the server")
    return tokens.create(account, "test", ["read"])[1]


def sealed_texts() -> dict[str, str]:
    """All sealed texts of the listed columns, by what they are sealed for."""
    found = {}
    for column in COLUMNS:
        for row in query(f"SELECT * FROM {column.table} WHERE {column.name} IS NOT NULL"):
            found[column.identity.format(**row)] = row[column.name]
    return found


def opened() -> dict[str, str]:
    """What the sealed texts say, by what they are sealed for; raises VaultError if one does not open."""
    return {identity: unseal(text, identity) for identity, text in sealed_texts().items()}


def all_values() -> Iterator[tuple[str, str, Any]]:
    """Everything that is in the database: table, column, value."""
    for table in _tables():
        for row in query(f"SELECT * FROM {table}"):
            for name, value in row.items():
                yield table, name, value


def _tables() -> list[str]:
    where = (
        "sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        if is_sqlite()
        else "information_schema.tables WHERE table_schema = 'public'"
    )
    column = "name" if is_sqlite() else "table_name AS name"
    return [row["name"] for row in query(f"SELECT {column} FROM {where}")]
