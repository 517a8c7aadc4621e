"""The first run: one admin, for the holder of the code, however many try at once."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.accounts import setup, users
from config.database import now
from tests.app.conftest import API, PASSWORD


def claim(client: FlaskClient, code: str, username: str = "Ann", password: str = PASSWORD) -> TestResponse:
    return client.post(f"{API}/auth/setup", json={"code": code, "username": username, "password": password})


def test_the_code_makes_an_admin_who_is_signed_in(browser: FlaskClient) -> None:
    assert browser.get("/").text.count("Setup code") == 1
    response = claim(browser, setup.code())
    assert response.status_code == 201
    assert response.get_json()["role"] == "admin"
    assert browser.get(f"{API}/me").get_json().items() >= response.get_json().items()
    assert "Sign in" not in browser.get("/").text


def test_the_code_stays_the_same_and_may_be_typed_carelessly(browser: FlaskClient) -> None:
    code = setup.code()
    assert code == setup.code()
    assert [len(group) for group in code.split("-")] == [4, 4, 4]
    assert claim(browser, code.lower().replace("-", " ")).status_code == 201


def test_a_code_holds_for_its_day_and_the_next_one(
    browser: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, today = setup.code(), now()
    for later, status in ((3 * setup.DAY, 403), (2 * setup.DAY, 403), (setup.DAY, 201)):
        monkeypatch.setattr(setup, "now", lambda passed=later: today + passed)
        assert claim(browser, code).status_code == status


def test_a_code_of_tomorrow_is_none(browser: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as tomorrow:
        today = now()
        tomorrow.setattr(setup, "now", lambda: today + setup.DAY)
        code = setup.code()
    assert claim(browser, code).status_code == 403


def test_a_wrong_code_is_403_and_makes_nobody(browser: FlaskClient) -> None:
    for wrong in ("", "AAAA-AAAA-AAAA", setup.code()[:-1], setup.code() + "A", "ü" * 12):
        response = claim(browser, wrong)
        assert (response.status_code, response.get_json()["code"]) == (403, "wrong_setup_code")
    assert users.everyone() == []


def test_bad_names_and_passwords_are_named(browser: FlaskClient) -> None:
    for username, password, field in (
        ("", PASSWORD, "username"),
        ("   ", PASSWORD, "username"),
        ("a\nb", PASSWORD, "username"),
        ("a\x00b", PASSWORD, "username"),
        ("x" * 65, PASSWORD, "username"),
        ("ann", "short", "password"),
        ("ann", "x" * 1025, "password"),
    ):
        response = claim(browser, setup.code(), username, password)
        assert response.status_code == 422
        assert [error["field"] for error in response.get_json()["errors"]] == [field]
    assert users.everyone() == []


def test_forty_claims_at_once_make_one_admin(app: Flask) -> None:
    code = setup.code()
    with ThreadPoolExecutor(40) as pool:
        statuses = pool.map(
            lambda number: claim(app.test_client(), code, f"ann{number}").status_code, range(40)
        )
    assert sorted(statuses) == [201] + [409] * 39
    assert len(users.everyone()) == 1


def test_once_there_is_an_admin_every_claim_is_409(browser: FlaskClient) -> None:
    users.create("root", None, "admin")
    for code in (setup.code(), "wrong"):
        response = claim(browser, code)
        assert (response.status_code, response.get_json()["code"]) == (409, "already_set_up")


def test_an_ordinary_user_does_not_end_the_first_run_and_keeps_their_name(browser: FlaskClient) -> None:
    users.create("ann", None, "user")
    assert claim(browser, setup.code(), "ANN").get_json()["errors"][0]["field"] == "username"
    assert claim(browser, setup.code(), "root").status_code == 201
