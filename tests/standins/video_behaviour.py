"""What a request to the video site asks for, and how the answer shall behave."""

from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qs


@dataclass
class Request:
    """One request as the site saw it; `sent` counts the bytes of the body so far."""

    method: str
    path: str
    query: str
    range: str | None
    status: int = 0
    sent: int = 0
    over: bool = False


@dataclass(frozen=True)
class Behaviour:
    """How one answer behaves; offsets count from the start of the file."""

    rate: int | None
    stall_at: int | None
    stall_once: str | None
    cut_at: int | None
    cut_once: str | None
    status: int | None
    status_once: str | None
    retry_after: str | None
    gate: str | None
    noranges: bool
    nolength: bool

    @classmethod
    def of(cls, path: str, query: str) -> Self:
        given = {name: values[-1] for name, values in parse_qs(query).items()}
        if given.get("only", "") not in path:
            given = {}

        def number(name: str) -> int | None:
            return int(given[name]) if name in given else None

        return cls(
            number("rate"), number("stall_at"), given.get("stall_once"), number("cut_at"),
            given.get("cut_once"), number("status"), given.get("status_once"), given.get("retry_after"),
            given.get("gate"), "noranges" in given, "nolength" in given,
        )  # fmt: skip


def events(how: Behaviour, size: int) -> list[tuple[int, str]]:
    """Where the body does something else than go on, in the order of the file."""
    places = [(how.stall_at, "stall"), (how.cut_at, "cut"), (size // 2 if how.gate else None, "gate")]
    return sorted((offset, event) for offset, event in places if offset is not None)


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """(start, end) of a Range header with one range, end exclusive; start >= end: not satisfiable."""
    if not header or not header.startswith("bytes=") or "," in header:
        return None
    first, _, last = header.removeprefix("bytes=").partition("-")
    if not first:
        return max(size - int(last), 0), size
    return int(first), min(int(last) + 1, size) if last else size
