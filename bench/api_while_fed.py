"""How much of a web process' speed is left for the API while it feeds 300 sockets with 20 events a second each.

Eight keep-alive connections read one job again and again, in turns while the sockets are fed and while nothing is
published; medians. The sockets stay open all the time, and their client shares the machine.
"""

import itertools
import statistics
import threading
from contextlib import ExitStack

from app.accounts import tokens, users
from app.accounts.identity import SCOPES
from bench.client import drive
from bench.feed import EVENTS_PER_SECOND, Followers, Publisher
from bench.figure import Figure, Setting
from bench.home import at_home, environment
from pipelines.download.kind import KIND
from pipelines.jobs.submit import Submission, submit
from tests.app.web_process import WebServer
from tests.servers import RedisServer

DATABASES = ("SQLite",)
SOCKETS, CONNECTIONS = 300, 8
ROUNDS, SECONDS = 4, 3.0
TARGET = 0.85


class Reader:
    """Asks for one job over all connections."""

    def __init__(self, port: int, job_id: int, token: str) -> None:
        self._port = port
        head = (
            f"GET /api/v1/jobs/{job_id} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n"
        )
        self._request = head.encode()

    def rate(self, seconds: float) -> float:
        """Answers a second."""
        load = drive(self._port, [itertools.repeat(self._request) for _ in range(CONNECTIONS)], seconds)
        load.require_success()
        return load.rate


def rates(setting: Setting, rounds: int, seconds: float) -> tuple[float, float]:
    """Answers a second, while fed and while not."""
    fed, quiet = [], []
    with ExitStack() as stack:
        redis = stack.enter_context(RedisServer())
        env = environment(setting, redis, setting.folder / "ours")
        env["PROMETHEUS_MULTIPROC_DIR"] = str(setting.folder / "ours" / "run" / "metrics")
        stack.enter_context(at_home(env))
        owner = users.create("ann", None, "admin")
        token = tokens.create(owner, "bench", SCOPES)[1]
        job = submit(Submission(KIND, {"url": "https://videos.example/1"}, owner_id=owner))[0]["id"]
        web = stack.enter_context(WebServer(env, workers=1))
        reader, publisher = Reader(web.port, job, token), Publisher()
        reader.rate(seconds / 3)
        followers = Followers(web.port, 30 if setting.short else SOCKETS, token)
        for _ in range(rounds):
            quiet.append(reader.rate(seconds))
            feeding = threading.Thread(target=publisher.publish, args=(EVENTS_PER_SECOND, seconds + 0.2))
            feeding.start()
            fed.append(reader.rate(seconds))
            feeding.join()
        followers.end()
    return statistics.median(fed), statistics.median(quiet)


def measure(setting: Setting) -> list[Figure]:
    """Fed ÷ not fed."""
    fed, quiet = rates(setting, *((1, 0.5) if setting.short else (ROUNDS, SECONDS)))
    name = f"API while {SOCKETS} sockets x {EVENTS_PER_SECOND} events/s are fed ÷ without"
    return [Figure(name, "", fed / quiet, TARGET, at_most=False, ours=f"{fed:.0f}/s", rival=f"{quiet:.0f}/s")]
