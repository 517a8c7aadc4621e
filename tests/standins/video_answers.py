"""How the video site answers over HTTP, with all its faults."""

import io
import json
import os
import socket
from collections.abc import Callable
from dataclasses import asdict
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.standins import video_routes
from tests.standins.http_parts import ManyClients, QuietHandler
from tests.standins.video_backstage import Backstage
from tests.standins.video_behaviour import Asked, Behaviour, Request, byte_range, events

BLOCK = 16 * 1024
MEMBER = "open"


class Server(ManyClients):
    site: Backstage

    def get_request(self) -> tuple[socket.socket, object]:
        connection, address = super().get_request()
        # A small buffer, so that `sent` is close to what the client has read.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BLOCK)
        return connection, address


class Handler(QuietHandler):
    server: Server
    noted: Request

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        place = urlsplit(self.path)
        if place.path.startswith("/_"):
            self._control(place.path, place.query)
            return
        host, port = self.server.server_address[:2]
        base = f"http://{self.headers.get('Host', f'{host!s}:{port}')}"
        self.noted = Request(
            self.command, place.path, place.query, self.headers.get("Range"),
            cookie=self.headers.get("Cookie"), user_agent=self.headers.get("User-Agent"),
        )  # fmt: skip
        self.server.site.begin(self.noted)
        try:
            self._answer(Asked(base, place.path, place.query))
        finally:
            self.server.site.note(self.noted, over=True)

    def _control(self, path: str, query: str) -> None:
        site = self.server.site
        if path == "/_open":
            site.open(parse_qs(query)["gate"][0])
        told = json.dumps([asdict(request) for request in site.requests]).encode()
        self._head(200, "application/json", len(told))
        self.wfile.write(told)

    def _answer(self, asked: Asked) -> None:
        site, path = self.server.site, asked.path
        page = video_routes.hands_on(path)
        how = Behaviour.of_page(asked.query) if page else Behaviour.of(path, asked.query)
        if page and how.gate:
            site.gate(how.gate).wait()
        if path == "/redirect":
            self._send_on(asked.word("to", "/small.mp4"), int(asked.word("status", "302")))
        elif how.status and site.spend(how.status_once):
            self._refuse(how.status, how.retry_after)
        elif "/members/" in path and not self._is_member():
            self._refuse(401, None)
        elif path == "/loop":
            self._send_on(f"/loop?turn={int(asked.word('turn', '0')) + 1}", 302)
        elif path == "/endless.mp4":
            self._endless(how)
        elif (text := video_routes.written(asked, site)) is not None:
            self._text(text, video_routes.kind(path))
        elif ".." in path or not site.file(path).is_file():
            self._refuse(404, None)
        else:
            self._file(site.file(path), how)

    def _is_member(self) -> bool:
        session = SimpleCookie(self.headers.get("Cookie", "")).get("session")
        return session is not None and session.value == MEMBER

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
            self._pour(io.BytesIO(body).read, len(body), None)

    def _refuse(self, status: int, retry_after: str | None) -> None:
        self._head(status, "text/plain", 0, Retry_After=retry_after)

    def _send_on(self, address: str, status: int) -> None:
        self._head(status, "text/plain", 0, Location=address)

    def _file(self, file: Path, how: Behaviour) -> None:
        size, kind = file.stat().st_size, video_routes.kind(file.name)
        accept = None if how.noranges else "bytes"
        wanted = None if how.noranges else byte_range(self.headers.get("Range"), size)
        start, end = wanted or (0, size)
        if start >= end:
            self._head(416, kind, 0, Content_Range=f"bytes */{size}")
            return
        part = f"bytes {start}-{end - 1}/{size}" if wanted else None
        length = None if how.nolength else end - start
        close = None
        if how.claim is not None:
            length, close = max(how.claim - start, 0), "close"
        status = 206 if wanted else 200
        self._head(status, kind, length, Accept_Ranges=accept, Content_Range=part, Connection=close)
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
        with file.open("rb") as source:
            source.seek(start)
            return start + self._pour(source.read, end - start, rate)

    def _endless(self, how: Behaviour) -> None:
        """A film that begins well and never ends; a `length` is a lie."""
        self._head(200, "video/mp4", how.length)
        self.close_connection = True
        if self.command == "HEAD":
            return
        film = self.server.site.file("/small.mp4")
        self._send(film, 0, film.stat().st_size, how.rate)
        noise = os.urandom(BLOCK)
        self._pour(lambda size: noise[:size], None, how.rate)

    def _pour(self, read: Callable[[int], bytes], wanted: int | None, rate: int | None) -> int:
        """Send what `read` gives, `wanted` bytes of it or without end; how many were sent."""
        block = min(BLOCK, max(rate // 10, 1)) if rate else BLOCK
        sent = 0
        while (wanted is None or sent < wanted) and not self.server.site.closing.is_set():
            data = read(block if wanted is None else min(block, wanted - sent))
            self.wfile.write(data)
            sent += len(data)
            self.server.site.note(self.noted, sent=len(data))
            if rate:
                self.server.site.closing.wait(len(data) / rate)
        return sent
