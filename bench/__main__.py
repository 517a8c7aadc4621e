"""`make bench`: prints what this machine measures, for both databases."""

import tempfile
from pathlib import Path

from bench import latency, rescue
from tests.servers import PostgresServer
from tests.standins.video_site import VideoSite
from tests.system import System


def measure(name: str, folder: Path, site: VideoSite, **env: str) -> None:
    """Print the figures of one installation."""
    with System(folder, scale="downloader=2", **env) as system:
        found = latency.post_to_running(system)
        p50, p95 = latency.percentile(found, 50), latency.percentile(found, 95)
        print(
            f"{name:10} POST to running on the socket, idle: p50 {p50:.1f} ms, p95 {p95:.1f} ms (n={len(found)})"
        )
        again = rescue.summary(rescue.kill_to_running(system, site))
        print(f"{name:10} SIGKILL of a downloader to its job running again: {again}", flush=True)
        system.stop()


def main() -> None:
    """Measure the embedded installation, then one on PostgreSQL."""
    with VideoSite() as site, tempfile.TemporaryDirectory() as folder:
        measure("SQLite", Path(folder) / "sqlite", site)
        with PostgresServer() as postgres:
            measure("PostgreSQL", Path(folder) / "postgres", site, DATABASE_URL=postgres.create_database())


if __name__ == "__main__":
    main()
