"""A queued job that may not run says why, and no longer than that is so."""

import json
from dataclasses import replace
from typing import Any

import pytest

from config.database import change
from pipelines.jobs import waiting
from pipelines.jobs.claim import claim
from pipelines.kind import Limits
from pipelines.models import job
from tests.pipelines.jobs.sample import ECHO, queued

pytestmark = pytest.mark.usefixtures("home")

LIMITED = replace(
    ECHO, limits=lambda: Limits(per_user=1, per_host=2), host=lambda params: params.get("host", "")
)


def reason_of(job_id: int) -> str | None:
    row = job.find(job_id)
    assert row is not None
    waiting: dict[str, Any] = json.loads(row["waiting"] or "{}")
    return waiting.get("reason")


def explain() -> None:
    waiting.explain({"echo": LIMITED})


def set_queue(paused: int = 0, limit: int | None = None) -> None:
    change("DELETE FROM queue")
    change("INSERT INTO queue (name, paused, max_running) VALUES ('echo', %s, %s)", paused, limit)


def test_each_limit_is_told_by_its_name() -> None:
    for owner in (1, 2):
        queued(owner=owner, kind=LIMITED, params={"host": "a.example"})
        claim("echo", 1, LIMITED.limits())
    mine = queued(owner=1, kind=LIMITED)["id"]
    theirs = queued(owner=3, kind=LIMITED, params={"host": "a.example"})["id"]
    free = queued(owner=4, kind=LIMITED)["id"]
    explain()
    assert [reason_of(each) for each in (mine, theirs, free)] == ["limit", "host", None]


def test_a_paused_queue_is_told_and_forgotten_when_it_goes_on() -> None:
    first = queued(kind=LIMITED)["id"]
    set_queue(paused=1)
    explain()
    assert reason_of(first) == "queue_paused"
    before = job.find(first)
    explain()
    assert job.find(first) == before
    set_queue(paused=0)
    explain()
    assert reason_of(first) is None


def test_the_queues_own_limit_is_told() -> None:
    queued(owner=1)
    claim("echo", 1)
    second = queued(owner=2)["id"]
    set_queue(limit=1)
    waiting.explain({"echo": ECHO})
    assert reason_of(second) == "limit"
    row = claim("echo", 1)
    assert row is None
    set_queue(limit=2)
    row = claim("echo", 1)
    assert row is not None and row["waiting"] is None
