"""`make demo`: the whole system with sample services, a job of each kind shown live, then the page to look at.

The data lies in a folder of its own, `data/demo`, and is new at each start.
"""

import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

from tests.private_server import wait_until
from tests.standins.plex_sample import Sample
from tests.standins.video_site import VideoSite
from tests.system import ADMIN, System

FOLDER = Path("data/demo")
PORT = 8000
JOBS = (
    ("probe",),
    ("download", "url={site}/watch/large.mp4?rate=4000000"),
)


def show_jobs(system: System, site: VideoSite) -> int:
    """Submit one job of each kind and follow it in this terminal; how many did not succeed."""
    failed = 0
    for kind, *params in JOBS:
        words = [word.format(site=site.base) for word in params]
        print(f"\n$ medianest submit {kind} {' '.join(words)} --follow", flush=True)
        command = [sys.executable, "-m", "app.cli.main", "submit", kind, *words, "--follow"]
        failed += subprocess.run(command, env=system.environment(), check=False).returncode != 0
    return failed


def main() -> int:
    """Run until Ctrl-C; with --once only until the jobs have ended."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with (
        VideoSite() as site,
        Sample() as plex,
        System(FOLDER.absolute(), port=PORT, site=site, plex=plex) as system,
    ):
        system.set_up()
        failed = show_jobs(system, site)
        name, password = ADMIN
        print(f"\nLook at {system.url}/ and sign in as {name} with the password: {password}")
        print(
            f"Or sign in with Plex: {plex.owner.name} owns the sample server, {plex.friend.name} is a friend,"
        )
        print(f"{plex.stranger.name} has no access to it. Their plex.tv: {plex.plex_tv.base}")
        print(f"Paste an address of the sample video site: {site.url('/watch/large.mp4?rate=1000000')}")
        if "--once" not in sys.argv:
            print("Ctrl-C ends it.", flush=True)
            stop.wait()
        system.stop()
        wait_until(lambda: system.strays() == [], 5, "the end of every process")
    return failed


if __name__ == "__main__":
    sys.exit(main())
