"""What may become of a job in each state, and that a lost lease changes nothing."""

from typing import Any

import pytest

from config.database import Row, change, now
from pipelines.jobs import state
from pipelines.jobs.claim import claim
from pipelines.models import job
from tests.pipelines.jobs.sample import queued

pytestmark = pytest.mark.usefixtures("home")

ERROR = {"code": "x", "category": "temporary", "message": "m", "advice": "", "retry_at": 1.0}


def reload(row: Row) -> Row:
    found = job.find(row["id"])
    assert found is not None
    return found


def job_in(wanted: str) -> Row:
    row = queued(scheduled_at=now() + 999) if wanted == "scheduled" else queued()
    if wanted == "paused":
        state.pause(row["id"])
    elif wanted == "cancelled":
        state.cancel(row["id"])
    elif wanted not in ("queued", "scheduled"):
        claimed = claim("echo", worker_id=1)
        assert claimed is not None
        if wanted == "succeeded":
            state.succeed(claimed["id"], 1, {})
        elif wanted == "failed":
            state.fail(claimed["id"], 1, ERROR)
    return reload(row)


RULES: list[tuple[Any, dict[str, str]]] = [
    (
        state.cancel,
        {"scheduled": "cancelled", "queued": "cancelled", "paused": "cancelled", "running": "running"},
    ),
    (state.pause, {"scheduled": "paused", "queued": "paused", "running": "running"}),
    (state.resume, {"paused": "queued"}),
    (state.retry, {"failed": "queued", "cancelled": "queued"}),
]


@pytest.mark.parametrize("before", job.STATES)
@pytest.mark.parametrize(("order", "allowed"), RULES, ids=["cancel", "pause", "resume", "retry"])
def test_what_people_may_ask_for(order: Any, allowed: dict[str, str], before: str) -> None:
    row = job_in(before)
    after = order(row["id"])
    if before in allowed:
        assert after["state"] == allowed[before] and after["revision"] == row["revision"] + 1
    else:
        assert after is None and reload(row) == row


def test_a_job_that_is_not_due_yet_is_scheduled_again_when_resumed() -> None:
    row = job_in("scheduled")
    state.pause(row["id"])
    assert state.resume(row["id"])["state"] == "scheduled"  # type: ignore[index]


def test_a_retried_job_has_its_whole_budget_again() -> None:
    row = job_in("failed")
    assert row["failures"] == 1
    again = state.retry(row["id"])
    assert again is not None
    assert (again["failures"], again["crashes"], again["error"], again["finished_at"]) == (0, 0, None, None)


LAST_WORDS: dict[str, Any] = {
    "progress": lambda job_id, attempt: state.progress(job_id, attempt, {}),
    "checkpoint": lambda job_id, attempt: state.checkpoint(job_id, attempt, {}),
    "succeed": lambda job_id, attempt: state.succeed(job_id, attempt, {}),
    "fail": lambda job_id, attempt: state.fail(job_id, attempt, ERROR),
    "retry_later": lambda job_id, attempt: state.retry_later(job_id, attempt, ERROR, 5.0),
    "snooze": lambda job_id, attempt: state.snooze(job_id, attempt, "service", "m", 1.0, 5.0),
    "release": lambda job_id, attempt: state.release(job_id, attempt),
}


@pytest.mark.parametrize("word", LAST_WORDS)
def test_an_attempt_without_its_lease_changes_nothing(word: str) -> None:
    row = job_in("running")
    state.release(row["id"], 1)
    second = claim("echo", worker_id=2)
    assert second is not None and second["attempt"] == 2
    before = reload(row)
    assert not LAST_WORDS[word](row["id"], 1)
    assert reload(row) == before


ENDS: dict[str, Any] = {
    "retry_later": lambda job_id, attempt: state.retry_later(job_id, attempt, ERROR, 5.0),
    "snooze": lambda job_id, attempt: state.snooze(job_id, attempt, "service", "m", 1.0, 5.0),
    "release": lambda job_id, attempt: state.release(job_id, attempt),
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize(("wish", "expected"), [(state.cancel, "cancelled"), (state.pause, "paused")])
def test_a_run_that_ends_gives_way_to_its_owners_wish(end: str, wish: Any, expected: str) -> None:
    row = job_in("running")
    wish(row["id"])
    after = ENDS[end](row["id"], 1)
    assert after is not None
    assert (after["state"], after["wish"], after["worker_id"]) == (expected, None, None)
    assert (after["finished_at"] is not None) == (expected == "cancelled")


def test_cancel_is_stronger_than_pause_and_not_undone_by_it() -> None:
    row = job_in("running")
    state.cancel(row["id"])
    assert state.pause(row["id"])["wish"] == "cancel"  # type: ignore[index]


def test_a_job_that_finished_before_the_wish_was_seen_has_succeeded() -> None:
    row = job_in("running")
    state.cancel(row["id"])
    assert state.succeed(row["id"], 1, {"a": 1})["state"] == "succeeded"  # type: ignore[index]


def test_each_change_is_one_revision_and_one_line_of_history() -> None:
    row = job_in("succeeded")
    history = job.history(row["id"], limit=9)
    assert [(line["event"], line["state"], line["revision"]) for line in history] == [
        ("submitted", "queued", 1),
        ("started", "running", 2),
        ("succeeded", "succeeded", 3),
    ]


def test_a_write_that_fails_leaves_neither_row_nor_history() -> None:
    row = job_in("queued")
    with pytest.raises(Exception, match=r"job_idem|UNIQUE|unique"):
        change("UPDATE job SET idem = 'k' WHERE id = %s", row["id"])
        state.write(
            "INSERT INTO job (kind, queue, owner_id, params, state, priority, turn, max_attempts, created_at, idem)"
            " SELECT kind, queue, owner_id, params, state, priority, turn, max_attempts, created_at, idem FROM job",
            event="submitted",
        )
    assert len(job.newest_first(limit=9)) == 1
    assert len(job.history(row["id"], limit=9)) == 1
