"""The playlists of the video site, written anew for each request: whole, holed, hostile, without end."""

import html
import re
from collections.abc import Callable
from pathlib import Path

from tests.standins.media import IV, SECONDS
from tests.standins.video_behaviour import Asked

SEGMENT_SECONDS = 2
SEGMENTS = SECONDS // SEGMENT_SECONDS
WINDOW = 5
MISSING = "missing.ts"
PLAYLIST_WORDS = frozenset({"segment", "key", "method", "live", "map", "nested", "base"})


def recorded(file: Path, asked: Asked) -> str:
    """A playlist as it was made, each address in it carrying the query, so that faults reach segments."""
    return _with_query(file.read_text(), file.suffix, asked.handed_on(PLAYLIST_WORDS))


def hole(media: Path, asked: Asked) -> str:
    """A recorded playlist whose middle segment does not exist."""
    return recorded(media / "hls/media.m3u8", asked).replace(f"segment{SEGMENTS // 2:02d}.ts", MISSING)


def live(elapsed: float, asked: Asked) -> str:
    """A playlist that never ends: a window over the recorded segments, played round and round."""
    query = asked.handed_on()
    return _window(elapsed, lambda number: _segment("../hls/segment", number, query))


def custom(elapsed: float, asked: Asked) -> str:
    """A playlist in which the query names any address: of a segment, a key, an init section, a playlist."""
    if nested := asked.word("nested"):
        return f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=500000,RESOLUTION=320x180\n{nested}\n"
    method = asked.word("method") or ("AES-128" if asked.word("key") else "")
    name, query = "encrypted" if method else "segment", asked.handed_on(PLAYLIST_WORDS)

    def address(number: int) -> str:
        hostile = asked.word("segment") if number % 2 else ""
        return hostile or _segment(name, number, query)

    tags = []
    if method:
        tags.append(f'#EXT-X-KEY:METHOD={method},URI="{asked.word("key", "key.bin")}",IV=0x{IV}')
    if init := asked.word("map"):
        tags.append(f'#EXT-X-MAP:URI="{init}"')
    if asked.word("live"):
        return _window(elapsed, address, tags)
    return _playlist(range(WINDOW), address, tags) + "#EXT-X-ENDLIST\n"


def custom_dash(media: Path, asked: Asked) -> str:
    """The recorded manifest, all its segments below the address `base`."""
    text = recorded(media / "dash/manifest.mpd", asked)
    tag = f"<BaseURL>{html.escape(asked.word('base'))}</BaseURL>"
    return re.sub(r"<MPD[^>]*>", lambda found: found[0] + tag, text, count=1)


def _with_query(text: str, suffix: str, query: str) -> str:
    if not query:
        return text
    if suffix == ".mpd":
        escaped = html.escape(f"?{query}")
        return re.sub(r'\.m4s"', lambda _: f'.m4s{escaped}"', text)
    text = re.sub(r'URI="([^"]*)"', lambda found: f'URI="{found[1]}?{query}"', text)
    lines = (line if line.startswith("#") or not line else f"{line}?{query}" for line in text.splitlines())
    return "\n".join(lines) + "\n"


def _segment(name: str, number: int, query: str) -> str:
    return f"{name}{number % SEGMENTS:02d}.ts?{query}".rstrip("?")


def _window(elapsed: float, address: Callable[[int], str], tags: list[str] | None = None) -> str:
    first = int(elapsed // SEGMENT_SECONDS)
    return _playlist(range(first, first + WINDOW), address, tags or [])


def _playlist(numbers: range, address: Callable[[int], str], tags: list[str]) -> str:
    lines = ["#EXTM3U", "#EXT-X-VERSION:3", f"#EXT-X-TARGETDURATION:{SEGMENT_SECONDS}"]
    lines += [f"#EXT-X-MEDIA-SEQUENCE:{numbers.start}", *tags]
    for number in numbers:
        if number and number % SEGMENTS == 0:
            lines.append("#EXT-X-DISCONTINUITY")
        lines += [f"#EXTINF:{SEGMENT_SECONDS}.000000,", address(number)]
    return "\n".join(lines) + "\n"
