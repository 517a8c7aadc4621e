"""What a request to the video site asks for, and how the answer shall behave."""

from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qs

# Words for the page that is asked itself; it never hands them on.
REFUSAL_WORDS = frozenset({"status_page", "status_page_once", "gate_page"})


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
    cookie: str | None = None
    user_agent: str | None = None


@dataclass(frozen=True)
class Asked:
    """What is asked of a page or a playlist: the site as the client calls it, the place, the query."""

    base: str
    path: str
    query: str

    def word(self, name: str, default: str = "") -> str:
        return parse_qs(self.query).get(name, [default])[-1]

    def handed_on(self, own: frozenset[str] = frozenset()) -> str:
        """The query without the words that are meant for this page, otherwise letter for letter."""
        spent = own | REFUSAL_WORDS
        parts = self.query.split("&")
        return "&".join(part for part in parts if part and part.partition("=")[0] not in spent)

    def link(self, path: str, own: frozenset[str] = frozenset()) -> str:
        """The absolute address of a place on this site, with the rest of the query."""
        return f"{self.base}{path}?{self.handed_on(own)}".rstrip("?")


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
    length: int | None
    claim: int | None

    @classmethod
    def of(cls, path: str, query: str) -> Self:
        given = {name: values[-1] for name, values in parse_qs(query).items()}
        return cls._from({} if given.get("only", "") not in path else given)

    @classmethod
    def of_page(cls, query: str) -> Self:
        """The behaviour of a page that hands its query on: the other words are for what it links to."""
        given = {name: values[-1] for name, values in parse_qs(query).items()}
        own = {name.replace("_page", ""): word for name, word in given.items() if name in REFUSAL_WORDS}
        return cls._from(own | {name: given[name] for name in ("retry_after",) if name in given})

    @classmethod
    def _from(cls, given: dict[str, str]) -> Self:
        def number(name: str) -> int | None:
            return int(given[name]) if name in given else None

        return cls(
            number("rate"), number("stall_at"), given.get("stall_once"), number("cut_at"),
            given.get("cut_once"), number("status"), given.get("status_once"), given.get("retry_after"),
            given.get("gate"), "noranges" in given, "nolength" in given, number("length"), number("claim"),
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
