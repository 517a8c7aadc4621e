"""What parent and child of a download tell each other: values, and the JSON lines they travel in.

The parent writes one `Order` and then a heartbeat line each second; the child writes lines of
`{"moved"}` and at its end one of `{"fetched"}` or `{"failed"}`.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

# The child ends itself without a heartbeat for this long: its worker is frozen or gone.
HEARTBEAT_SECONDS = 1.0
SILENCE_SECONDS = 30.0


@dataclass(frozen=True)
class Wanted:
    """What the owner asked for; the values of the contract's kind `download`."""

    url: str
    mode: str
    quality: str
    container: str


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
class Fetched:
    """A finished, checked and synced file, still in staging; duration in seconds, upload_date YYYYMMDD."""

    path: Path
    title: str
    uploader: str | None
    duration: float | None
    extractor: str
    media_id: str
    upload_date: str | None
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Order:
    """What the child shall do, where, and with which programs."""

    wanted: Wanted
    directory: str
    ffmpeg: str | None
    ffprobe: str | None

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Order":
        return cls(**{**values, "wanted": Wanted(**values["wanted"])})


@dataclass(frozen=True)
class Trouble:
    """What the child saw go wrong.

    `word` is set when the child itself refused; `names` are the classes of the error and its causes,
    outermost first; `text` is what yt-dlp said and stays inside this folder and the logs.
    """

    stage: str
    word: str = ""
    names: tuple[str, ...] = ()
    text: str = ""
    status: int | None = None
    retry_after: str | None = None
    errno: int | None = None

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Trouble":
        return cls(**{**values, "names": tuple(values["names"])})


def line(name: str, value: Order | Moved | Fetched | Trouble) -> bytes:
    """One message as a JSON line."""
    return json.dumps({name: asdict(value)}, default=str).encode() + b"\n"


def message(raw: bytes) -> Moved | Fetched | Trouble | None:
    """What a line of the child says; None if it says nothing that we know."""
    try:
        said = json.loads(raw)
        match said:
            case {"moved": values}:
                return Moved(**values)
            case {"fetched": values}:
                return Fetched(**{**values, "path": Path(values["path"])})
            case {"failed": values}:
                return Trouble.of(values)
    except (ValueError, TypeError, KeyError):
        pass
    return None
