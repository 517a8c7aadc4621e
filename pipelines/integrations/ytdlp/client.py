"""Fetch one video: start a child process that downloads, follow it, and end it whatever happens.

The child (child.py) does everything that touches yt-dlp or the network. This side only reads its lines,
asks `check` whether to stop, and sees to it that no process outlives the call.
"""

import logging
import re
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import pipelines
from pipelines.errors import JobError
from pipelines.integrations.egress.address import Allowed
from pipelines.integrations.egress.gate import Door, gate
from pipelines.integrations.ytdlp import failures
from pipelines.integrations.ytdlp.messages import (
    GO,
    Entry,
    Fetched,
    Found,
    Listed,
    Moved,
    Order,
    Said,
    Trouble,
    Wanted,
    line,
    message,
)
from pipelines.integrations.ytdlp.process import Child
from pipelines.integrations.ytdlp.programs import Programs, find_programs
from pipelines.integrations.ytdlp.staging import Place, size, take

__all__ = ["Entry", "Fetched", "Found", "Listed", "Moved", "Wanted", "Watch", "fetch"]

STALL_SECONDS = 120.0
_TICK = 0.25
_PROXY_NAMES = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")
_LOOK_SECONDS = 1.0
_FINISHING_SECONDS = 300.0

# Isolated (-I: nothing of the user's Python set-up), and the very code that this process runs.
_CHILD = "pipelines.integrations.ytdlp.child"
_START = f"""
import runpy, sys
root = sys.argv.pop()
root in sys.path or sys.path.insert(0, root)
runpy.run_module({_CHILD!r}, run_name="__main__")
"""
_ROOT = str(Path(pipelines.__file__).resolve().parents[1])

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Watch:
    """What the caller has to say while a download runs; whatever one of them raises ends it and comes through.

    `report` hears of progress, `check` is called at least four times a second, `admit` before anything is fetched,
    `held` about once a second with the bytes in the job's directory.
    """

    report: Callable[[Moved], None] = lambda moved: None
    check: Callable[[], None] = lambda: None
    admit: Callable[[Found], None] = lambda found: None
    held: Callable[[int], None] = lambda size: None


def fetch(
    wanted: Wanted,
    staging: Path,
    *,
    name: str,
    attempt: int,
    watch: Watch,
    allowed: Allowed = frozenset(),
    upstream: str | None = None,
    max_seconds: float | None = None,
    stall_seconds: float = STALL_SECONDS,
) -> Fetched | Listed:
    """Download `wanted` into the job's directory of staging; a later attempt with the same name goes on
    where this one stopped. A playlist is only listed.

    The network is reached through the egress proxy alone: public addresses, and what is `allowed`. Raises
    TryAgain or GiveUp of `pipelines.errors`.
    """
    if urlsplit(wanted.url).scheme not in ("http", "https"):
        raise failures.UNSUPPORTED.error()
    limits = (stall_seconds, max_seconds)
    with ExitStack() as stack:
        place = take(staging, name, attempt, watch.check)
        stack.callback(place.let_go)
        try:
            door = stack.enter_context(gate.open(allowed, upstream))
        except OSError:
            raise failures.NO_PROXY.error() from None
        try:
            got = _fetch(wanted, place, door, watch, limits)
        except JobError:
            _refuse_blocked(door)
            raise
        _refuse_blocked(door)
        return got


def _refuse_blocked(door: Door) -> None:
    """Whatever became of the rest: what leads to such a place is not trusted."""
    if door.refused is not None:
        raise failures.BLOCKED.error() from None


def _fetch(
    wanted: Wanted, place: Place, door: Door, watch: Watch, limits: tuple[float, float | None]
) -> Fetched | Listed:
    programs = find_programs()
    with _start(place, programs, door.port) as child:
        place.let_go()
        order = Order(
            wanted, str(place.directory), programs.ffmpeg, programs.ffprobe, programs.all, door.port,
            _recorded(limits[1]),
        )  # fmt: skip
        child.send(line("order", order))
        return _follow(child, _Growth(place.directory, *limits), watch, door)


def _recorded(max_seconds: float | None) -> float | None:
    """How long a broadcast is recorded, so that it can be found and finished within the time for a download."""
    return max_seconds and max(max_seconds - _FINISHING_SECONDS, max_seconds / 2)


def _start(place: Place, programs: Programs, proxy_port: int) -> Child:
    home = place.directory / ".home"
    home.mkdir(exist_ok=True)
    env = {"PATH": programs.path, "LANG": "C.UTF-8", "HOME": str(home), "TMPDIR": str(home)}
    env |= dict.fromkeys(_PROXY_NAMES, f"http://127.0.0.1:{proxy_port}")  # for all that it starts
    return Child([sys.executable, "-I", "-c", _START, _ROOT], env, place.directory, place.lock)


def _follow(child: Child, growth: "_Growth", watch: Watch, door: Door) -> Fetched | Listed:
    entries: list[Entry] = []
    while True:
        said = [message(raw) for raw in child.lines(_TICK)]
        for one in said:
            end = _react(child, one, entries, watch)
            if end is not None:
                return end
        moves = [one for one in said if isinstance(one, Moved)]
        if moves:
            watch.report(moves[-1])
        if said:
            growth.seen()
        if child.ended:
            _log_failure(child, None)
            raise failures.DIED.error()
        watch.check()
        child.beat()
        if growth.looked():
            _refuse_blocked(door)
            watch.held(growth.bytes)
        growth.judge()


def _react(child: Child, said: Said | None, entries: list[Entry], watch: Watch) -> Fetched | Listed | None:
    """Do what a message asks for; the result, if it is the last one."""
    match said:
        case Fetched():
            return said
        case Listed():
            entries += said.entries
            return replace(said, entries=tuple(entries)) if said.over else None
        case Found():
            watch.admit(said)
            child.send(GO)
        case Trouble():
            _log_failure(child, said)
            raise failures.judge(said)
    return None


class _Growth:
    """Whether the job's directory still changes, or the child still reports; and for how long already."""

    def __init__(self, directory: Path, limit: float, longest: float | None) -> None:
        self._directory = directory
        self._limit = limit
        self.bytes = -1
        self._at = self._looked_at = time.monotonic()
        self._until = None if longest is None else self._at + longest

    def seen(self) -> None:
        self._at = time.monotonic()

    def looked(self) -> bool:
        """Look how much is there, if it is time to."""
        now = time.monotonic()
        if now - self._looked_at < min(_LOOK_SECONDS, self._limit / 4):
            return False
        # A gap means that we ourselves stood still, not the download.
        frozen = now - self._looked_at > 4 * _LOOK_SECONDS
        self._looked_at = now
        held = size(self._directory)
        if held != self.bytes or frozen:
            self.bytes, self._at = held, now
        return True

    def judge(self) -> None:
        """Raise if it stands still, or has taken too long."""
        now = time.monotonic()
        if now - self._at > self._limit:
            raise failures.STALLED.error()
        if self._until is not None and now > self._until:
            raise failures.TOO_LONG.error()


def _log_failure(child: Child, trouble: Trouble | None) -> None:
    """What happened, for the log only: no more of an address than its host."""
    said = trouble.text if trouble else ""
    names = " < ".join(trouble.names) if trouble else ""
    log.warning(
        "download process %d failed: %s %s | %s", child.pid, names, redacted(said), redacted(child.tail)
    )


def redacted(text: str) -> str:
    """The text with every address cut down to scheme and host."""
    return re.sub(r"(\w+://)(?:[^\s/@]*@)?([^\s/?#'\"]*)[^\s'\"]*", r"\1\2/…", text).strip()
