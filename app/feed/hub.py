"""The live feed of one web process: adopts sockets, shows them events, and says good-bye.

The work happens in one asyncio thread (`loop.py`), started by the first client and so after
gunicorn's fork.
"""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from simple_websocket import Server

from app.feed import frames
from app.feed.client import RESTART, Counts, Pace
from app.feed.handshake import take
from app.feed.loop import FeedLoop, Terms
from app.feed.ring import Viewer

__all__ = ["Hub", "HubStats", "Pace", "Viewer"]

CLOSE_SECONDS = 2.0


@dataclass(frozen=True)
class HubStats:
    """Numbers for the metrics. `clients` and `paused` are now, `lag` is the last event's age in seconds
    when it was shown, the others only grow."""

    clients: int
    paused: int
    events: int
    coalesced: int
    replays: int
    resets: int
    unreadable: int
    lag: float


class Hub:
    """What the rest of the web process sees of the feed; any thread may call any method.

    `alive` gets the keys of all viewers every 20 s, in a thread of its own, and answers with those that
    may stay; the others are closed with 4401. `per_user` and `total` cap the sockets (close code 1013).
    """

    def __init__(
        self,
        redis_url: str,
        alive: Callable[[set[str]], set[str]],
        *,
        per_user: int = 1000,
        total: int = 5000,
        pace: Pace | None = None,
    ) -> None:
        self._terms = Terms(redis_url, alive, per_user, total, pace or Pace())
        self._counts = Counts()
        self._lock = threading.Lock()
        self._loop: FeedLoop | None = None
        self._closed = False

    def adopt(self, ws: Server, viewer: Viewer, since: str | None) -> None:
        """Take the handshaken socket over and show it the feed, from `since` on if that is given."""
        connection = take(ws)
        with self._lock:
            if self._closed:
                _refuse(connection)
            elif self._loop is None or not self._loop.adopt(connection, viewer, since):
                self._loop = FeedLoop(self._terms, self._counts)
                self._loop.start()
                self._loop.adopt(connection, viewer, since)

    def close(self) -> None:
        """Say 1012 to everyone and end the thread, within CLOSE_SECONDS."""
        with self._lock:
            self._closed = True
        if self._loop is not None:
            self._loop.end(CLOSE_SECONDS)

    def stats(self) -> HubStats:
        clients = self._loop.clients() if self._loop is not None else []
        counts = self._counts
        return HubStats(
            clients=len(clients),
            paused=sum(client.paused for client in clients),
            events=counts.events,
            coalesced=counts.coalesced,
            replays=counts.replays,
            resets=counts.resets,
            unreadable=counts.unreadable,
            lag=counts.lag,
        )


def _refuse(connection: socket.socket) -> None:
    """Too late: this process is on its way out."""
    with connection, suppress(OSError):
        connection.send(frames.close_frame(RESTART, "restart"))
