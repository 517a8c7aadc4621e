"""`python -m workers.worker`: Dramatiq's worker threads in this process, one process to signal.

SIGTERM (or Ctrl-C) drains: nothing more is claimed, every running job checkpoints and goes back to
its queue, then the process ends.
"""

import argparse
import threading

import structlog
from dramatiq import Worker as ThreadPool

from config.broker import broker
from pipelines.jobs.events import publisher
from pipelines.jobs.lease import Worker
from pipelines.registry import KINDS
from workers import actors
from workers.boot import begin, connect
from workers.checks import check_places, refuse

log = structlog.get_logger(__name__)

OWN_POOL = "download"  # the queue with a worker pool of its own
DEFAULT_THREADS = 8
DRAIN_SECONDS = 5.0  # with the two that a wait for a bell may take, less than the supervisor grants
CONSUMER_RESTART_MS = 250


def chosen_queues(wanted: list[str]) -> list[str]:
    """The queues to serve: those named, else all that have no pool of their own."""
    known = sorted({kind.queue for kind in KINDS.values()})
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        refuse(f"there is no queue {', '.join(unknown)}; known: {', '.join(known)}")
    return sorted(set(wanted)) or [queue for queue in known if queue != OWN_POOL]


def main() -> None:
    """Serve queues until told to stop."""
    parser = argparse.ArgumentParser(prog="medianest worker")
    parser.add_argument("--queue", action="append", default=[], help="serve this queue (may be repeated)")
    parser.add_argument("--threads", type=int, default=DEFAULT_THREADS)
    arguments = parser.parse_args()
    stop = begin("worker")
    queues = chosen_queues(arguments.queue)
    if OWN_POOL in queues:
        check_places()
    connect(connections=arguments.threads + 4, stop=stop)
    serve(queues, arguments.threads, stop)


def serve(queues: list[str], threads: int, stop: threading.Event) -> None:
    """Run a worker for `queues` until `stop` is set, then drain it."""
    worker = Worker(queues, threads)
    served = [kind for kind in KINDS.values() if kind.queue in queues]
    worker.each_minute([kind.tidy for kind in served if kind.tidy is not None])
    actors.declare(KINDS, queues, lambda: worker)
    pool = ThreadPool(broker, queues=set(queues), worker_threads=threads, worker_timeout=CONSUMER_RESTART_MS)
    pool.start()
    log.info("worker is ready", worker=worker.id, queues=queues, threads=threads)
    stop.wait()
    log.info("worker drains")
    worker.drain()
    pool.stop(timeout=int(DRAIN_SECONDS * 1000))
    worker.leave()
    publisher.flush()
    log.info("worker ends")


if __name__ == "__main__":
    main()
