"""Downloads of several people from several sites on three downloaders; and a disk that fills up and is emptied."""

import hashlib
import os
import shutil
import subprocess
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import pytest

from tests.private_server import wait_until
from tests.standins.video_site import VideoSite
from tests.system import System

FREE: dict[str, Any] = {"MEDIANEST_DOWNLOAD_PER_HOUR": "0"}


@pytest.fixture
def sites() -> Iterator[list[VideoSite]]:
    with ExitStack() as stack:
        yield [stack.enter_context(VideoSite(f"127.0.0.{number}")) for number in (1, 2, 3)]


def allow(sites: list[VideoSite]) -> str:
    return ",".join(urlsplit(site.base).netloc for site in sites)


class Watcher:
    """Looks at what runs, again and again."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.most_of: Counter[str] = Counter()
        self.looks = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.is_set():
            running = self.system.call("GET", "/api/v1/jobs?state=running&limit=100&kind=download").body[
                "items"
            ]
            now: Counter[str] = Counter(job["owner"]["name"] for job in running)
            now.update(urlsplit(job["params"]["url"]).hostname for job in running)
            self.most_of |= now
            self.looks += 1


def seconds_of(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_nobody_exceeds_a_limit_and_turns_are_taken(tmp_path: Path, sites: list[VideoSite]) -> None:
    with System(tmp_path, scale="downloader=3", MEDIANEST_EGRESS_ALLOW=allow(sites), **FREE) as system:
        system.set_up()
        ann, bob = system.user_token("ann"), system.user_token("bob")
        jobs = [
            system.submit("download", token=ann, url=sites[n % 3].url(f"/small.mp4?rate=1500000&n={n}"))["id"]
            for n in range(12)
        ]
        late = system.submit("download", token=bob, url=sites[2].url("/small.mp4?n=late"))["id"]
        with Watcher(system) as watcher:
            done = [system.wait_for(job, "succeeded", seconds=90) for job in [*jobs, late]]
        assert watcher.looks > 20
        assert max(watcher.most_of.values()) <= 2, watcher.most_of
        assert watcher.most_of["ann"] == 2
        started = sorted(seconds_of(job["started_at"]) for job in done[:-1])
        assert seconds_of(done[-1]["started_at"]) < started[4], (
            "the other person does not wait for all of them"
        )


def test_a_site_that_asks_for_patience_stops_alone(tmp_path: Path, sites: list[VideoSite]) -> None:
    with System(tmp_path, scale="downloader=3", MEDIANEST_EGRESS_ALLOW=allow(sites), **FREE) as system:
        system.set_up()
        first = system.submit(
            "download", url=sites[0].url("/small.mp4?status=429&retry_after=6&status_once=a")
        )["id"]
        refused = system.wait_for(first, "scheduled")
        assert (refused["error"]["code"], refused["waiting"]["reason"]) == ("rate_limited", "retry")
        held = system.submit("download", url=sites[0].url("/small.mp4?n=held"))["id"]
        other = system.submit("download", url=sites[1].url("/small.mp4?n=other"))["id"]
        assert system.wait_for(held, "scheduled", "succeeded")["waiting"]["reason"] == "host"
        assert system.wait_for(other, "succeeded")["failures"] == 0
        asked = len(sites[0].requests)
        done: list[dict[str, Any]] = [system.wait_for(job, "succeeded", seconds=60) for job in (first, held)]
        assert [job["failures"] for job in done] == [1, 0]
        assert all(
            seconds_of(job["started_at"]) >= seconds_of(refused["error"]["retry_at"]) - 0.5 for job in done
        )
        assert len(sites[0].requests) > asked


def half_way(system: System, site: VideoSite) -> tuple[str, str]:
    """A download that stands still in the middle, and the gate that lets it go on."""
    gate = f"disk-{system.port}"
    job = system.submit("download", url=site.url(f"/large.mp4?gate={gate}"))["id"]
    site.wait_for(lambda log: any(gate in each.query and each.sent > 6_000_000 for each in log), 30)
    return job, gate


def fill(folder: Path, size: int) -> Path:
    """A file that takes up so much room."""
    ballast = folder / "ballast"
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, size)
    return ballast


def test_a_full_disk_makes_downloads_wait_and_nothing_else(tmp_path: Path, site: VideoSite) -> None:
    floor = shutil.disk_usage(tmp_path).free - 300 * 2**20
    with System(tmp_path, site=site, MEDIANEST_DISK_FLOOR=str(floor)) as system:
        system.set_up()
        job, gate = half_way(system, site)
        ballast = fill(tmp_path, 600 * 2**20)
        waiting = system.wait_for(job, "queued")
        assert (waiting["waiting"]["reason"], waiting["failures"]) == ("disk", 0)
        second = system.submit("download", url=site.url("/small.mp4?n=second"))["id"]
        wait_until(lambda: (system.job(second)["waiting"] or {}).get("reason") == "disk", 20, "the reason")
        assert system.wait_for(system.submit("probe")["id"], "succeeded")["result"]["services"]
        site.open(gate)
        ballast.unlink()
        for each in (job, second):
            assert system.wait_for(each, "succeeded", seconds=60)["failures"] == 0
        assert any(each.range for each in site.requests if gate in each.query)


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """A file system of 48 MiB in `folder` as long as the context lasts; False where mounting is not allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", "size=48m", "medianest-test", str(folder)]
    mounted = shutil.which("mount") is not None
    mounted = mounted and not subprocess.run(command, capture_output=True, check=False).returncode
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)


def mounting_is_allowed() -> bool:
    with tempfile.TemporaryDirectory() as folder, small_disk(Path(folder) / "disk") as mounted:
        return mounted


if mounting_is_allowed():

    def test_a_disk_without_a_byte_left_costs_no_failure(tmp_path: Path, site: VideoSite) -> None:
        media = tmp_path / "media"
        with (
            small_disk(media),
            System(tmp_path, site=site, MEDIANEST_MEDIA_DIR=str(media), MEDIANEST_DISK_FLOOR="0") as system,
        ):
            system.set_up()
            job, gate = half_way(system, site)
            ballast = fill(media, shutil.disk_usage(media).free)
            site.open(gate)
            waiting = system.wait_for(job, "scheduled")
            assert (waiting["waiting"]["reason"], waiting["failures"]) == ("disk", 0)
            assert system.wait_for(system.submit("probe")["id"], "succeeded")["result"]["services"]
            ballast.unlink()
            done = system.wait_for(job, "succeeded", seconds=90)
            assert done["failures"] == 0
            stored = (media / done["result"]["files"][0]["path"]).read_bytes()
            assert hashlib.sha256(stored).hexdigest() == site.sha256("/large.mp4")
            system.stop()
