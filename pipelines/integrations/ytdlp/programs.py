"""Where the outside programs are: ffmpeg, ffprobe and the JavaScript engines that yt-dlp may use."""

import importlib
import shutil
from dataclasses import dataclass
from pathlib import Path

# yt-dlp runs the scripts of some sites (YouTube) with one of these.
_ENGINES = ("deno", "node", "bun", "qjs")


@dataclass(frozen=True)
class Programs:
    """Full paths, None for what this machine lacks; `path` is the PATH of a child that may use `all` of them."""

    ffmpeg: str | None
    ffprobe: str | None
    all: tuple[str, ...]
    path: str


def find_programs() -> Programs:
    ffmpeg = find_ffmpeg()
    ffprobe = find_ffprobe(ffmpeg)
    asked = (ffmpeg, ffprobe, *(shutil.which(engine) for engine in _ENGINES))
    found = tuple(program for program in asked if program)
    folders = dict.fromkeys(str(Path(program).parent) for program in found)
    return Programs(ffmpeg, ffprobe, found, ":".join(folders))


def find_ffmpeg() -> str | None:
    """The ffmpeg on PATH, else the one inside the imageio-ffmpeg wheel."""
    found = shutil.which("ffmpeg")
    if found:
        return found
    try:
        return str(importlib.import_module("imageio_ffmpeg").get_ffmpeg_exe())
    except (ImportError, RuntimeError):
        return None


def find_ffprobe(ffmpeg: str | None) -> str | None:
    """The ffprobe on PATH, else one that lies beside ffmpeg."""
    found = shutil.which("ffprobe")
    if found or ffmpeg is None:
        return found
    beside = Path(ffmpeg).with_name("ffprobe")
    return str(beside) if beside.is_file() else None
