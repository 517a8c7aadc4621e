"""Every column that holds sealed texts, and how they come under the installation's present key.

config.vault is imported where it is needed: it brings ten megabytes of cryptography, and most processes never use it.
"""

from dataclasses import dataclass, field
from typing import Any

from config.database import Row, change, is_sqlite, query, together

AT_ONCE = 100  # texts between which other writers get their turn


@dataclass(frozen=True)
class Column:
    """Where sealed texts are; `identity` is what they are sealed for, with the row's `key` filled in.

    A `whole` row is there for its text alone.
    """

    table: str
    name: str
    key: tuple[str, ...]
    identity: str
    whole: bool = False


COLUMNS = (
    Column("cookie", "sealed", ("account_id", "host"), "cookie:{account_id}:{host}", whole=True),
    Column("connection", "secret", ("name",), "connection:{name}"),
    Column("account", "plex_token", ("id",), "plex_token:{id}"),
    Column("account", "server_token", ("id",), "server_token:{id}"),
    Column("secret", "sealed", ("name",), "secret:{name}", whole=True),
)


@dataclass(frozen=True)
class Lost:
    """A text that no key of ours opens; `identity` is what it was sealed for."""

    column: Column
    row: Row = field(repr=False)

    @property
    def identity(self) -> str:
        return self.column.identity.format(**self.row)


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


def lost() -> list[Lost]:
    """Whatever no key of ours opens."""
    found = (Lost(column, row) for column in COLUMNS for row in _texts(column))
    return [each for each in found if _plain(each.column, each.row) is None]


def forget(gone: Lost) -> bool:
    """Remove a lost text, and its row if that is for it alone; False if somebody has changed it meanwhile."""
    column = gone.column
    act = f"DELETE FROM {column.table}" if column.whole else f"UPDATE {column.table} SET {column.name} = NULL"
    where, values = _exactly(column, gone.row)
    return bool(change(f"{act} WHERE {where} RETURNING 1", *values))


def _leave_no_traces() -> None:
    """Overwrite in the file what the old key still opens (PostgreSQL's vacuum does it in its own time)."""
    if is_sqlite():
        change("PRAGMA secure_delete = ON")


def _outdated(column: Column) -> list[Row]:
    from config.vault import beginning

    return _texts(column, f"AND {column.name} NOT LIKE %s", beginning() + "%")


def _texts(column: Column, which: str = "", *values: str) -> list[Row]:
    keys = ", ".join(column.key)
    return query(
        f"SELECT {keys}, {column.name} AS sealed FROM {column.table}"
        f" WHERE {column.name} <> '' {which} ORDER BY {keys}",
        *values,
    )


def _plain(column: Column, row: Row) -> str | None:
    """What the text says, None if no key of ours opens it."""
    from config.vault import VaultError, unseal

    try:
        return unseal(row["sealed"], column.identity.format(**row))
    except VaultError:
        return None


def _exactly(column: Column, row: Row) -> tuple[str, tuple[Any, ...]]:
    """The condition for the row as long as it has this text, and its values."""
    where = " AND ".join(f"{name} = %s" for name in (*column.key, column.name))
    return where, (*(row[name] for name in column.key), row["sealed"])


def _reseal(column: Column, row: Row, outcome: Outcome) -> None:
    from config.vault import seal

    identity = column.identity.format(**row)
    plain = _plain(column, row)
    if plain is None:
        outcome.lost.append(identity)
        return
    where, values = _exactly(column, row)
    statement = f"UPDATE {column.table} SET {column.name} = %s WHERE {where} RETURNING 1"
    outcome.sealed += len(change(statement, seal(plain, identity), *values))
