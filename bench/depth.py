"""Whether a full table is slower than an empty one: 100,000 queued and 1,000,000 finished jobs beside 100 and 1,000.

Both tables are of the same 50 users and 40 hosts, with history, and freshly analysed as a running database would
have them. In turns the same is asked of both: POST /jobs and GET /jobs?limit=10 over one keep-alive connection to a served
application, and `claim` as a worker calls it, each followed by the write of the job's end; without limits, and with
two jobs at a time for each user and host while eight others run. As many jobs are submitted as claimed.
"""

import json
import statistics
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from itertools import cycle

from bench import crowd
from bench.client import drive
from bench.figure import Figure, Setting
from bench.home import at_home, environment, people, second_database
from config.database import database, open_database
from pipelines.jobs import state
from pipelines.jobs.claim import claim
from pipelines.jobs.events import publisher
from pipelines.kind import Limits
from tests.app.web_process import WebServer
from tests.servers import RedisServer

TARGET = 1.2
SMALL, BIG = (100, 1_000), (100_000, 1_000_000)  # queued, finished
SHORT_BIG = (1_000, 10_000)
TURNS, TIMES = 25, 20  # how often it is the turn of each table, and of each question in a turn
USERS = 50
LIMITS = {"without limits": Limits(), "with limits": Limits(per_user=2, per_host=2)}


class Table:
    """One installation with so many jobs, its web process, and how long its answers took."""

    def __init__(self, env: dict[str, str], queued: int, finished: int) -> None:
        self.waits: dict[str, list[float]] = {}
        self._env = {**env, "MEDIANEST_DOWNLOAD_PER_HOUR": "1000"}
        with at_home(env):
            self._tokens = cycle(people(USERS))
            crowd.fill(queued, finished, USERS)
            self._worker = crowd.add_worker()

    def serve(self, stack: ExitStack) -> None:
        """Start the web process, and connect to the database as a worker would."""
        self._port = stack.enter_context(WebServer(self._env, workers=1)).port
        self._pool = open_database(self._env["DATABASE_URL"])
        stack.callback(self._pool.close_all)

    def take_turn(self, times: int) -> None:
        """Ask everything so many times."""
        database.initialize(self._pool)
        for name, limits in LIMITS.items():
            self._ask("POST /jobs", times, _post)
            self._ask("GET /jobs", times, _get)
            for _ in range(times):
                self._note(f"claim {name}", [self._claim(limits)])

    def _ask(self, name: str, times: int, request: Callable[[str], bytes]) -> None:
        load = drive(self._port, [(request(next(self._tokens)) for _ in range(times))], 60.0)
        load.require_success()
        self._note(name, load.waits)

    def _claim(self, limits: Limits) -> float:
        publisher.flush()  # the events of the one before are no part of it
        began = time.perf_counter()
        row = claim(crowd.QUEUE, self._worker, limits)
        seconds = time.perf_counter() - began
        assert row is not None, "there is nothing to claim"
        assert state.succeed(row["id"], row["attempt"], {"files": []}) is not None
        return seconds

    def _note(self, name: str, seconds: list[float]) -> None:
        self.waits.setdefault(name, []).extend(seconds)

    def forget(self) -> None:
        """What was measured so far was to warm up."""
        self.waits.clear()


def _post(token: str) -> bytes:
    url = f"https://host-{uuid.uuid4().int % crowd.HOSTS}.example/watch?v={uuid.uuid4().hex[:11]}"
    body = json.dumps({"kind": "download", "params": {"url": url}})
    return (
        f"POST /api/v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        f"Idempotency-Key: {uuid.uuid4()}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def _get(token: str) -> bytes:
    return f"GET /api/v1/jobs?limit=10 HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n".encode()


def measure(setting: Setting) -> list[Figure]:
    """The 95th percentile of each question, big ÷ small."""
    turns, times = (2, 5) if setting.short else (TURNS, TIMES)
    with ExitStack() as stack:
        redis = stack.enter_context(RedisServer())
        other = stack.enter_context(second_database(setting))
        many = SHORT_BIG if setting.short else BIG
        small_env = environment(setting, redis, setting.folder / "small")
        big_env = environment(setting, redis, setting.folder / "big", **other)
        small = Table(small_env, *SMALL)
        big = Table(big_env, *many)
        stack.enter_context(at_home(small_env))
        for table in (small, big):
            table.serve(stack)
            table.take_turn(times)
            table.forget()
        for _ in range(turns):
            small.take_turn(times)
            big.take_turn(times)
        title = f"p95 with {many[0]:,} queued and {many[1]:,} finished ÷ with {SMALL[0]:,} and {SMALL[1]:,}"
        return [
            _figure(setting, f"{name}, {title}", big.waits[name], small.waits[name]) for name in small.waits
        ]


def _figure(setting: Setting, name: str, big: list[float], small: list[float]) -> Figure:
    many, few = _p95(big), _p95(small)
    medians = f"medians {statistics.median(big) * 1000:.2f} and {statistics.median(small) * 1000:.2f} ms"
    return Figure(
        name,
        setting.database,
        many / few,
        TARGET,
        at_most=True,
        ours=f"{many * 1000:.2f} ms",
        rival=f"{few * 1000:.2f} ms",
        notes=[medians],
    )


def _p95(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=20)[-1]
