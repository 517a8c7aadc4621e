"""Bad input is answered in words that name the field, never with what was sent, and nothing is stored."""

import io
import json
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from config.database import query
from tests.app.conftest import Caller

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

MEMBERS = {"type", "title", "status", "detail", "instance", "code", "request_id"}
CANARY = "hunter2-canary"


def refused(response: TestResponse, status: int, code: str, *fields: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.content_type == "application/problem+json"
    problem: dict[str, Any] = response.get_json()
    assert set(problem) == MEMBERS | ({"errors"} if fields else set())
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["request_id"] == response.headers["X-Request-ID"]
    assert [error["field"] for error in problem.get("errors", [])] == list(fields)
    assert CANARY not in response.text
    assert query("SELECT count(*) AS jobs FROM job")[0]["jobs"] == 0
    return problem


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["kind"]),
        ({"kind": CANARY}, ["kind"]),
        ({"kind": 5}, ["kind"]),
        ({"kind": "echo", "params": [CANARY]}, ["params"]),
        ({"kind": "echo", "params": {"word": {"a": CANARY}}}, ["params.word"]),
        ({"kind": "echo", "params": {"word": CANARY * 2, "times": CANARY}}, ["params.word", "params.times"]),
        ({"kind": "echo", "params": {"colour": CANARY}}, ["params.colour"]),
        ({"kind": "echo", "colour": CANARY}, ["colour"]),
        ({"kind": "echo", "priority": 10}, ["priority"]),
        ({"kind": "echo", "priority": -1}, ["priority"]),
        ({"kind": "echo", "priority": "4"}, ["priority"]),
        ({"kind": "echo", "priority": True}, ["priority"]),
        ({"kind": "echo", "priority": 4.5}, ["priority"]),
        ({"kind": "echo", "scheduled_at": CANARY}, ["scheduled_at"]),
        ({"kind": "echo", "scheduled_at": "2030-01-01T00:00:00"}, ["scheduled_at"]),
        ({"kind": "echo", "scheduled_at": 1_900_000_000}, ["scheduled_at"]),
        ({"kind": "echo", "scheduled_at": "9999-12-31T23:59:59-14:00"}, ["scheduled_at"]),
        ({"kind": "download", "params": {"url": f"file:///etc/{CANARY}"}}, ["params.url"]),
        ({"kind": "download", "params": {}}, ["params.url"]),
        (["kind", "echo"], ["body"]),
        ("echo", ["body"]),
        (json.dumps({"kind": "echo"}), ["body"]),
    ],
)
def test_wrong_and_unknown_fields_are_named(friend: Caller, body: Any, fields: list[str]) -> None:
    refused(friend.post("/jobs", body), 422, "invalid_fields", *fields)


def raw(friend: Caller, data: bytes, content_type: str = "application/json") -> TestResponse:
    headers = {"Authorization": f"Bearer {friend.token}"}
    return friend.client.post("/api/v1/jobs", data=data, content_type=content_type, headers=headers)


@pytest.mark.parametrize(
    "data",
    [
        b" ",
        b"{",
        b'{"kind": echo}',
        b"\xff\xfe",
        b'{"kind": NaN}',
        b"[" * 200_000,
        b'{"a":' * 50_000,
        b"9" * 5000,
    ],
)
def test_malformed_json_is_400(friend: Caller, data: bytes) -> None:
    refused(raw(friend, data), 400, "malformed_json")


def test_a_byte_order_mark_is_no_mistake(friend: Caller) -> None:
    assert raw(friend, b'\xef\xbb\xbf{"kind": "echo"}').status_code == 202


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_another_content_type_is_415(friend: Caller, content_type: str) -> None:
    refused(raw(friend, b'{"kind": "echo"}', content_type), 415, "not_json")


def test_a_body_above_1_mib_is_413(friend: Caller) -> None:
    refused(raw(friend, b" " * ((1 << 20) + 1)), 413, "body_too_large")
    refused(raw(friend, b" " * (1 << 20)), 400, "malformed_json")


@pytest.mark.parametrize("chunked", [True, False])
def test_a_body_without_content_length_is_411(friend: Caller, chunked: bool) -> None:
    environ = {"wsgi.input": io.BytesIO(b'{"kind": "echo"}'), "CONTENT_LENGTH": ""}
    headers = {"Authorization": f"Bearer {friend.token}", "Content-Type": "application/json"}
    if chunked:
        environ["HTTP_TRANSFER_ENCODING"] = "chunked"
    response = friend.client.post("/api/v1/jobs", headers=headers, environ_overrides=environ)
    refused(response, 411, "length_required")


def test_calls_without_a_body_need_no_content_length(friend: Caller) -> None:
    assert friend.ask("OPTIONS", "/jobs").status_code == 200
    job = friend.submit()
    headers = {"Authorization": f"Bearer {friend.token}"}
    path = f"/api/v1/jobs/{job['id']}/cancel"
    response = friend.client.post(path, headers=headers, environ_overrides={"CONTENT_LENGTH": ""})
    assert response.status_code == 202


@pytest.mark.parametrize(
    ("query_string", "field"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=many", "limit"),
        ("state=lost", "state"),
        ("owner=eve", "owner"),
        ("cursor=!!!", "cursor"),
        ("cursor=am9iczoxeA", "cursor"),  # jobs:1x
        ("cursor=ZXZlbnRzOjE", "cursor"),  # events:1
        ("cursor=%00", "cursor"),
        ("kind=%00", "kind"),
        ("q=%00", "q"),
        ("colour=red", "colour"),
    ],
)
def test_wrong_queries_are_named(friend: Caller, query_string: str, field: str) -> None:
    refused(friend.get(f"/jobs?{query_string}"), 422, "invalid_fields", field)


@pytest.mark.parametrize(
    "job_id", ["0", "abc", "-1", "1.0", "9" * 19, "9" * 400, "%00", "²", "1%2F2", "..%2F1"]
)
def test_an_id_that_cannot_be_one_is_404(friend: Caller, job_id: str) -> None:
    refused(friend.get(f"/jobs/{job_id}"), 404, "not_found")
    refused(friend.post(f"/jobs/{job_id}/cancel"), 404, "not_found")


@pytest.mark.parametrize("path", ["/me/tokens/", "/me/sessions/"])
def test_an_odd_token_or_session_id_is_404(friend: Caller, path: str) -> None:
    for odd in ("%00", "x", "%27%20OR%201=1", "ü", "9" * 300):
        refused(friend.delete(path + odd), 404, "not_found")


def test_an_unknown_address_and_a_wrong_method_are_problems_too(app: Flask, friend: Caller) -> None:
    refused(friend.get("/nothing/here"), 404, "not_found")
    refused(app.test_client().get("/no page"), 404, "not_found")
    refused(friend.delete("/jobs"), 405, "method_not_allowed")
    assert "POST" in friend.delete("/jobs").headers["Allow"]
    refused(app.test_client().get("/ws"), 400, "malformed_request")


@pytest.mark.parametrize("offered", ["short", "x" * 65, "with space", "új-request-id", "a\tbcdefgh"])
def test_a_request_id_that_is_not_ours_to_repeat_is_replaced(friend: Caller, offered: str) -> None:
    answered = friend.get("/me", X_Request_ID=offered).headers["X-Request-ID"]
    assert answered != offered
    assert len(answered) == 32


def test_an_exception_shows_nothing_of_itself(
    app: Flask, admin: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> str:
        raise RuntimeError(f"{CANARY} /etc/passwd SELECT")

    monkeypatch.setitem(app.view_functions, "me.show", broken)
    problem = refused(admin.get("/me"), 500, "internal")
    assert "passwd" not in json.dumps(problem)
