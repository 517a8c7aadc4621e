"""The life of jobs against a model: whatever order things happen in, both say the same."""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    rule,
    run_state_machine_as_test,
)

from config.database import change
from pipelines.jobs import lease, schedule, state
from pipelines.jobs.claim import claim
from pipelines.models import job
from tests.pipelines.jobs.sample import ECHO, queued

ERROR = {"code": "x", "category": "temporary", "message": "m", "advice": "", "retry_at": 1.0}
DEAD_WORKER = 999


@dataclass
class Modelled:
    """What a job should look like."""

    owner: int
    priority: int
    state: str = "queued"
    attempt: int = 0
    failures: int = 0
    wish: str | None = None
    rescued: bool = False

    def let_go(self, otherwise: str) -> None:
        wished = {"cancel": "cancelled", "pause": "paused"}
        self.state = wished.get(self.wish or "", otherwise)
        self.wish = None


class Jobs(RuleBasedStateMachine):
    """Submits, claims, ends, wishes and crashes in any order."""

    ids = Bundle("ids")
    attempts = Bundle("attempts")

    def __init__(self) -> None:
        super().__init__()
        change("DELETE FROM job")
        self.model: dict[int, Modelled] = {}
        self.revisions: dict[int, int] = {}

    @rule(target=ids, owner=st.integers(1, 3), priority=st.sampled_from([0, 4, 4, 9]))
    def submit(self, owner: int, priority: int) -> int:
        row = queued(owner=owner, priority=priority)
        self.model[row["id"]] = Modelled(owner, priority)
        return int(row["id"])

    @rule(target=attempts)
    def claim(self) -> Any:
        row = claim("echo", DEAD_WORKER)
        waiting = {key: each for key, each in self.model.items() if each.state == "queued"}
        if row is None:
            assert not waiting
            return (0, 0)
        mine = waiting[row["id"]]
        assert mine.priority == max(each.priority for each in waiting.values())
        peers = [each for each in waiting.values() if each.priority == mine.priority]
        assert mine.rescued or not any(each.rescued for each in peers)
        mine.state, mine.attempt, mine.rescued = "running", mine.attempt + 1, False
        return (row["id"], mine.attempt)

    def holder(self, key: tuple[int, int]) -> Modelled | None:
        mine = self.model.get(key[0])
        return mine if mine and mine.state == "running" and mine.attempt == key[1] else None

    @rule(key=attempts)
    def report(self, key: tuple[int, int]) -> None:
        assert bool(state.progress(*key, {"percent": 1})) == bool(self.holder(key))

    @rule(key=consumes(attempts))
    def succeed(self, key: tuple[int, int]) -> None:
        mine = self.holder(key)
        assert bool(state.succeed(*key, {})) == bool(mine)
        if mine:
            mine.state, mine.wish = "succeeded", None

    @rule(key=consumes(attempts))
    def give_up(self, key: tuple[int, int]) -> None:
        mine = self.holder(key)
        assert bool(state.fail(*key, ERROR)) == bool(mine)
        if mine:
            mine.state, mine.wish, mine.failures = "failed", None, mine.failures + 1

    @rule(key=consumes(attempts))
    def fail_for_now(self, key: tuple[int, int]) -> None:
        mine = self.holder(key)
        assert bool(state.retry_later(*key, ERROR, 60.0)) == bool(mine)
        if mine:
            mine.failures += 1
            mine.let_go("scheduled")

    @rule(key=consumes(attempts))
    def snooze(self, key: tuple[int, int]) -> None:
        mine = self.holder(key)
        assert bool(state.snooze(*key, "service", "m", 1.0, 60.0)) == bool(mine)
        if mine:
            mine.let_go("scheduled")

    @rule(key=attempts)
    def release(self, key: tuple[int, int]) -> None:
        mine = self.holder(key)
        assert bool(state.release(*key)) == bool(mine)
        if mine:
            mine.let_go("queued")
            mine.rescued = True

    @rule()
    def crash_and_rescue(self) -> None:
        change("UPDATE job SET lease_until = NOW - 1 WHERE state = 'running'")
        running = {key: each for key, each in self.model.items() if each.state == "running"}
        assert {row["id"] for row in lease.rescue()} == set(running)
        for mine in running.values():
            mine.failures, mine.rescued = mine.failures + 1, True
            spent = mine.failures >= ECHO.max_attempts and mine.wish is None
            mine.let_go("failed" if spent else "queued")

    @rule()
    def time_passes(self) -> None:
        change("UPDATE job SET scheduled_at = NOW - 1 WHERE scheduled_at IS NOT NULL")
        schedule.promote()
        for mine in self.model.values():
            if mine.state == "scheduled":
                mine.state = "queued"

    @rule(job_id=ids)
    def cancel(self, job_id: int) -> None:
        mine = self.model[job_id]
        open_job = mine.state in ("scheduled", "queued", "running", "paused")
        assert bool(state.cancel(job_id)) == open_job
        if mine.state == "running":
            mine.wish = "cancel"
        elif open_job:
            mine.state = "cancelled"

    @rule(job_id=ids)
    def pause(self, job_id: int) -> None:
        mine = self.model[job_id]
        assert bool(state.pause(job_id)) == (mine.state in ("scheduled", "queued", "running"))
        if mine.state == "running":
            mine.wish = mine.wish or "pause"
        elif mine.state in ("scheduled", "queued"):
            mine.state = "paused"

    @rule(job_id=ids)
    def resume(self, job_id: int) -> None:
        mine = self.model[job_id]
        row = state.resume(job_id)
        assert bool(row) == (mine.state == "paused")
        if row:
            assert row["state"] in ("queued", "scheduled")
            mine.state = row["state"]

    @rule(job_id=ids)
    def retry(self, job_id: int) -> None:
        mine = self.model[job_id]
        ended = mine.state in ("failed", "cancelled")
        assert bool(state.retry(job_id)) == ended
        if ended:
            mine.state, mine.failures = "queued", 0

    @invariant()
    def both_say_the_same(self) -> None:
        for row in job.newest_first(limit=1000):
            mine = self.model[row["id"]]
            seen = (row["state"], row["attempt"], row["failures"], row["wish"])
            assert seen == (mine.state, mine.attempt, mine.failures, mine.wish)
            assert row["revision"] >= self.revisions.get(row["id"], 0)
            self.revisions[row["id"]] = row["revision"]
            assert (row["finished_at"] is not None) == (row["state"] in job.ENDED)
            assert (row["lease_until"] is not None) == (row["state"] == "running")
            mine.rescued = bool(row["rescued"])


@pytest.mark.usefixtures("home")
def test_the_life_of_jobs_follows_the_model() -> None:
    run_state_machine_as_test(
        Jobs,
        settings=settings(
            max_examples=100,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
