"""How answers are written: JSON, and lists that are read page by page with an opaque cursor."""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import Annotated, Any

from flask import Response
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from app.errors import wrong_field
from config.database import Row
from config.json_text import write_json

DEFAULT_LIMIT, MOST = 50, 200
LONGEST_ID = 18  # digits; what a 64-bit column can hold in any case

ONE_LINE = r"^[^\x00-\x1f\x7f]*$"
"""A pattern: databases and terminals take no control characters."""

Text = Annotated[str, Field(pattern=ONE_LINE, max_length=200)]

_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
FIRST_YEAR, LAST_YEAR = 1970, 9000


def _date_time(value: object) -> object:
    if not isinstance(value, str) or not _DATE_TIME.fullmatch(value):
        raise ValueError("must be a date and time with its zone, such as 2030-01-31T20:00:00Z")
    return value


def _within_reason(value: datetime) -> datetime:
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise ValueError("is too far away")
    return value


DateTime = Annotated[AwareDatetime, BeforeValidator(_date_time), AfterValidator(_within_reason)]
"""A time as RFC 3339 writes it."""


class Body(BaseModel):
    """What a call takes; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class Query(Body):
    """The query string of a call."""

    @classmethod
    @cache
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]
        """The schema, made once: flask-openapi asks for it at each request."""
        return super().model_json_schema(*args, **kwargs)


class PageQuery(Query):
    """Which part of a list."""

    limit: int = Field(default=DEFAULT_LIMIT, ge=1, le=MOST, description="How many items at most.")
    cursor: Text | None = Field(default=None, description="`next_cursor` of the page before.")


def answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """`body` as JSON."""
    text = write_json(body)
    return Response(text, status, headers, content_type="application/json")


def nothing() -> Response:
    """Done, and there is nothing to say about it."""
    return Response(status=204)


def _listed(items: list[Any], next_cursor: str | None) -> Response:
    return answer({"items": items, "next_cursor": next_cursor})


def part(items: list[Any], query: PageQuery, noun: str) -> Response:
    """A page of a list that is at hand as a whole; its cursor counts the items before."""
    begin = place_of(query.cursor, noun) or 0
    end = begin + query.limit
    return _listed(items[begin:end], _cursor(noun, end) if end < len(items) else None)


def page(rows: list[Row], limit: int, noun: str, describe: Callable[[Row], Any]) -> Response:
    """A page out of up to `limit` + 1 rows; the one too many says that there are more."""
    shown = rows[:limit]
    more = len(rows) > limit
    return _listed([describe(row) for row in shown], _cursor(noun, shown[-1]["id"]) if more else None)


def _cursor(noun: str, place: int) -> str:
    return base64.urlsafe_b64encode(f"{noun}:{place}".encode()).decode().rstrip("=")


def place_of(cursor: str | None, noun: str) -> int | None:
    """The id or number of items after which a page begins; raises the 422 for a cursor that is not ours."""
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        text = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        text = ""
    name, _, digits = text.partition(":")
    found = number_of(digits) if name == noun else None
    if found is None:
        raise wrong_field("cursor", "is not a cursor of this list")
    return found


def number_of(text: str) -> int | None:
    """The number behind an id; None if it cannot be one."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= LONGEST_ID else None
