"""Only a worker that is really gone, or frozen for long, loses its job."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from config.database import change, query
from config.liveness import Life, living
from config.settings import Settings
from pipelines.jobs import lease, state
from pipelines.jobs.claim import claim
from pipelines.jobs.context import Attempt
from pipelines.jobs.lease import FROZEN, LEASE, Worker, renew, rescue
from pipelines.models import job
from tests.pipelines.jobs.sample import ECHO, queued
from tests.private_server import wait_until

pytestmark = pytest.mark.usefixtures("home")

DEAD = 999


@pytest.fixture
def living_worker() -> Iterator[int]:
    life = Life(5)
    yield 5
    life.end()


def age_lease(seconds: float) -> None:
    change("UPDATE job SET lease_until = lease_until - %s", seconds)


def test_a_dead_workers_job_is_rescued_after_missing_renewals() -> None:
    row = queued()
    claim("echo", DEAD)
    assert rescue() == []
    age_lease(3)
    assert [each["id"] for each in rescue()] == [row["id"]]
    after = job.find(row["id"])
    assert after is not None
    assert (after["state"], after["failures"], after["crashes"], after["rescued"]) == ("queued", 1, 1, 1)
    assert json.loads(after["error"])["code"] == "worker_lost"


def test_a_living_workers_expired_lease_waits(living_worker: int) -> None:
    queued()
    claim("echo", living_worker)
    age_lease(LEASE + FROZEN - 5)
    assert rescue() == []


def test_a_frozen_workers_job_is_rescued_in_the_end(living_worker: int) -> None:
    queued()
    claim("echo", living_worker)
    age_lease(LEASE + FROZEN + 1)
    assert len(rescue()) == 1


def test_a_renewed_lease_is_safe_and_brings_the_wishes() -> None:
    row = queued()
    claim("echo", DEAD)
    age_lease(3)
    state.cancel(row["id"])
    assert renew(DEAD) == [{"id": row["id"], "attempt": 1, "wish": "cancel"}]
    assert rescue() == []


@pytest.mark.parametrize(("wish", "end"), [(state.cancel, "cancelled"), (state.pause, "paused")])
def test_the_wish_for_a_dead_workers_job_is_kept(wish: object, end: str) -> None:
    row = queued()
    claim("echo", DEAD)
    wish(row["id"])  # type: ignore[operator]
    age_lease(3)
    rescue()
    assert job.find(row["id"])["state"] == end  # type: ignore[index]


def test_a_job_that_always_kills_its_worker_fails_for_good() -> None:
    row = queued()
    for _ in range(ECHO.max_attempts):
        assert claim("echo", DEAD) is not None
        age_lease(3)
        rescue()
    after = job.find(row["id"])
    assert after is not None
    assert (after["state"], after["failures"], after["attempt"]) == ("failed", 3, 3)
    assert after["finished_at"] is not None and json.loads(after["error"])["code"] == "worker_lost"
    assert claim("echo", DEAD) is None


def test_the_lock_of_a_killed_process_is_free() -> None:
    code = (
        "from workers.boot import connect; connect(2)\n"
        "from config.liveness import Life; life = Life(42)\n"
        "print('held', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        assert living({42, 43}) == {42}
        process.kill()
        process.wait()
        assert process.stdin is not None
        process.stdin.close()
    assert living({42, 43}) == set()


def test_a_worker_signs_on_and_off() -> None:
    worker = Worker(["echo"], 3)
    assert living({worker.id}) == {worker.id}
    assert query("SELECT queues, threads FROM worker") == [{"queues": "echo", "threads": 3}]
    worker.leave()
    assert living({worker.id}) == set() and query("SELECT 1 AS one FROM worker") == []


@pytest.fixture
def quick_worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    monkeypatch.setattr(lease, "RENEW_EVERY", 0.05)
    monkeypatch.setattr(lease, "BEAT_EVERY", 0.2)
    worker = Worker(["echo"], 2)
    yield worker
    worker.leave()


def test_a_claim_whose_answer_was_lost_is_given_back_and_a_running_attempt_is_not(
    quick_worker: Worker,
) -> None:
    running, lost = queued(), queued()
    row = claim("echo", quick_worker.id)
    assert row is not None and row["id"] == running["id"]
    quick_worker.begin(Attempt(row))
    claim("echo", quick_worker.id)
    wait_until(lambda: job.find(lost["id"])["state"] == "queued", 5, "the lost one")  # type: ignore[index]
    after = job.find(lost["id"])
    assert after is not None and (after["failures"], after["crashes"]) == (0, 0)
    assert job.find(running["id"])["state"] == "running"  # type: ignore[index]


def expect_renewals(worker: Worker) -> None:
    """The worker extends the lease of an attempt that it begins now."""
    row = queued()
    claimed = claim("echo", worker.id)
    assert claimed is not None
    worker.begin(Attempt(claimed))
    age_lease(5)
    fresh = "SELECT 1 AS one FROM job WHERE id = %s AND lease_until > NOW + 4"
    wait_until(lambda: bool(query(fresh, row["id"])), 5, "a renewal")


def test_chores_that_fail_or_hang_delay_no_renewal(quick_worker: Worker) -> None:
    begun, end = threading.Event(), threading.Event()

    def fail() -> None:
        raise PermissionError

    def hang() -> None:
        begun.set()
        end.wait(20)

    quick_worker.each_minute([fail, hang])
    assert begun.wait(5)
    expect_renewals(quick_worker)
    end.set()


def test_the_pulse_goes_on_after_an_error_that_nobody_thought_of(
    quick_worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    stumbled = threading.Event()

    def stumble() -> None:
        stumbled.set()
        raise OSError("no more files")

    monkeypatch.setattr(quick_worker._life, "keep", stumble)
    assert stumbled.wait(5)
    expect_renewals(quick_worker)


def test_a_worker_that_leaves_gives_back_what_did_not_end_in_time() -> None:
    worker = Worker(["echo"], 1)
    row = queued()
    claimed = claim("echo", worker.id)
    assert claimed is not None
    worker.begin(Attempt(claimed))
    worker.leave()
    after = job.find(row["id"])
    assert after is not None and (after["state"], after["failures"]) == ("queued", 0)


def test_of_a_worker_that_was_killed_long_ago_nothing_is_left(home: Settings) -> None:
    worker = Worker(["echo"], 1)
    file = home.run_dir / "workers" / str(worker.id)
    assert file.exists() == home.sqlite
    worker._ended.set()  # it is silent from now on
    lease.forget_gone()
    assert query("SELECT id FROM worker") == [{"id": worker.id}]
    change("UPDATE worker SET beat_at = beat_at - %s", lease.GONE + 60)
    lease.forget_gone()
    assert query("SELECT id FROM worker") == [] and not file.exists()
    worker.leave()
