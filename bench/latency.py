"""How long after a POST the socket says that the job runs, on an idle system."""

import json
import statistics
import time
import urllib.request

from tests.system import System

ROUNDS = 120
PAUSE = 0.05  # seconds; the system is idle again


def post_to_running(system: System) -> list[float]:
    """Milliseconds from sending a probe's POST to its `running` frame, one for each round."""
    found = []
    body = json.dumps({"kind": "probe", "params": {"service": "disk"}}).encode()
    headers = {"Authorization": f"Bearer {system.local_token}", "Content-Type": "application/json"}
    with system.feed() as feed:
        feed.recv(5)
        for _ in range(ROUNDS):
            began = time.perf_counter()
            request = urllib.request.Request(f"{system.url}/api/v1/jobs", body, headers)
            with urllib.request.urlopen(request) as answer:
                job_id = json.load(answer)["id"]
            found.append((_wait(feed, job_id, "running") - began) * 1000)
            _wait(feed, job_id, "succeeded")
            time.sleep(PAUSE)
    return found


def _wait(feed: object, job_id: str, state: str) -> float:
    while True:
        frame = json.loads(feed.recv(10))  # type: ignore[attr-defined]
        seen = time.perf_counter()
        if (
            frame["type"] == "job"
            and frame["job"]["id"] == job_id
            and frame["job"]["state"] in (state, "succeeded")
        ):
            return seen


def percentile(values: list[float], share: int) -> float:
    """The value that `share` percent of the values do not exceed."""
    return statistics.quantiles(values, n=100, method="inclusive")[share - 1]
