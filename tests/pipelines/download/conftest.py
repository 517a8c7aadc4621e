"""Download jobs of this process on an empty database, run where they can be looked at."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from config.database import Row, change
from config.settings import Settings, settings
from pipelines.download.kind import KIND
from pipelines.jobs import runner
from pipelines.jobs.claim import claim
from pipelines.jobs.lease import Worker
from pipelines.jobs.submit import Submission, submit
from pipelines.models import job
from tests.standins.video_site import VideoSite

KINDS = {KIND.name: KIND}


class Downloads:
    """Submits downloads of the video site and runs what is due."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker

    def submit(self, url: str, owner: int = 1, **params: Any) -> int:
        checked = KIND.params.model_validate({"url": url, **params}).model_dump(mode="json")
        return int(submit(Submission(kind=KIND, params=checked, owner_id=owner))[0]["id"])

    def run_one(self) -> Row | None:
        """Claim the best due download and run its attempt; None if none is due or may begin."""
        row = None if KIND.held() else claim(KIND.queue, self.worker.id)
        if row is not None:
            runner.run(row, KINDS, self.worker)
        return row

    def run_all(self) -> None:
        while self.run_one():
            pass

    def run(self, url: str, **params: Any) -> dict[str, Any]:
        """Submit and run one; the job as it is then."""
        number = self.submit(url, **params)
        self.run_all()
        return self.job(number)

    def job(self, number: int) -> dict[str, Any]:
        row = job.find(number)
        assert row is not None
        texts = ("params", "progress", "result", "error", "waiting")
        return {**row, **{name: json.loads(row[name]) if row[name] else None for name in texts}}

    def children(self, parent: int) -> list[dict[str, Any]]:
        rows = job.newest_first(limit=200, parent_id=parent)
        return [self.job(row["id"]) for row in reversed(rows)]


@pytest.fixture
def set_env(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Change settings of this process; names without their MEDIANEST_."""

    def change_settings(**values: object) -> None:
        for name, value in values.items():
            monkeypatch.setenv(f"MEDIANEST_{name}", str(value))
        settings.cache_clear()

    return change_settings


@pytest.fixture
def downloads(home: Settings, site: VideoSite, set_env: Callable[..., None]) -> Iterator[Downloads]:
    set_env(EGRESS_ALLOW=urlsplit(site.base).netloc)
    settings().media_dir.mkdir(parents=True)
    change("INSERT INTO account (name, password_hash, role, created_at) VALUES ('ada', '', 'user', NOW)")
    change("INSERT INTO account (name, password_hash, role, created_at) VALUES ('bob', '', 'user', NOW)")
    worker = Worker([KIND.queue], 1)
    yield Downloads(worker)
    worker.leave()
