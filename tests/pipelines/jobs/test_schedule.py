"""One scheduler leads, and no slot fires twice."""

import dataclasses
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from config.database import change, now, query
from pipelines.jobs import schedule, state
from pipelines.jobs.prune import KEEP_SYSTEM_JOBS, prune
from pipelines.models import job
from tests.pipelines.jobs.sample import ECHO, queued

pytestmark = pytest.mark.usefixtures("home")

EACH_HOUR = dataclasses.replace(ECHO, every=3600.0)


def test_one_leads_and_the_others_stand_by() -> None:
    assert [schedule.lead(name) for name in ("a", "b", "a")] == [True, False, True]


def test_another_leads_when_the_leader_is_silent_or_resigns() -> None:
    assert schedule.lead("a")
    change("UPDATE leader SET until = NOW - 1")
    assert schedule.lead("b") and not schedule.lead("a")
    schedule.resign("b")
    assert schedule.lead("a")


def test_only_one_of_many_becomes_leader() -> None:
    barrier = threading.Barrier(16)

    def run_for_it(number: int) -> bool:
        barrier.wait()
        return schedule.lead(str(number))

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(run_for_it, range(16))) == 1


def test_jobs_are_queued_when_they_are_due() -> None:
    later, soon = queued(scheduled_at=now() + 60), queued(scheduled_at=now() + 60)
    change("UPDATE job SET scheduled_at = NOW - 1 WHERE id = %s", soon["id"])
    assert [row["id"] for row in schedule.promote()] == [soon["id"]]
    assert job.find(later["id"])["state"] == "scheduled"  # type: ignore[index]


def test_a_slot_fires_once_however_many_schedulers_try() -> None:
    barrier = threading.Barrier(16)

    def try_to_fire(_: int) -> bool:
        barrier.wait()
        return schedule.fire(EACH_HOUR) is not None

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(try_to_fire, range(16))) == 1
    assert query("SELECT count(*) AS n FROM job")[0]["n"] == 1


def test_a_slot_stays_fired_after_its_job_is_pruned() -> None:
    row = schedule.fire(EACH_HOUR)
    assert row is not None and row["owner_id"] == 0
    state.cancel(row["id"])
    change("UPDATE job SET finished_at = NOW - %s", KEEP_SYSTEM_JOBS + 1)
    prune()
    assert job.find(row["id"]) is None and job.history(row["id"], limit=9) == []
    assert schedule.fire(EACH_HOUR) is None


def test_the_next_slot_waits_until_the_last_job_has_ended() -> None:
    row = schedule.fire(EACH_HOUR)
    assert row is not None
    change("UPDATE schedule SET last_slot = last_slot - 1")
    change("UPDATE job SET slot = slot - 1")
    assert schedule.fire(EACH_HOUR) is None
    state.cancel(row["id"])
    assert schedule.fire(EACH_HOUR) is not None
