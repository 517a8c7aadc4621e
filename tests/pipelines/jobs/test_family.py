"""A parent runs without a worker until its children have ended, and is what they are."""

import json
from typing import Any

import pytest

from config.database import Row, change, query
from pipelines.jobs import family, lease, runner, state
from pipelines.jobs.claim import claim
from pipelines.jobs.prune import prune_ended_before
from pipelines.jobs.resource import describe
from pipelines.kind import Context, Kind, Limits, Split
from pipelines.models import job
from tests.pipelines.jobs.sample import Anything, queued

pytestmark = pytest.mark.usefixtures("home")


def run(_context: Context, params: Anything) -> dict[str, Any] | Split:
    asked = params.model_dump()
    return (
        Split([{"part": n} for n in range(asked["parts"])], {"title": "all"}) if "parts" in asked else asked
    )


PARTS = Kind(
    name="parts", title="Parts", params=Anything, run=run, host=lambda params: f"h{params.get('part')}"
)


class NobodysWorker:
    """Renews nothing; the tests are over before a lease is."""

    def begin(self, attempt: object) -> None: ...

    def end(self, attempt: object) -> None: ...


def run_next() -> None:
    row = claim("parts", 7)
    assert row is not None
    runner.run(row, {"parts": PARTS}, NobodysWorker())  # type: ignore[arg-type]


def split(parts: int = 3) -> int:
    parent = queued(kind=PARTS, params={"parts": parts}, priority=4, request_id="r-1")["id"]
    run_next()
    return int(parent)


def shown(job_id: int) -> dict[str, Any]:
    row = job.find(job_id)
    assert row is not None
    return describe(row)


def children(parent: int) -> list[Row]:
    return query("SELECT * FROM job WHERE parent_id = %s ORDER BY id", parent)


def finished_family() -> int:
    parent = split()
    for child in children(parent):
        end(child, "succeeded")
    return parent


def end(child: Row, how: str) -> None:
    change(f"UPDATE job SET state = '{how}', finished_at = NOW WHERE id = %s", child["id"])


def test_a_split_that_is_written_again_changes_nothing() -> None:
    parent = queued(kind=PARTS)["id"]
    row = claim("parts", 7)
    assert row is not None
    parts = Split([{"part": n} for n in range(3)], {})
    for _ in range(2):  # the database took the first one and was gone before it could say so
        family.split(row, PARTS, parts)
    now = job.find(parent)
    assert now is not None and (now["state"], now["worker_id"], now["children"]) == ("running", None, 3)
    assert len(children(parent)) == 3


def test_a_split_job_runs_without_worker_and_shows_what_its_children_do() -> None:
    parent = split()
    now = shown(parent)
    assert (now["state"], now["attempt"], now["result"]["title"]) == ("running", 1, "all")
    assert now["result"]["counts"] == {"total": 3, "succeeded": 0, "failed": 0, "cancelled": 0}
    assert [json.loads(each["params"]) for each in children(parent)] == [{"part": n} for n in range(3)]
    assert [each["host"] for each in children(parent)] == ["h0", "h1", "h2"]
    assert [each["turn"] for each in children(parent)] == sorted({each["turn"] for each in children(parent)})
    assert {each["request_id"] for each in children(parent)} == {"r-1"}
    run_next()
    family.settle()
    now = shown(parent)
    assert now["progress"]["done"], now["progress"]["total"] == (1, 3)
    assert now["result"]["counts"]["succeeded"] == 1
    run_next()
    run_next()
    family.settle()
    now = shown(parent)
    assert (now["state"], now["progress"]["percent"], now["result"]["counts"]["succeeded"]) == (
        "succeeded",
        100,
        3,
    )
    assert [each["event"] for each in job.history(parent, limit=9)] == [
        "submitted",
        "started",
        "split",
        "succeeded",
    ]
    assert job.history(children(parent)[0]["id"], limit=9)[0]["event"] == "submitted"


def test_nothing_to_do_is_done() -> None:
    assert shown(split(parts=0))["state"] == "succeeded"


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        (["failed", "failed", "failed"], "failed"),
        (["failed", "succeeded", "failed"], "succeeded"),
        (["cancelled", "succeeded", "failed"], "succeeded"),
        (["cancelled", "cancelled", "failed"], "cancelled"),
    ],
)
def test_a_parent_ends_as_its_children_did(ends: list[str], expected: str) -> None:
    parent = split()
    for child, how in zip(children(parent), ends, strict=True):
        end(child, how)
    family.settle()
    assert shown(parent)["state"] == expected
    assert (shown(parent)["error"] or {}).get("code") == ("children_failed" if expected == "failed" else None)


def test_cancelling_a_parent_cancels_its_children() -> None:
    parent = split()
    running = claim("parts", 7)
    assert running is not None
    row = family.steer(state.cancel, parent)
    assert row is not None and row["state"] == "running"
    assert [each["state"] for each in children(parent)] == ["running", "cancelled", "cancelled"]
    state.release(running["id"], 1)
    family.settle()
    assert shown(parent)["state"] == "cancelled"
    assert shown(parent)["result"]["counts"]["cancelled"] == 3


def test_a_parent_whose_children_all_wait_is_cancelled_at_once() -> None:
    parent = split()
    row = family.steer(state.cancel, parent)
    assert row is not None and row["state"] == "cancelled"


def test_pausing_a_parent_pauses_its_children_until_it_is_resumed() -> None:
    parent = split()
    running = claim("parts", 7)
    assert running is not None
    assert family.steer(state.resume, parent) is None
    row = family.steer(state.pause, parent)
    assert row is not None and row["state"] == "paused"
    assert [(each["state"], each["wish"]) for each in children(parent)] == [
        ("running", "pause"),
        ("paused", None),
        ("paused", None),
    ]
    assert claim("parts", 7) is None
    row = family.steer(state.resume, parent)
    assert row is not None and row["state"] == "running"
    assert [(each["state"], each["wish"]) for each in children(parent)] == [
        ("running", None),
        ("queued", None),
        ("queued", None),
    ]


def test_a_child_paused_by_itself_stays_so_when_its_parent_is_left_alone() -> None:
    parent = split()
    first = children(parent)[0]["id"]
    family.steer(state.pause, first)
    assert family.steer(state.resume, parent) is None
    assert shown(first)["state"] == "paused" and shown(parent)["state"] == "running"


def test_a_retried_parent_retries_what_failed_and_a_retried_child_opens_its_parent() -> None:
    parent = split()
    for child in children(parent):
        end(child, "failed")
    family.settle()
    row = family.steer(state.retry, parent)
    assert row is not None and row["state"] == "running"
    assert {each["state"] for each in children(parent)} == {"queued"}
    for child, how in zip(children(parent), ["failed", "succeeded", "succeeded"], strict=True):
        end(child, how)
    family.settle()
    assert shown(parent)["state"] == "succeeded"
    assert family.steer(state.retry, parent) is None
    family.steer(state.retry, children(parent)[0]["id"])
    assert shown(parent)["state"] == "running"
    run_next()
    family.settle()
    assert shown(parent)["result"]["counts"] == {"total": 3, "succeeded": 3, "failed": 0, "cancelled": 0}


def test_a_wish_that_came_while_the_job_split_is_kept() -> None:
    parent = queued(kind=PARTS, params={"parts": 3})
    row = claim("parts", 7)
    assert row is not None
    state.pause(parent["id"])
    assert family.split(row, PARTS, Split([{"part": 1}])) is not None
    assert shown(parent["id"])["state"] == "paused" and children(parent["id"]) == []


def test_a_lost_lease_splits_nothing() -> None:
    queued(kind=PARTS)
    row = claim("parts", 7)
    assert row is not None
    change("UPDATE job SET attempt = attempt + 1")
    assert family.split(row, PARTS, Split([{"part": 1}])) is None
    assert children(row["id"]) == []


def test_a_waiting_parent_is_nobodys_lost_job() -> None:
    parent = split()
    change("UPDATE job SET started_at = 0")
    assert lease.overdue() == [] and shown(parent)["state"] == "running"


def test_children_count_against_limits_and_take_turns_with_others() -> None:
    split()
    queued(owner=2, kind=PARTS)
    owners = []
    while row := claim("parts", 7, Limits(per_user=2)):
        owners.append(row["owner_id"])
    assert sorted(owners) == [1, 1, 2] and owners.index(2) < 2


def test_children_are_forgotten_with_their_parent_and_never_before() -> None:
    parent, other = (finished_family() for _ in range(2))
    family.settle()
    change("UPDATE job SET created_at = created_at - 100, finished_at = finished_at - 100")
    change("UPDATE job SET finished_at = NOW WHERE id = %s", other)
    prune_ended_before(50)
    assert job.find(parent) is None and children(parent) == []
    assert len(children(other)) == 3
    assert query("SELECT count(*) AS n FROM job_event WHERE job_id = %s", parent)[0]["n"] == 0
