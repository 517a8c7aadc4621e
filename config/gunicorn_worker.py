"""gunicorn's threaded worker, without two waits that would stop everybody.

Closing a connection properly means to half-close it and to read until the other side has closed too.
gunicorn does that on the thread that accepts connections, up to 2 s a connection: 25 clients that
linger stop the worker for 50 s. Here the worker's poller does the waiting.

On SIGTERM the feed says good-bye at once, not after the requests in flight have ended.
"""

import selectors
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

LINGER_SECONDS = 2.0
MOST_LINGERING = 512
MOST_DRAINED = 32 << 20  # bytes; a client that is still sending sees our answer only after it has sent all
LONGEST_REQUEST = 20.0  # seconds from its first byte to the end of its answer


@dataclass
class _Lingering:
    until: float
    drained: int = 0


def close_feed(worker: Any) -> None:
    """Close the feed of the application that this worker has loaded, if it has loaded one."""
    extensions = getattr(getattr(worker, "wsgi", None), "extensions", {})
    if "feed" in extensions:
        extensions["feed"].close()


class SafeThreadWorker(ThreadWorker):
    """All that is added runs on the worker's main thread, as the poller's callbacks do."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lingering: dict[socket.socket, _Lingering] = {}  # the oldest first
        self._handled: dict[TConn, float] = {}  # until when

    def handle_exit(self, sig: int, frame: Any) -> None:
        if self.alive:
            self.method_queue.defer(close_feed, self)
        super().handle_exit(sig, frame)

    def enqueue_req(self, conn: TConn) -> None:
        conn.close = partial(self._close, conn)  # type: ignore[method-assign]
        super().enqueue_req(conn)

    def handle(self, conn: TConn) -> bool:
        """Runs in a thread of the pool, which a client that stops sending would keep for ever."""
        self._handled[conn] = time.monotonic() + LONGEST_REQUEST
        try:
            return super().handle(conn)
        finally:
            del self._handled[conn]

    def murder_pending(self) -> None:
        """gunicorn looks for expired connections here, at least once a second."""
        super().murder_pending()
        now = time.monotonic()
        for sock in [sock for sock, state in self._lingering.items() if state.until <= now]:
            self._let_go(sock)
        for conn in [conn for conn, until in self._handled.copy().items() if until <= now]:
            with suppress(OSError):
                conn.sock.shutdown(socket.SHUT_RDWR)

    def _close(self, conn: TConn, graceful: bool = False) -> None:
        del conn.close  # a cycle otherwise
        if graceful:
            self._linger(conn.sock)
        else:
            conn.close()

    def _linger(self, sock: socket.socket) -> None:
        try:
            sock.shutdown(socket.SHUT_WR)
            sock.setblocking(False)
            self.poller.register(sock, selectors.EVENT_READ, self._drain)
        except (OSError, ValueError, KeyError):
            sock.close()
            return
        self._lingering[sock] = _Lingering(time.monotonic() + LINGER_SECONDS)
        if len(self._lingering) > MOST_LINGERING:
            self._let_go(next(iter(self._lingering)))

    def _drain(self, sock: socket.socket) -> None:
        state = self._lingering[sock]
        try:
            received = len(sock.recv(256 * 1024))
        except BlockingIOError:
            return
        except OSError:
            received = 0
        state.drained += received
        if not received or state.drained > MOST_DRAINED:
            self._let_go(sock)

    def _let_go(self, sock: socket.socket) -> None:
        del self._lingering[sock]
        self.poller.unregister(sock)
        sock.close()
