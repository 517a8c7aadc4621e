"""What parent and child of a download tell each other: values, and the JSON lines they travel in.

The parent writes one `Order` and then a heartbeat line each second. The child writes lines of `{"moved"}`,
one of `{"found"}` before it fetches anything, after which it waits for a line `GO`, and at its end
`{"fetched"}`, `{"failed"}`, or for a playlist `{"listed"}` as often as its entries need.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

# The child ends itself without a heartbeat for this long: its worker is frozen or gone.
HEARTBEAT_SECONDS = 1.0
SILENCE_SECONDS = 30.0

# What the child waits for before it fetches what it has found.
GO = b"go\n"


@dataclass(frozen=True)
class Wanted:
    """What the owner asked for, the values of the contract's kind `download`; and what is allowed.

    `items` is a window of a playlist such as `1:50`, at most `most` entries of it are listed. `cookies` are
    those of the owner at this host, in the format of a cookies.txt.
    """

    url: str
    mode: str = "video"
    quality: str = "best"
    container: str = "mp4"
    subtitles: tuple[str, ...] = ()
    embed: bool = False
    items: str = ""
    most: int = 100
    live: bool = False
    cookies: str = field(default="", repr=False)


@dataclass(frozen=True)
class Moved:
    """Where a download stands: percent 0-100 over all its streams, bytes, bytes a second, seconds."""

    percent: float | None
    stage: str
    done: int | None
    total: int | None
    rate: float | None
    eta_seconds: float | None


@dataclass(frozen=True)
class Found:
    """What is about to be fetched, and how large it is if the site says."""

    extractor: str
    media_id: str
    title: str
    bytes: int | None


@dataclass(frozen=True)
class Fetched:
    """A finished, checked and synced file, still in staging; duration in seconds, upload_date YYYYMMDD.

    `beside` are smaller files that belong to it, by what follows the stem of their names (`.en.vtt`).
    """

    path: Path
    title: str
    uploader: str | None
    duration: float | None
    extractor: str
    media_id: str
    upload_date: str | None
    bytes: int
    sha256: str
    description: str | None = None
    beside: dict[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """One entry of a playlist: `items` is its place where only the playlist has an address."""

    url: str
    items: str


@dataclass(frozen=True)
class Listed:
    """A playlist, or the next part of it; `more` says that it goes on behind what was wanted."""

    title: str
    uploader: str | None
    entries: tuple[Entry, ...]
    more: bool
    over: bool


@dataclass(frozen=True)
class Order:
    """What the child shall do, where, through which proxy, and with which programs.

    A broadcast is recorded for `record_seconds` at most; None: until it ends.
    """

    wanted: Wanted
    directory: str
    ffmpeg: str | None
    ffprobe: str | None
    programs: tuple[str, ...] = ()
    proxy_port: int = 0
    record_seconds: float | None = None

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Order":
        return cls(**{**values, "wanted": Wanted(**values["wanted"])})


@dataclass(frozen=True)
class Trouble:
    """What the child saw go wrong.

    `word` is set when the child itself refused; `names` are the classes of the error and its causes,
    outermost first; `status`, `retry_after` and `host` are those of an HTTP answer; `text` is what yt-dlp
    said and stays inside this folder and the logs.
    """

    stage: str
    word: str = ""
    names: tuple[str, ...] = ()
    text: str = ""
    status: int | None = None
    retry_after: str | None = None
    host: str = ""
    errno: int | None = None

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Trouble":
        return cls(**{**values, "names": tuple(values["names"])})


_LONGEST_TEXT = 500


def plain_text(value: object, longest: int = _LONGEST_TEXT) -> str:
    """What a site calls something, as every database and file takes it."""
    return str(value)[:longest].encode("utf-8", "replace").decode().replace("\0", "")


Said = Moved | Found | Fetched | Listed | Trouble


def line(name: str, value: Order | Said) -> bytes:
    """One message as a JSON line."""
    return json.dumps({name: asdict(value)}, default=str).encode() + b"\n"


def message(raw: bytes) -> Said | None:
    """What a line of the child says; None if it says nothing that we know."""
    try:
        said = json.loads(raw)
        match said:
            case {"moved": values}:
                return Moved(**values)
            case {"found": values}:
                return Found(**values)
            case {"fetched": values}:
                beside = {ending: Path(path) for ending, path in values["beside"].items()}
                return Fetched(**{**values, "path": Path(values["path"]), "beside": beside})
            case {"listed": values}:
                return Listed(**{**values, "entries": tuple(Entry(**one) for one in values["entries"])})
            case {"failed": values}:
                return Trouble.of(values)
    except (ValueError, TypeError, KeyError, AttributeError):
        pass
    return None
