"""A job is written down once, and its turn decides when it starts."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from peewee import OperationalError

from config.database import change, now, query
from config.settings import Settings
from pipelines.jobs import resource
from pipelines.jobs.claim import claim
from pipelines.jobs.submit import KEY_LIFETIME, KeyReused, Submission, submit
from pipelines.models import job
from tests.pipelines.jobs.sample import ECHO, queued

pytestmark = pytest.mark.usefixtures("home")


def owners_in_claim_order(count: int) -> list[int]:
    rows = [claim("echo", worker_id=1) for _ in range(count)]
    return [row["owner_id"] for row in rows if row]


def test_a_submitted_job_is_queued_with_its_history() -> None:
    row = queued()
    assert (row["state"], row["attempt"], row["failures"], row["revision"]) == ("queued", 0, 0, 1)
    assert [event["event"] for event in job.history(row["id"], limit=9)] == ["submitted"]


def test_a_job_that_is_written_down_counts_although_its_owner_cannot_be_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def away(_account_id: int) -> str:
        raise OperationalError("gone")

    monkeypatch.setattr(resource, "name_of", away)
    row = queued(owner=3)
    assert resource.describe(row)["owner"] == {"id": "3", "name": None}


def test_a_job_for_later_is_scheduled() -> None:
    assert queued(scheduled_at=now() + 60)["state"] == "scheduled"
    assert queued(scheduled_at=now() - 60)["state"] == "queued"


@pytest.mark.parametrize("depth", [1, 100, 10_000])
def test_another_users_first_job_starts_second(depth: int) -> None:
    for _ in range(min(depth, 100)):
        queued(owner=1)
    if depth > 100:
        copy_queued_rows(depth)
    queued(owner=2)
    assert owners_in_claim_order(2) == [1, 2]


def copy_queued_rows(depth: int) -> None:
    columns = "kind, queue, owner_id, params, state, priority, max_attempts, created_at"
    change(
        f"INSERT INTO job ({columns}, turn) SELECT {columns}, 100 + row_number() OVER (ORDER BY a.id) FROM job a,"
        " (SELECT id AS other FROM job) b WHERE a.id <= (SELECT min(id) FROM job) + %s",
        depth // 100 - 2,
    )
    assert query("SELECT count(*) AS n FROM job WHERE state = 'queued'")[0]["n"] >= depth


def test_users_take_turns() -> None:
    for owner in (1, 1, 1, 1, 2, 2, 2, 3, 3, 3):
        queued(owner=owner)
    assert owners_in_claim_order(10) == [1, 2, 3, 1, 2, 3, 1, 2, 3, 1]


def test_taking_turns_goes_on_while_jobs_run() -> None:
    for _ in range(20):
        queued(owner=1)
    assert owners_in_claim_order(8) == [1] * 8
    queued(owner=2)
    assert owners_in_claim_order(2) == [1, 2]


def test_a_cancelled_backlog_is_no_penalty() -> None:
    from pipelines.jobs.state import cancel

    mine = [queued(owner=1) for _ in range(50)]
    for _ in range(5):
        queued(owner=2)
    for row in mine:
        cancel(row["id"])
    queued(owner=1)
    assert 1 in owners_in_claim_order(2)


def test_the_highest_priority_starts_first() -> None:
    for _ in range(100):
        queued(owner=1)
    copy_queued_rows(10_000)
    urgent = queued(owner=1, priority=9)
    row = claim("echo", worker_id=1)
    assert row is not None and row["id"] == urgent["id"]


def test_the_same_key_is_the_same_job() -> None:
    first, new = submit(Submission(ECHO, {"a": 1}, owner_id=1, key="k"))
    again, new_again = submit(Submission(ECHO, {"a": 1}, owner_id=1, key="k"))
    assert (new, new_again, again["id"]) == (True, False, first["id"])


def test_the_same_key_of_another_user_is_another_job() -> None:
    assert queued(owner=1, key="k")["id"] != queued(owner=2, key="k")["id"]


def test_the_same_key_with_another_body_is_refused() -> None:
    submit(Submission(ECHO, {"a": 1}, owner_id=1, key="k"))
    with pytest.raises(KeyReused):
        submit(Submission(ECHO, {"a": 2}, owner_id=1, key="k"))


def test_a_key_is_forgotten_after_a_day() -> None:
    first = queued(key="k")
    change("UPDATE job SET created_at = created_at - %s", KEY_LIFETIME + 1)
    assert queued(key="k")["id"] != first["id"]


def test_fifty_submits_at_once_with_one_key_make_one_row() -> None:
    barrier = threading.Barrier(50)

    def one(_: int) -> int:
        barrier.wait()
        return int(queued(key="k")["id"])

    with ThreadPoolExecutor(50) as pool:
        assert len(set(pool.map(one, range(50)))) == 1
    assert query("SELECT count(*) AS n FROM job")[0]["n"] == 1


def test_submit_does_not_wait_for_redis(home: Settings) -> None:
    from config import redis

    redis.quick().connection_pool.disconnect()
    redis.quick.cache_clear()
    began = time.monotonic()
    queued()
    assert time.monotonic() - began < 0.5
