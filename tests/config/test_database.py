"""PostgreSQL goes away, stands still or comes back: nobody waits longer than needed, and nobody stays cut off."""

import os
import resource
import threading
import time
from collections.abc import Callable, Iterator

import psycopg2
import pytest

from config.database import AWAY, CONNECT_SECONDS, database, query, session
from config.settings import Settings
from tests.servers import PostgresServer

pytestmark = pytest.mark.parametrize("database_url", ["postgres"], indirect=True)


@pytest.fixture
def url(home: Settings) -> str:
    return home.database_url


def at_once(count: int, ask: Callable[[], None]) -> None:
    threads = [threading.Thread(target=ask) for _ in range(count)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()


def open_connections(count: int) -> None:
    together = threading.Barrier(count)

    def hold() -> None:
        with database.connection_context():
            together.wait(10)
            query("SELECT 1 AS one")

    at_once(count, hold)


def test_a_restart_of_the_server_costs_one_error_not_one_for_each_idle_connection(url: str) -> None:
    open_connections(6)
    other = psycopg2.connect(url)
    other.autocommit = True
    other.cursor().execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )
    other.close()
    with pytest.raises(AWAY):
        query("SELECT 1 AS one")
    assert query("SELECT 1 AS one") == [{"one": 1}]


def test_threads_that_wait_for_a_paused_server_fail_together(
    url: str, postgres_server: PostgresServer
) -> None:
    database.close_all()
    took: list[float] = []

    def ask() -> None:
        began = time.monotonic()
        with pytest.raises(AWAY):
            query("SELECT 1 AS one")
        took.append(time.monotonic() - began)

    postgres_server.pause()
    try:
        at_once(4, ask)
    finally:
        postgres_server.resume()
    assert len(took) == 4 and max(took) < CONNECT_SECONDS + 1.5


@pytest.fixture
def many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(2048, hard), hard))
    source = os.open(os.devnull, os.O_RDONLY)
    files = [os.dup(source) for _ in range(1100)]
    yield
    for each in [source, *files]:
        os.close(each)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_files")
def test_a_process_with_more_than_1024_open_files_reaches_the_database(url: str) -> None:
    database.close_all()
    assert url and query("SELECT 1 AS one") == [{"one": 1}]
    database.close_all()


def test_the_server_notices_soon_when_this_host_is_lost(url: str) -> None:
    own = session(url)
    cursor = own.cursor()
    for name, values in {
        "tcp_keepalives_idle": {"5"},
        "tcp_keepalives_interval": {"2"},
        "tcp_keepalives_count": {"3"},
        "tcp_user_timeout": {"15s", "15000"},  # servers differ in how they say it
        "idle_in_transaction_session_timeout": {"30s"},
    }.items():
        assert query(f"SHOW {name}")[0][name] in values
        cursor.execute(f"SHOW {name}")
        assert cursor.fetchone()[0] in values
    own.close()
