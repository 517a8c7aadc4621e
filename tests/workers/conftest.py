"""Real worker and scheduler processes on the database of the test."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest

from config.database import Row, query
from config.settings import Settings
from pipelines.jobs.submit import Submission, submit
from tests.house import copy_with, process
from tests.private_server import wait_until
from tests.workers.sample_kinds import KINDS

BY_NAME = {kind.name: kind for kind in KINDS}


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_with(Path(__file__).parent / "sample_kinds.py", tmp_path_factory.mktemp("house"))


class Pool:
    """Starts processes of the house and knows what their jobs did."""

    def __init__(self, house: Path, folder: Path, stack: ExitStack) -> None:
        self._house, self._folder, self._stack = house, folder, stack
        self.log = folder / "effects"

    def worker(self, *options: str) -> psutil.Popen:
        """Start a worker and wait until it is known to the database."""
        started = self._start(
            "-m", "workers.worker", "--queue", "sample", "--queue", "sample_limited", *options
        )
        wait_until(
            lambda: bool(query("SELECT 1 FROM worker WHERE pid = %s", started.pid)), 30, "the worker's row"
        )
        return started

    def scheduler(self) -> psutil.Popen:
        return self._start("-m", "workers.scheduler")

    def _start(self, *command: str) -> psutil.Popen:
        running: AbstractContextManager[psutil.Popen] = process(
            self._house, *command, log=self._folder / "processes.log"
        )
        return self._stack.enter_context(running)

    def submit(self, name: str, seconds: float = 0.0, owner: int = 1, host: str = "", **wishes: Any) -> int:
        params = {"log": str(self.log), "seconds": seconds, "host": host}
        return int(submit(Submission(BY_NAME[name], params, owner_id=owner, **wishes))[0]["id"])

    def effects(self) -> list[int]:
        """The jobs whose effect happened, once for each time it did."""
        return [int(line) for line in self.log.read_text().split()] if self.log.exists() else []

    def begun(self) -> list[tuple[int, int]]:
        """(job, attempt) of every attempt that began."""
        file = self.log.with_suffix(".begun")
        lines = file.read_text().splitlines() if file.exists() else []
        return [(int(job), int(attempt)) for job, attempt in map(str.split, lines)]

    def wait_for_begin(self, job_id: int, attempt: int, seconds: float = 15) -> None:
        wait_until(lambda: (job_id, attempt) in self.begun(), seconds, f"attempt {attempt} of job {job_id}")

    def wait_for_end(self, *job_ids: int, seconds: float = 30) -> list[Row]:
        """The rows of the jobs once all of them have ended."""
        marks = ", ".join(map(str, job_ids))

        def all_ended() -> bool:
            rows = query(f"SELECT state FROM job WHERE id IN ({marks})")
            return all(row["state"] in ("succeeded", "failed", "cancelled") for row in rows)

        wait_until(all_ended, seconds, "the end of all jobs")
        return query(f"SELECT * FROM job WHERE id IN ({marks}) ORDER BY id")


@pytest.fixture
def pool(home: Settings, house: Path, tmp_path: Path) -> Iterator[Pool]:
    with ExitStack() as stack:
        yield Pool(house, tmp_path, stack)
