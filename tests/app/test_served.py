"""The application behind gunicorn: several processes, the feed's handshake, a start that is refused."""

import http.client
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from app.accounts import sessions, tokens, users
from app.accounts.identity import SCOPES
from config.database import database, query
from tests.app.conftest import API, use_database
from tests.app.web_process import ROOT, WebServer
from tests.servers import PostgresServer, RedisServer

Person = tuple[str, str]  # cookie, token


@pytest.fixture
def served(
    environment: Path,
    monkeypatch: pytest.MonkeyPatch,
    postgres_server: PostgresServer,
    redis_server: RedisServer,
) -> Iterator[WebServer]:
    url = postgres_server.create_database()
    use_database(url, monkeypatch)
    settings = {"DATABASE_URL": url, "REDIS_URL": redis_server.url, "MEDIANEST_DATA_DIR": str(environment)}
    with WebServer(settings, workers=4) as server:
        yield server
    database.close_all()
    postgres_server.drop_database(url)


@pytest.fixture
def person(served: WebServer) -> Person:
    account = users.create("dora", None, "user")
    return sessions.begin(account, "test"), tokens.create(account, "test", SCOPES)[1]


def test_fifty_submissions_with_one_key_through_four_processes_are_one_job(
    served: WebServer, person: Person
) -> None:
    headers = {
        "Authorization": f"Bearer {person[1]}",
        "Idempotency-Key": "once",
        "Content-Type": "application/json",
    }

    def submit(_number: int) -> int:
        return served.ask("POST", f"{API}/jobs", b'{"kind": "probe"}', headers)[0]

    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(submit, range(50)))
    assert sorted(statuses) == [200] * 49 + [202]
    assert query("SELECT count(*) AS jobs FROM job")[0]["jobs"] == 1


def test_a_chunked_body_is_refused_and_not_cut(served: WebServer, person: Person) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
    headers = {"Authorization": f"Bearer {person[1]}", "Content-Type": "application/json"}
    chunks = iter([b'{"kind": "probe"}', b" " * 4096])
    connection.request("POST", f"{API}/jobs", chunks, headers, encode_chunked=True)
    response = connection.getresponse()
    assert (response.status, json.loads(response.read())["code"]) == (411, "length_required")
    connection.close()


def follow(served: WebServer, headers: dict[str, str], origin: str | None = None) -> dict[str, str]:
    """The feed's first message."""
    address = f"ws://127.0.0.1:{served.port}/ws"
    with connect(address, additional_headers=headers, origin=Origin(origin) if origin else None) as feed:
        hello: dict[str, str] = json.loads(feed.recv(timeout=10))
        return hello


def test_the_feed_opens_for_a_token_and_for_our_own_page(served: WebServer, person: Person) -> None:
    cookie, token = person
    assert follow(served, {"Authorization": f"Bearer {token}"})["type"] == "hello"
    own = f"http://127.0.0.1:{served.port}"
    assert follow(served, {"Cookie": f"mn_session={cookie}"}, own)["type"] == "hello"


def test_the_feed_is_refused_before_the_upgrade(served: WebServer, person: Person) -> None:
    cookie = {"Cookie": f"mn_session={person[0]}"}
    own = f"http://127.0.0.1:{served.port}"
    for headers, origin, status in (
        (cookie, "http://evil.example", 403),
        (cookie, None, 403),
        ({}, "http://evil.example", 403),
        ({}, own, 401),
        ({}, None, 401),
        ({"Cookie": "mn_session=false"}, own, 401),
        ({"Authorization": "Bearer false"}, None, 401),
    ):
        with pytest.raises(InvalidStatus) as refusal:
            follow(served, headers, origin)
        response = refusal.value.response
        assert response.status_code == status, (headers, origin)
        assert response.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("missing", ["Sec-WebSocket-Key", "Sec-WebSocket-Version"])
def test_half_a_handshake_is_malformed(served: WebServer, person: Person, missing: str) -> None:
    headers = {
        "Authorization": f"Bearer {person[1]}",
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    }
    del headers[missing]
    status, body, said = served.ask("GET", "/ws", headers=headers)
    assert (status, json.loads(body)["code"]) == (400, "malformed_request")
    assert said["Sec-WebSocket-Version"] == "13"


def test_the_feed_shows_a_submission_to_its_owner_and_ends_with_the_session(
    served: WebServer, person: Person
) -> None:
    cookie, token = person
    own = f"http://127.0.0.1:{served.port}"
    headers = {"Cookie": f"mn_session={cookie}"}
    with connect(f"ws://127.0.0.1:{served.port}/ws", additional_headers=headers, origin=Origin(own)) as feed:
        assert json.loads(feed.recv(timeout=10))["type"] == "hello"
        bearer = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        status, body, _ = served.ask("POST", f"{API}/jobs", b'{"kind": "probe"}', bearer)
        assert status == 202
        assert json.loads(feed.recv(timeout=10))["job"] == json.loads(body)
        assert served.ask("POST", f"{API}/auth/logout", headers=headers)[0] == 204
        with pytest.raises(ConnectionClosed) as closed:
            feed.recv(timeout=45)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4401


def test_a_request_line_that_is_no_http_leaves_the_server_well(served: WebServer) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as connection:
        connection.sendall(b"\x16\x03\x01 nonsense\r\n\r\n")
        assert connection.recv(100).startswith((b"HTTP/1.1 400", b""))
    assert served.ask("GET", "/ready")[0] == 200


def test_gunicorn_gives_up_with_a_word_when_the_schema_is_not_ours(
    environment: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, redis_server: RedisServer
) -> None:
    url = f"sqlite:///{tmp_path / 'other.db'}"
    use_database(url, monkeypatch)
    database.execute_sql("DELETE FROM schema_migration")
    database.close_all()
    settings = {"DATABASE_URL": url, "REDIS_URL": redis_server.url, "MEDIANEST_DATA_DIR": str(environment)}
    server = WebServer(settings)
    ended = subprocess.run(
        [sys.executable, "-m", "gunicorn", "-c", "python:config.gunicorn", "app:create_app()"],
        env=server.environment,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    server.close()
    assert ended.returncode == 3
    assert ended.stderr.count("run: medianest db upgrade") == 1
