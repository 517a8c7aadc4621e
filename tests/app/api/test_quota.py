"""What the API says of quotas, of jobs that exist once, and of parents and children."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from config.database import change
from pipelines.registry import KINDS
from tests.app.conftest import Caller


@pytest.fixture
def scarce(app: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two `echo` an hour, one at a time for each word."""
    kind = replace(KINDS["echo"], hourly=lambda: 2, unique=lambda params: params["word"])
    monkeypatch.setitem(KINDS, "echo", kind)


@pytest.mark.usefixtures("scarce")
def test_the_hours_quota_is_a_429_that_says_when_there_is_room(friend: Caller, admin: Caller) -> None:
    for word in ("one", "two"):
        friend.submit(params={"word": word})
    answer = friend.post("/jobs", {"kind": "echo", "params": {"word": "three"}})
    assert (answer.status_code, answer.get_json()["code"]) == (429, "quota_used_up")
    assert answer.content_type == "application/problem+json"
    assert 3500 < int(answer.headers["Retry-After"]) <= 3600
    for word in ("four", "five", "six"):
        admin.submit(params={"word": word})
    assert len(friend.get("/jobs").get_json()["items"]) == 2


@pytest.mark.usefixtures("scarce")
def test_the_quota_can_be_seen_before_it_is_used_up(friend: Caller, admin: Caller) -> None:
    def echoes(person: Caller) -> dict[str, Any]:
        found: dict[str, Any] = person.get("/me").get_json()["quotas"]["echo"]
        return found

    assert echoes(friend) == {"limit": 2, "used": 0, "resets_at": None}
    first, second = (friend.submit(params={"word": word}) for word in ("one", "two"))
    change("UPDATE job SET created_at = created_at - 1800 WHERE id = %s", int(first["id"]))
    half_an_hour = datetime.fromisoformat(first["created_at"]) + timedelta(minutes=30)
    assert echoes(friend) == {"limit": 2, "used": 2, "resets_at": told(half_an_hour)}
    change("UPDATE job SET created_at = created_at - 1800 WHERE id = %s", int(first["id"]))
    an_hour = datetime.fromisoformat(second["created_at"]) + timedelta(hours=1)
    assert echoes(friend) == {"limit": 2, "used": 1, "resets_at": told(an_hour)}
    admin.submit(params={"word": "three"})
    assert (echoes(admin)["limit"], echoes(admin)["used"]) == (None, 1)


@pytest.mark.usefixtures("scarce")
def test_children_cost_no_quota_and_kinds_without_one_are_not_listed(friend: Caller) -> None:
    parent, child = (friend.submit(params={"word": word}) for word in ("one", "two"))
    change("UPDATE job SET parent_id = %s WHERE id = %s", int(parent["id"]), int(child["id"]))
    quotas = friend.get("/me").get_json()["quotas"]
    assert quotas["echo"]["used"] == 1
    assert "probe" not in quotas and "chore" not in quotas


def told(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.mark.usefixtures("scarce")
def test_the_same_job_again_is_the_same_job_and_somebody_elses_a_conflict(
    friend: Caller, stranger: Caller
) -> None:
    first = friend.submit(params={"word": "same"})
    again = friend.post("/jobs", {"kind": "echo", "params": {"word": "same"}})
    assert (again.status_code, again.get_json()["id"]) == (200, first["id"])
    theirs = stranger.post("/jobs", {"kind": "echo", "params": {"word": "same"}})
    assert (theirs.status_code, theirs.get_json()["code"]) == (409, "duplicate_job")
    friend.post(f"/jobs/{first['id']}/cancel")
    stranger.submit(params={"word": "same"})
    retried = friend.post(f"/jobs/{first['id']}/retry")
    assert (retried.status_code, retried.get_json()["code"]) == (409, "duplicate_job")


def test_the_children_of_a_job_can_be_listed(friend: Caller, stranger: Caller) -> None:
    parent, child, _other = (friend.submit() for _ in range(3))
    change("UPDATE job SET parent_id = %s WHERE id = %s", int(parent["id"]), int(child["id"]))
    found = friend.get(f"/jobs?parent={parent['id']}").get_json()["items"]
    assert [(each["id"], each["parent_id"]) for each in found] == [(child["id"], parent["id"])]
    assert stranger.get(f"/jobs?parent={parent['id']}").get_json()["items"] == []
    alone = [job["id"] for job in friend.get("/jobs?parent=none").get_json()["items"]]
    assert parent["id"] in alone and not {job["id"] for job in found} & set(alone)
