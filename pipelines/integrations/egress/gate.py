"""The worker's side of its proxy: one process for all downloads, one door in it for each.

Nobody listens in the background: what the proxy said lies in the pipe until it is asked for, and a
refusal is in the pipe before the client hears of it.
"""

import contextlib
import itertools
import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pipelines
from pipelines.integrations.egress.address import Allowed

_START_SECONDS = 10.0
_MODULE = "pipelines.integrations.egress.process"
_START = f"""
import runpy, sys
sys.path.insert(0, sys.argv.pop())
runpy.run_module({_MODULE!r}, run_name="__main__")
"""
_ROOT = str(Path(pipelines.__file__).resolve().parents[1])


class _Process:
    """A running proxy: orders go in, and what it says is kept by door."""

    def __init__(self) -> None:
        # Isolated and without site: it needs nothing but the standard library and this package.
        self._popen = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _START, _ROOT], env={"LANG": "C.UTF-8"}, bufsize=0, cwd="/",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        assert self._popen.stdin and self._popen.stdout
        self._in = self._popen.stdin
        self._out = self._popen.stdout
        self._said = b""
        self.ports: dict[int, int] = {}
        self.refused: dict[int, str] = {}

    @property
    def lives(self) -> bool:
        return self._popen.poll() is None

    def order(self, **order: Any) -> None:
        self._in.write(json.dumps(order).encode() + b"\n")

    def listen(self, seconds: float = 0.0) -> None:
        """Hear what was said, waiting at most `seconds` for the first of it."""
        while select.select([self._out], [], [], seconds)[0]:
            data = os.read(self._out.fileno(), 65536)
            if not data:
                raise BrokenPipeError("the egress proxy has ended")
            *lines, self._said = (self._said + data).split(b"\n")
            for line in lines:
                self._note(json.loads(line))
            seconds = 0.0

    def end(self) -> None:
        self._popen.kill()
        self._popen.wait()
        self._in.close()
        self._out.close()

    def _note(self, message: dict[str, Any]) -> None:
        if opened := message.get("opened"):
            self.ports[opened["id"]] = opened["port"]
        elif refused := message.get("refused"):
            self.refused.setdefault(refused["id"], refused["host"])


@dataclass(frozen=True)
class Door:
    """A proxy for one download."""

    gate: "Gate"
    process: _Process
    number: int
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def refused(self) -> str | None:
        """The first host that the download was kept from, if any."""
        return self.gate.refused(self)


class Gate:
    """All ways out of this process, for all its threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._process: _Process | None = None

    @contextmanager
    def open(self, allowed: Allowed, upstream: str | None = None) -> Iterator[Door]:
        """A door for the time of the context; `upstream` is another proxy, as a URL, that all goes through.

        OSError if there is no proxy to be had.
        """
        above = _host_and_port(upstream) if upstream else None
        with self._lock:
            door = self._opened(allowed, above)
        try:
            yield door
        finally:
            with self._lock:
                self._closed(door)

    def refused(self, door: Door) -> str | None:
        with self._lock, contextlib.suppress(OSError, ValueError):
            door.process.listen()
        return door.process.refused.get(door.number)

    def close(self) -> None:
        """End the proxy and whatever goes through it."""
        with self._lock:
            if self._process:
                self._process.end()
                self._process = None

    def _opened(self, allowed: Allowed, above: tuple[str, int] | None) -> Door:
        if self._process and self._process.lives:
            with contextlib.suppress(OSError):  # it has just died; the next one will do
                return self._asked(self._process, allowed, above)
        if self._process:
            self._process.end()
        self._process = _Process()
        return self._asked(self._process, allowed, above)

    def _asked(self, process: _Process, allowed: Allowed, above: tuple[str, int] | None) -> Door:
        number = next(self._numbers)
        process.order(open=number, allowed=sorted(allowed), upstream=above)
        until = time.monotonic() + _START_SECONDS
        while number not in process.ports:
            left = until - time.monotonic()
            if left <= 0:
                process.end()
                raise TimeoutError("the egress proxy does not answer")
            process.listen(left)
        return Door(self, process, number, process.ports.pop(number))

    def _closed(self, door: Door) -> None:
        if door.process is not self._process:
            return
        with contextlib.suppress(OSError):
            door.process.order(close=door.number)
            door.process.listen()
        door.process.refused.pop(door.number, None)


def _host_and_port(url: str) -> tuple[str, int]:
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if not parts.hostname or not parts.port:
        raise ValueError(f"{url!r} is not the address of a proxy")
    return parts.hostname, parts.port


gate = Gate()
