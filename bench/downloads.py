"""What a download costs beside `python -m yt_dlp`: a large file, twenty small ones, and a playlist of 20,000 entries.

The site sends the large file at 40 MB/s, as a good line would. Ours is timed from the POST to the end of the job in
the library, with its hash, its check by ffprobe and its notes; the rival writes the file and is done. CPU is that of the
downloader with all that it starts, the egress proxy included; the rival's is that of its processes. Memory is what
four running downloads add to the downloader's processes, divided by four. While the playlist is listed and its
children are written down, `GET /jobs` is asked all the time; its p95 is compared with that of a quiet minute.
"""

import http.client
import multiprocessing
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil

from bench.feed import proportional_memory
from bench.figure import Figure, Setting
from bench.latency import percentile
from pipelines.integrations.ytdlp.programs import find_ffmpeg
from tests.private_server import wait_until
from tests.standins.video_site import VideoSite
from tests.system import System

DATABASES = ("SQLite",)
RATE = 40_000_000  # bytes a second
LOOPS = 45  # of the 13 MB file
SMALL, AT_ONCE = 20, 4
ENTRIES = 20_000
QUIET_SECONDS = 10.0
PAUSE, LOOK = 0.01, 0.1  # seconds between two requests of the user, and between two looks for the first child


def large_file(site: VideoSite, folder: Path, loops: int) -> str:
    """Let the site have a large file too; its path."""
    folder.mkdir()
    for file in site.media.iterdir():
        (folder / file.name).symlink_to(file)
    command = [str(find_ffmpeg()), "-nostdin", "-v", "error", "-stream_loop", str(loops - 1)]
    command += ["-i", str(site.media / "large.mp4"), "-c", "copy", "-movflags", "+faststart"]
    subprocess.run([*command, str(folder / "huge.mp4")], check=True)
    site.media = folder
    return "/huge.mp4"


def rival(url: str, target: Path) -> tuple[float, float]:
    """Wall and CPU seconds of yt-dlp's own command."""
    command = [
        sys.executable,
        "-m",
        "yt_dlp",
        "--ignore-config",
        "--no-cache-dir",
        "-q",
        "-o",
        str(target),
        url,
    ]
    began = time.monotonic()
    with psutil.Popen(command) as process:
        spent = 0.0
        while process.poll() is None:
            try:
                times = process.cpu_times()
                spent = times.user + times.system
            except psutil.Error:
                break
            time.sleep(0.02)
        assert process.wait() == 0
    return time.monotonic() - began, spent


def spent_by(system: System) -> float:
    """CPU seconds of the downloader and all that it has started so far."""
    (worker,) = system.programs("--queue")
    total = 0.0
    for each in [worker, *worker.children(recursive=True)]:
        try:
            times = each.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def ours(system: System, urls: list[str]) -> tuple[float, float]:
    """Wall and CPU seconds of jobs that are submitted at once."""
    before, began = spent_by(system), time.monotonic()
    ids = [system.submit("download", url=url)["id"] for url in urls]
    for number in ids:
        wait_until(lambda number=number: system.job(number)["state"] == "succeeded", 120, "the download")  # type: ignore[misc]
    return time.monotonic() - began, spent_by(system) - before


def memory_of(system: System) -> float:
    """MB (PSS) of the downloader and all that it has started."""
    (worker,) = system.programs("--queue")
    return sum(proportional_memory(each.pid) for each in [worker, *worker.children(recursive=True)]) / 1e6


def running_memory(system: System, site: VideoSite) -> float:
    """MB that each of four downloads takes while it runs."""
    idle = memory_of(system)
    ids = [
        system.submit("download", url=site.url(f"/large.mp4?gate=memory&n={n}"))["id"] for n in range(AT_ONCE)
    ]
    for number in ids:
        wait_until(lambda number=number: (system.job(number)["progress"]["done"] or 0) > 0, 30, "its bytes")  # type: ignore[misc]
    found = (memory_of(system) - idle) / AT_ONCE
    site.open("memory")
    for number in ids:
        system.wait_for(number, "succeeded")
    return found


def _ask(port: int, token: str, ours: Connection) -> None:
    """One GET after the other until something is said; then say how long each took."""
    found = []
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        ours.send("ready")
        while not ours.poll(PAUSE):
            began = time.perf_counter()
            connection.request("GET", "/api/v1/jobs?limit=10", headers={"Authorization": f"Bearer {token}"})
            connection.getresponse().read()
            found.append((time.perf_counter() - began) * 1000)
    ours.send(found)


@contextmanager
def asking(system: System) -> Iterator[list[float]]:
    """Milliseconds of the requests of a quiet user while the context lasts; complete at its end.

    They come from a process of their own: this one is busy being the video site.
    """
    found: list[float] = []
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    process = spawn.Process(target=_ask, args=(system.port, system.local_token, there))
    process.start()
    here.recv()
    yield found
    here.send("stop")
    found += here.recv()
    process.join()


def playlist(system: System, site: VideoSite, entries: int, quiet: float) -> tuple[float, float, float]:
    """Seconds until the first child runs; p95 of the API meanwhile and before, in milliseconds."""
    with asking(system) as before:
        time.sleep(quiet)
    with asking(system) as meanwhile:
        began = time.monotonic()
        parent = system.submit("download", url=site.url(f"/rss.xml?items={entries}&dates=0"))["id"]
        path = f"/api/v1/jobs?parent={parent}&state=running,succeeded&limit=1"
        while not system.call("GET", path).body["items"]:
            time.sleep(LOOK)
        first = time.monotonic() - began
    system.call("POST", f"/api/v1/jobs/{parent}/cancel")
    return first, percentile(meanwhile, 95), percentile(before, 95)


def measure(setting: Setting) -> list[Figure]:
    """Six figures, on the embedded system."""
    small, entries = (4, 200) if setting.short else (SMALL, ENTRIES)
    limits: dict[str, Any] = {
        f"MEDIANEST_DOWNLOAD_{name}": "0" for name in ("PER_USER", "PER_HOST", "PER_HOUR")
    }
    with ExitStack() as stack:
        site = stack.enter_context(VideoSite())
        path = large_file(site, setting.folder / "site", 2 if setting.short else LOOPS)
        url = site.url(f"{path}?rate={RATE}")
        system = stack.enter_context(
            System(
                setting.folder / "system", site=site, MEDIANEST_DOWNLOAD_PLAYLIST_MAX=str(ENTRIES), **limits
            )
        )
        ours(system, [site.url("/small.mp4?x=warm")])
        large, beside = ours(system, [url]), rival(url, setting.folder / "rival.mp4")
        memory = running_memory(system, site)
        urls = [site.url(f"/small.mp4?n={n}") for n in range(small)]
        many = ours(system, urls)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            targets = [setting.folder / f"rival-{n}.mp4" for n in range(small)]
            others = [cpu for _, cpu in pool.map(rival, urls, targets)]
        first, busy, quiet = playlist(system, site, entries, 1.0 if setting.short else QUIET_SECONDS)
        system.stop()
    size = f"{(setting.folder / 'rival.mp4').stat().st_size / 1e6:.0f} MB"
    yt_dlp = "÷ `python -m yt_dlp`"
    return [
        Figure(f"one large file, wall time {yt_dlp}", "SQLite", large[0] / beside[0], 1.05, True,
               ours=f"{large[0]:.1f} s", rival=f"{beside[0]:.1f} s", notes=[size]),
        Figure(f"one large file, CPU {yt_dlp}", "SQLite", large[1] / beside[1], 1.4, True,
               ours=f"{large[1]:.2f} s", rival=f"{beside[1]:.2f} s", notes=[size]),
        Figure(f"{small} small files, {AT_ONCE} at a time, CPU a file {yt_dlp}", "SQLite",
               many[1] / sum(others), 1.2, True,
               ours=f"{many[1] / small:.2f} s", rival=f"{sum(others) / small:.2f} s"),
        Figure(f"playlist of {entries:,} entries: POST to its first child running", "SQLite", first, 5.0, True, "s"),
        Figure(f"GET /jobs, p95 while a playlist of {entries:,} is written down ÷ quiet", "SQLite",
               busy / quiet, 1.2, True, ours=f"{busy:.1f} ms", rival=f"{quiet:.1f} ms"),
        Figure("memory of a running download, over idle", "SQLite", memory, 80.0, True, "MB"),
    ]  # fmt: skip
