"""Every due job goes to exactly one claimer."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipelines.jobs import state
from pipelines.jobs.claim import claim
from pipelines.models import job
from tests.pipelines.jobs.sample import queued

pytestmark = pytest.mark.usefixtures("home")


def test_a_claim_starts_an_attempt() -> None:
    queued()
    row = claim("echo", worker_id=7)
    assert row is not None
    assert (row["state"], row["attempt"], row["worker_id"]) == ("running", 1, 7)
    assert row["lease_until"] > row["started_at"]


def test_an_empty_queue_gives_nothing() -> None:
    assert claim("echo", worker_id=1) is None


def test_other_queues_are_left_alone() -> None:
    queued()
    assert claim("other", worker_id=1) is None


@pytest.mark.parametrize("change", [state.cancel, state.pause])
def test_only_queued_jobs_are_claimed(change: object) -> None:
    row = queued()
    change(row["id"])  # type: ignore[operator]
    assert claim("echo", worker_id=1) is None


def test_many_claimers_share_the_jobs_without_overlap() -> None:
    wanted = {queued()["id"] for _ in range(200)}
    barrier = threading.Barrier(16)

    def take(worker: int) -> list[int]:
        barrier.wait()
        mine = []
        while row := claim("echo", worker):
            mine.append(row["id"])
        return mine

    with ThreadPoolExecutor(16) as pool:
        taken = Counter(job_id for mine in pool.map(take, range(1, 17)) for job_id in mine)
    assert set(taken) == wanted and set(taken.values()) == {1}


def test_a_released_job_comes_before_the_others() -> None:
    first = queued(owner=1)
    for owner in (2, 3):
        queued(owner=owner)
    row = claim("echo", worker_id=1)
    assert row is not None and row["id"] == first["id"]
    state.release(row["id"], row["attempt"])
    again = claim("echo", worker_id=1)
    assert again is not None and (again["id"], again["attempt"]) == (first["id"], 2)
    assert job.find(first["id"])["failures"] == 0  # type: ignore[index]
