"""What the API says of quotas, of jobs that exist once, and of parents and children."""

from dataclasses import replace

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
