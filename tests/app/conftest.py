"""The application on each database, with people who ask it for things and three small kinds of jobs."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import BaseModel, ConfigDict, Field
from werkzeug.test import TestResponse

from app import create_app, limits
from app.accounts import tokens, users
from app.accounts.identity import SCOPES
from config import database, redis, schema
from config.settings import settings
from pipelines.jobs.events import publisher
from pipelines.kind import Context, Kind
from pipelines.models.account import remembered_name
from pipelines.registry import KINDS
from tests.app.web_process import WebServer
from tests.servers import RedisServer

API = "/api/v1"
PASSWORD = "a sentence to remember"


class EchoParams(BaseModel):
    model_config = ConfigDict(extra="forbid")

    word: str = Field(default="hello", max_length=20)
    times: int = 1


def echo(_context: Context, params: EchoParams) -> dict[str, Any]:
    return {"said": params.word * params.times}


@dataclass
class Caller:
    """Someone who asks with a bearer token."""

    client: FlaskClient
    token: str
    id: int = 0

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> TestResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.open(
            f"{API}{path}",
            method=method,
            json=body,
            headers={"Authorization": f"Bearer {self.token}", **named},
        )

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.ask("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> TestResponse:
        return self.ask("POST", path, body, **headers)

    def delete(self, path: str) -> TestResponse:
        return self.ask("DELETE", path)

    def submit(self, **job: Any) -> dict[str, Any]:
        """Submit an `echo`; the job."""
        response = self.post("/jobs", {"kind": "echo", **job})
        assert response.status_code == 202, response.text
        answer: dict[str, Any] = response.get_json()
        return answer


def fresh_settings() -> None:
    """Forget what this process knows of its environment."""
    settings.cache_clear()
    redis.quick.cache_clear()
    redis.blocking.cache_clear()
    limits.counts.cache_clear()
    remembered_name.cache_clear()


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, redis_server: RedisServer) -> Iterator[Path]:
    """Settings for a data directory of the test's own, which is the value; tests add variables before `app`."""
    monkeypatch.setenv("MEDIANEST_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("REDIS_URL", redis_server.url)
    fresh_settings()
    redis.quick().flushall()  # nobody has spent anything of a limit
    fresh_settings()  # a test may have a Redis of its own
    yield tmp_path / "data"
    publisher.flush()
    fresh_settings()


def use_database(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bind this process to a database and give it our schema."""
    monkeypatch.setenv("DATABASE_URL", url)
    settings.cache_clear()
    database.bind(url)
    schema.upgrade()


@pytest.fixture
def bound_database(environment: Path, monkeypatch: pytest.MonkeyPatch, database_url: str) -> Iterator[str]:
    """A database with our schema."""
    use_database(database_url, monkeypatch)
    yield database_url
    database.database.close_all()


@pytest.fixture
def kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """`echo` for everyone, `chore` for admins, `inner` for nobody."""
    for name, role in (("echo", "user"), ("chore", "admin"), ("inner", "system")):
        kind = Kind(name=name, title=name.title(), params=EchoParams, run=echo, submit_role=role)  # type: ignore[arg-type]
        monkeypatch.setitem(KINDS, name, kind)


@pytest.fixture
def app(bound_database: str, kinds: None) -> Iterator[Flask]:
    settings.cache_clear()  # a test may have added variables
    application = create_app()
    yield application
    application.extensions["feed"].close()
    database.database.close_all()


@pytest.fixture
def served(bound_database: str, environment: Path, redis_server: RedisServer) -> Iterator[WebServer]:
    """MediaNest behind gunicorn, on the database that this process is bound to."""
    variables = {
        "DATABASE_URL": bound_database,
        "REDIS_URL": redis_server.url,
        "MEDIANEST_DATA_DIR": str(environment),
    }
    with WebServer(variables) as server:
        yield server


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    """A client with a cookie jar and no token."""
    return app.test_client()


def caller(app: Flask, name: str, role: str) -> Caller:
    account_id = users.create(name, None, role)
    _, token = tokens.create(account_id, "test", SCOPES)
    return Caller(app.test_client(), token, account_id)


@pytest.fixture
def admin(app: Flask) -> Caller:
    return caller(app, "ann", "admin")


@pytest.fixture
def friend(app: Flask) -> Caller:
    return caller(app, "bob", "user")


@pytest.fixture
def stranger(app: Flask) -> Caller:
    """Another ordinary user."""
    return caller(app, "cyd", "user")
