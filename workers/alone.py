"""A job that crashed its worker twice runs in a process of its own, so that no neighbour pays for it.

The worker claims the job, starts `python -m workers.alone JOB ATTEMPT` and waits; the new process
takes the lease over. It ends when the worker's pipe closes.
"""

import signal
import subprocess
import sys
import threading
from typing import Any

import structlog

from config import logging, tether
from config.settings import environment
from pipelines.jobs import runner
from pipelines.jobs.claim import take_over
from pipelines.jobs.context import Attempt
from pipelines.jobs.events import publisher
from pipelines.jobs.lease import Worker
from pipelines.registry import KINDS
from workers.boot import connect

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.2
DRAIN_SECONDS = 4.0  # less than the worker waits for us


def run_in_process_of_its_own(row: dict[str, Any], worker: Worker) -> None:
    """Run the claimed job beside us; returns when that process has ended, however it did."""
    log.warning("a job that crashed its worker runs alone", job_id=str(row["id"]), crashes=row["crashes"])
    attempt = Attempt(row)
    worker.begin(attempt)  # ours until the new process takes it over
    try:
        _start_and_wait(row, worker)
    finally:
        worker.end(attempt)


def _start_and_wait(row: dict[str, Any], worker: Worker) -> None:
    command = [sys.executable, "-m", "workers.alone", str(row["id"]), str(row["attempt"])]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, start_new_session=True, env=environment(MEDIANEST_TETHERED="1")
    )
    told = False
    while process.poll() is None:
        if worker.draining.is_set() and not told:
            process.terminate()
            told = True
        try:
            process.wait(POLL_SECONDS)
        except subprocess.TimeoutExpired:
            continue
    assert process.stdin is not None
    process.stdin.close()


def main(job_id: int, attempt: int) -> None:
    """Take the attempt over and run it to its end, or until shortly after we are told to stop."""
    logging.configure("alone")
    tether.hold()
    connect(connections=4)
    worker = Worker(["alone"], 1)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=worker.drain, daemon=True).start())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    row = take_over(job_id, attempt, worker.id)
    if row is not None:
        _run(row, worker)
    worker.leave()
    publisher.flush()


def _run(row: dict[str, Any], worker: Worker) -> None:
    running = threading.Thread(target=runner.run, args=(row, KINDS, worker), daemon=True)
    running.start()
    while running.is_alive() and not worker.draining.is_set():
        running.join(POLL_SECONDS)
    running.join(DRAIN_SECONDS)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
