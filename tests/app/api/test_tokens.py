"""What somebody hands on with a token: never more than they have themselves, never for longer."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.accounts import sessions, tokens
from app.accounts.identity import SCOPES
from config.database import change, query
from tests.app.conftest import API, Caller
from tests.app.proofs import PROOFS

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def make(person: Caller, **body: Any) -> TestResponse:
    return person.post("/me/tokens", {"label": "script", **body})


def holder(app: Flask, made: TestResponse) -> Caller:
    """Whoever has the token that was just made."""
    assert made.status_code == 201, made.text
    return Caller(app.test_client(), made.get_json()["token"])


def after(**time: float) -> str:
    return (datetime.now(UTC) + timedelta(**time)).isoformat()


def test_a_token_gets_all_that_its_maker_has_if_nothing_is_said(admin: Caller, friend: Caller) -> None:
    made = make(admin).get_json()
    assert (made["scopes"], made["expires_at"], made["used_at"]) == (["read", "jobs", "admin"], None, None)
    assert make(friend).get_json()["scopes"] == ["read", "jobs"]
    listed = friend.get("/me/tokens").get_json()["items"]
    assert {item["label"]: item["scopes"] for item in listed}["script"] == ["read", "jobs"]


def test_a_token_does_what_its_scopes_say_and_me_tells_which(app: Flask, admin: Caller) -> None:
    reader = holder(app, make(admin, scopes=["read"]))
    assert reader.get("/me").get_json()["scopes"] == ["read"]
    assert reader.get("/jobs").status_code == 200
    for refused in (reader.post("/jobs", {"kind": "echo"}), reader.get("/users"), make(reader)):
        assert (refused.status_code, refused.get_json()["code"]) == (403, "missing_scope")
        assert refused.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope"'
    worker = holder(app, make(admin, scopes=["jobs"]))
    assert worker.post("/jobs", {"kind": "echo"}).status_code == 202
    assert worker.get("/jobs").status_code == 403


def test_without_the_scope_admin_an_admin_sees_what_is_theirs_alone(
    app: Flask, admin: Caller, friend: Caller
) -> None:
    job = friend.submit()
    plain = holder(app, make(admin, scopes=["read", "jobs"]))
    assert admin.get(f"/jobs/{job['id']}").status_code == 200
    assert plain.get(f"/jobs/{job['id']}").status_code == 404
    assert plain.post("/jobs", {"kind": "chore"}).status_code == 403


def test_nobody_hands_on_more_than_they_have(app: Flask, admin: Caller, friend: Caller) -> None:
    worker = holder(app, make(admin, scopes=["jobs"]))
    for person, scopes in (
        (friend, ["admin"]),
        (friend, ["read", "admin"]),
        (worker, ["read"]),
        (worker, ["admin", "jobs"]),
    ):
        refused = make(person, scopes=scopes)
        assert (refused.status_code, refused.get_json()["code"]) == (403, "missing_scope")
    assert make(worker).get_json()["scopes"] == ["jobs"]
    assert make(worker, scopes=["jobs", "jobs"]).get_json()["scopes"] == ["jobs"]


def test_a_tokens_token_does_not_outlive_it(app: Flask, friend: Caller) -> None:
    short = holder(app, first := make(friend, expires_at=after(days=7)))
    until = first.get_json()["expires_at"]
    assert make(short).get_json()["expires_at"] == until
    assert make(short, expires_at=None).get_json()["expires_at"] == until
    sooner = make(short, expires_at=after(days=6)).get_json()["expires_at"]
    assert sooner < until
    refused = make(short, expires_at=after(days=8))
    assert refused.status_code == 422
    assert refused.get_json()["errors"][0]["field"] == "expires_at"


def test_an_expired_token_is_no_token(app: Flask, friend: Caller) -> None:
    made = make(friend, expires_at=after(hours=1))
    script = holder(app, made)
    assert script.get("/me").status_code == 200
    change("UPDATE token SET expires_at = NOW - 1 WHERE id = %s", made.get_json()["id"])
    refused = script.get("/me")
    assert (refused.status_code, refused.get_json()["code"]) == (401, "invalid_token")


@on_sqlite
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": "read"}, "scopes"),
        ({"scopes": ["write"]}, "scopes.0"),
        ({"expires_at": "tomorrow"}, "expires_at"),
        ({"expires_at": "2030-01-01"}, "expires_at"),
        ({"expires_at": "2030-01-01T00:00:00"}, "expires_at"),
        ({"expires_at": 1_900_000_000}, "expires_at"),
        ({"expires_at": "2001-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "8999-01-01T00:00:00Z"}, "expires_at"),
        ({"account_id": 1}, "account_id"),
    ],
)
def test_what_cannot_be_is_422(friend: Caller, body: Any, field: str) -> None:
    response = make(friend, **body)
    assert response.status_code == 422
    assert [error["field"] for error in response.get_json()["errors"]] == [field]
    assert len(query("SELECT * FROM token")) == 1


@on_sqlite
def test_ten_years_are_the_most(friend: Caller) -> None:
    assert make(friend, expires_at=after(days=3650)).status_code == 201
    assert make(friend, expires_at=after(days=3660)).status_code == 422


@on_sqlite
def test_the_command_lines_token_makes_none(app: Flask) -> None:
    local = Caller(app.test_client(), PROOFS["local token"]().token or "")
    refused = make(local)
    assert (refused.status_code, refused.get_json()["code"]) == (403, "no_account")


def test_tokens_and_sessions_leave_entries_without_what_opens(admin: Caller, friend: Caller) -> None:
    made = make(friend, scopes=["read"]).get_json()
    friend.delete(f"/me/tokens/{made['id']}")
    sessions.begin(friend.id, "test")
    (session,) = friend.get("/me/sessions").get_json()["items"]
    friend.delete(f"/me/sessions/{session['id']}")
    log = admin.get(f"/admin/audit?actor={friend.id}").get_json()["items"]
    assert [(entry["action"], entry["target"]) for entry in log] == [
        ("session.revoked", session["id"]),
        ("token.revoked", made["id"]),
        ("token.created", made["id"]),
    ]
    assert log[2]["detail"] == {"label": "script", "scopes": ["read"]}
    assert made["token"].rpartition("_")[2] not in str(query("SELECT * FROM audit"))


def test_signing_out_everywhere_else_leaves_the_one_that_asks(
    app: Flask, friend: Caller, stranger: Caller
) -> None:
    values = [sessions.begin(friend.id, f"browser {number}", "192.0.2.7") for number in range(3)]
    other = sessions.begin(stranger.id, "another person's")
    asking = app.test_client()
    asking.set_cookie("mn_session", values[1])
    assert {item["address"] for item in asking.get(f"{API}/me/sessions").get_json()["items"]} == {"192.0.2.7"}
    assert asking.delete(f"{API}/me/sessions").status_code == 204
    assert [sessions.identify(value) is not None for value in (*values, other)] == [False, True, False, True]
    assert asking.get(f"{API}/me").status_code == 200
    assert friend.delete("/me/sessions").status_code == 204
    assert sessions.identify(values[1]) is None and sessions.identify(other) is not None
    log = [row["detail"] for row in query("SELECT detail FROM audit ORDER BY id")]
    assert log == ['{"sessions":2}', '{"sessions":1}']


def test_a_role_that_is_lost_takes_the_scope_admin_from_older_tokens(
    app: Flask, admin: Caller, friend: Caller
) -> None:
    row, text = tokens.create(friend.id, "from better days", SCOPES)
    old = Caller(app.test_client(), text)
    assert old.get("/users").get_json()["code"] == "forbidden"
    assert old.get("/me").get_json()["scopes"] == ["read", "jobs"]
    assert make(old, scopes=["admin"]).status_code == 403
    assert row["scopes"] == "admin,jobs,read"
