"""Our wishes as yt-dlp options: a closed set, nothing a user writes becomes an option."""

import io
import re
from collections.abc import Mapping
from typing import Any

from pipelines.integrations.ytdlp import guard
from pipelines.integrations.ytdlp.inspect import FORMATS
from pipelines.integrations.ytdlp.messages import Order, Wanted

# Fixed, so that the next attempt finds the partial file of the last one; titles play no part in it.
TEMPLATE = "media.%(ext)s"

SOCKET_SECONDS = 20
RETRIES = 10
_LONGEST_PAUSE = 1.0

# What ffmpeg may take a downloaded file for: one that is a playlist in truth would make it open others.
_LOCAL_INPUTS = ",".join(sorted(FORMATS | {"image2", "jpeg_pipe", "png_pipe", "webp_pipe", "webvtt", "srt", "ass",
                                           "ffmetadata"}))  # fmt: skip

# Protocols whose single file is stored as the server sent it.
_DIRECT = ("http", "https")


def for_order(order: Order, fenced: bool) -> dict[str, Any]:
    """All options of one download. Configuration files and plug-ins are not read (see child.py)."""
    wanted = order.wanted
    options: dict[str, Any] = {
        "paths": {"home": order.directory},
        "outtmpl": {"default": TEMPLATE},
        "format": _formats(wanted),
        "format_sort": _preferences(wanted),
        "merge_output_format": wanted.container,
        "ffmpeg_location": order.ffmpeg,
        "external_downloader_args": {"ffmpeg_i": guard.web_input(fenced)},
        "postprocessor_args": {"ffmpeg_i": ["-format_whitelist", _LOCAL_INPUTS]},
        "writethumbnail": True,
        "writesubtitles": bool(wanted.subtitles),
        "writeautomaticsub": bool(wanted.subtitles),
        "subtitleslangs": [re.escape(language) for language in wanted.subtitles],
        "socket_timeout": SOCKET_SECONDS,
        # Called as a library, yt-dlp retries nothing unless told.
        "retries": RETRIES,
        "fragment_retries": RETRIES,
        "file_access_retries": 3,
        "extractor_retries": 3,
        "retry_sleep_functions": {"http": _pause, "fragment": _pause},
        # A missing fragment would leave a hole in the film, silently.
        "skip_unavailable_fragments": False,
        "ignoreerrors": False,
        "continuedl": True,
        "noplaylist": True,
        "lazy_playlist": True,
        "default_search": "error",
        "enable_file_urls": False,
        "cachedir": False,
        "updatetime": False,
        "fixup": "force",
        "color": "never",
        "noprogress": True,
        "quiet": True,
    }
    if order.proxy_port:
        options["proxy"] = f"http://127.0.0.1:{order.proxy_port}"
    if wanted.cookies:
        options["cookiefile"] = io.StringIO(wanted.cookies)
    return options


def recording(order: Order) -> list[str]:
    """What ffmpeg gets for its output when it records a broadcast."""
    return [] if order.record_seconds is None else ["-t", f"{order.record_seconds:.3f}"]


def container_for(wanted: Wanted, info: Mapping[str, Any]) -> str | None:
    """The container to put this video into without re-encoding; None: leave the file as it is."""
    if wanted.mode == "audio" or info.get("requested_formats") or served_directly(info):
        return None
    return wanted.container


def steps_after(order: Order, info: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """What is done with the streams of this video: yt-dlp's post-processors in their order, with arguments."""
    wanted = order.wanted
    steps: list[tuple[str, dict[str, Any]]] = []
    if order.ffmpeg and info.get("thumbnails"):
        steps.append(("FFmpegThumbnailsConvertor", {"format": "jpg"}))
    if wanted.mode == "audio":
        steps.append(("FFmpegExtractAudio", {"preferredcodec": "best", "nopostoverwrites": False}))
    container = container_for(wanted, info)
    if container:
        steps.append(("FFmpegVideoRemuxer", {"preferedformat": container}))
    if wanted.embed:
        steps += _inside(wanted, container or str(info.get("ext")))
    elif info.get("chapters") and (wanted.mode == "audio" or not served_directly(info)):
        steps.append(("FFmpegMetadata", {"add_chapters": True, "add_metadata": False}))
    return steps


def _inside(wanted: Wanted, suffix: str) -> list[tuple[str, dict[str, Any]]]:
    """Chapters, tags, subtitles and picture within the file, as far as its format can hold them."""
    steps: list[tuple[str, dict[str, Any]]] = []
    if wanted.mode == "video" and suffix in ("mp4", "mov", "m4v", "webm", "mkv"):
        steps.append(("FFmpegEmbedSubtitle", {"already_have_subtitle": True}))
    steps.append(("FFmpegMetadata", {"add_chapters": True, "add_metadata": True, "add_infojson": False}))
    if wanted.mode == "audio" or suffix in ("mp4", "mov", "m4v", "mkv"):
        steps.append(("EmbedThumbnail", {"already_have_thumbnail": True}))
    return steps


def served_directly(info: Mapping[str, Any]) -> bool:
    """Whether the video is one file on a web server, whose bytes are kept exactly."""
    return not info.get("requested_formats") and str(info.get("protocol")) in _DIRECT


def _formats(wanted: Wanted) -> str:
    return "bestaudio/best" if wanted.mode == "audio" else "bestvideo*+bestaudio/best"


def _preferences(wanted: Wanted) -> list[str]:
    """Language first, as without us; then at most the wanted height, or the least above it."""
    if wanted.mode == "audio":
        return []
    height = [] if wanted.quality == "best" else ["lang", f"res:{wanted.quality}", "fps"]
    if wanted.container == "mp4":
        # Between equals, take what needs no other container.
        height = (height or ["lang", "quality", "res", "fps"]) + ["ext:mp4:m4a"]
    return height


def _pause(n: int) -> float:
    """Seconds before the retry after the n-th failure."""
    return float(min(0.1 * 2**n, _LONGEST_PAUSE))
