"""A long answer is read in large pieces: being woken costs as much as the bytes of many packets."""

import asyncio
import socket
import time

_LONG = 4 * 1024 * 1024  # bytes without a pause, after which an answer counts as long
_PART = 64  # of what came so far is one piece, so that waiting for the last one hardly shows
_LARGEST = 256 * 1024
_LEAST_PATIENCE = 0.005  # seconds


class Gather:
    """Lets the kernel wait for a piece before it wakes us, as long as the pieces come as fast as before."""

    def __init__(self, peer: socket.socket) -> None:
        self._socket = peer
        self._piece = 1
        self._heard = 0
        self._began = 0.0
        self._look_later: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """What comes next is another answer."""
        self._heard = 0
        self._want(1)
        if self._look_later:
            self._look_later.cancel()

    def heard(self, size: int) -> None:
        """So many bytes came."""
        if not self._heard:
            self._began = time.monotonic()
        self._heard += size
        if self._piece == 1 and self._heard >= _LONG:
            self._wait_for_more()

    def _wait_for_more(self) -> None:
        self._want(min(self._heard // _PART, _LARGEST))
        usual = self._piece * (time.monotonic() - self._began) / self._heard
        patience = max(2 * usual, _LEAST_PATIENCE)
        self._look_later = asyncio.get_running_loop().call_later(patience, self._look, self._heard)

    def _look(self, before: int) -> None:
        if self._socket.fileno() < 0:
            return
        if self._heard > before:
            self._wait_for_more()
        else:  # it has become slow, or less than a piece is left
            self.begin()

    def _want(self, piece: int) -> None:
        if piece != self._piece:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, piece)
            self._piece = piece
