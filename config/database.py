"""The database, SQLite or PostgreSQL behind one code path.

Peewee owns connections and everyday queries. The few statements that decide how fast the system is
are plain SQL, written once: `%s` marks a parameter and `NOW` the database's clock in seconds since
1970 (float), the only clock that jobs are compared by.
"""

import itertools
import math
import re
import select
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import peewee
import psycopg2
import psycopg2.extensions
from peewee import InterfaceError, OperationalError
from playhouse.pool import MaxConnectionsExceeded, PooledPostgresqlDatabase, PooledSqliteDatabase

Row = dict[str, Any]

AWAY = (OperationalError, InterfaceError, MaxConnectionsExceeded)
"""What is raised while the database cannot be reached or does not answer."""

SQLITE_NOW = "((julianday('now') - 2440587.5) * 86400.0)"
POSTGRES_NOW = "extract(epoch FROM clock_timestamp())::float8"
PROBE_AFTER_IDLE = 30.0  # seconds; probing at each checkout costs more than half the throughput
POOL_WAIT = 5.0
CONNECT_SECONDS = 3.0  # the pool lets one thread connect at a time, so a paused server must not take long

deadline: ContextVar[float] = ContextVar("deadline", default=8.0)
"""Seconds that PostgreSQL may take for one answer; a paused server is noticed only this way."""


class _Connection(psycopg2.extensions.connection):
    """Asks the server to notice when we are gone: the locks of a lost host would otherwise be held for hours.

    Knows the statements that it has prepared.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.prepared: dict[str, float] = {}  # name → when, by the monotonic clock
        with self.cursor() as cursor:
            cursor.execute(
                "SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3;"
                " SET tcp_user_timeout = 15000; SET idle_in_transaction_session_timeout = 30000"
            )
        self.commit()


_TO_POSTGRES: dict[str, Any] = {
    "connection_factory": _Connection,
    "application_name": "medianest",
    "keepalives_idle": 5,  # a lost server is noticed after some ten seconds
    "keepalives_interval": 2,
    "keepalives_count": 3,
}

database: Any = peewee.DatabaseProxy()

_write_lock = threading.RLock()
_is_sqlite = True


class _Postgres(PooledPostgresqlDatabase):
    """The pool probes a connection only after it was idle for a while, and keeps none over an outage.

    Without the latter each idle connection costs an error after a restart of the server, so a thread that
    asks once a second would be cut off for as many seconds as there are connections.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._used: dict[int, float] = {}
        self._outage = float("-inf")  # when a connection last broke
        self._refused = float("-inf")  # when a new one last failed
        self._asking = threading.local()
        super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]

    def connect(self, reuse_if_open: bool = False) -> Any:
        self._asking.since = time.monotonic()
        return super().connect(reuse_if_open)  # type: ignore[no-untyped-call]

    def _connect(self) -> Any:
        if self._refused > getattr(self._asking, "since", 0.0):  # while we waited for another thread's turn
            raise OperationalError("the database cannot be reached")
        token = deadline.set(min(deadline.get(), CONNECT_SECONDS))
        try:
            return super()._connect()
        except psycopg2.Error:
            self._refused = self._outage = time.monotonic()
            raise
        finally:
            deadline.reset(token)

    def execute_sql(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().execute_sql(*args, **kwargs)  # type: ignore[no-untyped-call]
        except (OperationalError, InterfaceError):
            self._outage = time.monotonic()
            raise

    def _is_closed(self, conn: Any) -> bool:
        used = self._used.get(id(conn), float("-inf"))
        if conn.closed or used <= self._outage:
            return True
        if time.monotonic() - used <= PROBE_AFTER_IDLE:
            return False
        closed = bool(super()._is_closed(conn))  # type: ignore[no-untyped-call]
        if closed:
            self._outage = time.monotonic()
        return closed

    def _can_reuse(self, conn: Any) -> bool:
        self._used[id(conn)] = time.monotonic()
        return bool(super()._can_reuse(conn))  # type: ignore[no-untyped-call]


def _wait(connection: Any) -> None:
    """Wait for PostgreSQL at most `deadline` seconds (psycopg2 calls this instead of blocking)."""
    limit = time.monotonic() + deadline.get()
    while True:
        state = connection.poll()
        if state == psycopg2.extensions.POLL_OK:
            return
        waiting = select.poll()  # select.select refuses descriptors over 1023; a busy web process has such
        reading = state == psycopg2.extensions.POLL_READ
        waiting.register(connection, select.POLLIN if reading else select.POLLOUT)
        if not waiting.poll(max(0.0, limit - time.monotonic()) * 1000):
            raise psycopg2.OperationalError("the database gave no answer in time")


def open_database(url: str, *, connections: int = 20) -> Any:
    """A pooled peewee database for `sqlite:///path` or `postgresql://user:password@host:port/name`."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        path = Path(unquote(parts.path))
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return PooledSqliteDatabase(  # type: ignore[no-untyped-call]
            str(path),
            max_connections=None,  # a file handle for each thread that asks
            pragmas={"journal_mode": "wal", "synchronous": 1, "busy_timeout": 5000, "foreign_keys": 1},
            check_same_thread=False,
            lock_type="IMMEDIATE",  # a transaction that begins as reader may fail on its way to writing
        )
    psycopg2.extensions.set_wait_callback(_wait)
    return _Postgres(
        url.replace("postgres://", "postgresql://", 1),
        max_connections=connections,
        timeout=POOL_WAIT,
        stale_timeout=300,
        **_TO_POSTGRES,
    )


def session(url: str) -> Any:
    """A PostgreSQL connection of its own for as long as its user wants, outside the pool."""
    psycopg2.extensions.set_wait_callback(_wait)
    connection = psycopg2.connect(url, **_TO_POSTGRES)
    connection.autocommit = True
    return connection


def bind(url: str, *, connections: int = 20) -> None:
    """Make `database` the one at `url`; call it before the first query, never between fork and exec."""
    global _is_sqlite
    _is_sqlite = url.startswith("sqlite")
    database.initialize(open_database(url, connections=connections))


def is_sqlite() -> bool:
    """Whether the bound database is SQLite (one machine)."""
    return _is_sqlite


@lru_cache(maxsize=512)
def _dialect(text: str, sqlite: bool) -> str:
    text = re.sub(r"\bNOW\b", SQLITE_NOW if sqlite else POSTGRES_NOW, text)
    return text.replace("%s", "?").replace("GREATEST(", "max(") if sqlite else text


def _rows(text: str, params: Sequence[Any]) -> list[Row]:
    return _run(_dialect(text, _is_sqlite), params)


def _run(sql: str, params: Sequence[Any]) -> list[Row]:
    cursor = database.obj.execute_sql(sql, params)
    if cursor.description is None:
        return []
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def query(text: str, *params: Any) -> list[Row]:
    """The rows of a SELECT."""
    with database.obj.connection_context():
        return _rows(text, params)


def change(text: str, *params: Any) -> list[Row]:
    """Run one writing statement in a transaction of its own (or the surrounding one)."""
    if database.obj.in_transaction():
        return _rows(text, params)
    with _writer(), database.obj.connection_context():
        return _rows(text, params)


MOST_PREPARED = 40  # parameters; statements over lists are of every length, and each would be kept
PLAN_SECONDS = 5.0  # then it is planned anew: the best plan for an empty queue is the worst for a long one
_FIRST_LOCK = "SELECT pg_advisory_xact_lock(7703, hashtext(%s)); "


def change_prepared(text: str, *params: Any, lock: str = "") -> list[Row]:
    """`change` on PostgreSQL with a statement that each connection plans once, which is half of what it costs.

    Statements with the same `lock` never run at the same time. Both are one round trip and one transaction, and the
    statement sees all that the lock's last holder wrote.
    """
    with database.obj.connection_context():
        sql = _dialect(text, False)
        if len(params) <= MOST_PREPARED:
            sql = _prepared(sql, database.obj.connection())
        return _run(_FIRST_LOCK + sql, (lock, *params)) if lock else _run(sql, params)


def _prepared(sql: str, connection: Any) -> str:
    """What executes the statement, once it is prepared on the connection."""
    name, prepare, execute = _named(sql)
    known: dict[str, float] = connection.prepared
    if time.monotonic() - known.get(name, math.inf) > PLAN_SECONDS:
        _run(f"DEALLOCATE {name}", ())
        del known[name]
    if name not in known:
        _run(prepare, ())
        known[name] = time.monotonic()
    return execute


@cache
def _named(sql: str) -> tuple[str, str, str]:
    """A name for the statement, and what prepares and what executes it."""
    name = f"s{next(_numbers)}"
    parts = sql.split("%s")
    body = "".join(f"{part}${number}" for number, part in enumerate(parts[:-1], 1)) + parts[-1]
    values = ", ".join(["%s"] * (len(parts) - 1))
    return name, f"PREPARE {name} AS {body}", f"EXECUTE {name}({values})"


_numbers = itertools.count()


def _writer() -> AbstractContextManager[Any]:
    # SQLite has one writer at a time; waiting here is fair and short, its own busy handler sleeps
    return _write_lock if _is_sqlite else nullcontext()


def together() -> AbstractContextManager[Any]:
    """For statements that follow each other: on SQLite one transaction, since a commit costs more than any of them; on
    PostgreSQL one connection and a transaction for each."""
    return transaction() if _is_sqlite else database.obj.connection_context()


@contextmanager
def transaction() -> Iterator[None]:
    """Everything inside happens or nothing does."""
    pool = database.obj
    if pool.in_transaction():  # all of the surrounding one
        yield
        return
    acts: list[Callable[[], object]] = []
    _following.acts = acts
    with _writer(), pool.connection_context(), pool.atomic():
        yield
    for act in acts:
        act()


_following = threading.local()


def afterwards(act: Callable[[], object]) -> None:
    """Do this when the surrounding transaction is written, not at all if it fails; without one do it now."""
    if database.obj.in_transaction():
        _following.acts.append(act)
    else:
        act()


@contextmanager
def locked(name: int) -> Iterator[None]:
    """A transaction that no other process runs at the same time under the same `name`."""
    with transaction():
        if not _is_sqlite:
            _rows("SELECT pg_advisory_xact_lock(%s, %s)", (LOCKS, name))
        yield


LOCKS = 7701  # the name space of our PostgreSQL advisory locks; 7702 is that of config.liveness
LOCK_MIGRATIONS, LOCK_SETUP, LOCK_ADMISSION = 1, 2, 3


def now() -> float:
    """The database's clock, seconds since 1970."""
    return float(query("SELECT NOW AS now")[0]["now"])
