"""The end of a download in the child: is it media, what is it called, is it safely on the disk?"""

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.integrations.ytdlp.inspect import Media, inspect
from pipelines.integrations.ytdlp.messages import Fetched, Order, plain_text
from pipelines.integrations.ytdlp.progress import Progress

_BLOCK = 1024 * 1024
_LONGEST_TEXT = 5000
_LARGEST_BESIDE = 50 * 2**20  # bytes
# What yt-dlp calls a file when the server gave no hint, and better names by what was found in it.
_NAMELESS = {".unknown_video", ".bin", ""}
_SUFFIXES = {
    "mp4": ".mp4",
    "matroska": ".mkv",
    "mpegts": ".ts",
    "mp3": ".mp3",
    "ogg": ".ogg",
    "flac": ".flac",
}
_PICTURES = {b"\xff\xd8\xff": "-thumb.jpg", b"\x89PNG\r\n\x1a\n": "-thumb.png"}
_LANGUAGE = re.compile(r"\.[A-Za-z0-9-]{1,20}\.(vtt|srt|ass|ssa|ttml|lrc)")


def finish(info: Mapping[str, Any], order: Order, progress: Progress) -> Fetched:
    """Judge what lies there, read it once, and have it safely on the disk. Raises NotPlayable."""
    file = Path(info["filepath"])
    progress.enter("checking")
    media = inspect(file, order.ffprobe)
    file = _named(file, media)
    size, sha256 = _settle(file, progress)
    return Fetched(
        path=file,
        title=plain_text(info.get("title") or info["id"]),
        uploader=_text(info.get("uploader") or info.get("channel")),
        duration=media.duration or info.get("duration"),
        extractor=str(info.get("extractor") or ""),
        media_id=plain_text(info["id"]),
        upload_date=_text(info.get("upload_date")),
        bytes=size,
        sha256=sha256,
        description=plain_text(info["description"], _LONGEST_TEXT) if info.get("description") else None,
        beside={} if order.wanted.embed else _beside(file),
    )


def _text(value: object) -> str | None:
    return plain_text(value) if value else None


def _beside(media: Path) -> dict[str, Path]:
    """Subtitles and picture, by what their names end in; what is not what it claims to be stays behind."""
    found: dict[str, Path] = {}
    for file in sorted(media.parent.glob("media.*")):
        ending = file.name.removeprefix("media")
        if file == media or not file.is_file() or file.stat().st_size > _LARGEST_BESIDE:
            continue
        with file.open("rb") as source:
            begin = source.read(16)
        picture = next((name for magic, name in _PICTURES.items() if begin.startswith(magic)), None)
        if picture:
            found[picture] = file
        elif _LANGUAGE.fullmatch(ending):
            found[ending] = file
    return found


def _named(file: Path, media: Media) -> Path:
    """The file with a suffix that says what it is."""
    if file.suffix not in _NAMELESS:
        return file
    suffix = next((suffix for name, suffix in _SUFFIXES.items() if name in media.formats), None)
    return file.rename(file.with_suffix(suffix or f".{min(media.formats)}"))


def _settle(file: Path, progress: Progress) -> tuple[int, str]:
    """Size and SHA-256 of the file, which is then synced together with its directory."""
    digest, done = hashlib.sha256(), 0
    with file.open("rb") as source:
        size = os.fstat(source.fileno()).st_size
        while block := source.read(_BLOCK):
            digest.update(block)
            done += len(block)
            progress.checking(done, size)
        os.fsync(source.fileno())
    folder = os.open(file.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)
    return done, digest.hexdigest()
