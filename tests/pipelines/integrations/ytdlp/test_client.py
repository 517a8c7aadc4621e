import fcntl
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from pipelines.errors import GiveUp, Paused, TryAgain
from pipelines.integrations.ytdlp import client
from pipelines.integrations.ytdlp.client import Fetched, Moved, Wanted, Watch
from tests.standins.video_site import VideoSite

Eventually = Callable[..., None]
Gone = Callable[[Iterable[psutil.Process]], None]


def fetch(
    url: str,
    where: Path,
    *,
    name: str = "7",
    attempt: int = 1,
    mode: str = "video",
    container: str = "mp4",
    report: Callable[[Moved], None] = lambda moved: None,
    check: Callable[[], None] = lambda: None,
    stall_seconds: float = 60.0,
) -> Fetched:
    wanted = Wanted(url, mode, "best", container)
    at = urlsplit(url)
    got = client.fetch(
        wanted,
        where,
        name=name,
        attempt=attempt,
        watch=Watch(report, check),
        allowed=frozenset({(str(at.hostname), at.port or 80)}),
        stall_seconds=stall_seconds,
    )
    assert isinstance(got, Fetched)
    return got


def children(pid: int | None = None) -> list[psutil.Process]:
    """The download processes below a process (ours), and what they started."""
    return [
        one
        for child in psutil.Process(pid).children()
        if client._CHILD in " ".join(child.cmdline())
        for one in (child, *child.children(recursive=True))
    ]


def ranges(site: VideoSite, path: str, query: str) -> list[str | None]:
    return [one.range for one in site.requests if one.path == path and one.query == query]


@contextmanager
def worker(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A process of its own that fetches: arguments as in one_fetch.py."""
    command = [sys.executable, "-m", "tests.pipelines.integrations.ytdlp.one_fetch", *map(str, arguments)]
    root = Path(__file__).parents[4]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_directly_served_file_keeps_its_bytes(site: VideoSite, tmp_path: Path) -> None:
    got = fetch(site.url("/small.mp4"), tmp_path, container="mkv")
    assert got.sha256 == site.sha256("/small.mp4")
    assert got.path == tmp_path / "7" / "media.mp4"
    assert got.path.read_bytes() == site.file("/small.mp4").read_bytes()
    assert (got.title, got.extractor, got.media_id, got.duration) == ("small", "generic", "small", 20.0)
    assert not children()


@pytest.mark.parametrize("container", ["mp4", "mkv"])
@pytest.mark.parametrize("address", ["/hls/master.m3u8", "/dash/manifest.mpd"])
def test_streams_are_put_into_the_wanted_container(
    site: VideoSite, tmp_path: Path, address: str, container: str
) -> None:
    got = fetch(site.url(address), tmp_path, container=container)
    assert got.path.name == f"media.{container}"
    assert got.duration == pytest.approx(20, abs=0.2)


def test_a_page_about_one_video_gives_its_facts(site: VideoSite, tmp_path: Path) -> None:
    got = fetch(site.url("/watch/small.mp4"), tmp_path)
    assert got.sha256 == site.sha256("/small.mp4")
    assert (got.title, got.uploader, got.upload_date) == ("The small film", "Harbour Films", "20260601")


def test_audio_is_taken_out_of_a_video(site: VideoSite, tmp_path: Path) -> None:
    got = fetch(site.url("/small.mp4"), tmp_path, mode="audio")
    assert got.path.name == "media.m4a"
    assert got.bytes < site.file("/small.mp4").stat().st_size / 2


def test_progress_grows_and_is_throttled(site: VideoSite, tmp_path: Path) -> None:
    moves: list[tuple[float, Moved]] = []
    fetch(
        site.url("/large.mp4?rate=7000000"),
        tmp_path,
        report=lambda moved: moves.append((time.monotonic(), moved)),
    )
    percents = [moved.percent for _, moved in moves if moved.percent is not None]
    assert percents == sorted(percents)
    assert percents[-1] == 99
    stages = [stage for stage, _ in itertools.groupby(moved.stage for _, moved in moves)]
    assert stages == ["extracting", "downloading", "checking"]
    going = [moved for _, moved in moves if moved.stage == "downloading" and moved.done]
    assert all(moved.total == site.file("/large.mp4").stat().st_size for moved in going)
    assert any(moved.rate and moved.eta_seconds is not None for moved in going)
    assert len(moves) <= 4 * (moves[-1][0] - moves[0][0]) + 4


def test_percent_covers_all_streams_of_a_video(site: VideoSite, tmp_path: Path) -> None:
    moves: list[Moved] = []
    fetch(site.url("/dash/manifest.mpd?rate=500000"), tmp_path, report=moves.append)
    percents = [moved.percent for moved in moves if moved.percent is not None]
    assert percents == sorted(percents)
    assert len(set(percents)) > 4


def test_the_next_attempt_goes_on_where_a_killed_worker_stopped(
    site: VideoSite, tmp_path: Path, eventually: Eventually, gone: Gone
) -> None:
    size = site.file("/large.mp4").stat().st_size
    address = site.url("/large.mp4?gate=kill")
    part = tmp_path / "7" / "media.mp4.part"
    with worker(address, tmp_path, "7", 1) as running:
        eventually(lambda: part.exists() and part.stat().st_size > size // 4)
        killed = [*children(running.pid), psutil.Process(running.pid)]
        for process in killed:
            process.kill()
    gone(killed)
    held = part.stat().st_size
    site.open("kill")
    assert fetch(address, tmp_path, attempt=2).sha256 == site.sha256("/large.mp4")
    assert f"bytes={held}-" in ranges(site, "/large.mp4", "gate=kill")
    assert [path.name for path in tmp_path.iterdir()] == ["7"]


def test_fragments_are_not_fetched_twice_after_a_kill(site: VideoSite, tmp_path: Path) -> None:
    query = "gate=fragment&only=segment05"
    with worker(site.url(f"/hls/media.m3u8?{query}"), tmp_path, "7", 1):
        site.wait_for(lambda log: any(one.path == "/hls/segment05.ts" and one.sent for one in log))
    site.open("fragment")
    fetch(site.url(f"/hls/media.m3u8?{query}"), tmp_path, attempt=2)
    assert len(ranges(site, "/hls/segment02.ts", query)) == 1


def test_a_finished_file_is_not_fetched_again(site: VideoSite, tmp_path: Path) -> None:
    first = fetch(site.url("/large.mp4?a=again"), tmp_path)
    count = len(ranges(site, "/large.mp4", "a=again"))
    assert fetch(site.url("/large.mp4?a=again"), tmp_path, attempt=2) == first
    # One look at what the address is, no download.
    assert len(ranges(site, "/large.mp4", "a=again")) == count + 1


def test_a_connection_that_breaks_off_is_resumed_at_once(site: VideoSite, tmp_path: Path) -> None:
    query = "cut_at=4000000&cut_once=client"
    assert fetch(site.url(f"/large.mp4?{query}"), tmp_path).sha256 == site.sha256("/large.mp4")
    # yt-dlp throws away the block that it was reading.
    start = int(str(ranges(site, "/large.mp4", query)[-1]).removeprefix("bytes=").removesuffix("-"))
    assert 0 < start <= 4_000_000


def test_without_ranges_the_file_is_fetched_from_the_start(site: VideoSite, tmp_path: Path) -> None:
    query = "cut_at=4000000&cut_once=noranges&noranges=1"
    assert fetch(site.url(f"/large.mp4?{query}"), tmp_path).sha256 == site.sha256("/large.mp4")


def test_a_file_without_its_end_is_not_accepted_and_not_kept(site: VideoSite, tmp_path: Path) -> None:
    address = site.url("/large.mp4?nolength=1&cut_at=5000000&cut_once=end")
    with pytest.raises(TryAgain) as failed:
        fetch(address, tmp_path)
    assert failed.value.code == "incomplete"
    assert fetch(address, tmp_path, attempt=2).sha256 == site.sha256("/large.mp4")


def test_a_missing_segment_never_gives_a_file(site: VideoSite, tmp_path: Path) -> None:
    with pytest.raises(TryAgain) as failed:
        fetch(site.url("/hls/master.m3u8?status=404&only=segment04"), tmp_path)
    assert failed.value.code == "incomplete"
    assert not list(tmp_path.glob("7/media.mp4"))


def test_pausing_a_stalled_download_takes_effect_at_once_and_leaves_no_process(
    site: VideoSite, tmp_path: Path, gone: Gone
) -> None:
    seen: list[psutil.Process] = []
    asked_at: list[float] = []

    def check() -> None:
        if (tmp_path / "7" / "media.mp4.part").exists():
            seen.extend(children())
            asked_at.append(time.monotonic())
            raise Paused

    with pytest.raises(Paused):
        fetch(site.url("/large.mp4?stall_at=4000000"), tmp_path, check=check)
    assert time.monotonic() - asked_at[0] < 2
    assert seen
    gone(seen)


def test_whatever_report_raises_comes_through(site: VideoSite, tmp_path: Path) -> None:
    def report(moved: Moved) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(site.url("/large.mp4"), tmp_path, report=report)
    assert not children()


def test_a_download_that_stands_still_is_given_up_for_now(site: VideoSite, tmp_path: Path) -> None:
    with pytest.raises(TryAgain) as failed:
        fetch(site.url("/large.mp4?stall_at=4000000"), tmp_path, stall_seconds=2)
    assert failed.value.code == "stalled"
    assert not children()


def test_the_download_dies_with_its_worker(
    site: VideoSite, tmp_path: Path, eventually: Eventually, gone: Gone
) -> None:
    with worker(site.url("/large.mp4?gate=orphan"), tmp_path, "7", 1) as running:
        eventually(lambda: (tmp_path / "7" / "media.mp4.part").exists())
        left = children(running.pid)
    assert left
    gone(left)


def test_a_killed_download_process_is_another_try(site: VideoSite, tmp_path: Path) -> None:
    def check() -> None:
        for process in children() if (tmp_path / "7" / "media.mp4.part").exists() else []:
            process.kill()

    with pytest.raises(TryAgain) as failed:
        fetch(site.url("/large.mp4?gate=murder"), tmp_path, check=check)
    assert failed.value.code == "download_process_died"


def test_an_attempt_that_finds_the_directory_locked_uses_a_fresh_one(site: VideoSite, tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    with (tmp_path / "7" / ".lock").open("w") as frozen:
        fcntl.flock(frozen, fcntl.LOCK_EX)
        got = fetch(site.url("/small.mp4"), tmp_path, attempt=3)
    assert got.path == tmp_path / "7.3" / "media.mp4"
    assert got.sha256 == site.sha256("/small.mp4")


def test_the_directory_is_free_after_a_download(site: VideoSite, tmp_path: Path) -> None:
    fetch(site.url("/small.mp4"), tmp_path)
    with (tmp_path / "7" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_broadcast_is_recorded_until_its_time_is_up(site: VideoSite, tmp_path: Path) -> None:
    at = urlsplit(site.base)
    got = client.fetch(
        Wanted(site.url("/live/media.m3u8"), live=True),
        tmp_path,
        name="7",
        attempt=1,
        watch=Watch(),
        allowed=frozenset({(str(at.hostname), at.port or 80)}),
        max_seconds=24.0,
    )
    assert isinstance(got, Fetched) and got.duration is not None
    assert 8.0 < got.duration < 16.0


def test_several_downloads_in_one_process(site: VideoSite, tmp_path: Path) -> None:
    hashes: list[str] = []
    threads = [
        threading.Thread(
            target=lambda name: hashes.append(fetch(site.url("/small.mp4"), tmp_path, name=name).sha256),
            args=(name,),
        )
        for name in "abcd"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert hashes == [site.sha256("/small.mp4")] * 4
    assert not children()


@pytest.mark.parametrize(
    ("address", "error", "code"),
    [
        ("/nothing.mp4", GiveUp, "not_found"),
        ("/small.mp4?status=410", GiveUp, "not_found"),
        ("/small.mp4?status=403", GiveUp, "sign_in_required"),
        ("/small.mp4?status=503&retry_after=40", TryAgain, "site_error"),
        ("/small.mp4?status=429&retry_after=40", TryAgain, "rate_limited"),
        ("/plain.html", GiveUp, "unsupported_url"),
        ("/picture.jpg", GiveUp, "unsupported_url"),
        ("/live/media.m3u8", GiveUp, "live_refused"),
    ],
)
def test_what_the_site_says_becomes_a_stable_word(
    site: VideoSite, tmp_path: Path, address: str, error: type[GiveUp | TryAgain], code: str
) -> None:
    with pytest.raises(error) as failed:
        fetch(site.url(address), tmp_path)
    assert failed.value.code == code
    assert site.base not in failed.value.message
    assert str(tmp_path) not in failed.value.message
    if isinstance(failed.value, TryAgain):
        assert failed.value.after == 40
    assert not list(tmp_path.glob("7/media*"))


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/a.mp4", "--version", "ytsearch:sea"])
def test_other_schemes_are_refused_before_anything_runs(tmp_path: Path, url: str) -> None:
    with pytest.raises(GiveUp) as failed:
        fetch(url, tmp_path)
    assert failed.value.code == "unsupported_url"
    assert not list(tmp_path.iterdir())


def test_a_server_that_refuses_connections_is_another_try(tmp_path: Path) -> None:
    with pytest.raises(TryAgain) as failed:
        fetch("http://127.0.0.1:9/a.mp4", tmp_path)
    assert (failed.value.code, failed.value.category) == ("network", "temporary")


def test_the_process_gets_an_almost_empty_environment_and_no_descriptors(
    site: VideoSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDIANEST_SECRET_KEY", "not for a child")
    environments: list[dict[str, str]] = []
    descriptors: list[str] = []

    def check() -> None:
        if (tmp_path / "7" / "media.mp4.part").exists():
            child = children()[0]
            environments.append(child.environ())
            descriptors.extend(os.readlink(link) for link in Path(f"/proc/{child.pid}/fd").iterdir())
            assert "http" not in " ".join(child.cmdline())
            raise Paused

    outside = os.open(tmp_path, os.O_RDONLY)
    os.set_inheritable(outside, True)
    with pytest.raises(Paused):
        fetch(site.url("/large.mp4?gate=look"), tmp_path, check=check)
    os.close(outside)
    proxies = {name for name in environments[0] if name.lower() in ("http_proxy", "https_proxy")}
    assert proxies and set(environments[0]) - proxies <= {"PATH", "LANG", "LC_CTYPE", "HOME", "TMPDIR"}
    assert str(tmp_path) not in descriptors


def test_a_frozen_download_process_is_killed_too(site: VideoSite, tmp_path: Path) -> None:
    def check() -> None:
        if (tmp_path / "7" / "media.mp4.part").exists():
            for process in children():
                process.send_signal(signal.SIGSTOP)
            raise Paused

    with pytest.raises(Paused):
        fetch(site.url("/large.mp4?gate=frozen"), tmp_path, check=check)
    assert not children()


def test_the_log_tells_no_more_of_an_address_than_its_host() -> None:
    text = (
        "Unsupported URL: https://me:secret@example.org:8443/private/a?token=abc#x (caused by 'http://b/c?d')"
    )
    assert client.redacted(text) == "Unsupported URL: https://example.org:8443/… (caused by 'http://b/…')"
