"""Is a finished file media that plays, and is it whole? Asked of ffprobe, else of the `av` wheel.

The file comes from anywhere: it may be a text that makes a player open other files, so only known
media formats count and no other protocol than `file` is allowed.
"""

import importlib
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FORMATS = frozenset(
    [
        *(
            "mp4",
            "mov",
            "m4a",
            "3gp",
            "matroska",
            "webm",
            "mpegts",
            "mpeg",
            "avi",
            "flv",
            "asf",
            "ogg",
            "mp3",
        ),
        *("aac", "wav", "flac", "aiff", "ac3", "eac3", "amr", "caf", "wv", "ape", "mxf", "nut", "w64", "dts"),
    ]
)
# These say how long they are in an index at one place, so that an end that is missing can be seen.
_INDEXED = frozenset({"mp4", "mov", "matroska", "webm"})
_STILL = frozenset({"mjpeg", "png", "bmp", "gif", "webp", "tiff", "jpeg2000"})
_PROBE_SECONDS = 120.0
_ENTRIES = (
    "format=format_name,duration:stream=codec_type,codec_name:stream_disposition=attached_pic"
    ":packet=pts_time,dts_time"
)
_BEYOND_THE_END = "99999999%"  # from this second on: ffprobe goes to the last key frame instead


@dataclass(frozen=True)
class Media:
    """A file that plays: duration in seconds if it says so, kinds of its streams, names of its format."""

    duration: float | None
    kinds: frozenset[str]
    formats: frozenset[str]


class NotPlayable(Exception):
    """The file does not count; `word` is not_media, incomplete or no_probe (nobody here can judge)."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


def inspect(file: Path, ffprobe: str | None) -> Media:
    """Look at `file`; raises NotPlayable."""
    if ffprobe is not None:
        found, last = _by_ffprobe(file, ffprobe)
    else:
        found, last = _by_av(file)
    if not found.formats & FORMATS or not found.kinds & {"video", "audio"}:
        raise NotPlayable("not_media")
    if found.duration and found.formats & _INDEXED and last < found.duration - _slack(found.duration):
        raise NotPlayable("incomplete")
    return found


def _slack(duration: float) -> float:
    """Seconds that may be missing at the end: the last frames have a length of their own."""
    return max(2.0, 0.05 * duration)


def _tail(duration: float) -> float:
    """Where to start reading in order to see the end; a reader goes back to the key frame before it."""
    return max(duration - _slack(duration), 0.0)


def _by_ffprobe(file: Path, ffprobe: str) -> tuple[Media, float]:
    said = _ask(file, ffprobe)
    form = said.get("format", {})
    kinds = frozenset(
        str(stream.get("codec_type"))
        for stream in said.get("streams", [])
        if not stream.get("disposition", {}).get("attached_pic") and stream.get("codec_name") not in _STILL
    )
    media = Media(
        duration=float(form["duration"]) if "duration" in form else None,
        kinds=kinds,
        formats=frozenset(str(form.get("format_name", "")).split(",")),
    )
    times = [packet.get("pts_time", packet.get("dts_time", 0)) for packet in said.get("packets", [])]
    return media, max((float(time) for time in times), default=0.0)


def _ask(file: Path, ffprobe: str) -> dict[str, Any]:
    """What the file is, and the packets from its last key frame on."""
    command = [
        *(ffprobe, "-v", "error", "-protocol_whitelist", "file", "-of", "json"),
        *("-read_intervals", _BEYOND_THE_END, "-show_entries", _ENTRIES, f"file:{file}"),
    ]
    try:
        ran = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PROBE_SECONDS, check=False
        )
        said: dict[str, Any] = json.loads(ran.stdout or b"{}")
    except (subprocess.TimeoutExpired, ValueError):
        raise NotPlayable("not_media") from None
    return said


def _by_av(file: Path) -> tuple[Media, float]:
    try:
        av = importlib.import_module("av")
    except ImportError:
        raise NotPlayable("no_probe") from None
    try:
        with av.open(str(file), options={"protocol_whitelist": "file"}) as container:
            return _read_with_av(av, container)
    except (av.error.FFmpegError, ValueError):
        raise NotPlayable("not_media") from None


def _read_with_av(av: Any, container: Any) -> tuple[Media, float]:
    duration = container.duration / av.time_base if container.duration else None
    kinds = frozenset(
        str(stream.type)
        for stream in container.streams
        if stream.codec_context is None or stream.codec_context.name not in _STILL
    )
    media = Media(duration, kinds, frozenset(container.format.name.split(",")))
    last = 0.0
    if duration:
        container.seek(int(_tail(duration) * av.time_base))
        for packet in container.demux():
            if packet.pts is not None:
                last = max(last, float(packet.pts * packet.time_base))
    return media, last
