"""How soon a job runs again whose worker was killed: SIGKILL to a downloader and to all that it started.

The job is a download that stands still in the middle; another downloader takes it over. From the signal to the answer
of the API that says attempt 2.
"""

import time
from contextlib import ExitStack
from typing import Any

import psutil

from bench.figure import Figure, Setting
from bench.latency import percentile
from tests.private_server import wait_until
from tests.standins.video_site import VideoSite
from tests.system import System

KILLS = 20
TARGET = 5.0  # seconds


def kill_to_running(system: System, site: VideoSite, kills: int) -> list[float]:
    """Seconds from SIGKILL to the next attempt, one for each kill; the job is never lost between."""
    found = []
    for number in range(kills):
        job = system.submit("download", url=site.url(f"/large.mp4?gate=bench-{number}"))
        system.wait_for(job["id"], "running")
        wait_until(lambda: bool(_holders(system)), 20, "the child process")
        for each in _holders(system):
            each.kill()
        began = time.monotonic()
        wait_until(lambda seen=job["id"]: system.job(seen)["attempt"] == 2, 30, "the second attempt")  # type: ignore[misc]
        found.append(time.monotonic() - began)
        site.open(f"bench-{number}")
        system.wait_for(job["id"], "succeeded")
    return found


def _holders(system: System) -> list[psutil.Process]:
    for worker in system.programs("--queue"):
        children = worker.children(recursive=True)
        if any("ytdlp.child" in " ".join(child.cmdline()) for child in children):
            return [*children, worker]
    return []


def measure(setting: Setting) -> list[Figure]:
    """The 95th percentile."""
    env: dict[str, Any] = {**setting.env}
    with ExitStack() as stack:
        site = stack.enter_context(VideoSite())
        system = stack.enter_context(
            System(setting.folder / "system", scale="downloader=2", site=site, **env)
        )
        found = kill_to_running(system, site, 2 if setting.short else KILLS)
        system.stop()
    name = "SIGKILL of a worker to its job running again, p95"
    p50 = percentile(found, 50)
    return [
        Figure(
            *(name, setting.database, percentile(found, 95), TARGET, True, "s"),
            ours=f"p50 {p50:.1f} s, longest {max(found):.1f} s, n={len(found)}",
        )
    ]
