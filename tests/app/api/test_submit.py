"""Submitting: what is stored, who may, and what one key does however often it is sent."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from config.database import database, query
from tests.app.conftest import Caller


def count_jobs() -> int:
    return int(query("SELECT count(*) AS jobs FROM job")[0]["jobs"])


def test_a_submission_is_stored_and_can_be_read_at_its_location(friend: Caller) -> None:
    response = friend.post(
        "/jobs", {"kind": "echo", "params": {"word": "ho", "times": 3}}, X_Request_ID="abc.DEF-12"
    )
    job = response.get_json()
    assert response.status_code == 202
    assert (job["kind"], job["state"], job["priority"]) == ("echo", "queued", 4)
    assert job["params"] == {"word": "ho", "times": 3}
    assert job["owner"] == {"id": str(friend.id), "name": "bob"}
    assert response.headers["Location"] == f"/api/v1/jobs/{job['id']}"
    assert response.headers["X-Request-ID"] == "abc.DEF-12"
    assert friend.get(f"/jobs/{job['id']}").get_json() == job
    assert query("SELECT request_id FROM job")[0]["request_id"] == "abc.DEF-12"


def test_params_may_be_left_out_and_get_their_defaults(friend: Caller) -> None:
    assert friend.submit()["params"] == {"word": "hello", "times": 1}


def test_a_later_time_makes_it_scheduled_and_a_past_one_queued(friend: Caller) -> None:
    later = datetime.now(UTC) + timedelta(hours=2)
    job = friend.submit(scheduled_at=later.isoformat())
    assert job["state"] == "scheduled"
    assert abs(datetime.fromisoformat(job["scheduled_at"]) - later) < timedelta(milliseconds=2)
    assert friend.submit(scheduled_at="2001-02-03T04:05:06+02:00")["state"] == "queued"


def test_without_a_key_the_same_submission_twice_is_two_jobs(friend: Caller) -> None:
    assert friend.submit()["id"] != friend.submit()["id"]


def test_fifty_submissions_with_one_key_at_once_are_one_job(app: Flask, friend: Caller) -> None:
    def submit(_number: int) -> tuple[int, str]:
        response = Caller(app.test_client(), friend.token).post(
            "/jobs", {"kind": "echo"}, Idempotency_Key="once"
        )
        return response.status_code, response.get_json()["id"]

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(submit, range(50)))
    assert sorted(status for status, _ in answers) == [200] * 49 + [202]
    assert len({job_id for _, job_id in answers}) == 1
    assert count_jobs() == 1


def test_a_key_with_another_body_is_refused_and_another_persons_key_is_their_own(
    friend: Caller, stranger: Caller
) -> None:
    first = friend.post("/jobs", {"kind": "echo"}, Idempotency_Key="k").get_json()
    other = friend.post("/jobs", {"kind": "echo", "priority": 1}, Idempotency_Key="k")
    assert (other.status_code, other.get_json()["code"]) == (422, "key_reused")
    assert stranger.post("/jobs", {"kind": "echo"}, Idempotency_Key="k").get_json()["id"] != first["id"]


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there", "ümlaut"])
def test_a_key_has_1_to_255_printable_characters(friend: Caller, key: str) -> None:
    response = friend.post("/jobs", {"kind": "echo"}, Idempotency_Key=key)
    assert response.status_code == 422
    assert response.get_json()["errors"][0]["field"] == "Idempotency-Key"
    assert count_jobs() == 0


def test_priorities_above_4_are_for_admins(friend: Caller, admin: Caller) -> None:
    refused = friend.post("/jobs", {"kind": "echo", "priority": 5})
    assert (refused.status_code, refused.get_json()["code"]) == (403, "priority_reserved")
    assert friend.submit(priority=0)["priority"] == 0
    assert admin.submit(priority=9)["priority"] == 9


def test_a_kind_says_who_may_submit_it(friend: Caller, admin: Caller) -> None:
    assert friend.post("/jobs", {"kind": "chore"}).status_code == 403
    assert admin.post("/jobs", {"kind": "chore"}).status_code == 202
    for person in (friend, admin):
        response = person.post("/jobs", {"kind": "inner"})
        assert response.status_code == 422
        assert response.get_json()["errors"][0]["field"] == "kind"


def test_the_local_token_is_an_admin_whose_jobs_belong_to_nobody(app: Flask) -> None:
    from config.key_file import read_or_create
    from config.settings import settings

    secret = read_or_create(settings().local_token_file)
    local = Caller(app.test_client(), f"mnp_local_{secret}")
    assert local.submit(priority=9)["owner"] is None
    me = local.get("/me").get_json()
    assert (me["id"], me["name"], me["role"]) == (None, "local", "admin")
    assert local.post("/me/tokens", {"label": "x"}).get_json()["code"] == "no_account"
    assert Caller(app.test_client(), "mnp_local_").get("/me").status_code == 401
    assert Caller(app.test_client(), f"mnp_local_{secret}x").get("/me").status_code == 401


def test_lone_surrogates_and_nul_are_refused_or_stored_but_never_break(friend: Caller) -> None:
    def raw(data: bytes) -> TestResponse:
        headers = {"Authorization": f"Bearer {friend.token}", "Content-Type": "application/json"}
        return friend.client.post("/api/v1/jobs", data=data, headers=headers)

    assert raw(b'{"kind": "echo", "params": {"word": "\\ud800"}}').status_code == 422
    assert raw(b'{"kind": "\\u0000"}').status_code == 422
    assert raw(b'{"kind": "echo", "params": {"word": "a\\u0000b"}}').get_json()["params"]["word"] == "a\0b"
    assert raw(b'{"kind": "echo", "\\ud800\\u0000": 1}').status_code == 422


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_a_submission_costs_two_statements(friend: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    friend.submit()  # notes the token's use, remembers the owner's name
    statements: list[str] = []
    execute = database.obj.execute_sql

    def noting(sql: str, *args: Any, **kwargs: Any) -> Any:
        statements.append(sql)
        return execute(sql, *args, **kwargs)

    monkeypatch.setattr(database.obj, "execute_sql", noting)
    friend.submit()
    assert len(statements) == 2, statements
