"""The download process: the only module that imports yt_dlp.

Started by client.py in a session of its own: one order comes on standard input, then heartbeats; JSON
lines go out on what was standard output. Options come from options.py, users never write one.
"""

import hashlib
import json
import os
import re
import signal
import sys
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import yt_dlp
from yt_dlp.globals import all_plugins_loaded, plugin_dirs
from yt_dlp.networking import Request
from yt_dlp.networking.exceptions import HTTPError
from yt_dlp.postprocessor import FFmpegVideoRemuxerPP
from yt_dlp.postprocessor.ffmpeg import FFmpegPostProcessor

from pipelines.integrations.ytdlp import failures, lifeline, messages, options
from pipelines.integrations.ytdlp.inspect import Media, NotPlayable, inspect
from pipelines.integrations.ytdlp.messages import Fetched, Order, Trouble
from pipelines.integrations.ytdlp.progress import Progress

_BLOCK = 1024 * 1024
_LONGEST_PLAYLIST = 8 * 1024 * 1024
_LONGEST_TITLE = 500
_LONGEST_ERROR = 4000
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


class Refused(Exception):
    """We ourselves do not want this one; `word` as in failures.WORDS."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


class _Log:
    """Warnings and errors go to standard error, of which the worker keeps the end; the rest nowhere."""

    def debug(self, text: str) -> None:
        pass

    info = debug

    def warning(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    error = warning


class Download(yt_dlp.YoutubeDL):  # type: ignore[misc]
    """yt-dlp for one video: looks at each result before anything is fetched, and keeps the last one."""

    def __init__(self, order: Order, progress: Progress) -> None:
        self.order = order
        self.progress = progress
        self.got: dict[str, Any] = {}
        self.last_refusal: HTTPError | None = None
        super().__init__(
            {
                **options.for_order(order),
                "logger": _Log(),
                "progress_hooks": [progress.downloading],
                "postprocessor_hooks": [self._processing],
            }
        )

    def urlopen(self, req: Any) -> Any:
        try:
            return super().urlopen(req)
        except HTTPError as error:
            # After its last retry yt-dlp tells only the text, without the headers.
            self.last_refusal = error
            raise

    def process_ie_result(self, ie_result: Any, download: bool = True, extra_info: Any = None) -> Any:
        if ie_result.get("_type") in ("playlist", "multi_video"):
            entries = list(islice((entry for entry in ie_result.get("entries") or () if entry), 2))
            if len(entries) != 1:
                raise Refused("several" if entries else "nothing")
            ie_result = {**ie_result, "entries": entries}
        return super().process_ie_result(ie_result, download, extra_info)

    def process_info(self, info_dict: dict[str, Any]) -> None:
        if self._live(info_dict):
            raise Refused("live")
        self.progress.expect(info_dict)
        container = options.container_for(self.order.wanted, info_dict)
        if container:
            self.params["final_ext"] = container
            self.add_post_processor(FFmpegVideoRemuxerPP(self, preferedformat=container))
        elif self.order.wanted.mode == "video" and options.served_directly(info_dict):
            self.params["fixup"] = "never"
        super().process_info(info_dict)
        self.got = dict(info_dict)  # yt-dlp goes on to strip its own

    def _processing(self, hook: Mapping[str, Any]) -> None:
        if hook.get("postprocessor") != "MoveFiles":
            self.progress.enter("processing")

    def _live(self, info: Mapping[str, Any]) -> bool:
        if info.get("is_live") or info.get("live_status") in ("is_live", "is_upcoming"):
            return True
        if info.get("live_status"):
            return False
        return any(self._endless(form) for form in info.get("requested_formats") or [info])

    def _endless(self, form: Mapping[str, Any]) -> bool:
        """Whether a playlist lacks its end; not every extractor looks."""
        if not str(form.get("protocol")).startswith("m3u8"):
            return False
        with self.urlopen(Request(form["url"], headers=form.get("http_headers") or {})) as answer:
            text: bytes = answer.read(_LONGEST_PLAYLIST)
        return b"#EXT-X-ENDLIST" not in text and len(text) < _LONGEST_PLAYLIST


def main() -> None:
    raw = lifeline.read_order(0)
    if not raw:
        return
    lifeline.hold(0)
    for number in (signal.SIGTERM, signal.SIGINT):  # meant for the worker, which ends us when it is time
        signal.signal(number, lambda *_: None)
    # What anybody prints must not get between our lines.
    out = os.dup(1)
    os.dup2(2, 1)

    def say(line: bytes) -> None:
        os.write(out, line)

    order = Order.of(json.loads(raw)["order"])
    progress = Progress(lambda moved: say(messages.line("moved", moved)))
    say(_run(order, progress))


def _run(order: Order, progress: Progress) -> bytes:
    """Download, check, and the last line about it."""
    progress.enter("extracting")
    plugin_dirs.value, all_plugins_loaded.value = [], True
    FFmpegPostProcessor._ffmpeg_location.set(order.ffmpeg)
    download = Download(order, progress)
    try:
        download.extract_info(order.wanted.url)
        return messages.line("fetched", _finish(download, progress))
    except (Refused, NotPlayable) as refusal:
        trouble = Trouble(progress.stage, word=refusal.word)
    except Exception as error:  # noqa: BLE001 (the outermost frame of this process: whatever it is, the worker is told)
        trouble = describe(error, progress.stage, download.last_refusal)
    if _spoilt(trouble):
        discard(Path(order.directory))
    return messages.line("failed", trouble)


def _finish(download: Download, progress: Progress) -> Fetched:
    """Judge what lies there, read it once, and have it safely on the disk."""
    info = download.got
    if not info.get("filepath"):
        raise Refused("nothing")
    file = Path(info["filepath"])
    progress.enter("checking")
    media = inspect(file, download.order.ffprobe)
    file = _named(file, media)
    size, sha256 = _settle(file, progress)
    return Fetched(
        path=file,
        title=str(info.get("title") or info["id"])[:_LONGEST_TITLE],
        uploader=_text(info.get("uploader") or info.get("channel")),
        duration=media.duration or info.get("duration"),
        extractor=str(info.get("extractor") or ""),
        media_id=str(info["id"])[:_LONGEST_TITLE],
        upload_date=_text(info.get("upload_date")),
        bytes=size,
        sha256=sha256,
    )


def _text(value: object) -> str | None:
    return str(value)[:_LONGEST_TITLE] if value else None


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


def _spoilt(trouble: Trouble) -> bool:
    """Whether going on with the files that lie there would only fail again."""
    if trouble.word in ("incomplete", "not_media") or trouble.status == 416:
        return True
    return failures.judge(trouble).code == failures.PROCESSING.code


def discard(directory: Path) -> None:
    """Remove all that was downloaded, so that the next attempt starts afresh."""
    for file in directory.glob("media.*"):
        file.unlink(missing_ok=True)


def describe(error: BaseException, stage: str, last_refusal: HTTPError | None) -> Trouble:
    """What is to be known of an error, without judging it."""
    chain = list(islice(_causes(error), 8))
    text = re.sub(r"\s+", " ", str(error))[:_LONGEST_ERROR]
    http = next((one for one in chain if isinstance(one, HTTPError)), None)
    if http is None and last_refusal is not None and f"HTTP Error {last_refusal.status}" in text:
        http = last_refusal
    names = dict.fromkeys(kind.__name__ for one in chain for kind in type(one).__mro__[:-3])
    return Trouble(
        stage=stage,
        names=tuple(names),
        text=text,
        status=http.status if http else None,
        retry_after=http.response.headers.get("Retry-After") if http else None,
        errno=next((one.errno for one in chain if isinstance(one, OSError) and one.errno), None),
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it says caused it; yt-dlp has three ways to say so."""
    while error is not None:
        yield error
        told = (getattr(error, "exc_info", None) or (None, None))[1]
        error = next((one for one in (told, getattr(error, "cause", None), error.__cause__)
                      if isinstance(one, BaseException) and one is not error), None)  # fmt: skip


if __name__ == "__main__":
    main()
