"""Families under limits: whatever order things happen in, no limit breaks and a parent is what its children are."""

import json
from collections import Counter
from dataclasses import replace
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

from config.database import Row, change, query
from pipelines.jobs import family, lease, schedule, state
from pipelines.jobs.claim import claim
from pipelines.kind import Limits, Split
from pipelines.models.job import ENDED
from tests.pipelines.jobs.sample import ECHO, queued

DEAD_WORKER = 999
ERROR = {"code": "x", "category": "temporary", "message": "m", "advice": "", "retry_at": 1.0}
HOSTED = replace(ECHO, host=lambda params: str(params.get("host", "")))
LIMITS = Limits(per_user=2, per_host=2)
QUEUE_LIMIT = 3


class Families(RuleBasedStateMachine):
    """Submits, claims, splits, ends, steers and crashes in any order."""

    ids = Bundle("ids")
    attempts = Bundle("attempts")

    def __init__(self) -> None:
        super().__init__()
        change("DELETE FROM job")
        change("DELETE FROM queue")
        change("INSERT INTO queue (name, max_running) VALUES ('echo', %s)", QUEUE_LIMIT)

    @rule(target=ids, owner=st.integers(1, 3), host=st.sampled_from(["", "a", "b"]))
    def submit(self, owner: int, host: str) -> int:
        return int(queued(owner=owner, kind=HOSTED, params={"host": host})["id"])

    @rule(target=attempts)
    def claim(self) -> Any:
        row = claim("echo", DEAD_WORKER, LIMITS)
        return (row["id"], row["attempt"]) if row else (0, 0)

    @rule(key=consumes(attempts), parts=st.integers(0, 3))
    def split(self, key: tuple[int, int], parts: int) -> None:
        rows = query(f"SELECT {state.COLUMNS} FROM job WHERE id = %s", key[0])
        if rows and rows[0]["parent_id"] is None:
            wanted = Split([{"host": "ab"[number % 2]} for number in range(parts)])
            family.split({**rows[0], "attempt": key[1]}, HOSTED, wanted)

    @rule(key=consumes(attempts), how=st.sampled_from(["succeed", "fail", "later", "release"]))
    def end(self, key: tuple[int, int], how: str) -> None:
        if how == "succeed":
            state.succeed(*key, {})
        elif how == "fail":
            state.fail(*key, ERROR)
        elif how == "later":
            state.retry_later(*key, ERROR, 60.0)
        else:
            state.release(*key)

    @rule(job_id=ids, step=st.sampled_from([state.cancel, state.pause, state.resume, state.retry]))
    def steer(self, job_id: int, step: Any) -> None:
        family.steer(step, job_id)

    @rule(
        number=st.integers(0, 20),
        step=st.sampled_from([state.cancel, state.pause, state.resume, state.retry]),
    )
    def steer_a_child(self, number: int, step: Any) -> None:
        children = query("SELECT id FROM job WHERE parent_id IS NOT NULL ORDER BY id")
        if children:
            family.steer(step, children[number % len(children)]["id"])

    @rule()
    def crash_and_rescue(self) -> None:
        change("UPDATE job SET lease_until = NOW - 1 WHERE worker_id IS NOT NULL")
        lease.rescue()

    @rule()
    def time_passes(self) -> None:
        change("UPDATE job SET scheduled_at = NOW - 1 WHERE scheduled_at IS NOT NULL")
        schedule.promote()

    @invariant()
    def no_limit_is_exceeded(self) -> None:
        rows = query("SELECT owner_id, host FROM job WHERE state = 'running' AND worker_id IS NOT NULL")
        assert len(rows) <= QUEUE_LIMIT
        assert max(Counter(row["owner_id"] for row in rows).values(), default=0) <= 2
        assert max(Counter(row["host"] for row in rows if row["host"]).values(), default=0) <= 2

    @invariant()
    def a_settled_parent_is_what_its_children_are(self) -> None:
        family.settle()
        for parent in query("SELECT * FROM job WHERE children > 0"):
            children = query("SELECT * FROM job WHERE parent_id = %s", parent["id"])
            assert len(children) == parent["children"]
            self.agree(parent, Counter(child["state"] for child in children))

    def agree(self, parent: Row, states: Counter[str]) -> None:
        over = all(each in ENDED for each in states)
        assert (parent["state"] in ENDED) == over == (parent["finished_at"] is not None)
        assert parent["worker_id"] is None and parent["lease_until"] is None
        counts = json.loads(parent["result"])["counts"]
        assert counts == {"total": parent["children"], **{each: states[each] for each in ENDED}}
        if over:
            assert (parent["state"] == "failed") == (states["failed"] == parent["children"])


@pytest.mark.usefixtures("home")
def test_families_and_limits_hold_whatever_happens() -> None:
    run_state_machine_as_test(
        Families,
        settings=settings(
            max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
