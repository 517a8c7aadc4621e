"""A server that nobody may reach: whoever does is counted."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

BODY = b"canary: this must never be read\n"


class Canary:
    """A real HTTP server that answers every request with 200 and `BODY`, as a context manager.

    `connections` counts whoever knocks, `hits` the requests made; `paths` says what they asked for.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.connections = 0
        self.paths: list[str] = []
        self._server = (_Server6 if ":" in host else _Server)((host, port), _Handler)
        self._server.canary = self
        self.host = host
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def hits(self) -> int:
        return len(self.paths)

    def url(self, path: str = "/", host: str | None = None) -> str:
        """Its address; `host` writes the host in another way, the port stays."""
        written = host or (f"[{self.host}]" if ":" in self.host else self.host)
        return f"http://{written}:{self.port}{path}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    canary: Canary

    def get_request(self) -> tuple[socket.socket, object]:
        accepted = super().get_request()
        self.canary.connections += 1
        return accepted


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, format: str, *args: object) -> None:
        """`Canary.paths` tells it."""

    def _answer(self) -> None:
        self.server.canary.paths.append(self.path)
        self.send_response(200)
        self.send_header("Content-Type", "video/mp4")
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(BODY)

    do_GET = do_HEAD = do_POST = do_PUT = do_OPTIONS = do_CONNECT = _answer
