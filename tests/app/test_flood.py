"""A flood of wrong passwords over real HTTP: refused before anything is hashed, while everyone else is served."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from app.accounts import passwords, sessions, users
from app.limits import LIMITS
from config import database
from tests.app.conftest import API, use_database
from tests.app.web_process import WebServer
from tests.servers import RedisServer

THREADS = 60
TRIES_EACH = 4
MIB = 2**20
HASH = 64 * MIB  # what argon2 takes for one

Serve = Callable[..., WebServer]


@pytest.fixture
def serve(
    environment: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, redis_server: RedisServer
) -> Iterator[Serve]:
    """Starts the web process, with settings of the test's own."""
    url = f"sqlite:///{tmp_path / 'flood.db'}"
    use_database(url, monkeypatch)
    started: list[WebServer] = []

    def start(**settings: str) -> WebServer:
        usual = {"DATABASE_URL": url, "REDIS_URL": redis_server.url, "MEDIANEST_DATA_DIR": str(environment)}
        server = WebServer(usual | settings)
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        server.close()
    database.database.close_all()


def sign_in(server: WebServer, name: str, address: str) -> tuple[int, int]:
    """Status of a try with a wrong password, and the seconds of its Retry-After; `address` is only claimed."""
    body = json.dumps({"username": name, "password": "not this one"}).encode()
    headers = {"Content-Type": "application/json", "X-Forwarded-For": address}
    status, _, said = server.ask("POST", f"{API}/auth/login", body, headers)
    return status, int(said["Retry-After"] or 0)


def flood(server: WebServer, one_try: Callable[[int], tuple[int, int]]) -> Counter[int]:
    """The statuses of THREADS × TRIES_EACH tries at once."""
    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(one_try, range(THREADS * TRIES_EACH)))
    assert all(wait >= 1 for status, wait in answers if status == 429)
    return Counter(status for status, _ in answers)


def peak(server: WebServer) -> int:
    """The most memory that the worker has held so far, in bytes."""
    (worker,) = psutil.Process(server.pid).children()
    lines = Path(f"/proc/{worker.pid}/status").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


def test_a_flood_from_everywhere_is_hashed_two_at_a_time_while_others_are_served(serve: Serve) -> None:
    server = serve(MEDIANEST_TRUSTED_PROXIES="127.0.0.1", MEDIANEST_REQUESTS_PER_MINUTE="0")
    dora = {"Cookie": f"mn_session={sessions.begin(users.create('dora', None, 'user'), 'test')}"}
    assert server.ask("GET", f"{API}/me", headers=dora)[0] == 200
    before = peak(server)
    served: list[int] = []
    over = threading.Event()

    def visit() -> None:
        while not over.is_set():
            served.append(server.ask("GET", f"{API}/me", headers=dora)[0])

    with ThreadPoolExecutor(1) as pool:
        visits = pool.submit(visit)
        statuses = flood(server, lambda n: sign_in(server, f"name {n}", f"198.51.{n // 200}.{n % 200}"))
        over.set()
        visits.result()
    assert set(statuses) == {401, 429}
    assert set(served) == {200}
    assert peak(server) - before < passwords.AT_ONCE * HASH + 40 * MIB
    assert sign_in(server, "afterwards", "198.51.100.1") == (401, 0)


def test_a_flood_from_one_place_learns_no_more_than_the_limit_allows(serve: Serve) -> None:
    server = serve()
    statuses = flood(server, lambda _n: sign_in(server, "dora", "127.0.0.1"))
    assert set(statuses) == {401, 429}
    assert statuses[401] <= LIMITS["sign-in"][0].amount


def test_a_claimed_address_counts_only_from_a_named_proxy(serve: Serve) -> None:
    tries = LIMITS["sign-in"][0].amount
    for proxies, last in (("", 429), ("127.0.0.1", 401)):
        server = serve(MEDIANEST_TRUSTED_PROXIES=proxies)
        name = f"dora behind {proxies}"
        statuses = [sign_in(server, name, f"203.0.113.{number}")[0] for number in range(tries + 1)]
        assert statuses == [401] * tries + [last]
