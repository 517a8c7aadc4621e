"""Reading jobs: one's own, filtered, page by page."""

from typing import Any
from urllib.parse import quote

import pytest

from pipelines.jobs import state
from tests.app.conftest import Caller


def ids(page: dict[str, Any]) -> list[int]:
    return [int(item["id"]) for item in page["items"]]


def test_pages_cover_all_jobs_once_and_the_newest_first_while_new_ones_come(friend: Caller) -> None:
    submitted = [int(friend.submit()["id"]) for _ in range(7)]
    page = friend.get("/jobs?limit=3").get_json()
    seen = ids(page)
    while page["next_cursor"]:
        friend.submit()
        page = friend.get(f"/jobs?limit=3&cursor={page['next_cursor']}").get_json()
        seen += ids(page)
    assert seen == sorted(submitted, reverse=True)


def test_the_last_page_is_known_even_if_it_is_full(friend: Caller) -> None:
    for _ in range(2):
        friend.submit()
    assert friend.get("/jobs?limit=2").get_json()["next_cursor"] is None
    assert len(friend.get("/jobs").get_json()["items"]) == 2


def test_people_see_their_own_jobs_and_admins_all(friend: Caller, stranger: Caller, admin: Caller) -> None:
    own, theirs = int(friend.submit()["id"]), int(stranger.submit()["id"])
    assert ids(friend.get("/jobs").get_json()) == [own]
    assert ids(friend.get(f"/jobs?owner={stranger.id}").get_json()) == []
    assert ids(friend.get("/jobs?owner=none").get_json()) == []
    assert ids(friend.get("/jobs?owner=me").get_json()) == [own]
    assert ids(admin.get("/jobs").get_json()) == [theirs, own]
    assert ids(admin.get(f"/jobs?owner={friend.id}").get_json()) == [own]
    assert ids(admin.get("/jobs?owner=me").get_json()) == []
    assert ids(admin.get("/jobs?owner=none").get_json()) == []


def test_somebody_elses_job_is_404_whatever_is_asked_of_it(
    friend: Caller, stranger: Caller, admin: Caller
) -> None:
    job = friend.submit()
    path = f"/jobs/{job['id']}"
    asked = [stranger.get(path), stranger.get(f"{path}/events")]
    asked += [stranger.post(f"{path}/{action}") for action in ("cancel", "pause", "resume", "retry")]
    assert [response.status_code for response in asked] == [404] * 6
    assert friend.get(path).get_json() == job
    assert admin.get(path).get_json() == job


def test_filters_by_kind_state_and_words(admin: Caller) -> None:
    first = int(admin.submit(params={"word": "50% ü_x"})["id"])
    second = int(admin.submit(params={"word": 'say "ho"'})["id"])
    chore = int(admin.post("/jobs", {"kind": "chore"}).get_json()["id"])
    state.cancel(second)

    def found(query: str) -> list[int]:
        return ids(admin.get(f"/jobs?{query}").get_json())

    assert found("kind=chore") == [chore]
    assert found("state=cancelled") == [second]
    assert found("state=queued&kind=echo") == [first]
    assert found("state=queued,cancelled&kind=echo,other") == [second, first]
    assert found("routine=true") == [] and found("routine=false") == [chore, second, first]
    assert found("q=" + quote("50% ü_")) == [first]
    assert found("q=" + quote('say "ho')) == [second]
    assert found("q=50%25_x") == []


def test_events_tell_the_history_from_its_beginning_page_by_page(friend: Caller) -> None:
    path = f"/jobs/{friend.submit()['id']}"
    for action in ("pause", "resume", "cancel", "retry"):
        assert friend.post(f"{path}/{action}").status_code == 202
    page = friend.get(f"{path}/events?limit=2").get_json()
    told = page["items"]
    while page["next_cursor"]:
        page = friend.get(f"{path}/events?limit=2&cursor={page['next_cursor']}").get_json()
        told += page["items"]
    assert [(event["event"], event["state"]) for event in told] == [
        ("submitted", "queued"),
        ("pause", "paused"),
        ("resume", "queued"),
        ("cancel", "cancelled"),
        ("retry", "queued"),
    ]
    assert [event["revision"] for event in told] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("action", ["resume", "retry"])
def test_what_the_state_does_not_allow_is_409(friend: Caller, action: str) -> None:
    job = friend.submit()
    response = friend.post(f"/jobs/{job['id']}/{action}")
    assert (response.status_code, response.get_json()["code"]) == (409, "wrong_state")
    assert "queued" in response.get_json()["detail"]
    assert friend.get(f"/jobs/{job['id']}").get_json() == job


def test_kinds_are_listed_with_their_schemas(friend: Caller) -> None:
    kinds = {kind["name"]: kind for kind in friend.get("/kinds").get_json()["items"]}
    assert {"download", "probe", "echo", "chore", "inner"} <= set(kinds)
    assert set(kinds["echo"]) == {
        "name",
        "title",
        "queue",
        "params",
        "submit",
        "every",
        "max_attempts",
        "allowed",
    }
    assert kinds["echo"]["params"]["properties"]["word"]["maxLength"] == 20
    assert [kinds[name]["submit"] for name in ("echo", "chore", "inner")] == ["user", "admin", "system"]
    assert kinds["probe"]["every"] == 30.0
