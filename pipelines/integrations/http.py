"""Calls to other services: a connect timeout, a read timeout and a total deadline, nothing of the answer echoed.

The deadline bounds all but the resolution of a name, which takes as long as the system's resolver lets it. Each address
that a name has is judged before it is connected to, since names may lead where no service can be.

Each call has a connection of its own, so that no cookie which a service sets for one person goes along with the call
for another. Redirects are not followed: they could lead a token elsewhere.
"""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Self

from pipelines.integrations.place import is_nowhere

if TYPE_CHECKING:
    import requests

CONNECT_SECONDS = 3.0
READ_SECONDS = 5.0
TOTAL_SECONDS = 8.0
CHUNK = 16 * 1024
LARGEST_BODY = 4 << 20  # bytes
LONGEST_WAIT = 86400.0  # seconds, whatever the other side asks for

TOO_SLOW = "It answers too slowly."
LATE = "It does not answer in time."
AWAY = "It cannot be reached."
NOWHERE = "It is at an address that services may not have."


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
        """The seconds that the other side asks us to wait, a day at most; None if it does not say so in seconds."""
        said = self.headers.get("retry-after", "").strip()
        return min(float(said), LONGEST_WAIT) if said.isascii() and said.isdigit() else None

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
            raise Unreachable(TOO_SLOW)
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
        return Unreachable(TOO_SLOW)
    if isinstance(error, requests.Timeout):
        return Unreachable(LATE)
    if isinstance(error, requests.exceptions.SSLError):
        return Untrusted("Its certificate is not accepted.")
    return Unreachable(AWAY)


class _Watch:
    """Makes the lines of a session, and hangs up when the time is over.

    A timeout of requests begins anew with each byte, and with each address of a name, so it bounds no call.
    """

    def __init__(self, session: "requests.Session", seconds: float) -> None:
        self.over = False
        self._ends = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._lines: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._hang_up)
        self._timer.daemon = True
        for adapter in session.adapters.values():
            self._make_lines_of(adapter)

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            for line in self._lines:
                line.close()

    def _make_lines_of(self, adapter: Any) -> None:
        get_pool: Callable[..., Any] = adapter.get_connection_with_tls_context

        def watched(*args: Any, **options: Any) -> Any:
            pool = get_pool(*args, **options)
            pool.ConnectionCls = self._with_our_lines(pool.ConnectionCls)
            return pool

        adapter.get_connection_with_tls_context = watched

    def _with_our_lines(self, make: Callable[..., Any]) -> Callable[..., Any]:
        def made(**details: Any) -> Any:
            connection = make(**details)
            connection._new_conn = lambda: self._line(connection)
            return connection

        return made

    def _line(self, connection: Any) -> socket.socket:
        """A line to the first address of the connection's host that takes one; raises Unreachable."""
        message = NOWHERE
        for family, kind, protocol, _, place in _addresses(connection._dns_host, connection.port):
            if is_nowhere(ip_address(place[0])):
                continue
            try:
                return self._connected((family, kind, protocol), place, connection.socket_options or ())
            except OSError as error:
                message = LATE if isinstance(error, TimeoutError) else AWAY
        raise Unreachable(message)

    def _connected(self, form: tuple[int, int, int], place: Any, options: Any) -> socket.socket:
        """A line of this form that is connected in the time that is left; raises OSError or Unreachable."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise Unreachable(TOO_SLOW)
        with contextlib.ExitStack() as undo:
            line = undo.enter_context(socket.socket(*form))
            for option in options:
                line.setsockopt(*option)
            line.settimeout(min(CONNECT_SECONDS, left))
            line.connect(place)
            with self._lock:
                if self.over:
                    raise Unreachable(TOO_SLOW)
                self._lines.append(line.dup())  # TLS takes the line itself for its own
            undo.pop_all()
        return line

    def _hang_up(self) -> None:
        with self._lock:
            self.over = True
            for line in self._lines:
                with contextlib.suppress(OSError):  # the other side was faster
                    line.shutdown(socket.SHUT_RDWR)


def _addresses(host: str, port: int) -> list[Any]:
    """What the system's resolver knows of a host; raises Unreachable."""
    try:
        return socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Unreachable(AWAY) from None
