"""A server that nobody may reach: whoever does is counted, and hears its secret."""

import contextlib
import re
import socket
import threading
from types import TracebackType
from typing import Self

PATIENCE = 2.0  # seconds for a request


class Canary:
    """Listens on this machine and answers every HTTP request with `SECRET`, as a context manager.

    `heard` has each request by connection; empty if somebody only knocked. Nobody is answered while `may_answer`
    is cleared.
    """

    SECRET = b"the canary sings: this must never be read"

    def __init__(self, host: str = "127.0.0.1") -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family, backlog=64)
        self.host = host
        self.port: int = self._listener.getsockname()[1]
        self.heard: list[bytes] = []
        self.may_answer = threading.Event()
        self.may_answer.set()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    @property
    def connections(self) -> int:
        """How many knocked."""
        return len(self.heard)

    @property
    def paths(self) -> list[str]:
        """What they asked for."""
        return [request.split(b" ")[1].decode() for request in self.heard if request.count(b" ") >= 2]

    @property
    def hits(self) -> int:
        """How many asked."""
        return len(self.paths)

    def url(self, path: str = "/", host: str | None = None) -> str:
        """Its address; `host` writes the host in another way, the port stays."""
        written = host or (f"[{self.host}]" if ":" in self.host else self.host)
        return f"http://{written}:{self.port}{path}"

    def _listen(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.heard.append(b"")
            place = len(self.heard) - 1
            threading.Thread(target=self._answer, args=(client, place), daemon=True).start()

    def _answer(self, client: socket.socket, place: int) -> None:
        with client, contextlib.suppress(OSError):
            client.settimeout(PATIENCE)
            request = self.heard[place] = _request(client)
            if request and self.may_answer.wait(PATIENCE):
                size = len(self.SECRET)
                client.sendall(
                    b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: %d\r\n\r\n" % size
                )
                client.sendall(b"" if request.startswith(b"HEAD ") else self.SECRET)


def _request(client: socket.socket) -> bytes:
    """All of it: who closes with a body unread resets the connection, and the answer may be lost."""
    heard = b""
    while not _whole(heard):
        data = client.recv(65536)
        if not data:
            break
        heard += data
    return heard


def _whole(heard: bytes) -> bool:
    head, end, body = heard.partition(b"\r\n\r\n")
    length = re.search(rb"\r\nContent-Length: *(\d+)", head, re.IGNORECASE)
    return bool(end) and len(body) >= (int(length[1]) if length else 0)
