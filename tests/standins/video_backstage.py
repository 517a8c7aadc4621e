"""What all requests to the video site share: the media, the log, the gates, the faults already spent."""

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tests.standins.media import media_directory
from tests.standins.video_behaviour import Request

# The same files once more: for members only, and under a name that says what `claim` is for.
OTHER_DOORS = ("members/", "wronglength/")


class Backstage:
    def __init__(self) -> None:
        self.media = media_directory()
        self.closing = threading.Event()
        self.started = time.monotonic()
        self._changed = threading.Condition()
        self._log: list[Request] = []
        self._gates: dict[str, threading.Event] = {}
        self._spent: set[str] = set()

    def file(self, path: str) -> Path:
        name = path.lstrip("/")
        for door in OTHER_DOORS:
            name = name.removeprefix(door)
        return self.media / name

    def sha256(self, path: str) -> str:
        return hashlib.sha256(self.file(path).read_bytes()).hexdigest()

    @property
    def requests(self) -> list[Request]:
        """All requests so far, oldest first; copies, not growing."""
        with self._changed:
            return [replace(request) for request in self._log]

    def wait_for(self, happened: Callable[[list[Request]], bool], seconds: float = 20.0) -> None:
        """Wait until the log shows it; AssertionError after `seconds`."""
        with self._changed:
            if not self._changed.wait_for(lambda: happened(self._log), seconds):
                raise AssertionError(f"not within {seconds} s; the log: {self._log}")

    def open(self, gate: str) -> None:
        """Let the bodies go on that wait at this gate, now and later."""
        self.gate(gate).set()

    def gate(self, name: str) -> threading.Event:
        with self._changed:
            return self._gates.setdefault(name, threading.Event())

    def close(self) -> None:
        """Let go of everything that waits."""
        self.closing.set()
        for gate in list(self._gates.values()):
            gate.set()

    def spend(self, token: str | None) -> bool:
        """Whether a fault happens: always without a token, else once for each token."""
        with self._changed:
            if token is None:
                return True
            fresh = token not in self._spent
            self._spent.add(token)
            return fresh

    def note(self, request: Request, *, status: int | None = None, sent: int = 0, over: bool = False) -> None:
        with self._changed:
            request.status = status or request.status
            request.sent += sent
            request.over = request.over or over
            self._changed.notify_all()

    def begin(self, request: Request) -> None:
        with self._changed:
            self._log.append(request)
            self._changed.notify_all()
