"""Signing in by password: the cookie, its life and its end."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import access
from app.accounts import passwords, sessions, users
from config.database import Row, change, query, transaction
from pipelines.models.account import set_role
from tests.app.accounts.plex_browser import wait_until_blocked
from tests.app.conftest import API, PASSWORD, Caller


@pytest.fixture
def account(app: Flask) -> int:
    return users.create("Dora", PASSWORD, "user")


def login(client: FlaskClient, username: str = "dora", password: str = PASSWORD, **more: Any) -> TestResponse:
    return client.post(f"{API}/auth/login", json={"username": username, "password": password}, **more)


def cookie_of(client: FlaskClient) -> str:
    cookie = client.get_cookie("mn_session")
    return cookie.value if cookie else ""


def with_cookie(app: Flask, value: str) -> FlaskClient:
    client = app.test_client()
    client.set_cookie("mn_session", value)
    return client


def test_the_password_opens_a_session_and_names_ignore_case(browser: FlaskClient, account: int) -> None:
    response = login(browser)
    assert response.status_code == 200
    assert response.get_json() == {"id": str(account), "name": "Dora", "role": "user"}
    assert browser.get(f"{API}/me").get_json().items() >= response.get_json().items()


def test_the_cookie_is_opaque_and_closed_to_scripts_and_other_sites(
    browser: FlaskClient, account: int
) -> None:
    header = login(browser).headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(header.split("; "))
    assert "Secure" not in header
    value = cookie_of(browser)
    assert len(value) == 43
    assert value not in str(query("SELECT * FROM session"))


def test_wrong_names_and_passwords_get_one_and_the_same_answer(browser: FlaskClient, account: int) -> None:
    users.create("tokens-only", None, "user")
    answers = [
        login(browser, password="wrong"),
        login(browser, username="nobody"),
        login(browser, username="tokens-only", password=""),
        login(browser, username="tokens-only", password="nobody has this password"),
    ]
    assert {response.status_code for response in answers} == {401}
    assert len({response.get_json()["detail"] for response in answers}) == 1
    assert not any("Set-Cookie" in response.headers for response in answers)


def test_signing_in_gives_a_new_session_and_ends_the_one_brought_along(app: Flask, account: int) -> None:
    planted = "attacker-knows-this"
    victim = with_cookie(app, planted)
    login(victim)
    first = cookie_of(victim)
    assert first != planted
    assert with_cookie(app, planted).get(f"{API}/me").status_code == 401
    login(victim)
    assert cookie_of(victim) != first
    assert with_cookie(app, first).get(f"{API}/me").status_code == 401


def test_after_signing_out_the_cookie_is_worth_nothing(
    app: Flask, browser: FlaskClient, account: int
) -> None:
    login(browser)
    kept = cookie_of(browser)
    assert browser.post(f"{API}/auth/logout").status_code == 204
    assert browser.get_cookie("mn_session") is None
    assert with_cookie(app, kept).get(f"{API}/me").status_code == 401
    assert browser.post(f"{API}/auth/logout").status_code == 204


@pytest.mark.parametrize(("column", "days"), [("seen_at", 30), ("created_at", 90)])
def test_sessions_end_after_30_idle_days_and_after_90_in_any_case(
    browser: FlaskClient, account: int, column: str, days: int
) -> None:
    login(browser)
    change(f"UPDATE session SET {column} = NOW - %s", days * 86400.0 - 60)
    assert browser.get(f"{API}/me").status_code == 200
    change(f"UPDATE session SET {column} = NOW - %s", days * 86400.0 + 1)
    assert browser.get(f"{API}/me").status_code == 401


def test_use_is_noted_at_most_once_a_minute(browser: FlaskClient, account: int) -> None:
    login(browser)
    change("UPDATE session SET seen_at = NOW - 30")
    before = query("SELECT seen_at FROM session")
    browser.get(f"{API}/me")
    assert query("SELECT seen_at FROM session") == before
    change("UPDATE session SET seen_at = NOW - 100")
    browser.get(f"{API}/me")
    assert query("SELECT seen_at > NOW - 10 AS fresh FROM session")[0]["fresh"]


def test_sessions_are_listed_and_ended_one_by_one_by_their_owner_only(
    app: Flask, browser: FlaskClient, account: int, friend: Caller
) -> None:
    login(browser, headers={"User-Agent": "Kitchen tablet"})
    other = app.test_client()
    login(other, headers={"User-Agent": "Phone"})
    listed = browser.get(f"{API}/me/sessions").get_json()["items"]
    assert {(item["agent"], item["current"]) for item in listed} == {
        ("Kitchen tablet", True),
        ("Phone", False),
    }
    phone = next(item["id"] for item in listed if item["agent"] == "Phone")
    assert friend.delete(f"/me/sessions/{phone}").status_code == 404
    assert browser.delete(f"{API}/me/sessions/{phone}").status_code == 204
    assert other.get(f"{API}/me").status_code == 401
    assert browser.get(f"{API}/me").status_code == 200


def test_another_role_means_signing_in_again(browser: FlaskClient, account: int) -> None:
    login(browser)
    set_role(account, "admin")
    assert browser.get(f"{API}/me").status_code == 401
    assert login(browser).get_json()["role"] == "admin"


SUSPEND = "UPDATE account SET role = 'suspended', suspended = 'admin' WHERE id = %s"
DELETE = "DELETE FROM account WHERE id = %s"


@pytest.mark.parametrize(("act", "suspended"), [(SUSPEND, True), (DELETE, False)])
def test_no_session_begins_for_who_is_suspended_or_deleted(account: int, act: str, suspended: bool) -> None:
    change(act, account)
    with pytest.raises(sessions.Barred) as barred:
        sessions.begin(account, "test")
    assert barred.value.suspended is suspended and query("SELECT * FROM session") == []


@pytest.mark.parametrize(
    ("act", "status", "code"), [(SUSPEND, 403, "suspended"), (DELETE, 401, "wrong_credentials")]
)
def test_who_is_suspended_or_deleted_while_signing_in_is_told(
    browser: FlaskClient, account: int, monkeypatch: pytest.MonkeyPatch, act: str, status: int, code: str
) -> None:
    judge = users.with_password

    def judged(name: str, password: str) -> Row | None:
        found = judge(name, password)
        change(act, account)
        return found

    monkeypatch.setattr(users, "with_password", judged)
    response = login(browser)
    assert (response.status_code, response.get_json()["code"]) == (status, code)
    assert "Set-Cookie" not in response.headers and query("SELECT * FROM session") == []
    assert query("SELECT action FROM audit")[-1]["action"] == "auth.login_failed"


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_a_session_waits_for_the_suspension_that_is_under_way(account: int) -> None:
    with ThreadPoolExecutor(1) as pool:
        with transaction():
            set_role(account, "suspended", "admin")
            begun = pool.submit(sessions.begin, account, "test")
            wait_until_blocked()
        with pytest.raises(sessions.Barred):
            begun.result()
    assert query("SELECT * FROM session") == []


def test_the_feed_learns_which_sessions_and_tokens_still_hold(
    app: Flask, browser: FlaskClient, account: int, friend: Caller
) -> None:
    login(browser)
    with app.test_request_context(headers={"Cookie": f"mn_session={cookie_of(browser)}"}):
        session = (access.signed_in()).session or ""
    with app.test_request_context(headers={"Authorization": f"Bearer {friend.token}"}):
        token = access.signed_in().session or ""
    asked = {session, token, "l", "s:unknown:user", "t:unknown:user", "garbled", ""}
    assert access.alive(asked) == {session, token, "l"}
    sessions.end(cookie_of(browser))
    change("UPDATE account SET role = 'admin' WHERE id = %s", friend.id)
    assert access.alive(asked) == {"l"}


def test_two_passwords_are_hashed_at_once_two_wait_and_more_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    running, most, refused = 0, 0, 0
    lock, enough = threading.Lock(), threading.Event()

    class Counting:
        def hash(self, _password: str) -> str:
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            enough.wait(10)
            with lock:
                running -= 1
            return "hash"

    def hashed(_number: int) -> str:
        nonlocal refused
        try:
            return passwords.hashed("password")
        except passwords.Busy:
            with lock:
                refused += 1
                if refused == 4:
                    enough.set()
            return "busy"

    monkeypatch.setattr(passwords, "_hasher", Counting())
    with ThreadPoolExecutor(8) as pool:
        answers = Counter(pool.map(hashed, range(8)))
    assert answers == {"hash": 4, "busy": 4}
    assert most == 2
    assert passwords.hashed("password") == "hash"
