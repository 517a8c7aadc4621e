"""A browser that signs in with Plex, and what is left of that in the database."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from config.database import Row, change, query
from config.json_text import read_json
from config.settings import settings
from tests.app.conftest import API
from tests.private_server import wait_until
from tests.standins.plex_people import Person
from tests.standins.plex_sample import Sample

SIGN_IN = "mn_sign_in"
SESSION = "mn_session"


class Browser:
    """A browser of its own, with its cookies."""

    def __init__(self, app: Flask) -> None:
        self.client = app.test_client()

    def begin(self, query: str = "", **headers: str) -> dict[str, Any]:
        """Begin, with a strong PIN; the answer."""
        response = self.ask_begin(query, **headers)
        assert response.status_code == 201, response.text
        begun: dict[str, Any] = response.get_json()
        return begun

    def ask_begin(self, query: str = "", **headers: str) -> TestResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(f"{API}/auth/plex{query}", headers=named)

    def look(self) -> dict[str, Any]:
        """How it stands now, however short ago somebody looked."""
        change("UPDATE sign_in SET asked_at = 0")
        return self.look_again()

    def look_again(self) -> dict[str, Any]:
        """How it stands, without waiting until plex.tv may be asked again."""
        response = self.client.get(f"{API}/auth/plex")
        assert response.status_code == 200, response.text
        standing: dict[str, Any] = response.get_json()
        return standing

    def sign_in(self, sample: Sample, person: Person) -> dict[str, Any]:
        """All of it; how it ended."""
        sample.plex_tv.claim(self.begin()["code"], person)
        return self.look()

    def connect(self, sample: Sample, person: Person) -> dict[str, Any]:
        """The same, to connect the account of who is signed in."""
        sample.plex_tv.claim(self.begin("?connect=true")["code"], person)
        return self.look()

    def me(self) -> dict[str, Any] | None:
        """Who is signed in here."""
        response = self.client.get(f"{API}/me")
        return response.get_json() if response.status_code == 200 else None

    def cookie(self, name: str) -> str:
        cookie = self.client.get_cookie(name)
        return cookie.value if cookie else ""


def words_of(auth_url: str) -> dict[str, str]:
    """What an address says behind its `#?`."""
    return {
        name: values[0] for name, values in parse_qs(urlsplit(auth_url).fragment.removeprefix("?")).items()
    }


def account(person: Person) -> Row | None:
    rows = query("SELECT * FROM account WHERE plex_id = %s", person.id)
    assert len(rows) <= 1
    return rows[0] if rows else None


def accounts() -> list[str]:
    return [row["name"] for row in query("SELECT name FROM account ORDER BY id")]


def audited(action: str) -> list[Row]:
    """What the audit log says about an action, oldest first, its detail as a value."""
    rows = query("SELECT * FROM audit WHERE action = %s ORDER BY id", action)
    return [{**row, "detail": read_json(row["detail"])} for row in rows]


def sessions() -> int:
    return int(query("SELECT count(*) AS number FROM session")[0]["number"])


def wait_until_blocked() -> None:
    """Wait until PostgreSQL lets somebody else wait for the transaction that asks."""
    waiting = (
        "SELECT 1 AS one FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
    )
    wait_until(lambda: bool(query(waiting)), 10, "somebody waiting")


def change_setting(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """Let the running application have another setting."""
    monkeypatch.setenv(name, value)
    settings.cache_clear()
