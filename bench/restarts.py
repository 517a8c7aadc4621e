"""What 40 restarts of a web worker leave behind: metric files, and counters that must not forget.

Reloads and SIGKILLs in turns, some requests between each two. During a reload the old worker and the new one may both
live, so there may be twice the files that one worker has, and never more; `medianest_http_seconds_count` of the requests' route is compared with how many were answered.
"""

import os
import re
import signal
from pathlib import Path

import psutil

from bench.figure import Figure, Setting
from bench.home import at_home, environment
from tests.app.web_process import WebServer
from tests.private_server import wait_until
from tests.servers import RedisServer

DATABASES = ("SQLite",)
RESTARTS, REQUESTS = 40, 5
AT_A_TIME = 2  # workers
TOKEN = "a-token-for-metrics"


class Restarted:
    """A web process that is restarted, and what it was asked."""

    def __init__(self, web: WebServer, metrics: Path) -> None:
        self.answered = 0
        self._web, self._metrics = web, metrics

    def ask(self) -> None:
        """A few requests, each answered."""
        for _ in range(REQUESTS):
            assert self._web.ask("GET", "/ready")[0] == 200
            self.answered += 1

    def restart(self, number: int) -> None:
        """Replace the worker, gently or not, and wait for the new one."""
        old = self._workers()
        if number % 2:
            os.kill(self._web.pid, signal.SIGHUP)
        else:
            for each in old:
                os.kill(each, signal.SIGKILL)
        wait_until(lambda: bool(now := self._workers()) and not now & old, 20, "the new worker")
        wait_until(self._web._answers, 20, "its answer")

    def _workers(self) -> set[int]:
        return {each.pid for each in psutil.Process(self._web.pid).children() if each.status() != "zombie"}

    def files(self) -> int:
        """How many metric files there are."""
        return len(list(self._metrics.glob("*.db")))

    def counted(self) -> int:
        """What the metrics say was answered."""
        page = self._web.ask("GET", "/metrics", headers={"Authorization": f"Bearer {TOKEN}"})[1].decode()
        counts = re.findall(r'medianest_http_seconds_count{[^}]*route="/ready"[^}]*} ([0-9.]+)', page)
        return int(sum(map(float, counts)))


def measure(setting: Setting) -> list[Figure]:
    """Files at the end ÷ those of two workers, answered but not counted."""
    restarts = 4 if setting.short else RESTARTS
    with RedisServer() as redis:
        metrics = setting.folder / "ours" / "run" / "metrics"
        env = environment(setting, redis, setting.folder / "ours", MEDIANEST_METRICS_TOKEN=TOKEN)
        env["PROMETHEUS_MULTIPROC_DIR"] = str(metrics)
        with at_home(env), WebServer(env, workers=1) as web:
            one = Restarted(web, metrics)
            one.ask()
            most = AT_A_TIME * one.files()
            for number in range(restarts):
                one.ask()
                one.restart(number)
            one.ask()
            files, counted = one.files(), one.counted()
    name = f"{restarts} web worker restarts: "
    return [
        Figure(
            *(name + "metric files at the end ÷ those of two workers", "", files / most, 1.0, True),
            ours=f"{files} files",
            rival=f"{most} files",
        ),
        Figure(
            *(
                name + "requests that are missing in the counters",
                "",
                abs(counted - one.answered),
                0.0,
                True,
                "",
            ),
            ours=f"{counted} counted",
            rival=f"{one.answered} answered",
        ),
    ]
