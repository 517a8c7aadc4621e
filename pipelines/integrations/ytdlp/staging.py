"""The directory of one job in staging: whose turn it is there, and whether anything grows in it.

The lock is a flock that the child inherits and alone keeps, so it ends with the child. A child of an
older attempt that still lives (its worker is frozen) keeps the directory; this attempt then works in
one of its own.
"""

import fcntl
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

from pipelines.integrations.ytdlp import failures

# A child whose worker just died needs a moment to notice; what it has on disk is worth the wait.
_PATIENCE = 2.0
_TICK = 0.05
_NAME = re.compile(r"[A-Za-z0-9_-]+")


class Place:
    """A locked directory; `lock` is the descriptor to hand to the child, then `let_go`."""

    def __init__(self, directory: Path, lock: int) -> None:
        self.directory = directory
        self.lock = lock

    def let_go(self) -> None:
        """Close our end of the lock."""
        if self.lock >= 0:
            os.close(self.lock)
            self.lock = -1


def take(staging: Path, name: str, attempt: int, check: Callable[[], None]) -> Place:
    """The job's directory, or a fresh one for this attempt if an older one still works in it."""
    if not _NAME.fullmatch(name):
        raise ValueError("the name of a staging directory must be one plain word")
    try:
        place = _lock_patiently(staging / name, check) or _lock(staging / f"{name}.{attempt}")
    except OSError as error:
        raise (failures.of_errno(error.errno) or failures.STAGING).error() from error
    if place is None:
        raise failures.LOCKED.error()
    return place


def size(directory: Path) -> int:
    """Bytes of all files below; what vanishes meanwhile does not count."""
    total = 0
    for folder, _, files in os.walk(directory):
        for file in files:
            try:
                total += os.lstat(os.path.join(folder, file)).st_size
            except FileNotFoundError:
                continue
    return total


def _lock_patiently(directory: Path, check: Callable[[], None]) -> Place | None:
    until = time.monotonic() + _PATIENCE
    while (place := _lock(directory)) is None and time.monotonic() < until:
        check()
        time.sleep(_TICK)
    return place


def _lock(directory: Path) -> Place | None:
    directory.mkdir(parents=True, exist_ok=True)
    lock = os.open(directory / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(lock).st_nlink == 0:  # whoever removes what ended jobs left was here meanwhile
            raise BlockingIOError
    except BlockingIOError:
        os.close(lock)
        return None
    except BaseException:
        os.close(lock)
        raise
    return Place(directory, lock)
