"""The rivals' database: peewee's own pools, set up as ours are."""

import time
from typing import Any
from urllib.parse import unquote, urlsplit

from playhouse.pool import PooledPostgresqlDatabase, PooledSqliteDatabase

PRAGMAS = {"journal_mode": "wal", "synchronous": 1, "busy_timeout": 5000, "foreign_keys": 1}
PROBE_AFTER_IDLE = 30.0  # seconds


class _Pool(PooledPostgresqlDatabase):
    """The stock pool asks the server at each checkout whether it is there, which costs an eighth of the rate."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._used: dict[int, float] = {}
        super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]

    def _is_closed(self, conn: Any) -> bool:
        if time.monotonic() - self._used.get(id(conn), 0.0) <= PROBE_AFTER_IDLE:
            return bool(conn.closed)
        return bool(super()._is_closed(conn))  # type: ignore[no-untyped-call]

    def _can_reuse(self, conn: Any) -> bool:
        self._used[id(conn)] = time.monotonic()
        return bool(super()._can_reuse(conn))  # type: ignore[no-untyped-call]


def open_pool(url: str) -> Any:
    """A pool for `sqlite:///path` or `postgresql://…`."""
    if url.startswith("sqlite"):
        path = unquote(urlsplit(url).path)
        return PooledSqliteDatabase(path, max_connections=None, pragmas=PRAGMAS, check_same_thread=False)  # type: ignore[no-untyped-call]
    return _Pool(url, max_connections=20, stale_timeout=300, timeout=5)
