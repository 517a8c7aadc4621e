"""Follow one job to its end: over the live feed, and by asking every second while there is none.

The job's state is read again after each connection, so nothing is missed between two of them, and
the revision says which of two states is the newer one.
"""

import time
from collections.abc import Iterator

from app.cli.channel import Channel, ChannelClosed
from app.cli.client import Resource, Server, say
from app.cli.failure import Unreachable

ENDED = {"succeeded", "failed", "cancelled"}
POLL_SECONDS = 1.0
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0  # seconds between two tries to connect
PATIENCE = 120.0  # seconds without any answer after which we give up


class Follower:
    """What is known of one job, and how it is kept up to date."""

    def __init__(self, server: Server, job: Resource) -> None:
        self.job = job
        self._server = server
        self._channel: Channel | None = None
        self._cursor: str | None = None
        self._pause = FIRST_PAUSE
        self._try_at = 0.0
        self._answered = time.monotonic()
        self._away = False

    def states(self) -> Iterator[Resource]:
        """The job after each change, and at least each second as it stands; ends with its last state."""
        yield self.job
        try:
            while self.job["state"] not in ENDED:
                if self._channel is None and time.monotonic() >= self._try_at:
                    self._connect()
                if self._channel is None:
                    time.sleep(POLL_SECONDS)
                    self._look()
                else:
                    self._listen(self._channel)
                yield self.job
        finally:
            if self._channel is not None:
                self._channel.close()

    def _connect(self) -> None:
        try:
            self._channel = Channel(self._server.url, self._server.token, self._cursor)
        except ChannelClosed:
            self._try_again_later()
            return
        self._look()

    def _listen(self, channel: Channel) -> None:
        try:
            frame = channel.receive(POLL_SECONDS)
        except ChannelClosed:
            self._channel = None
            self._try_again_later()
            return
        if frame is None:
            return
        self._pause = FIRST_PAUSE
        self._cursor = frame.get("cursor", self._cursor)
        if frame["type"] == "job" and frame["job"]["id"] == self.job["id"]:
            self._take(frame["job"])
        elif frame["type"] in ("hello", "reset"):
            self._look()

    def _try_again_later(self) -> None:
        self._try_at = time.monotonic() + self._pause
        self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def _look(self) -> None:
        """Ask for the job; a server that is away is waited for."""
        try:
            self._take(self._server.get(f"/jobs/{self.job['id']}"))
        except Unreachable:
            if time.monotonic() - self._answered > PATIENCE:
                raise
            if not self._away:
                say("the server does not answer; waiting for it")
            self._away = True
            return
        if self._away:
            say("the server is back")
        self._answered, self._away = time.monotonic(), False

    def _take(self, job: Resource) -> None:
        if job["revision"] >= self.job["revision"]:
            self.job = job
