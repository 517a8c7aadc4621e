"""A lock that a process holds as long as it lives: the kernel, not a timer, says that it is gone.

With SQLite, so on one machine, it is a lock on a file; with PostgreSQL a session lock, which the
server drops when the connection ends. Numbers are handed out by the worker table.
"""

import contextlib
import fcntl
import os
from pathlib import Path
from typing import Any

import psycopg2

from config.database import is_sqlite, query, session
from config.settings import settings

SPACE = 7702  # the name space of these PostgreSQL advisory locks


def _file(number: int) -> Path:
    return settings().run_dir / "workers" / str(number)


class Life:
    """This process's own lock; call `keep` regularly."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._handle: int | None = None
        self._session: Any = None
        self.keep()

    def keep(self) -> None:
        """Take the lock if it is not held, as after a restart of PostgreSQL."""
        if is_sqlite():
            if self._handle is None:
                self._lock_file()
            return
        try:
            if self._session is None:
                self._session = session(settings().database_url)
                self._session.cursor().execute("SELECT pg_advisory_lock(%s, %s)", (SPACE, self._number))
            else:
                self._session.cursor().execute("SELECT 1")
        except psycopg2.Error:
            self._drop_session()

    def _lock_file(self) -> None:
        file = _file(self._number)
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._handle, fcntl.LOCK_EX)

    def _drop_session(self) -> None:
        held, self._session = self._session, None
        if held is not None:
            held.close()

    def end(self) -> None:
        """Give the lock up."""
        if self._handle is not None:
            _file(self._number).unlink(missing_ok=True)
            os.close(self._handle)
            self._handle = None
        if self._session is not None:
            with contextlib.suppress(psycopg2.Error):  # closing alone takes the server a moment to notice
                self._session.cursor().execute("SELECT pg_advisory_unlock(%s, %s)", (SPACE, self._number))
        self._drop_session()


def forget(number: int) -> None:
    """Remove the lock file that a process of long ago left."""
    _file(number).unlink(missing_ok=True)


def living(numbers: set[int]) -> set[int]:
    """Those of `numbers` whose processes are alive."""
    if is_sqlite():
        return {number for number in numbers if _file_is_locked(_file(number))}
    rows = query(
        "SELECT objid FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = %s AND objsubid = 2"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        SPACE,
    )
    return numbers & {int(row["objid"]) for row in rows}


def _file_is_locked(file: Path) -> bool:
    try:
        handle = os.open(file, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(handle)
