"""Other sites' pages cannot act for whoever is signed in here, and every answer is closed to them."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import Headers

from app.accounts import sessions, users
from app.envelope import CONTENT_POLICY
from config.settings import settings
from tests.app.conftest import API, Caller

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def signed_in(app: Flask) -> FlaskClient:
    client = app.test_client()
    client.set_cookie("mn_session", sessions.begin(users.create("dora", None, "user"), "test"))
    return client


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "garbled"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "http://localhost:81"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://evil.example"},
        {"Origin": "http://evil.example", "Authorization": "Basic eDp5"},
    ],
)
def test_a_change_from_another_site_is_refused(signed_in: FlaskClient, headers: dict[str, str]) -> None:
    for path, body in (("/jobs", {"kind": "echo"}), ("/auth/login", {"username": "a", "password": "b"})):
        response = signed_in.post(API + path, json=body, headers=headers)
        assert (response.status_code, response.get_json()["code"]) == (403, "cross_site")
    assert signed_in.post(f"{API}/auth/logout", headers=headers).status_code == 403
    assert signed_in.get(f"{API}/jobs", headers=headers).get_json()["items"] == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://localhost"},
        {"Origin": "https://localhost", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "http://localhost", "Host": "LocalHost"},
        {"Authorization": "Basic eDp5"},
    ],
)
def test_a_change_from_our_own_pages_passes(signed_in: FlaskClient, headers: dict[str, str]) -> None:
    assert signed_in.post(f"{API}/jobs", json={"kind": "echo"}, headers=headers).status_code == 202


@pytest.mark.parametrize("address", ["https://nest.example/medianest", "https://Nest.example:443"])
def test_the_public_address_is_ours_too(
    bound_database: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, address: str
) -> None:
    monkeypatch.setenv("MEDIANEST_URL", address)
    signed_in: FlaskClient = request.getfixturevalue("signed_in")
    headers = {"Origin": "https://nest.example"}
    assert signed_in.post(f"{API}/jobs", json={"kind": "echo"}, headers=headers).status_code == 202


def test_a_token_needs_no_origin_but_a_false_one_does_not_fall_back_to_the_cookie(
    signed_in: FlaskClient, friend: Caller
) -> None:
    assert friend.post("/jobs", {"kind": "echo"}, Origin="http://evil.example").status_code == 202
    headers = {"Origin": "http://evil.example", "Authorization": "Bearer false"}
    assert signed_in.post(f"{API}/jobs", json={"kind": "echo"}, headers=headers).status_code == 401


def test_every_answer_carries_the_security_headers(app: Flask, signed_in: FlaskClient) -> None:
    for path in ("/", "/health", f"{API}/me", f"{API}/nothing", "/nothing"):
        headers = signed_in.get(path).headers
        assert headers["Content-Security-Policy"] == CONTENT_POLICY
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert not [name for name, _ in headers if name.lower().startswith("access-control-")]
    assert signed_in.get(f"{API}/me").headers["Cache-Control"] == "no-store"


def test_a_preflight_allows_nothing(app: Flask) -> None:
    headers = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    response = app.test_client().options(f"{API}/auth/login", headers=headers)
    assert "Access-Control-Allow-Origin" not in response.headers


def test_https_is_asked_for_only_where_the_public_address_has_it(
    bound_database: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, app: Flask
) -> None:
    assert "Strict-Transport-Security" not in app.test_client().get("/health").headers
    monkeypatch.setenv("MEDIANEST_URL", "https://nest.example")
    settings.cache_clear()
    assert int(app.test_client().get("/health").headers["Strict-Transport-Security"].partition("=")[2]) > 0


@pytest.fixture
def sharing(bound_database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An origin whose scripts may use the API."""
    monkeypatch.setenv("MEDIANEST_CORS_ORIGINS", "https://tools.example,https://other.example:8443")
    return "https://tools.example"


def cors(headers: Headers) -> dict[str, str]:
    return {name: value for name, value in headers if name.startswith("Access-Control-")}


def test_scripts_of_a_named_origin_use_the_api_with_a_token(sharing: str, app: Flask, friend: Caller) -> None:
    for path, status in (("/me", 200), ("/jobs/0", 404), ("/nothing", 404)):
        response = friend.get(path, Origin=sharing)
        assert response.status_code == status
        assert cors(response.headers)["Access-Control-Allow-Origin"] == sharing
        assert "Access-Control-Allow-Credentials" not in response.headers
        assert "Origin" in response.headers["Vary"]
    assert friend.post("/jobs", {"kind": "echo"}, Origin=sharing).status_code == 202


def test_a_named_origin_may_ask_before_it_sends_a_token(sharing: str, app: Flask) -> None:
    asking = {"Origin": sharing, "Access-Control-Request-Method": "PATCH"}
    response = app.test_client().options(f"{API}/admin/queues/probe", headers=asking)
    assert response.status_code == 204
    assert cors(response.headers)["Access-Control-Allow-Origin"] == sharing
    assert "PATCH" in cors(response.headers)["Access-Control-Allow-Methods"]
    assert "Authorization" in cors(response.headers)["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in response.headers


@pytest.mark.parametrize(
    "origin",
    [
        "http://tools.example",
        "https://tools.example:8443",
        "https://tools.example.evil.example",
        "https://evil.example",
        "https://Tools.example/",
        "null",
        "*",
        "",
    ],
)
def test_other_origins_still_read_nothing(sharing: str, app: Flask, friend: Caller, origin: str) -> None:
    response = friend.get("/me", Origin=origin)
    assert (response.status_code, cors(response.headers)) == (200, {})
    assert "Origin" in response.headers["Vary"]
    asking = {"Origin": origin, "Access-Control-Request-Method": "GET"}
    assert cors(app.test_client().options(f"{API}/me", headers=asking).headers) == {}


def test_a_named_origin_reads_no_page_and_does_nothing_with_our_cookie(
    sharing: str, signed_in: FlaskClient
) -> None:
    assert cors(signed_in.get("/", headers={"Origin": sharing}).headers) == {}
    response = signed_in.post(f"{API}/jobs", json={"kind": "echo"}, headers={"Origin": sharing})
    assert (response.status_code, response.get_json()["code"]) == (403, "cross_site")
    assert "Access-Control-Allow-Credentials" not in response.headers


@pytest.mark.parametrize("headers", [{"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_every_call_that_changes_something_is_refused_to_other_sites(
    app: Flask, signed_in: FlaskClient, headers: dict[str, str]
) -> None:
    changing = {"POST", "PUT", "PATCH", "DELETE"}
    for rule in app.url_map.iter_rules():
        for method in sorted(changing & (rule.methods or set())):
            path = re.sub(r"<[^>]*>", "1", rule.rule)
            response = signed_in.open(path, method=method, json={}, headers=headers)
            assert (response.status_code, response.get_json()["code"]) == (403, "cross_site"), (method, path)
