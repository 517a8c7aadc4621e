"""Admins decide what people may do, let them in and show them out; never the last of themselves."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.accounts import passwords, removal, sessions, tokens, users
from app.accounts.identity import SCOPES
from config.database import change, database, query
from pipelines.jobs.claim import claim
from pipelines.models import cookie, download
from pipelines.models.account import LastAdmin, set_role
from tests.app.conftest import API, PASSWORD, Caller

FILM = {"kind": "download", "params": {"url": "https://example.com/film.mp4"}}


def patch(admin: Caller, person: Caller, body: Any) -> dict[str, Any]:
    response = admin.ask("PATCH", f"/users/{person.id}", body)
    assert response.status_code == 200, response.text
    user: dict[str, Any] = response.get_json()
    return user


def entries(admin: Caller, action: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = admin.get(f"/admin/audit?action={action}").get_json()["items"]
    return found


def test_everybody_is_listed_by_name_page_by_page(admin: Caller, friend: Caller, stranger: Caller) -> None:
    change("UPDATE account SET plex_id = 7, email = 'bob@example.com' WHERE id = %s", friend.id)
    first = admin.get("/users?limit=2").get_json()
    assert [user["name"] for user in first["items"]] == ["ann", "bob"]
    bob = first["items"][1]
    assert (
        bob.items()
        >= {
            "id": str(friend.id),
            "name": "bob",
            "role": "user",
            "suspended": None,
            "plex": True,
            "email": "bob@example.com",
            "seen_at": None,
            "permissions": {"download": True, "request": True, "scan": True},
            "quotas": {"download": None, "request": None},
        }.items()
    )
    assert admin.get(f"/users/{friend.id}").get_json() == bob
    second = admin.get(f"/users?limit=2&cursor={first['next_cursor']}").get_json()
    assert [user["name"] for user in second["items"]] == ["cyd"]


def test_what_changes_is_stored_answered_and_written_down(admin: Caller, friend: Caller) -> None:
    body = {"role": "admin", "permissions": {"scan": False}, "quotas": {"download": 9}}
    user = patch(admin, friend, body)
    assert user == admin.get(f"/users/{friend.id}").get_json()
    assert user["permissions"] == {"download": True, "request": True, "scan": False}
    patch(admin, friend, {"permissions": {"scan": True, "download": False}, "quotas": {"request": 0}})
    user = patch(admin, friend, {"quotas": {"download": None}})
    assert user["permissions"] == {"download": False, "request": True, "scan": True}
    assert user["quotas"] == {"download": None, "request": 0}
    told = entries(admin, "user.changed")
    assert [(entry["target"], entry["actor"]["name"], entry["detail"]["id"]) for entry in told] == [
        ("bob", "ann", str(friend.id))
    ] * 3
    assert (
        told[2]["detail"].items()
        >= {
            "role": {"from": "user", "to": "admin"},
            "quotas": {
                "from": {"download": None, "request": None},
                "to": {"download": 9, "request": None},
            },
        }.items()
    )
    assert "role" not in told[1]["detail"] and "suspended" not in told[2]["detail"]


def test_what_stays_as_it_is_signs_nobody_out_and_is_no_entry(
    app: Flask, admin: Caller, friend: Caller
) -> None:
    cookie_value = sessions.begin(friend.id, "test")
    patch(admin, friend, {"role": "user", "permissions": {"scan": True}, "quotas": {"download": None}})
    assert sessions.identify(cookie_value) is not None
    assert entries(admin, "user.changed") == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "role"),
        ({"permissions": {}}, "role"),
        ({"quotas": {}, "permissions": {}}, "role"),
        ({"role": None}, "role"),
        ({"role": "owner"}, "role"),
        ({"permissions": {"probe": False}}, "permissions.probe"),
        ({"permissions": {"scan": "no"}}, "permissions.scan"),
        ({"permissions": {"scan": None}}, "permissions.scan"),
        ({"quotas": {"scan": 1}}, "quotas.scan"),
        ({"quotas": {"download": -1}}, "quotas.download"),
        ({"quotas": {"download": 1.5}}, "quotas.download"),
        ({"quotas": {"download": True}}, "quotas.download"),
        ({"quotas": {"download": 10**7}}, "quotas.download"),
        ({"role": "admin", "name": "eve"}, "name"),
        ({"role": "admin", "password_hash": "x"}, "password_hash"),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_no_change_is_422_and_changes_nothing(
    admin: Caller, friend: Caller, body: Any, field: str
) -> None:
    before = admin.get(f"/users/{friend.id}").get_json()
    response = admin.ask("PATCH", f"/users/{friend.id}", body)
    assert (response.status_code, response.get_json()["code"]) == (422, "invalid_fields")
    assert [error["field"] for error in response.get_json()["errors"]] == [field]
    assert admin.get(f"/users/{friend.id}").get_json() == before


@pytest.mark.parametrize("odd", ["0", "999", "abc", "-1", "9" * 30, "%00", "²"])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_nobody_of_this_id_is_404(admin: Caller, odd: str) -> None:
    for method, body in (("GET", None), ("PATCH", {"role": "user"}), ("DELETE", None)):
        response = admin.ask(method, f"/users/{odd}", body)
        assert (response.status_code, response.get_json()["code"]) == (404, "not_found"), method


def test_a_suspension_ends_sessions_and_shuts_tokens_out_until_it_is_lifted(
    app: Flask, admin: Caller, friend: Caller
) -> None:
    change("UPDATE account SET password_hash = %s WHERE id = %s", _hash(), friend.id)
    browser = app.test_client()
    browser.set_cookie("mn_session", sessions.begin(friend.id, "test"))
    assert browser.get(f"{API}/me").status_code == 200
    user = patch(admin, friend, {"role": "suspended"})
    assert (user["role"], user["suspended"]) == ("suspended", "admin")
    assert browser.get(f"{API}/me").status_code == 401
    refused = friend.get("/me")
    assert (refused.status_code, refused.get_json()["code"]) == (403, "suspended")
    login = browser.post(f"{API}/auth/login", json={"username": "bob", "password": PASSWORD})
    assert (login.status_code, login.get_json()["code"]) == (403, "suspended")
    assert "Set-Cookie" not in login.headers
    assert entries(admin, "auth.login_failed")[0]["detail"] == {"reason": "suspended"}
    user = patch(admin, friend, {"role": "user"})
    assert (user["role"], user["suspended"]) == ("user", None)
    assert friend.get("/me").status_code == 200
    assert browser.get(f"{API}/me").status_code == 401


def _hash() -> str:
    return passwords.hashed(PASSWORD)


@pytest.mark.parametrize("why", ["approval", "access"])
def test_the_role_user_lets_in_who_waits_and_an_admins_no_outweighs_other_reasons(
    admin: Caller, friend: Caller, why: Any
) -> None:
    set_role(friend.id, "suspended", why)
    assert patch(admin, friend, {"role": "suspended"})["suspended"] == "admin"
    set_role(friend.id, "suspended", why)
    assert admin.get(f"/users/{friend.id}").get_json()["suspended"] == why
    assert patch(admin, friend, {"role": "user"})["suspended"] is None
    assert friend.get("/me").status_code == 200


def test_the_last_admin_stays_and_any_other_may_go_by_their_own_hand(admin: Caller, friend: Caller) -> None:
    for method, body in (("PATCH", {"role": "user"}), ("PATCH", {"role": "suspended"}), ("DELETE", None)):
        response = admin.ask(method, f"/users/{admin.id}", body)
        assert (response.status_code, response.get_json()["code"]) == (409, "last_admin")
    patch(admin, friend, {"role": "admin"})
    assert admin.ask("PATCH", f"/users/{admin.id}", {"role": "user"}).status_code == 200
    assert admin.get("/users").status_code == 403
    assert friend.delete(f"/users/{admin.id}").status_code == 204
    assert friend.delete(f"/users/{friend.id}").status_code == 409


def test_what_an_admin_forbids_is_refused_and_what_is_queued_stays(admin: Caller, friend: Caller) -> None:
    queued = friend.post("/jobs", FILM).get_json()
    ended = friend.post("/jobs", FILM).get_json()
    friend.post(f"/jobs/{ended['id']}/cancel")
    patch(admin, friend, {"permissions": {"download": False}})
    for response in (friend.post("/jobs", FILM), friend.post(f"/jobs/{ended['id']}/retry")):
        assert (response.status_code, response.get_json()["code"]) == (403, "not_permitted")
    assert friend.get(f"/jobs/{queued['id']}").get_json()["state"] == "queued"
    assert friend.get("/me").get_json()["permissions"] == {"download": False, "request": True, "scan": True}
    allowed = {kind["name"]: kind["allowed"] for kind in friend.get("/kinds").get_json()["items"]}
    assert (allowed["download"], allowed["echo"], allowed["chore"], allowed["inner"]) == (
        False,
        True,
        False,
        False,
    )
    told = entries(admin, "access.refused")
    assert [(each["target"], each["detail"]) for each in told if each["target"] == "POST /api/v1/jobs"] == [
        ("POST /api/v1/jobs", {"reason": "not_permitted"})
    ]
    friend.submit()
    patch(admin, friend, {"permissions": {"download": True}})
    assert friend.post("/jobs", FILM).status_code == 202


@pytest.fixture
def two_an_hour(environment: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIANEST_DOWNLOAD_PER_HOUR", "2")


def test_a_quota_of_ones_own_replaces_the_general_one(
    two_an_hour: None, admin: Caller, friend: Caller
) -> None:
    def accepted() -> int:
        """How many are accepted before one is not, at most four."""
        return next((n for n in range(4) if friend.post("/jobs", FILM).status_code == 429), 4)

    assert accepted() == 2
    patch(admin, friend, {"quotas": {"download": 3}})
    assert friend.get("/me").get_json()["quotas"]["download"].items() >= {"limit": 3, "used": 2}.items()
    assert accepted() == 1
    patch(admin, friend, {"quotas": {"download": 0}})
    assert friend.get("/me").get_json()["quotas"]["download"]["limit"] is None
    assert accepted() == 4
    patch(admin, friend, {"quotas": {"download": None}})
    assert accepted() == 0


def test_deleting_somebody_ends_their_jobs_and_leaves_what_they_did(admin: Caller, friend: Caller) -> None:
    cookie.put(friend.id, "example.com", "text")
    value = sessions.begin(friend.id, "test")
    ended, running, waiting = (int(friend.submit()["id"]) for _ in range(3))
    friend.post(f"/jobs/{ended}/cancel")
    change("UPDATE job SET turn = 0 WHERE id = %s", running)
    assert claim("echo", 1) is not None
    result = {
        "title": "Film",
        "uploader": None,
        "duration": None,
        "source_url": "x",
        "files": [{"path": "a"}],
    }
    download.record(ended, friend.id, "generic", "x", "video", result)
    assert admin.get(f"/jobs/{waiting}").get_json()["owner"] == {"id": str(friend.id), "name": "bob"}

    assert admin.delete(f"/users/{friend.id}").status_code == 204
    assert admin.get(f"/users/{friend.id}").status_code == 404
    assert admin.delete(f"/users/{friend.id}").status_code == 404
    assert sessions.identify(value) is None and friend.get("/me").status_code == 401
    assert query("SELECT * FROM cookie") == []
    assert query("SELECT state, wish FROM job ORDER BY id") == [
        {"state": "cancelled", "wish": None},
        {"state": "running", "wish": "cancel"},
        {"state": "cancelled", "wish": None},
    ]
    nameless = {"id": str(friend.id), "name": None}
    assert admin.get(f"/jobs/{waiting}").get_json()["owner"] == nameless
    assert admin.get("/downloads").get_json()["items"][0]["owner"] == nameless
    (entry,) = entries(admin, "user.deleted")
    assert (entry["target"], entry["detail"]) == ("bob", {"id": str(friend.id), "role": "user"})


def test_the_children_of_a_deleted_persons_job_end_with_it(admin: Caller, friend: Caller) -> None:
    parent, child = (int(friend.submit()["id"]) for _ in range(2))
    change("UPDATE job SET parent_id = %s WHERE id = %s", parent, child)
    change("UPDATE job SET children = 1, state = 'running' WHERE id = %s", parent)
    assert admin.delete(f"/users/{friend.id}").status_code == 204
    assert [row["state"] for row in query("SELECT state FROM job ORDER BY id")] == ["cancelled"] * 2


def test_a_name_that_is_free_again_brings_nothing_back(app: Flask, admin: Caller, friend: Caller) -> None:
    job = friend.submit()
    admin.delete(f"/users/{friend.id}")
    again = users.create("bob", None, "user")
    assert again != friend.id
    other = Caller(app.test_client(), tokens.create(again, "test", SCOPES)[1], again)
    assert other.get(f"/jobs/{job['id']}").status_code == 404
    assert other.get("/jobs").get_json()["items"] == []


LOSSES: dict[str, Callable[[int], object]] = {
    "demoted": lambda account: users.revise(account, "user"),
    "suspended": lambda account: users.revise(account, "suspended"),
    "suspended by Plex": lambda account: set_role(account, "suspended", "access"),
    "deleted": removal.remove,
}


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(losses=st.lists(st.sampled_from(sorted(LOSSES)), min_size=2, max_size=6))
def test_the_last_admin_is_never_lost_however_many_go_at_the_same_time(
    bound_database: str, losses: list[str]
) -> None:
    change("DELETE FROM account")
    admins = [users.create(f"admin-{number}", None, "admin") for number in range(len(losses))]
    together = threading.Barrier(len(losses))

    def lose(account: int, how: str) -> bool:
        together.wait(10)
        try:
            LOSSES[how](account)
        except LastAdmin:
            return False
        finally:
            database.close()
        return True

    with ThreadPoolExecutor(len(losses)) as pool:
        went = list(pool.map(lose, admins, losses))
    assert went.count(False) == 1
    left = query("SELECT id FROM account WHERE role = 'admin'")
    assert [row["id"] for row in left] == [admins[went.index(False)]]


RIGHTS = st.fixed_dictionaries(
    {},
    optional={
        "permissions": st.dictionaries(st.sampled_from(users.PERMISSIONS), st.booleans()),
        "quotas": st.dictionaries(st.sampled_from(users.QUOTAS), st.none() | st.integers(0, 9)),
    },
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(RIGHTS, max_size=6))
def test_rights_are_what_was_last_said_of_each(bound_database: str, changes: list[dict[str, Any]]) -> None:
    change("DELETE FROM account")
    account = users.create("bob", None, "user")
    permissions: dict[str, bool] = dict.fromkeys(users.PERMISSIONS, True)
    quotas: dict[str, int | None] = dict.fromkeys(users.QUOTAS)
    for each in changes:
        users.revise(account, **each)
        permissions |= each.get("permissions", {})
        quotas |= each.get("quotas", {})
    standing = users.standing(users.by_id(account) or {})
    assert (standing["permissions"], standing["quotas"]) == (permissions, quotas)
