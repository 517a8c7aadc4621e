"""Redis or the database goes away and comes back."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from app import create_app
from config.database import database
from tests.app.conftest import Caller, caller, use_database
from tests.servers import PostgresServer, RedisServer


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_with_redis_away_a_submission_is_quick_and_health_says_degraded(
    bound_database: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    with RedisServer() as own:
        monkeypatch.setenv("REDIS_URL", own.url)
        friend: Caller = request.getfixturevalue("friend")
        friend.submit()
        for trouble in (own.pause, own.kill):
            trouble()
            for _ in range(5):
                began = time.monotonic()
                friend.submit()
                assert time.monotonic() - began < 0.5
        body = friend.client.get("/api/health").get_json()
        assert (body["status"], body["services"]["redis"]) == ("degraded", "down")


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


@pytest.fixture
def own_app(
    environment: Path, monkeypatch: pytest.MonkeyPatch, kinds: None, own_postgres: PostgresServer
) -> Iterator[Flask]:
    use_database(own_postgres.create_database(), monkeypatch)
    app = create_app()
    yield app
    app.extensions["feed"].close()
    database.close_all()


def expect_away(friend: Caller) -> None:
    for method, path in (("POST", "/jobs"), ("GET", "/jobs")):
        began = time.monotonic()
        response = friend.ask(method, path, {"kind": "echo"} if method == "POST" else None)
        assert time.monotonic() - began < 10
        assert (response.status_code, response.get_json()["code"]) == (503, "database_away")
        assert int(response.headers["Retry-After"]) > 0
    assert friend.client.get("/health").status_code == 200
    for path in ("/ready", "/api/health"):
        began = time.monotonic()
        assert friend.client.get(path).status_code == 503
        assert time.monotonic() - began < 10
    assert friend.client.get("/api/health").get_json()["services"]["database"] == "down"


def expect_well(friend: Caller) -> None:
    assert friend.submit()["state"] == "queued"
    assert friend.client.get("/ready").status_code == 200


def test_a_database_that_is_gone_is_503_with_retry_after_until_it_is_back(
    own_app: Flask, own_postgres: PostgresServer
) -> None:
    friend = caller(own_app, "bob", "user")
    expect_well(friend)
    own_postgres.kill()
    expect_away(friend)
    own_postgres.start()
    expect_well(friend)


def test_a_database_that_is_frozen_is_503_within_ten_seconds(
    own_app: Flask, own_postgres: PostgresServer
) -> None:
    friend = caller(own_app, "bob", "user")
    expect_well(friend)
    own_postgres.pause()
    expect_away(friend)
    own_postgres.resume()
    expect_well(friend)


def test_started_without_its_database_the_application_serves_once_it_is_there(
    own_app: Flask, own_postgres: PostgresServer
) -> None:
    friend = caller(own_app, "bob", "user")
    own_postgres.kill()
    early = create_app()
    waiting = Caller(early.test_client(), friend.token)
    expect_away(waiting)
    own_postgres.start()
    expect_well(waiting)
    early.extensions["feed"].close()


@pytest.mark.parametrize("change", ["newer", "older"])
def test_another_schema_stops_the_start(
    bound_database: str, change: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if change == "newer":
        database.execute_sql(
            "INSERT INTO schema_migration (name, applied) SELECT '9999_future', max(applied) FROM schema_migration"
        )
    else:
        database.execute_sql("DELETE FROM schema_migration")
    database.close()
    with pytest.raises(SystemExit) as stopped:
        create_app()
    assert stopped.value.code == 3
    assert ("newer MediaNest" if change == "newer" else "medianest db upgrade") in capsys.readouterr().err
