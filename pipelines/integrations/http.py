"""Calls to other services: a connect timeout, a read timeout and a total deadline, nothing of the answer echoed.

Each call has a connection of its own, so that no cookie which a service sets for one person goes along with the call
for another. Redirects are not followed: they could lead a token elsewhere.
"""

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import requests

CONNECT_SECONDS = 3.0
READ_SECONDS = 5.0
TOTAL_SECONDS = 8.0
CHUNK = 16 * 1024
LARGEST_BODY = 4 << 20  # bytes


class Unreachable(Exception):
    """No answer, or none that can be understood; `message` says in plain words why."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Untrusted(Unreachable):
    """It answers, and cannot prove over https who it is."""


@dataclass(frozen=True)
class Reply:
    """An answer whose `status` is still to be judged; the names of its `headers` are in small letters."""

    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def retry_after(self) -> float | None:
        """The seconds that the other side asks us to wait, None if it does not say so in seconds."""
        said = self.headers.get("retry-after", "").strip()
        return float(said) if said.isascii() and said.isdigit() else None

    def json(self) -> Any:
        """The value of the body; raises Unreachable if it is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise Unreachable("Its answer cannot be understood.") from None


def call(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
    deadline: float = TOTAL_SECONDS,
) -> Reply:
    """What `url` answers within `deadline` seconds, whatever its status; raises Unreachable.

    Secrets go into `headers`: addresses end up in logs.
    """
    import requests  # 4 MB that only a process which calls out needs

    with requests.Session() as session, _Watch(session, deadline) as watch:
        try:
            answer = session.request(
                method,
                url,
                headers=dict(headers or {}),
                params=dict(params or {}),
                timeout=(min(CONNECT_SECONDS, deadline), min(READ_SECONDS, deadline)),
                stream=True,
                allow_redirects=False,
                auth=_as_it_is,
            )
            body = _read(answer)
        except requests.RequestException as error:
            raise _unreachable(error, watch) from None
        if watch.over:  # an answer of unknown length looks complete when we hang up
            raise Unreachable("It answers too slowly.")
    named = {name.lower(): value for name, value in answer.headers.items()}
    return Reply(answer.status_code, body, named)


def _as_it_is(request: "requests.PreparedRequest") -> "requests.PreparedRequest":
    """Without this a .netrc of whoever runs the process would put its own password in place of our headers."""
    return request


def _read(answer: "requests.Response") -> bytes:
    body = bytearray()
    for chunk in answer.iter_content(CHUNK):
        body += chunk
        if len(body) > LARGEST_BODY:
            raise Unreachable("It answers more than expected.")
    return bytes(body)


def _unreachable(error: Exception, watch: "_Watch") -> Unreachable:
    import requests

    if watch.over:
        return Unreachable("It answers too slowly.")
    if isinstance(error, requests.Timeout):
        return Unreachable("It does not answer in time.")
    if isinstance(error, requests.exceptions.SSLError):
        return Untrusted("Its certificate is not accepted.")
    return Unreachable("It cannot be reached.")


class _Watch:
    """Hangs up when the time is over. A timeout of requests begins anew with each byte, so it bounds no call."""

    def __init__(self, session: "requests.Session", seconds: float) -> None:
        self.over = False
        self._lines: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._hang_up)
        self._timer.daemon = True
        for adapter in session.adapters.values():
            self._note_connections_of(adapter)

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def _note_connections_of(self, adapter: Any) -> None:
        get_pool: Callable[..., Any] = adapter.get_connection_with_tls_context

        def watched(*args: Any, **options: Any) -> Any:
            pool = get_pool(*args, **options)
            pool.ConnectionCls = self._noting(pool.ConnectionCls)
            return pool

        adapter.get_connection_with_tls_context = watched

    def _noting(self, make: Callable[..., Any]) -> Callable[..., Any]:
        def made(**details: Any) -> Any:
            connection = make(**details)
            connect = connection.connect

            def connected() -> None:
                connect()
                self._lines.append(connection.sock)

            connection.connect = connected
            return connection

        return made

    def _hang_up(self) -> None:
        self.over = True
        for line in self._lines:
            with contextlib.suppress(OSError):  # closed already
                socket.socket.shutdown(
                    line, socket.SHUT_RDWR
                )  # not that of TLS, which another thread is reading
