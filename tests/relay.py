"""A TCP relay that can be cut as a cable is: nothing passes any more, and nobody is told.

Behind it a program believes that it lives on another machine. A server notices a lost host by its keepalives and drops
the connection; the relay does that in its place, because to the server the relay is the host, and it is alive.
"""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self

CHUNK = 65536


class Relay:
    """Listens on a loopback port of its own and passes bytes to `target` and back until it is cut."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self._passing = threading.Event()
        self._passing.set()
        self._lock = threading.Lock()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._silent: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cut()
        self.heal()
        self._listener.close()

    def cut(self) -> None:
        """Let nothing pass; the server's side of each connection ends, the other side hears nothing at all."""
        with self._lock:
            self._passing.clear()
            for near, far in self._pairs:
                _end(far)
                self._silent.append(near)
            self._pairs.clear()

    def heal(self) -> None:
        """Let new connections pass; those from before are answered with an end, as a server does that forgot them."""
        with self._lock:
            self._passing.set()
            for near in self._silent:
                _end(near)
            self._silent.clear()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                if not self._passing.is_set():
                    self._silent.append(near)
                    continue
                try:
                    far = socket.create_connection(self._target, timeout=5)
                except OSError:
                    near.close()
                    continue
                far.settimeout(None)
                self._pairs.append((near, far))
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pass, args=(source, sink), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(CHUNK):
                if not self._passing.is_set():
                    return
                sink.sendall(data)
        except OSError:
            pass
        if self._passing.is_set():
            _end(source)
            _end(sink)


def _end(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
