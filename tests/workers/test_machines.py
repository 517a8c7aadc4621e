"""Two machines with one PostgreSQL and one Redis: pools grow and shrink under load, and one machine is lost.

A machine is a data directory of its own and a relay for everything that it says to the others (see tests/relay.py).
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psutil
import pytest

from config.database import query
from config.settings import Settings
from tests.house import process
from tests.private_server import wait_until
from tests.relay import Relay
from tests.servers import RedisServer
from tests.workers.conftest import Pool

pytestmark = pytest.mark.parametrize("database_url", ["postgres"], indirect=True)

JOBS = 2000


class Machine:
    """Starts processes that reach the shared servers through relays of their own."""

    def __init__(self, name: str, house: Path, folder: Path, servers: list[str], stack: ExitStack) -> None:
        self._name, self._house, self._stack = name, house, stack
        self._folder = folder / name
        self._folder.mkdir()
        self._relays = [stack.enter_context(Relay(_place(url))) for url in servers]
        database, redis = (_through(relay, url) for relay, url in zip(self._relays, servers, strict=True))
        self._env = {
            "MEDIANEST_DATA_DIR": str(self._folder / "data"),
            "DATABASE_URL": database,
            "REDIS_URL": redis,
            "MEDIANEST_SECRET_KEY": "the-same-on-both-machines-0123456789",
        }

    def worker(self) -> psutil.Popen:
        started = self._start("workers.worker", "--queue", "sample", "--threads", "4")
        wait_until(
            lambda: bool(query("SELECT 1 FROM worker WHERE pid = %s", started.pid)), 30, "the worker's row"
        )
        return started

    def scheduler(self) -> psutil.Popen:
        return self._start("workers.scheduler")

    def _start(self, program: str, *options: str) -> psutil.Popen:
        log = self._folder / "processes.log"
        return self._stack.enter_context(
            process(self._house, "-m", program, *options, env=self._env, log=log)
        )

    def cut_off(self) -> None:
        for relay in self._relays:
            relay.cut()

    def reconnect(self) -> None:
        for relay in self._relays:
            relay.heal()


def _place(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    assert parts.hostname and parts.port
    return parts.hostname, parts.port


def _through(relay: Relay, url: str) -> str:
    parts = urlsplit(url)
    person = parts.netloc.rpartition("@")[0]
    return urlunsplit(
        parts._replace(netloc=f"{person}@127.0.0.1:{relay.port}" if person else f"127.0.0.1:{relay.port}")
    )


@pytest.fixture
def machines(home: Settings, house: Path, tmp_path: Path) -> Iterator[tuple[Machine, Machine]]:
    with RedisServer(tcp=True) as redis, ExitStack() as stack:
        servers = [home.database_url, redis.url]
        yield Machine("a", house, tmp_path, servers, stack), Machine("b", house, tmp_path, servers, stack)


def ended() -> int:
    return int(query("SELECT count(*) AS n FROM job WHERE finished_at IS NOT NULL")[0]["n"])


def leader() -> str | None:
    rows = query("SELECT holder FROM leader")
    return rows[0]["holder"] if rows else None


@pytest.mark.parametrize("lost", ["the one that leads", "the one that stands by"])
def test_every_job_ends_once_although_a_machine_is_cut_off(
    pool: Pool, machines: tuple[Machine, Machine], lost: str
) -> None:
    here, there = machines if lost == "the one that stands by" else machines[::-1]
    first = (there if lost == "the one that leads" else here).scheduler()
    wait_until(lambda: str(leader()).endswith(f":{first.pid}"), 20, "a leader")
    (here if lost == "the one that leads" else there).scheduler()
    kept, spare = here.worker(), here.worker()
    away = there.worker()
    slow = [
        pool.submit("effect", seconds=600, owner=9) for _ in range(2)
    ]  # wherever they run, they hold a lease
    jobs = [pool.submit("effect", seconds=0.02, owner=1 + number % 5) for number in range(JOBS)]
    wait_until(lambda: ended() > JOBS // 8, 60, "the first jobs")
    spare.terminate()  # the pool shrinks ...
    more = there.worker()  # ... and grows elsewhere
    assert spare.wait(20) == 0
    wait_until(lambda: ended() > JOBS // 3, 60, "a third of the jobs")
    there.cut_off()
    wait_until(lambda: ended() >= JOBS, 150, "the end of all jobs")
    there.reconnect()
    assert_each_ended_once(pool, jobs)
    for worker in (away, more):  # they find out what happened meanwhile and serve again
        wait_until(lambda seen=worker: _beats(seen.pid), 60, "a beat of the reconnected worker")  # type: ignore[misc]
        assert worker.is_running() and kept.is_running()
    assert {row["state"] for row in query("SELECT state FROM job WHERE owner_id = 9")} == {"running"}
    assert len(slow) == 2
    assert_each_ended_once(pool, jobs)


def _beats(pid: int) -> bool:
    return bool(query("SELECT 1 FROM worker WHERE pid = %s AND beat_at > NOW - 10", pid))


def assert_each_ended_once(pool: Pool, jobs: list[int]) -> None:
    """One line of history says that a job succeeded, and its effect happened once, so also once on record."""
    rows = query("SELECT job_id, count(*) AS ends FROM job_event WHERE event = 'succeeded' GROUP BY job_id")
    assert {row["job_id"]: row["ends"] for row in rows} == dict.fromkeys(jobs, 1)
    effects = Counter(pool.effects())
    assert effects.keys() == set(jobs)
    repeated = {job for job, times in effects.items() if times > 1}
    unsaid = {job for job, attempt in pool.begun() if attempt > 1}
    assert (
        repeated <= unsaid
    )  # only an attempt that was cut off between its effect and its last word is repeated
