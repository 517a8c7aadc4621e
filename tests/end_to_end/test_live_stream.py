"""A stream without end goes through ffmpeg, which outlives neither an order to stop nor its worker."""

import time
from collections.abc import Iterator

import psutil
import pytest

from tests.end_to_end.test_download import bytes_staged, children_downloading
from tests.private_server import wait_until
from tests.standins.video_site import VideoSite
from tests.system import System

LIVE = "/live/media.m3u8"
GONE_SECONDS = 2.0


@pytest.fixture(scope="module")
def live_system(tmp_path_factory: pytest.TempPathFactory, site: VideoSite) -> Iterator[System]:
    """An installation that takes live streams."""
    with System(tmp_path_factory.mktemp("live"), site=site, MEDIANEST_DOWNLOAD_LIVE="on") as system:
        yield system


@pytest.fixture
def streaming(live_system: System, site: VideoSite) -> Iterator[str]:
    """A job whose ffmpeg is writing a live stream."""
    job_id = str(live_system.submit("download", url=site.url(LIVE))["id"])
    wait_until(lambda: bool(programs_named("ffmpeg", live_system)), 20, "ffmpeg")
    wait_until(lambda: bytes_staged(live_system) > 0, 20, "the first bytes of the stream")
    yield job_id
    live_system.call("POST", f"/api/v1/jobs/{job_id}/cancel")
    live_system.wait_for(job_id, "cancelled")
    wait_until(lambda: not children_downloading(live_system), 10, "no process left")
    assert not list(live_system.media.rglob("*.mp4"))


def programs_named(name: str, system: System) -> list[psutil.Process]:
    return [each for each in children_downloading(system) if name in each.info["cmdline"][0]]


def lives(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)  # an init may reap it late
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize(("order", "end"), [("cancel", "cancelled"), ("pause", "paused")])
def test_an_order_to_stop_leaves_no_process(
    live_system: System, streaming: str, order: str, end: str
) -> None:
    began = time.monotonic()
    assert live_system.call("POST", f"/api/v1/jobs/{streaming}/{order}").status == 202
    live_system.wait_for(streaming, end, seconds=GONE_SECONDS)
    left = GONE_SECONDS - (time.monotonic() - began)
    wait_until(lambda: not children_downloading(live_system), left, "no process of the download left")


def test_all_that_a_killed_worker_started_dies_with_it(live_system: System, streaming: str) -> None:
    (worker,) = live_system.programs("--queue")
    family = worker.children(recursive=True)
    commands = [" ".join(each.cmdline()) for each in family]
    for program in ("ffmpeg", "ytdlp.child", "egress.process"):
        assert any(program in command for command in commands), commands
    worker.kill()
    wait_until(lambda: not any(map(lives, family)), GONE_SECONDS, "the end of its whole family")


def test_a_live_stream_is_refused_unless_allowed(system: System, site: VideoSite) -> None:
    job = system.submit("download", url=site.url(LIVE))
    assert system.wait_for(job["id"], "failed", "succeeded")["error"]["code"] == "live_refused"
    assert not programs_named("ffmpeg", system)
