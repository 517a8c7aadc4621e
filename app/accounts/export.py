"""The audit log as programs read it: an entry as an object, all of them as CSV or as lines of JSON."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, get_args

from config.database import Row
from config.json_text import read_json, write_json
from pipelines.jobs.resource import rfc3339

Format = Literal["csv", "jsonl"]
FORMATS: tuple[Format, ...] = get_args(Format)

COLUMNS = ("id", "at", "actor_id", "actor", "address", "action", "target", "detail")
FORMULA = ("=", "+", "-", "@")
"""What a cell begins with that a spreadsheet would compute."""

_BEGINNINGS = re.compile(r'(?:^|[;\t\r\n])[;"\s]*')
"""Where a cell begins, also for a spreadsheet that takes semicolons or tabs for the separators."""


def entry(row: Row) -> dict[str, Any]:
    """The resource; its actor is None if nobody was signed in."""
    actor = None if row["actor_id"] is None else {"id": str(row["actor_id"]), "name": row["actor"]}
    return {
        "id": str(row["id"]),
        "at": rfc3339(row["at"]),
        "actor": actor,
        **{name: row[name] for name in ("address", "action", "target")},
        "detail": read_json(row["detail"]),
    }


def as_csv(rows: Iterable[Row]) -> Iterator[str]:
    """A header and a line for each row, as RFC 4180 has them; no cell is a formula."""
    yield _line(COLUMNS)
    for row in rows:
        yield _line([_cell({**row, "at": rfc3339(row["at"])}[name]) for name in COLUMNS])


def as_lines(rows: Iterable[Row]) -> Iterator[str]:
    """The resources, one a line."""
    for row in rows:
        yield write_json(entry(row)) + "\n"


WRITERS: dict[Format, Callable[[Iterable[Row]], Iterator[str]]] = {"csv": as_csv, "jsonl": as_lines}


def _cell(value: object) -> str:
    return _BEGINNINGS.sub(_guarded, "" if value is None else str(value))


def _guarded(beginning: re.Match[str]) -> str:
    computed = beginning.string.startswith(FORMULA, beginning.end())
    return f"{beginning[0]}'" if computed else beginning[0]


def _line(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()
