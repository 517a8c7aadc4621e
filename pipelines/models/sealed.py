"""Every column that holds sealed texts, and how they come under the installation's present key.

config.vault is imported where it is needed: it brings ten megabytes of cryptography, and most processes never use it.
"""

from dataclasses import dataclass

from config.database import Row, change, is_sqlite, query, together

AT_ONCE = 100  # texts between which other writers get their turn


@dataclass(frozen=True)
class Column:
    """Where sealed texts are; `identity` is what they are sealed for, with the row's `key` filled in."""

    table: str
    name: str
    key: tuple[str, ...]
    identity: str


COLUMNS = (
    Column("cookie", "sealed", ("account_id", "host"), "cookie:{account_id}:{host}"),
    Column("connection", "secret", ("name",), "connection:{name}"),
    Column("account", "plex_token", ("id",), "plex_token:{id}"),
    Column("account", "server_token", ("id",), "server_token:{id}"),
    Column("secret", "sealed", ("name",), "secret:{name}"),
)


@dataclass
class Outcome:
    """How many texts were sealed anew, and the identities of those that no key of ours opens."""

    sealed: int
    lost: list[str]


def reseal() -> Outcome:
    """Seal under the present key whatever is under another; what somebody changes meanwhile stays as they want it."""
    outcome = Outcome(0, [])
    for column in COLUMNS:
        rows = _outdated(column)
        for start in range(0, len(rows), AT_ONCE):
            with together():
                _leave_no_traces()
                for row in rows[start : start + AT_ONCE]:
                    _reseal(column, row, outcome)
    return outcome


def _leave_no_traces() -> None:
    """Overwrite in the file what the old key still opens (PostgreSQL's vacuum does it in its own time)."""
    if is_sqlite():
        change("PRAGMA secure_delete = ON")


def _outdated(column: Column) -> list[Row]:
    from config.vault import beginning

    keys = ", ".join(column.key)
    return query(
        f"SELECT {keys}, {column.name} AS sealed FROM {column.table}"
        f" WHERE {column.name} <> '' AND {column.name} NOT LIKE %s ORDER BY {keys}",
        beginning() + "%",
    )


def _reseal(column: Column, row: Row, outcome: Outcome) -> None:
    from config.vault import VaultError, seal, unseal

    identity = column.identity.format(**row)
    try:
        plain = unseal(row["sealed"], identity)
    except VaultError:
        outcome.lost.append(identity)
        return
    where = " AND ".join(f"{name} = %s" for name in (*column.key, column.name))
    values = (*(row[name] for name in column.key), row["sealed"])
    statement = f"UPDATE {column.table} SET {column.name} = %s WHERE {where} RETURNING 1"
    outcome.sealed += len(change(statement, seal(plain, identity), *values))
