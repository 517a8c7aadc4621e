"""Personal tokens: shown once, stored as a digest, as strong as their owner."""

import re

from flask import Flask

from config.database import change, query
from pipelines.models.account import set_role
from tests.app.conftest import Caller


def test_a_token_is_shown_once_and_only_its_digest_is_stored(app: Flask, friend: Caller) -> None:
    response = friend.post("/me/tokens", {"label": "backup"})
    made = response.get_json()
    assert response.status_code == 201
    assert re.fullmatch(r"mnp_[A-Za-z0-9]{8}_[A-Za-z0-9]{32}", made["token"])
    assert made["token"].rpartition("_")[2] not in str(query("SELECT * FROM token"))
    listed = friend.get("/me/tokens").get_json()["items"]
    assert {item["label"] for item in listed} == {"backup", "test"}
    assert all("token" not in item for item in listed)
    assert Caller(app.test_client(), made["token"]).get("/me").get_json()["id"] == str(friend.id)


def test_a_revoked_token_is_worth_nothing_and_only_its_owner_revokes_it(
    app: Flask, friend: Caller, stranger: Caller
) -> None:
    made = friend.post("/me/tokens", {"label": "x"}).get_json()
    assert stranger.delete(f"/me/tokens/{made['id']}").status_code == 404
    assert friend.delete(f"/me/tokens/{made['id']}").status_code == 204
    assert friend.delete(f"/me/tokens/{made['id']}").status_code == 404
    answer = Caller(app.test_client(), made["token"]).get("/me")
    assert (answer.status_code, answer.get_json()["code"]) == (401, "invalid_token")


def test_a_token_follows_its_owners_role(friend: Caller) -> None:
    assert friend.post("/jobs", {"kind": "chore"}).status_code == 403
    set_role(friend.id, "admin")
    assert friend.post("/jobs", {"kind": "chore"}).status_code == 202


def test_what_is_no_token_is_401(app: Flask) -> None:
    for garbled in ("", "mnp_", "mnp_local_", "x" * 9000, "mnp_12345678_" + "a" * 32, "ünicode"):
        assert Caller(app.test_client(), garbled).get("/me").status_code == 401, garbled


def test_a_token_that_differs_in_one_letter_is_401(app: Flask, friend: Caller) -> None:
    last = "b" if friend.token[-1] == "a" else "a"
    assert Caller(app.test_client(), friend.token[:-1] + last).get("/me").status_code == 401


def test_use_is_noted_at_most_once_a_minute(friend: Caller) -> None:
    assert query("SELECT used_at FROM token")[0]["used_at"] is None
    friend.get("/me")
    first = query("SELECT used_at FROM token")[0]["used_at"]
    assert first is not None
    friend.get("/me")
    assert query("SELECT used_at FROM token")[0]["used_at"] == first
    change("UPDATE token SET used_at = NOW - 61")
    friend.get("/me")
    assert query("SELECT used_at FROM token")[0]["used_at"] >= first


def test_a_label_is_one_short_line(friend: Caller) -> None:
    for label in ("", "x" * 101, "two\nlines", 5, None):
        response = friend.post("/me/tokens", {"label": label})
        assert response.status_code == 422
        assert response.get_json()["errors"][0]["field"] == "label"
