"""Fetch one video: start a child process that downloads, follow it, and end it whatever happens.

The child (child.py) does everything that touches yt-dlp or the network. This side only reads its lines,
asks `check` whether to stop, and sees to it that no process outlives the call.
"""

import logging
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pipelines
from pipelines.integrations.ytdlp import failures
from pipelines.integrations.ytdlp.messages import Fetched, Moved, Order, Trouble, Wanted, line, message
from pipelines.integrations.ytdlp.process import Child
from pipelines.integrations.ytdlp.programs import Programs, find_programs
from pipelines.integrations.ytdlp.staging import Place, size, take

__all__ = ["Fetched", "Moved", "Wanted", "fetch"]

STALL_SECONDS = 120.0
_TICK = 0.25
_LOOK_SECONDS = 2.0

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


def fetch(
    wanted: Wanted,
    staging: Path,
    *,
    name: str,
    attempt: int,
    report: Callable[[Moved], None],
    check: Callable[[], None],
    stall_seconds: float = STALL_SECONDS,
) -> Fetched:
    """Download `wanted` into the job's directory of staging; a later attempt with the same name goes on
    where this one stopped.

    `check` is called at least four times a second; whatever it or `report` raises ends the download and
    comes through. Raises TryAgain or GiveUp of `pipelines.errors`.
    """
    if urlsplit(wanted.url).scheme not in ("http", "https"):
        raise failures.UNSUPPORTED.error()
    programs = find_programs()
    place = take(staging, name, attempt, check)
    try:
        with _start(place, programs) as child:
            place.let_go()
            child.send(line("order", Order(wanted, str(place.directory), programs.ffmpeg, programs.ffprobe)))
            return _follow(child, _Growth(place.directory, stall_seconds), report, check)
    finally:
        place.let_go()


def _start(place: Place, programs: Programs) -> Child:
    home = place.directory / ".home"
    home.mkdir(exist_ok=True)
    env = {"PATH": programs.path, "LANG": "C.UTF-8", "HOME": str(home), "TMPDIR": str(home)}
    return Child([sys.executable, "-I", "-c", _START, _ROOT], env, place.directory, place.lock)


def _follow(
    child: Child, growth: "_Growth", report: Callable[[Moved], None], check: Callable[[], None]
) -> Fetched:
    while True:
        said = [message(raw) for raw in child.lines(_TICK)]
        moves = [one for one in said if isinstance(one, Moved)]
        for one in said:
            if isinstance(one, Fetched):
                return one
            if isinstance(one, Trouble):
                _log_failure(child, one)
                raise failures.judge(one)
        if moves:
            report(moves[-1])
            growth.seen()
        if child.ended:
            _log_failure(child, None)
            raise failures.DIED.error()
        check()
        child.beat()
        if growth.stalled():
            raise failures.STALLED.error()


class _Growth:
    """Whether the job's directory still changes, or the child still reports."""

    def __init__(self, directory: Path, limit: float) -> None:
        self._directory = directory
        self._limit = limit
        self._bytes = -1
        self._at = self._looked_at = time.monotonic()

    def seen(self) -> None:
        self._at = time.monotonic()

    def stalled(self) -> bool:
        now = time.monotonic()
        if now - self._looked_at >= min(_LOOK_SECONDS, self._limit / 4):
            # A gap means that we ourselves stood still, not the download.
            frozen = now - self._looked_at > 2 * _LOOK_SECONDS
            self._looked_at = now
            held = size(self._directory)
            if held != self._bytes or frozen:
                self._bytes, self._at = held, now
        return now - self._at > self._limit


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
