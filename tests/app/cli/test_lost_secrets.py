"""The database is here and its secret key is not: what is said, and how one goes on without it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from flask import Flask

from app.accounts import sessions, tokens
from config.database import change, query
from config.settings import Settings, settings
from pipelines.models.connection import connection
from tests.app.conftest import API, Caller
from tests.planted import opened, plant, sealed_texts
from tests.standins.plex_sample import Sample

ROOT = Path(__file__).parents[3]


def medianest(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app.cli.main", *words],
        cwd=ROOT,
        env=dict(os.environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def lose_the_key() -> None:
    """As after a restore of the database alone, by processes that were started since."""
    settings().secret_file.unlink()
    tokens._peppers.clear()


def test_what_no_key_opens_is_named_and_forgotten_and_the_rest_stays(home: Settings) -> None:
    token = plant()
    account = query("SELECT id FROM account")[0]["id"]
    session = sessions.begin(account, "test")
    before = sorted(sealed_texts())
    lose_the_key()
    assert "run: medianest secrets forget" in medianest("secrets", "rotate", "--wait", "0").stderr
    asked = medianest("secrets", "forget")
    assert asked.returncode == 2 and "--yes" in asked.stderr
    assert "all personal tokens are deleted" in asked.stdout and sorted(sealed_texts()) == before
    done = medianest("secrets", "forget", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(line for line in done.stdout.splitlines() if line in before) == before
    assert f"forgot {len(before)} secrets and 1 personal tokens" in done.stdout
    assert "planted" not in done.stdout + asked.stdout
    assert sealed_texts() == {}
    plex = connection("plex")
    assert (plex.url, plex.secret, plex.sealed) == ("http://plex.example", None, False)
    assert tokens.identify(token) is None and sessions.identify(session) is None
    assert tokens.identify(tokens.create(account, "anew", ["read"])[1]) is not None
    (row,) = query("SELECT actor, detail FROM audit WHERE action = 'secrets.forgotten'")
    assert row["actor"] == "local" and json.loads(row["detail"])["tokens"] == 1
    assert sorted(json.loads(row["detail"])["forgotten"]) == before


def test_what_still_opens_is_not_touched(home: Settings) -> None:
    token = plant()
    account = query("SELECT id FROM account")[0]["id"]
    session = sessions.begin(account, "test")
    change("UPDATE connection SET secret = (SELECT sealed FROM secret WHERE name = 'trial')")
    done = medianest("secrets", "forget", "--yes")
    assert done.stdout.startswith("connection:plex\n") and "forgot 1 secrets and 0" in done.stdout
    assert connection("plex").url == "http://plex.example" and "connection:plex" not in opened()
    assert tokens.identify(token) is not None and sessions.identify(session) is not None
    assert "nothing to forget" in medianest("secrets", "forget").stdout
    assert len(query("SELECT 1 FROM audit WHERE action = 'secrets.forgotten'")) == 1


def test_the_server_says_what_to_do_instead_of_breaking(
    app: Flask, admin: Caller, sample: Sample, caplog: pytest.LogCaptureFixture
) -> None:
    browser = app.test_client()
    assert browser.post(f"{API}/auth/plex").status_code == 201
    assert admin.get("/me").status_code == 200
    lose_the_key()
    for response in (admin.get("/me"), browser.post(f"{API}/auth/plex")):
        problem = response.get_json()
        assert (response.status_code, problem["code"]) == (503, "secret_lost")
        assert response.content_type == "application/problem+json"
        assert "put the old secret key back" in problem["detail"] and "secrets forget" in problem["detail"]
        assert "pepper" not in response.text and "plex-client" not in response.text
    assert medianest("secrets", "forget", "--yes").returncode == 0
    assert admin.get("/me").status_code == 401
    assert browser.post(f"{API}/auth/plex").status_code == 201


def test_an_upgrade_fixes_what_tokens_depend_on(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    token = plant()
    change("DELETE FROM secret")
    tokens._peppers.clear()
    old = home.secret()
    digest = tokens._digest(token[4:12], token[13:])  # as before there was a kept pepper
    change("UPDATE token SET digest = %s", digest)
    change("DELETE FROM secret")
    assert medianest("db", "upgrade").returncode == 0
    monkeypatch.setenv("MEDIANEST_SECRET_KEY_OLD", old)
    monkeypatch.setenv("MEDIANEST_SECRET_KEY", "0123456789abcdef" * 2)
    settings.cache_clear()
    assert tokens.identify(token) is not None


def test_an_upgrade_without_the_key_says_so_and_goes_on(home: Settings) -> None:
    plant()
    lose_the_key()
    done = medianest("db", "upgrade")
    assert done.returncode == 0 and "medianest secrets forget" in done.stderr
