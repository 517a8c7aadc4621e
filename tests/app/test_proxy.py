"""Behind proxies: whom we believe, and life below a path."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.accounts import users
from app.proxy import BehindProxy
from tests.app.conftest import API, PASSWORD


def seen(
    environ: dict[str, Any], trusted: tuple[str, ...] = ("10.0.0.0/8",), base_path: str = ""
) -> dict[str, Any]:
    """What the application sees of a request."""
    caught: dict[str, Any] = {}

    def application(given: dict[str, Any], _start: Any) -> list[bytes]:
        caught.update(given)
        return []

    request = {
        "PATH_INFO": "/",
        "SCRIPT_NAME": "",
        "wsgi.url_scheme": "http",
        "HTTP_HOST": "inner:8000",
        **environ,
    }
    BehindProxy(application, trusted, base_path)(request, lambda *_: None)  # type: ignore[arg-type]
    return caught


FORWARDED = {
    "HTTP_X_FORWARDED_FOR": "6.6.6.6, 203.0.113.9, 10.1.1.1",
    "HTTP_X_FORWARDED_PROTO": "https",
    "HTTP_X_FORWARDED_HOST": "nest.example",
}


def test_a_named_proxy_is_believed_up_to_the_hop_it_saw() -> None:
    environ = seen({"REMOTE_ADDR": "10.2.3.4", **FORWARDED})
    assert environ["REMOTE_ADDR"] == "203.0.113.9"
    assert (environ["wsgi.url_scheme"], environ["HTTP_HOST"]) == ("https", "nest.example")


@pytest.mark.parametrize("peer", ["203.0.113.9", "127.0.0.1", "", "garbled"])
def test_nobody_else_is_believed(peer: str) -> None:
    environ = seen({"REMOTE_ADDR": peer, **FORWARDED})
    assert environ["REMOTE_ADDR"] == peer
    assert (environ["wsgi.url_scheme"], environ["HTTP_HOST"]) == ("http", "inner:8000")
    assert not [name for name in environ if name.startswith("HTTP_X_FORWARDED")]


def test_garbled_values_of_a_named_proxy_change_nothing() -> None:
    garbled = {
        "HTTP_X_FORWARDED_FOR": "unknown",
        "HTTP_X_FORWARDED_PROTO": "gopher",
        "HTTP_X_FORWARDED_HOST": "a b/c",
    }
    environ = seen({"REMOTE_ADDR": "::ffff:10.0.0.1", **garbled})
    assert environ["REMOTE_ADDR"] == "::ffff:10.0.0.1"
    assert (environ["wsgi.url_scheme"], environ["HTTP_HOST"]) == ("http", "inner:8000")


@pytest.mark.parametrize(
    ("path", "inside"),
    [
        ("/medianest/api/v1/me", "/api/v1/me"),
        ("/api/v1/me", "/api/v1/me"),
        ("/medianest/", "/"),
        ("/medianestling", "/medianestling"),
    ],
)
def test_the_base_path_may_be_kept_or_stripped(path: str, inside: str) -> None:
    environ = seen({"PATH_INFO": path, "REMOTE_ADDR": ""}, base_path="/medianest")
    assert (environ["PATH_INFO"], environ["SCRIPT_NAME"]) == (inside, "/medianest")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("prefix", ["", "/medianest"])
def test_everything_works_below_a_path(
    bound_database: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, prefix: str
) -> None:
    monkeypatch.setenv("MEDIANEST_URL", "https://nest.example/medianest/")
    app: Flask = request.getfixturevalue("app")
    users.create("dora", PASSWORD, "user")
    client = FlaskClient(app, app.response_class, use_cookies=False)
    login = client.post(f"{prefix}{API}/auth/login", json={"username": "dora", "password": PASSWORD})
    cookie = login.headers["Set-Cookie"]
    assert {"Path=/medianest", "Secure"} <= set(cookie.split("; "))
    headers = {"Cookie": cookie.partition(";")[0], "Origin": "https://nest.example"}
    job = client.post(f"{prefix}{API}/jobs", json={"kind": "echo"}, headers=headers)
    assert job.headers["Location"].startswith(f"/medianest{API}/jobs/")
    assert client.get(job.headers["Location"], headers=headers).status_code == 200
    assert client.get(f"{prefix}/", headers=headers).status_code == 200
    missing = client.get(f"{prefix}{API}/jobs/0", headers=headers).get_json()
    assert missing["instance"] == f"/medianest{API}/jobs/0"
    assert client.get(f"{prefix}{API}/openapi.json").get_json()["servers"] == [{"url": "/medianest"}]
    bare = client.get("/medianest")
    assert (bare.status_code, bare.headers["Location"]) == (308, "/medianest/")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_cookie_is_secure_where_a_named_proxy_says_https(
    bound_database: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("MEDIANEST_TRUSTED_PROXIES", "127.0.0.1")
    app: Flask = request.getfixturevalue("app")
    users.create("dora", PASSWORD, "user")

    def cookie(peer: str) -> str:
        response = app.test_client().post(
            f"{API}/auth/login",
            json={"username": "dora", "password": PASSWORD},
            headers={"X-Forwarded-Proto": "https"},
            environ_overrides={"REMOTE_ADDR": peer},
        )
        return response.headers["Set-Cookie"]

    assert "Secure" in cookie("127.0.0.1")
    assert "Secure" not in cookie("192.0.2.1")
