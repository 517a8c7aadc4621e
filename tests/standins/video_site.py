"""A video site on this machine that can also be slow, stall, cut off and refuse.

Media: /small.mp4 (1 MB) /large.mp4 (13 MB) /audio.m4a /picture.jpg, /hls/master.m3u8, /dash/manifest.mpd,
/live/media.m3u8 (never ends). Pages: /watch/small.mp4 (any file's name; one video, its query goes on
to the file), /several.html (two videos), /plain.html (none).

The query of a media address says how it behaves; a playlist hands its query on to its segments, and
`only=<part of a path>` limits it to some of them:

    rate=<bytes/s>      stall_at=<offset>  stall_once=<token>    status=<code>  retry_after=<text>
    gate=<name>         cut_at=<offset>    cut_once=<token>      status_once=<token>
    noranges=1          nolength=1

A gate holds the body at the middle of the file until it is opened. An `_once` token makes the fault
happen at the first request that gets there. (A client that only looks at the first bytes may have
400 kB pushed to it: put offsets behind that.) /_log tells the requests as JSON, /_open?gate= opens.
"""

import argparse
import contextlib
import hashlib
import json
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

from tests.standins import video_pages
from tests.standins.media import media_directory
from tests.standins.video_behaviour import Behaviour, Request, byte_range, events

BLOCK = 16 * 1024
TYPES = {
    ".mp4": "video/mp4", ".m4a": "audio/mp4", ".m4s": "video/iso.segment", ".ts": "video/mp2t",
    ".jpg": "image/jpeg", ".m3u8": "application/vnd.apple.mpegurl", ".mpd": "application/dash+xml",
}  # fmt: skip


class VideoSite:
    """The site as a context manager; also what its request handlers share."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.media = media_directory()
        self.closing = threading.Event()
        self.started = time.monotonic()
        self._changed = threading.Condition()
        self._log: list[Request] = []
        self._gates: dict[str, threading.Event] = {}
        self._spent: set[str] = set()
        self._server = _Server((host, port), _Handler)
        self._server.site = self
        self.base = f"http://{host}:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        for gate in list(self._gates.values()):
            gate.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def url(self, path: str) -> str:
        return self.base + path

    def file(self, path: str) -> Path:
        return self.media / path.lstrip("/")

    def sha256(self, path: str) -> str:
        return hashlib.sha256(self.file(path).read_bytes()).hexdigest()

    @property
    def requests(self) -> list[Request]:
        """All requests so far, oldest first; copies, not growing."""
        with self._changed:
            return [replace(request) for request in self._log]

    def wait_for(self, happened: Callable[[list[Request]], bool], seconds: float = 20.0) -> None:
        """Wait until the log shows it; AssertionError after `seconds`."""
        with self._changed:
            if not self._changed.wait_for(lambda: happened(self._log), seconds):
                raise AssertionError(f"not within {seconds} s; the log: {self._log}")

    def open(self, gate: str) -> None:
        """Let the bodies go on that wait at this gate, now and later."""
        self.gate(gate).set()

    def gate(self, name: str) -> threading.Event:
        with self._changed:
            return self._gates.setdefault(name, threading.Event())

    def spend(self, token: str | None) -> bool:
        """Whether a fault happens: always without a token, else once for each token."""
        with self._changed:
            if token is None:
                return True
            fresh = token not in self._spent
            self._spent.add(token)
            return fresh

    def note(self, request: Request, *, status: int | None = None, sent: int = 0, over: bool = False) -> None:
        with self._changed:
            request.status = status or request.status
            request.sent += sent
            request.over = request.over or over
            self._changed.notify_all()

    def begin(self, request: Request) -> None:
        with self._changed:
            self._log.append(request)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    site: VideoSite

    def get_request(self) -> tuple[socket.socket, object]:
        connection, address = super().get_request()
        # A small buffer, so that `sent` is close to what the client has read.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BLOCK)
        return connection, address


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    noted: Request

    def log_message(self, format: str, *args: object) -> None:
        """The log is `VideoSite.requests`."""

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        if asked.path.startswith("/_"):
            self._control(asked.path, asked.query)
            return
        self.noted = Request(self.command, asked.path, asked.query, self.headers.get("Range"))
        self.server.site.begin(self.noted)
        try:
            self._answer(asked.path, asked.query)
        finally:
            self.server.site.note(self.noted, over=True)

    def _control(self, path: str, query: str) -> None:
        site = self.server.site
        if path == "/_open":
            site.open(parse_qs(query)["gate"][0])
        self._text(json.dumps([asdict(request) for request in site.requests]), "application/json")

    def _answer(self, path: str, query: str) -> None:
        how = Behaviour.of(path, query)
        if how.status and self.server.site.spend(how.status_once):
            self._refuse(how.status, how.retry_after)
            return
        text = self._written(path, query)
        if text is not None:
            kind = TYPES.get(Path(path).suffix, "text/html; charset=utf-8")
            self._text(text, "text/html; charset=utf-8" if path.startswith("/watch/") else kind)
            return
        file = self.server.site.file(path)
        if ".." in path or not file.is_file():
            self._refuse(404, None)
            return
        self._file(file, how)

    def _written(self, path: str, query: str) -> str | None:
        """The text of a page or playlist; None if the path names neither."""
        site = self.server.site
        if path.startswith("/watch/"):
            name = path.removeprefix("/watch/")
            return video_pages.watch(site.url(f"/{name}?{query}".rstrip("?")), Path(name).stem)
        if path == "/live/media.m3u8":
            segments = len(list((site.media / "hls").glob("*.ts")))
            return video_pages.live(time.monotonic() - site.started, segments, query)
        if path == "/":
            return video_pages.index(["/watch/small.mp4", "/watch/large.mp4", "/large.mp4?rate=400000",
                                      "/hls/master.m3u8", "/dash/manifest.mpd", "/live/media.m3u8"])  # fmt: skip
        if path in ("/plain.html", "/several.html"):
            return video_pages.plain() if path == "/plain.html" else video_pages.several(site.base)
        playlist = Path(path).suffix in (".m3u8", ".mpd") and ".." not in path and site.file(path).is_file()
        return video_pages.with_query(site.file(path), query) if playlist else None

    def _head(self, status: int, kind: str, length: int | None, **headers: str | None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if length is not None:
            self.send_header("Content-Length", str(length))
        else:
            self.send_header("Connection", "close")
        for name, value in headers.items():
            if value is not None:
                self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if not self.path.startswith("/_"):
            self.server.site.note(self.noted, status=status)

    def _text(self, text: str, kind: str) -> None:
        body = text.encode()
        self._head(200, kind, len(body))
        if self.command != "HEAD":
            self.wfile.write(body)
            if not self.path.startswith("/_"):
                self.server.site.note(self.noted, sent=len(body))

    def _refuse(self, status: int, retry_after: str | None) -> None:
        self._head(status, "text/plain", 0, Retry_After=retry_after)

    def _file(self, file: Path, how: Behaviour) -> None:
        size, kind = file.stat().st_size, TYPES.get(file.suffix, "application/octet-stream")
        accept = None if how.noranges else "bytes"
        wanted = None if how.noranges else byte_range(self.headers.get("Range"), size)
        start, end = wanted or (0, size)
        if start >= end:
            self._head(416, kind, 0, Content_Range=f"bytes */{size}")
            return
        part = f"bytes {start}-{end - 1}/{size}" if wanted else None
        length = None if how.nolength else end - start
        self._head(206 if wanted else 200, kind, length, Accept_Ranges=accept, Content_Range=part)
        if self.command != "HEAD":
            self._body(file, start, end, size, how)

    def _body(self, file: Path, start: int, end: int, size: int, how: Behaviour) -> None:
        site = self.server.site
        for offset, event in events(how, size):
            if offset < start or offset >= end:
                continue
            start = self._send(file, start, offset, how.rate)
            if event == "gate":
                site.gate(str(how.gate)).wait()
            elif event == "stall" and site.spend(how.stall_once):
                self.close_connection = site.closing.wait()
                return
            elif event == "cut" and site.spend(how.cut_once):
                self.close_connection = True
                return
        self._send(file, start, end, how.rate)

    def _send(self, file: Path, start: int, end: int, rate: int | None) -> int:
        block = min(BLOCK, max(rate // 10, 1)) if rate else BLOCK
        with file.open("rb") as source:
            source.seek(start)
            while start < end and not self.server.site.closing.is_set():
                data = source.read(min(block, end - start))
                self.wfile.write(data)
                start += len(data)
                self.server.site.note(self.noted, sent=len(data))
                if rate:
                    self.server.site.closing.wait(len(data) / rate)
        return start


def requests_over_http(base: str) -> list[Request]:
    """The log of a site that runs in another process."""
    with urlopen(f"{base}/_log", timeout=10) as answer:
        return [Request(**entry) for entry in json.load(answer)]


def main() -> None:
    parser = argparse.ArgumentParser(prog="video_site", description="A video site for tests and the demo.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="default: any free one")
    chosen = parser.parse_args()
    with VideoSite(chosen.host, chosen.port) as site:
        print(site.base, flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
