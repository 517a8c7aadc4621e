"""A video's address goes in, the file stands in the library, whatever dies on the way."""

import hashlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.private_server import wait_until
from tests.servers import PostgresServer, RedisServer
from tests.standins.video_site import VideoSite
from tests.system import System


@pytest.fixture(params=["sqlite", "postgres"])
def own_system(
    request: pytest.FixtureRequest, tmp_path: Path, site: VideoSite, redis_server: RedisServer
) -> Iterator[System]:
    """An installation of this test's own: the embedded one, and one on PostgreSQL and a shared Redis."""
    if request.param == "sqlite":
        with System(tmp_path, site=site) as system:
            yield system
        return
    postgres: PostgresServer = request.getfixturevalue("postgres_server")
    url = postgres.create_database()
    with System(tmp_path, site=site, DATABASE_URL=url, REDIS_URL=redis_server.url) as system:
        yield system
    postgres.drop_database(url)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def library(system: System) -> list[Path]:
    """The videos in the library, without what lies beside them."""
    return [path for path in system.media.rglob("*.mp4") if ".staging" not in path.parts]


def children_downloading(system: System) -> list[psutil.Process]:
    return [each for each in psutil.process_iter(["cmdline"]) if works_for(system, each)]


def works_for(system: System, process: psutil.Process) -> bool:
    words = " ".join(process.info["cmdline"] or [])
    try:
        return ("ytdlp.child" in words or "ffmpeg" in words) and str(system.data) in str(
            process.environ().get("HOME")
        )
    except psutil.Error:
        return False


def begin_half(system: System, site: VideoSite, name: str) -> str:
    """Submit a download that stands still at half of its file until the gate `name` opens."""
    job = system.submit("download", url=site.url(f"/large.mp4?gate={name}"))
    wait_for_half(system, site, name)
    return str(job["id"])


def wait_for_half(system: System, site: VideoSite, mark: str) -> None:
    """Until the site has sent half of the file; yt-dlp holds back the block that it is reading."""
    site.wait_for(lambda requests: any(mark in each.query and each.sent > 6_400_000 for each in requests), 30)
    wait_until(lambda: bytes_staged(system) > 1_000_000, 30, "a part of it")


def bytes_staged(system: System) -> int:
    return sum(path.stat().st_size for path in (system.media / ".staging").rglob("*") if path.is_file())


@pytest.mark.parametrize("path", ["/small.mp4", "/watch/small.mp4", "/hls/master.m3u8", "/dash/manifest.mpd"])
def test_a_followed_download_ends_in_the_library(system: System, site: VideoSite, path: str) -> None:
    before = set(library(system))
    done = system.medianest("submit", "download", f"url={site.url(path)}", "--follow")
    assert "succeeded" in done.stdout and "%" in done.stdout
    (file,) = set(library(system)) - before
    if path.endswith("small.mp4"):
        assert sha256(file) == site.sha256("/small.mp4")
    assert list((system.media / ".staging").iterdir()) == []


def test_a_download_that_cannot_succeed_says_why(system: System, site: VideoSite) -> None:
    done = system.medianest(
        "submit", "download", f"url={site.url('/small.mp4?status=404')}", "--follow", check=False
    )
    assert done.returncode == 1
    newest = system.call("GET", "/api/v1/jobs?kind=download&limit=1").body["items"][0]
    assert newest["state"] == "failed" and newest["error"]["code"] == "not_found"


def test_a_worker_killed_half_way_costs_an_attempt_not_the_bytes(own_system: System, site: VideoSite) -> None:
    gate = f"kill-{own_system.port}"
    job_id = begin_half(own_system, site, gate)
    (worker,) = own_system.programs("--queue")
    for each in [*worker.children(recursive=True), worker]:
        each.kill()
    wait_until(lambda: own_system.job(job_id)["attempt"] == 2, 8, "the second attempt")
    site.open(gate)
    job = own_system.wait_for(job_id, "succeeded")
    assert (job["attempt"], job["failures"]) == (2, 1)
    ranges = [each.range for each in site.requests if f"gate={gate}" in each.query and each.range]
    assert any(wanted.startswith("bytes=") and not wanted.startswith("bytes=0-") for wanted in ranges)
    (file,) = library(own_system)
    assert sha256(file) == site.sha256("/large.mp4") == job["result"]["files"][0]["sha256"]
    wait_until(lambda: not children_downloading(own_system), 2, "no process of the download left")


def test_the_download_of_a_killed_worker_dies_with_it(own_system: System, site: VideoSite) -> None:
    begin_half(own_system, site, f"orphan-{own_system.port}")
    assert children_downloading(own_system)
    before = {each.pid for each in children_downloading(own_system)}
    (worker,) = own_system.programs("--queue")
    worker.kill()
    wait_until(lambda: not before & {each.pid for each in children_downloading(own_system)}, 3, "its end")


@pytest.mark.parametrize(("order", "end"), [("cancel", "cancelled"), ("pause", "paused")])
def test_a_stalled_download_stops_when_asked(system: System, site: VideoSite, order: str, end: str) -> None:
    token = f"{order}-{system.port}"
    before = set(library(system))
    job = system.submit("download", url=site.url(f"/large.mp4?stall_at=6500000&stall_once={token}"))
    wait_for_half(system, site, token)
    began = time.monotonic()
    assert system.call("POST", f"/api/v1/jobs/{job['id']}/{order}").status == 202
    system.wait_for(job["id"], end, seconds=2)
    wait_until(lambda: not children_downloading(system), 2 - (time.monotonic() - began), "no process left")
    if end == "paused":
        assert system.call("POST", f"/api/v1/jobs/{job['id']}/resume").status == 202
        system.wait_for(job["id"], "succeeded")
        (file,) = set(library(system)) - before
        assert sha256(file) == site.sha256("/large.mp4")
        assert [each.range for each in site.requests if token in each.query][-1]


@pytest.mark.parametrize("how", ["SIGINT to the group", "SIGTERM to everything"])
def test_a_stop_in_the_middle_keeps_the_job(own_system: System, site: VideoSite, how: str) -> None:
    gate = f"stop-{own_system.port}"
    job_id = begin_half(own_system, site, gate)
    assert own_system.process is not None
    everything = [own_system.process, *own_system.process.children(recursive=True)]
    began = time.monotonic()
    if how == "SIGINT to the group":
        os.killpg(own_system.process.pid, signal.SIGINT)
    else:
        for each in reversed(everything):
            each.terminate()
    assert own_system.process.wait(10) == 0
    assert time.monotonic() - began < 10
    assert own_system.strays() == []
    own_system.start()
    site.open(gate)
    job = own_system.wait_for(job_id, "succeeded")
    assert (job["attempt"], job["failures"]) == (2, 0)
    assert sha256(library(own_system)[0]) == site.sha256("/large.mp4")
    assert any(each.range for each in site.requests if gate in each.query)


def test_a_frozen_downloader_changes_nothing_when_it_wakes(own_system: System, site: VideoSite) -> None:
    gate = f"frozen-{own_system.port}"
    own_system.stop()
    own_system._scale = "downloader=2"
    own_system.start()
    job_id = begin_half(own_system, site, gate)
    frozen, child = next(
        (each, child)
        for each in own_system.programs("--queue")
        for child in each.children()
        if "ytdlp" in " ".join(child.cmdline())
    )
    frozen.suspend()
    wait_until(lambda: own_system.job(job_id)["attempt"] == 2, 90, "the rescue of a frozen worker's job")
    wait_until(
        lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, 5, "the end of its child"
    )
    site.open(gate)
    job = own_system.wait_for(job_id, "succeeded")
    frozen.resume()
    wait_until(lambda: not children_downloading(own_system), 10, "the old attempt's end")
    assert own_system.job(job_id)["revision"] == job["revision"]
    (file,) = library(own_system)
    assert sha256(file) == site.sha256("/large.mp4")
