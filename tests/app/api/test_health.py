"""Health: alive, ready, and how the services are."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from config import database
from config.database import change
from pipelines.models import service


@pytest.fixture
def configured(environment: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plex is configured, Overseerr is not."""
    monkeypatch.setenv("PLEX_URL", "http://plex.invalid:32400")


def test_alive_touches_nothing(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the database was asked")

    monkeypatch.setattr(database.database.obj, "connect", refuse)
    response = app.test_client().get(
        "/health", headers={"Authorization": "Bearer x", "Cookie": "mn_session=x"}
    )
    assert (response.status_code, response.get_json()) == (200, {"status": "ok"})


def test_ready_means_that_the_schema_is_ours(browser: FlaskClient) -> None:
    assert browser.get("/ready").status_code == 200
    change(
        "INSERT INTO schema_migration (name, applied) SELECT '9999_future', max(applied) FROM schema_migration"
    )
    response = browser.get("/ready")
    assert (response.status_code, response.get_json()["code"]) == (503, "schema_mismatch")


@pytest.mark.parametrize(
    ("found", "word", "status"),
    [
        ("up", "healthy", "ok"),
        ("degraded", "degraded", "degraded"),
        ("starting", "starting", "degraded"),
        ("down", "down", "degraded"),
        (None, "starting", "degraded"),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_status_follows_the_configured_services(
    configured: None, browser: FlaskClient, found: str | None, word: str, status: str
) -> None:
    if found:
        service.record("plex", found, 5.0, "")
    service.record("overseerr", "down", None, "from when it was configured")
    for path in ("/api/health", "/api/v1/health"):
        response = browser.get(path)
        body = response.get_json()
        assert response.status_code == 200
        assert set(body) == {"status", "timestamp", "services"}
        assert body["status"] == status
        assert body["services"] == {
            "database": "healthy",
            "redis": "healthy",
            "plex": word,
            "overseerr": "unconfigured",
        }
