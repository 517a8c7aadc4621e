"""What a playlist holds: the entries of a window, each with an address of its own or its place.

Extractors hand entries out one by one, so a channel of thousands costs only what the window asks for.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from pipelines.integrations.ytdlp.messages import Entry, Listed, Wanted, plain_text

PART = 100  # entries of one message
LONGEST_ADDRESS = 4096
DEEPEST = 3  # a channel has tabs, a tab has playlists
# How one extractor of yt-dlp hands something on to another, within the address.
_SMUGGLED = "#__youtubedl_smuggle"

LISTS = ("playlist", "multi_video")

Expand = Callable[[Mapping[str, Any]], Mapping[str, Any] | None]


def window(items: str) -> tuple[int, int | None]:
    """`3`, `3:`, `:9` or `3:9` as first and last place, counted from one; None is the end."""
    first, colon, last = items.partition(":")
    start = int(first or 1)
    if not colon:
        return start, start if items else None
    return start, int(last) if last else None


def within(result: Mapping[str, Any], items: str, expand: Expand) -> Iterator[tuple[int, dict[str, Any]]]:
    """The entries of the window with their places, lists inside the list unfolded."""
    start, last = window(items)
    entries = enumerate(_flat(result, expand, DEEPEST), 1)
    return islice(entries, start - 1, last)


def _flat(result: Mapping[str, Any], expand: Expand, depth: int) -> Iterator[dict[str, Any]]:
    for entry in result.get("entries") or ():
        inner = (entry if entry.get("_type") in LISTS else expand(entry)) if entry else None
        if inner is None and entry:
            yield entry
        elif inner is not None and depth > 1:
            yield from _flat(inner, expand, depth - 1)


def parts(
    result: Mapping[str, Any], entries: Iterable[tuple[int, Mapping[str, Any]]], wanted: Wanted
) -> Iterator[Listed]:
    """The playlist in messages of bounded length, at most `wanted.most` entries."""
    title = plain_text(result.get("title") or result.get("id") or "")
    uploader = plain_text(result.get("uploader") or result.get("channel") or "") or None
    some: list[Entry] = []
    more = False
    for count, (place, entry) in enumerate(entries):
        if count == wanted.most:
            more = True
            break
        if len(some) == PART:
            yield Listed(title, uploader, tuple(some), more=False, over=False)
            some = []
        some.append(_entry(place, entry, wanted.url))
    yield Listed(title, uploader, tuple(some), more, over=True)


def _entry(place: int, entry: Mapping[str, Any], page: str) -> Entry:
    address = str(entry.get("url") or "").split(_SMUGGLED)[0]
    plain = address.isprintable() and len(address) <= LONGEST_ADDRESS
    if (
        entry.get("_type") in ("url", "url_transparent")
        and plain
        and address.startswith(("http://", "https://"))
    ):
        return Entry(address, "")
    return Entry(page, str(place))
