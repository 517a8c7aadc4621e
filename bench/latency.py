"""How soon after a POST the socket says that the job runs, on an idle system, and what idleness costs a worker.

A probe of the disk is posted to `medianest up`, the `running` frame awaited, then the end of the job; a pause; again. Times
are from sending the request, over a connection that is kept open, to reading the frame. Idle CPU is that of the worker process over the time stated,
in which nothing is submitted.
"""

import http.client
import json
import statistics
import time
from contextlib import closing
from typing import Any

from bench.figure import Figure, Setting
from tests.system import System

ROUNDS, PAUSE = 120, 0.05  # seconds; the system is idle again
IDLE_SECONDS = 20.0
P50_TARGET, P95_TARGET, CPU_TARGET = 5.0, 20.0, 0.5


def post_to_running(system: System, rounds: int) -> list[float]:
    """Milliseconds from sending a probe's POST to its `running` frame, one for each round."""
    found = []
    body = json.dumps({"kind": "probe", "params": {"service": "disk"}}).encode()
    headers = {"Authorization": f"Bearer {system.local_token}", "Content-Type": "application/json"}
    connection = http.client.HTTPConnection("127.0.0.1", system.port, timeout=10)
    with system.feed() as feed, closing(connection):
        feed.recv(5)
        for _ in range(rounds):
            began = time.perf_counter()
            connection.request("POST", "/api/v1/jobs", body, headers)
            job_id = json.load(connection.getresponse())["id"]
            found.append((_wait(feed, job_id, "running") - began) * 1000)
            _wait(feed, job_id, "succeeded")
            time.sleep(PAUSE)
    return found


def _wait(feed: Any, job_id: str, state: str) -> float:
    while True:
        frame = json.loads(feed.recv(10))
        seen = time.perf_counter()
        job = frame.get("job", {})
        if job.get("id") == job_id and job["state"] in (state, "succeeded"):
            return seen


def idle_share(system: System, seconds: float) -> float:
    """Percent of a core that the worker of everything but downloads uses."""
    (worker,) = [
        each for each in system.programs("workers.worker") if "--queue" not in " ".join(each.cmdline())
    ]
    before = worker.cpu_times()
    time.sleep(seconds)
    after = worker.cpu_times()
    return 100 * (after.user + after.system - before.user - before.system) / seconds


def percentile(values: list[float], share: int) -> float:
    """The value that `share` percent of the values do not exceed."""
    return statistics.quantiles(values, n=100, method="inclusive")[share - 1]


def measure(setting: Setting) -> list[Figure]:
    """Two percentiles and a share."""
    env: dict[str, Any] = {**setting.env}
    with System(setting.folder / "system", **env) as system:
        found = post_to_running(system, 10 if setting.short else ROUNDS)
        seconds = 1.0 if setting.short else IDLE_SECONDS
        share = idle_share(system, seconds)
        system.stop()
    p50, p95 = percentile(found, 50), percentile(found, 95)
    name = "idle: POST to `running` on the socket, "
    return [
        Figure(name + "p50", setting.database, p50, P50_TARGET, True, "ms", f"n={len(found)}"),
        Figure(name + "p95", setting.database, p95, P95_TARGET, True, "ms", f"n={len(found)}"),
        Figure("idle CPU of a worker", setting.database, share, CPU_TARGET, True, "%", f"over {seconds:g} s"),
    ]
