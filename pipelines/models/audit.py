"""Who did what, to what, and from where. Rows are added, never changed: the database refuses anything else."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from peewee import AutoField, DoubleField, IntegerField, TextField

from config.database import Row, change, query
from config.json_text import write_json
from pipelines.models.table import Table

LONGEST = 200  # characters of a name, an address or a target
COLUMNS = "id, at, actor_id, actor, address, action, target, detail"
AT_ONCE = 500  # rows read together by `everything`


class Audit(Table):
    """One thing that happened; `actor_id` is None where nobody was signed in, 0 for the system itself."""

    id = AutoField()
    at = DoubleField()
    actor_id = IntegerField(null=True)
    actor = TextField()
    address = TextField()
    action = TextField()
    target = TextField()
    detail = TextField()


@dataclass(frozen=True)
class Chosen:
    """Which rows: `action` also chooses what begins with it and a dot, times in seconds since 1970 (`until` excluded).

    `text` is looked for in names, addresses, targets and details, whatever its case.
    """

    action: str | None = None
    actor_id: int | None = None
    text: str | None = None
    since: float | None = None
    until: float | None = None


def record(
    action: str,
    *,
    actor_id: int | None,
    actor: str,
    address: str = "",
    target: str = "",
    detail: dict[str, Any] | None = None,
) -> None:
    """Write down that something happened, in the surrounding transaction if there is one; never give it a secret."""
    change(
        "INSERT INTO audit (at, actor_id, actor, address, action, target, detail) VALUES (NOW, %s, %s, %s, %s, %s, %s)",
        *(actor_id, _line(actor), _line(address), action, _line(target), write_json(detail or {})),
    )


def _line(text: str) -> str:
    """As much of a text as is kept, without the character that PostgreSQL does not take."""
    return text[:LONGEST].replace("\0", "")


def newest_first(chosen: Chosen, limit: int, before: int | None = None) -> list[Row]:
    """Up to `limit` rows, those with an id below `before`."""
    where, params = _where(chosen, before)
    return query(f"SELECT {COLUMNS} FROM audit WHERE {where} ORDER BY id DESC LIMIT %s", *params, limit)


def everything(chosen: Chosen) -> Iterator[Row]:
    """All rows, the newest first, read a few at a time."""
    before = None
    while rows := newest_first(chosen, AT_ONCE, before):
        yield from rows
        before = rows[-1]["id"]


def _where(chosen: Chosen, before: int | None) -> tuple[str, list[Any]]:
    conditions: list[tuple[str, tuple[Any, ...]]] = []
    if before is not None:
        conditions.append(("id < %s", (before,)))
    if chosen.action is not None:
        conditions.append(
            ("(action = %s OR action LIKE %s ESCAPE '!')", (chosen.action, _literal(chosen.action) + ".%"))
        )
    if chosen.actor_id is not None:
        conditions.append(("actor_id = %s", (chosen.actor_id,)))
    if chosen.since is not None:
        conditions.append(("at >= %s", (chosen.since,)))
    if chosen.until is not None:
        conditions.append(("at < %s", (chosen.until,)))
    if chosen.text is not None:
        words = "lower(actor || ' ' || address || ' ' || target || ' ' || detail)"
        conditions.append((f"{words} LIKE lower(%s) ESCAPE '!'", (f"%{_literal(chosen.text)}%",)))
    text = " AND ".join(condition for condition, _ in conditions) or "true"
    return text, [param for _, params in conditions for param in params]


def _literal(text: str) -> str:
    """`text` as LIKE takes it for itself."""
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")
