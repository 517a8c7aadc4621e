"""The download process: with fragments.py the only module that imports yt_dlp.

Started by client.py in a session of its own: one order comes on standard input, then heartbeats; JSON
lines go out on what was standard output. Options come from options.py, users never write one.
"""

import json
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yt_dlp
from yt_dlp.downloader import get_suitable_downloader
from yt_dlp.downloader.external import FFmpegFD
from yt_dlp.globals import all_plugins_loaded, plugin_dirs
from yt_dlp.networking import Request
from yt_dlp.networking.exceptions import HTTPError
from yt_dlp.postprocessor import get_postprocessor
from yt_dlp.postprocessor.ffmpeg import FFmpegPostProcessor
from yt_dlp.utils import DownloadError

from pipelines.integrations.ytdlp import (
    failures,
    fence,
    flush,
    fragments,
    guard,
    lifeline,
    messages,
    options,
    playlist,
)
from pipelines.integrations.ytdlp.finish import finish
from pipelines.integrations.ytdlp.inspect import NotPlayable
from pipelines.integrations.ytdlp.messages import Found, Order, Trouble, plain_text
from pipelines.integrations.ytdlp.progress import Progress

_LONGEST_MANIFEST = 8 * 1024 * 1024
_LONGEST_ERROR = 4000
TOO_MANY = 429


class Refused(Exception):
    """We ourselves do not want this one; `word` as in failures.WORDS."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


class Several(Exception):
    """There is more than one video here: the playlist and its wanted entries with their places."""

    def __init__(self, result: dict[str, Any], entries: Iterator[tuple[int, dict[str, Any]]]) -> None:
        super().__init__("several")
        self.result = result
        self.entries = entries


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

    def __init__(
        self, order: Order, progress: Progress, admit: Callable[[Found], None], fenced: bool
    ) -> None:
        self.order = order
        self.fenced = fenced
        self.progress = progress
        self.admit = admit
        self.got: dict[str, Any] = {}
        self.last_refusal: HTTPError | None = None
        self._items = order.wanted.items
        super().__init__(
            {
                **options.for_order(order, fenced),
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
        if ie_result.get("_type") in playlist.LISTS:
            entries = playlist.within(ie_result, self._items, self._unfolded)
            self._items = ""  # what stands at that place may be a list itself
            first = list(islice(entries, 2))
            if not first:
                raise Refused("nothing")
            if len(first) > 1:
                raise Several(ie_result, chain(first, entries))
            ie_result = {**ie_result, "entries": [entry for _, entry in first]}
        return super().process_ie_result(ie_result, download, extra_info)

    def _unfolded(self, entry: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The list that an entry leads to, as the tabs of a channel do; None if it leads to a video."""
        key = entry.get("ie_key")
        if not key or entry.get("_type") not in ("url", "url_transparent"):
            return None
        if self.get_info_extractor(key)._RETURN_TYPE != "playlist":
            return None
        try:
            result = self.extract_info(entry["url"], download=False, process=False, ie_key=key)
        except DownloadError:
            if self.last_refusal is not None and self.last_refusal.status == TOO_MANY:
                raise
            return {"_type": "playlist"}  # a private list does not spoil the others
        return result if result and result.get("_type") in playlist.LISTS else None

    def process_info(self, info_dict: dict[str, Any]) -> None:
        if self._live(info_dict):
            if not self.order.wanted.live:
                raise Refused("live")
            self.params["external_downloader_args"]["ffmpeg_o"] = options.recording(self.order)
        if self.order.proxy_port and not self.fenced and self._needs_fence(info_dict):
            raise Refused("no_fence")
        self.progress.expect(info_dict)
        self.admit(_found(info_dict))
        self.progress.enter("downloading")
        container = options.container_for(self.order.wanted, info_dict)
        if container:
            self.params["final_ext"] = container
        elif self.order.wanted.mode == "video" and options.served_directly(info_dict):
            self.params["fixup"] = "never"
        for name, arguments in options.steps_after(self.order, info_dict):
            when = "before_dl" if name == "FFmpegThumbnailsConvertor" else "post_process"
            self.add_post_processor(get_postprocessor(name)(self, **arguments), when)
        super().process_info(info_dict)
        self.got = dict(info_dict)  # yt-dlp goes on to strip its own

    def _processing(self, hook: Mapping[str, Any]) -> None:
        if hook.get("postprocessor") not in ("MoveFiles", "ThumbnailsConvertor"):
            self.progress.enter("processing")

    def _needs_fence(self, info: Mapping[str, Any]) -> bool:
        """Whether ffmpeg would have to fetch this over https; see guard.py."""
        forms = [{**info, **form} for form in info.get("requested_formats") or [info]]
        return any(
            str(form.get("url")).startswith("https:")
            and get_suitable_downloader(form, self.params) is FFmpegFD
            for form in forms
        )

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
            text: bytes = answer.read(_LONGEST_MANIFEST)
        return b"#EXT-X-ENDLIST" not in text and len(text) < _LONGEST_MANIFEST


def _found(info: Mapping[str, Any]) -> Found:
    streams = info.get("requested_formats") or [info]
    sizes = [stream.get("filesize") or stream.get("filesize_approx") for stream in streams]
    return Found(
        extractor=str(info.get("extractor") or ""),
        media_id=plain_text(info["id"]),
        title=plain_text(info.get("title") or info["id"]),
        bytes=int(sum(sizes)) if all(sizes) else None,
    )


def main() -> None:
    raw = lifeline.read_order(0)
    if not raw:
        return
    order = Order.of(json.loads(raw)["order"])
    fenced = bool(order.proxy_port) and fence.put_up(order.proxy_port)  # before there is a second thread
    may_go = lifeline.hold(0)
    for number in (signal.SIGTERM, signal.SIGINT):  # meant for the worker, which ends us when it is time
        signal.signal(number, lambda *_: None)
    # What anybody prints must not get between our lines.
    out = os.dup(1)
    os.dup2(2, 1)

    def say(line: bytes) -> None:
        while line:
            line = line[os.write(out, line) :]

    def admit(found: Found) -> None:
        say(messages.line("found", found))
        may_go.wait()

    if order.proxy_port:
        guard.install(order.proxy_port, order.programs, fenced)
    flush.begin(Path(order.directory))
    progress = Progress(lambda moved: say(messages.line("moved", moved)))
    progress.enter("extracting")
    plugin_dirs.value, all_plugins_loaded.value = [], True
    fragments.install()
    FFmpegPostProcessor._ffmpeg_location.set(order.ffmpeg)
    for line in _run(order, Download(order, progress, admit, fenced)):
        say(line)


def _run(order: Order, download: Download) -> Iterator[bytes]:
    """Download and check, or list; the last lines about it."""
    progress = download.progress
    try:
        try:
            download.extract_info(order.wanted.url)
        except Several as several:
            for part in playlist.parts(several.result, several.entries, order.wanted):
                yield messages.line("listed", part)
            return
        if not download.got.get("filepath"):
            raise Refused("nothing")
        yield messages.line("fetched", finish(download.got, order, progress))
        return
    except (Refused, NotPlayable) as refusal:
        trouble = Trouble(progress.stage, word=refusal.word)
    except Exception as error:  # noqa: BLE001 (the outermost frame of this process: whatever it is, the worker is told)
        trouble = describe(error, progress.stage, download.last_refusal)
    if _spoilt(trouble):
        discard(Path(order.directory))
    yield messages.line("failed", trouble)


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
        host=urlsplit(http.response.url).hostname or "" if http else "",
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
