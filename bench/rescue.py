"""How long after a downloader was killed, with its children, its job runs again."""

import time

from bench.latency import percentile
from tests.servers import wait_until
from tests.standins.video_site import VideoSite
from tests.system import System

KILLS = 20


def kill_to_running(system: System, site: VideoSite) -> list[float]:
    """Seconds from SIGKILL to the next attempt, one for each kill; the job is never lost between."""
    found = []
    for number in range(KILLS):
        job = system.submit("download", url=site.url(f"/large.mp4?gate=bench-{number}"))
        system.wait_for(job["id"], "running")
        wait_until(lambda: _holders(system), 20, "the child process")
        for each in _holders(system):
            each.kill()
        began = time.monotonic()
        wait_until(lambda seen=job["id"]: system.job(seen)["attempt"] == 2, 30, "the second attempt")  # type: ignore[misc]
        found.append(time.monotonic() - began)
        site.open(f"bench-{number}")
        system.wait_for(job["id"], "succeeded")
    return found


def _holders(system: System) -> list:  # type: ignore[type-arg]
    for worker in system.programs("--queue"):
        if children := worker.children(recursive=True):
            return [*children, worker]
    return []


def summary(seconds: list[float]) -> str:
    """p50, p95 and how many were within eight seconds."""
    within = sum(each <= 8 for each in seconds)
    return f"p50 {percentile(seconds, 50):.1f} s, p95 {percentile(seconds, 95):.1f} s, {within} of {len(seconds)} within 8 s"
