"""What the stand-ins for plex.tv and for a media server share: the port, the log, the failures on the wire."""

import contextlib
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

from requests.structures import CaseInsensitiveDict

from tests.standins.http_parts import ManyClients, QuietHandler
from tests.standins.plex_switches import Fault, Switches


@dataclass(frozen=True)
class Request:
    """One request as the server saw it."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: str

    def word(self, name: str) -> str:
        """A word of the query or of the form that was sent; empty if there is none."""
        for words in (self.query, self.body):
            if found := parse_qs(words).get(name):
                return found[-1]
        return ""

    def plex(self, name: str) -> str:
        """A header of Plex by the rest of its name; all of them may also travel in the query."""
        return self.headers.get(f"X-Plex-{name}") or self.word(f"X-Plex-{name}")

    @property
    def token(self) -> str:
        return self.plex("Token")

    @property
    def client(self) -> str:
        return self.plex("Client-Identifier")

    @property
    def wants_json(self) -> bool:
        return "application/json" in self.headers.get("Accept", "") or self.path.endswith(".json")


@dataclass(frozen=True)
class Answer:
    """One answer; `kind` is its Content-Type, None for an empty one that says nothing about itself."""

    status: int
    body: bytes = b""
    kind: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Listener(ABC):
    """A server on a port of its own as a context manager; it can be stopped and started again there."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.switches = Switches()
        self._changed = threading.Condition()
        self._log: list[Request] = []
        self._strangers: list[Request] = []
        self._server: _Server | None = _Server((host, port), self)
        self._thread: threading.Thread | None = None
        self.host = host
        self.port: int = self._server.server_address[1]

    @abstractmethod
    def answer(self, request: Request) -> Answer | None:
        """The answer if nothing goes wrong; None if there is no such place."""

    @abstractmethod
    def refusal(self, request: Request, status: int) -> Answer:
        """What the real one sends when it fails with this status."""

    @abstractmethod
    def nothing(self, request: Request) -> Answer:
        """What the real one sends for a place that it does not have."""

    @property
    def base(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def requests(self) -> list[Request]:
        """All requests so far, oldest first."""
        with self._changed:
            return list(self._log)

    @property
    def strangers(self) -> list[Request]:
        """Those that asked for a place that is not known here."""
        with self._changed:
            return list(self._strangers)

    def wait_for(self, happened: Callable[[list[Request]], bool], seconds: float = 20.0) -> None:
        """Wait until the log shows it; AssertionError after `seconds`."""
        with self._changed:
            if not self._changed.wait_for(lambda: happened(self._log), seconds):
                told = [f"{request.method} {request.path}" for request in self._log]
                raise AssertionError(f"not within {seconds} s; the log: {told}")

    def respond(self, request: Request, fault: Fault | None) -> Answer:
        """The answer to a request, or what a failure makes of it."""
        if fault and fault.kind == "status":
            return self._refused(request, fault)
        answer = self.answer(request)
        if answer is None:
            with self._changed:
                self._strangers.append(request)
            return self.nothing(request)
        if fault and fault.kind == "malformed":
            return Answer(answer.status, answer.body[: len(answer.body) // 2], answer.kind, answer.headers)
        return answer

    def _refused(self, request: Request, fault: Fault) -> Answer:
        refused = self.refusal(request, fault.status)
        later = {} if fault.retry_after is None else {"Retry-After": fault.retry_after}
        return Answer(refused.status, refused.body, refused.kind, {**refused.headers, **later})

    def note(self, request: Request) -> None:
        with self._changed:
            self._log.append(request)
            self._changed.notify_all()

    def start(self) -> None:
        """Answer, on the same port as before."""
        self._server = self._server or _Server((self.host, self.port), self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Refuse every connection, and answer no more on those that are open."""
        if self._server is None:
            return
        self._server.closing.set()
        self.switches.off()
        if self._thread:
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()
        self._server.hang_up()
        self._server, self._thread = None, None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Server(ManyClients):
    def __init__(self, address: tuple[str, int], listener: Listener) -> None:
        super().__init__(address, _Handler)
        self.listener = listener
        self.closing = threading.Event()
        self._lines: set[socket.socket] = set()
        self._lock = threading.Lock()

    def get_request(self) -> tuple[socket.socket, object]:
        line, address = super().get_request()
        with self._lock:
            self._lines.add(line)
        return line, address

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        if isinstance(request, socket.socket):
            with self._lock:
                self._lines.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """End the connections that clients keep open."""
        with self._lock:
            lines = list(self._lines)
        for line in lines:
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)


class _Handler(QuietHandler):
    server: _Server

    def _serve(self) -> None:
        place = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode(errors="replace")
        headers = CaseInsensitiveDict(self.headers.items())
        request = Request(self.command, place.path, place.query, headers, body)
        listener = self.server.listener
        fault = listener.switches.next_for(request.method, request.path)
        listener.note(request)
        if fault and fault.kind == "stall":
            fault.wait()
        if self.server.closing.is_set() or (fault and fault.kind == "away"):
            self.close_connection = True
            return
        self._send(listener.respond(request, fault), fault.seconds if fault and fault.kind == "drip" else 0.0)

    def _send(self, answer: Answer, pause: float) -> None:
        self.send_response(answer.status)
        if answer.kind:
            self.send_header("Content-Type", answer.kind)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if not pause:
            self.wfile.write(answer.body)
            return
        for place in range(len(answer.body)):
            self.wfile.write(answer.body[place : place + 1])
            if self.server.closing.wait(pause):
                self.close_connection = True
                return

    do_GET = do_POST = do_PUT = do_DELETE = _serve
