"""`python -m workers.worker`: Dramatiq's worker threads in this process, one process to signal.

SIGTERM (or Ctrl-C) drains: nothing more is claimed, every running job checkpoints and goes back to
its queue, then the process ends.
"""

import argparse
import signal
import sys
import threading

import structlog
from dramatiq import Worker as ThreadPool

from config import logging, tether
from config.broker import broker
from config.settings import settings
from pipelines.jobs.events import publisher
from pipelines.jobs.lease import Worker
from pipelines.registry import KINDS
from workers import actors
from workers.boot import EXIT_SETTINGS, check_settings, connect

log = structlog.get_logger(__name__)

OWN_POOL = "download"  # the queue with a worker pool of its own
DEFAULT_THREADS = 8
DRAIN_SECONDS = 8.0
CONSUMER_RESTART_MS = 250


def chosen_queues(wanted: list[str]) -> list[str]:
    """The queues to serve: those named, else all that have no pool of their own."""
    known = sorted({kind.queue for kind in KINDS.values()})
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        print(
            f"medianest: there is no queue {', '.join(unknown)}; known: {', '.join(known)}", file=sys.stderr
        )
        raise SystemExit(EXIT_SETTINGS)
    return sorted(set(wanted)) or [queue for queue in known if queue != OWN_POOL]


def main() -> None:
    """Serve queues until told to stop."""
    parser = argparse.ArgumentParser(prog="medianest worker")
    parser.add_argument("--queue", action="append", default=[], help="serve this queue (may be repeated)")
    parser.add_argument("--threads", type=int, default=DEFAULT_THREADS)
    arguments = parser.parse_args()
    check_settings()
    logging.configure("worker")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    tether.hold()
    queues = chosen_queues(arguments.queue)
    _check_places(queues)
    connect(connections=arguments.threads + 4)
    serve(queues, arguments.threads, stop)


def _check_places(queues: list[str]) -> None:
    """Downloads end with an atomic move, so staging must lie on the media file system."""
    if OWN_POOL not in queues:
        return
    for folder in (settings().media_dir, settings().staging_dir):
        folder.mkdir(parents=True, exist_ok=True)
    if settings().media_dir.stat().st_dev != settings().staging_dir.stat().st_dev:
        raise SystemExit(
            "medianest: MEDIANEST_STAGING_DIR must lie on the file system of MEDIANEST_MEDIA_DIR"
        )


def serve(queues: list[str], threads: int, stop: threading.Event) -> None:
    """Run a worker for `queues` until `stop` is set, then drain it."""
    worker = Worker(queues, threads)
    served = [kind for kind in KINDS.values() if kind.queue in queues]
    worker.chores += [kind.tidy for kind in served if kind.tidy is not None]
    actors.declare(KINDS, queues, lambda: worker)
    pool = ThreadPool(broker, queues=set(queues), worker_threads=threads, worker_timeout=CONSUMER_RESTART_MS)
    pool.start()
    log.info("worker is ready", worker=worker.id, queues=queues, threads=threads)
    stop.wait()
    log.info("worker drains")
    worker.drain()
    pool.stop(timeout=int(DRAIN_SECONDS * 1000))
    publisher.flush()
    worker.leave()
    log.info("worker ends")


if __name__ == "__main__":
    main()
