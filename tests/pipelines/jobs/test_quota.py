"""Who may submit how much in an hour, and of which jobs there is only one at a time."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from peewee import IntegrityError

from config.database import change, query
from pipelines.jobs import state
from pipelines.jobs.submit import HOUR, QuotaUsedUp, Submission, submit
from tests.pipelines.jobs.sample import ECHO, queued

pytestmark = pytest.mark.usefixtures("home")

UNIQUE = replace(ECHO, unique=lambda params: params.get("section"))


def test_one_more_than_the_quota_is_refused_until_an_hour_has_passed() -> None:
    for _ in range(3):
        queued(hourly=3)
    with pytest.raises(QuotaUsedUp) as refused:
        queued(hourly=3)
    assert refused.value.quota == 3 and HOUR - 30 < refused.value.after <= HOUR
    queued(owner=2, hourly=3)
    queued(kind=replace(ECHO, name="other"), hourly=3)
    change("UPDATE job SET created_at = created_at - %s WHERE id = (SELECT min(id) FROM job)", HOUR + 1)
    queued(hourly=3)
    with pytest.raises(QuotaUsedUp):
        queued(hourly=3)


def test_no_quota_counts_nothing() -> None:
    for hourly in (0, None):
        assert [queued(hourly=hourly)["state"] for _ in range(8)] == ["queued"] * 8


def test_a_key_leads_to_its_job_although_the_quota_is_used_up() -> None:
    first = queued(hourly=1, key="k")
    assert queued(hourly=1, key="k")["id"] == first["id"]


def test_a_retry_and_the_children_of_a_job_do_not_count() -> None:
    first = queued(hourly=2)
    state.cancel(first["id"])
    state.retry(first["id"])
    change("UPDATE job SET parent_id = %s WHERE id = %s", first["id"], queued()["id"])
    queued(hourly=2)
    with pytest.raises(QuotaUsedUp):
        queued(hourly=2)


def test_of_many_at_once_only_the_quota_passes() -> None:
    barrier = threading.Barrier(16)

    def try_one(_: int) -> bool:
        barrier.wait()
        try:
            queued(hourly=5)
        except QuotaUsedUp:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(try_one, range(16))) == 5


def test_one_live_job_for_each_unique_key() -> None:
    wanted = Submission(UNIQUE, {"section": "films"}, owner_id=1)
    first, new = submit(wanted)
    again, new_again = submit(replace(wanted, owner_id=2))
    assert new and not new_again and again["id"] == first["id"]
    assert submit(replace(wanted, params={"section": "series"}))[1]
    assert submit(replace(wanted, params={}))[1] and submit(replace(wanted, params={}))[1]
    state.cancel(first["id"])
    second, new = submit(wanted)
    assert new
    with pytest.raises(IntegrityError):
        state.retry(first["id"])
    state.cancel(second["id"])
    assert state.retry(first["id"]) is not None


def test_of_many_at_once_one_gets_the_unique_key() -> None:
    barrier = threading.Barrier(16)

    def try_one(owner: int) -> bool:
        barrier.wait()
        return submit(Submission(UNIQUE, {"section": "films"}, owner_id=owner))[1]

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(try_one, range(1, 17))) == 1
    assert query("SELECT count(*) AS n FROM job")[0]["n"] == 1
