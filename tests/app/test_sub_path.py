"""Below a path of a real nginx, which strips the path or keeps it: pages, API, cookie, socket and addresses."""

import http.client
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from app.accounts import users
from app.limits import LIMITS
from config import database
from tests.app.conftest import PASSWORD, use_database
from tests.app.web_process import PATIENCE, WebServer
from tests.private_server import Server, free_port
from tests.servers import RedisServer

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/bin")
pytestmark = pytest.mark.skipif(NGINX is None, reason="no nginx on this machine")

BELOW = "/medianest"
VISITOR, NEIGHBOUR = "127.0.0.2", "127.0.0.3"  # where clients come from; nginx itself is 127.0.0.1
CONFIGURATION = """
daemon off;
master_process off;
pid {directory}/pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location {below}/ {{
            proxy_pass http://127.0.0.1:{behind}{rewritten};
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $http_connection;
        }}
    }}
}}
"""

Answer = tuple[int, str, http.client.HTTPMessage]


class Nginx(Server):
    """nginx before a web process; a `rewritten` path of "/" strips ours, an empty one keeps it."""

    def __init__(self, rewritten: str) -> None:
        super().__init__("nginx")
        self.port, self.behind = free_port(), free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        self._configuration = self.directory / "nginx.conf"
        self._configuration.write_text(
            CONFIGURATION.format(
                directory=self.directory,
                port=self.port,
                below=BELOW,
                behind=self.behind,
                rewritten=rewritten,
            )
        )

    def _launch(self, log: int) -> subprocess.Popen[bytes]:
        command = [str(NGINX), "-p", str(self.directory), "-e", "stderr", "-c", str(self._configuration)]
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )

    def _answers(self) -> bool:
        with suppress(OSError):
            return self.ask("GET", "/")[0] == 404
        return False

    def ask(self, method: str, path: str, body: Any = None, client: str = VISITOR, **headers: str) -> Answer:
        """Status, text and headers of an answer to a client at this address."""
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.port, timeout=PATIENCE, source_address=(client, 0)
        )
        said = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            data = None if body is None else json.dumps(body).encode()
            connection.request(method, path, data, {"Content-Type": "application/json"} | said)
            response = connection.getresponse()
            return response.status, response.read().decode(errors="replace"), response.headers
        finally:
            connection.close()

    def sign_in(self, password: str, client: str = VISITOR, **headers: str) -> Answer:
        body = {"username": "dora", "password": password}
        return self.ask("POST", f"{BELOW}/api/v1/auth/login", body, client, **headers)


@pytest.fixture(params=["/", ""], ids=["stripped", "kept"])
def nginx(
    request: pytest.FixtureRequest,
    environment: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    redis_server: RedisServer,
) -> Iterator[Nginx]:
    """nginx with MediaNest behind it, and `dora` who may sign in."""
    url = f"sqlite:///{tmp_path / 'below.db'}"
    use_database(url, monkeypatch)
    users.create("dora", PASSWORD, "user")
    users.create("ann", PASSWORD, "admin")
    with Nginx(request.param) as proxy:
        settings = {
            "DATABASE_URL": url,
            "REDIS_URL": redis_server.url,
            "MEDIANEST_DATA_DIR": str(environment),
            "MEDIANEST_URL": f"{proxy.origin}{BELOW}/",
            "MEDIANEST_TRUSTED_PROXIES": "127.0.0.1",
            "PORT": str(proxy.behind),
        }
        server = WebServer(settings)
        server.port = proxy.behind
        with server:
            yield proxy
    database.database.close_all()


@pytest.fixture
def cookie(nginx: Nginx) -> str:
    """The session cookie of `dora`, who has signed in."""
    status, _, headers = nginx.sign_in(PASSWORD, Origin=nginx.origin, Sec_Fetch_Site="same-origin")
    assert status == 200
    pair, *attributes = headers["Set-Cookie"].split("; ")
    assert {f"Path={BELOW}", "HttpOnly", "SameSite=Lax"} <= set(attributes)
    return pair


def expect_parts(nginx: Nginx, path: str, headers: dict[str, str]) -> str:
    """A page, after all that it loads has been loaded from below our path."""
    status, text, _ = nginx.ask("GET", path, **headers)
    parts = re.findall(r'<(?:link|script)[^>]+?(?:href|src)="([^"]+)"', text)
    assert status in (200, 404)
    assert parts
    for part in parts:
        address = urljoin(nginx.origin + path, part)
        assert address.startswith(f"{nginx.origin}{BELOW}/"), address
        assert nginx.ask("GET", urlsplit(address).path)[0] == 200, address
    return text


def test_pages_load_with_all_their_parts(nginx: Nginx, cookie: str) -> None:
    assert 'data-post="auth/login"' in expect_parts(nginx, f"{BELOW}/", {})
    assert "dora" in expect_parts(nginx, f"{BELOW}/", {"Cookie": cookie})
    missing = expect_parts(nginx, f"{BELOW}/nothing/at/all", {"Accept": "text/html"})
    assert f'href="{BELOW}/"' in missing
    expect_parts(nginx, f"{BELOW}/api/v1/docs", {})
    document = json.loads(nginx.ask("GET", f"{BELOW}/api/v1/openapi.json")[1])
    assert document["servers"] == [{"url": BELOW}]
    assert nginx.ask("GET", BELOW)[2]["Location"] == f"{nginx.origin}{BELOW}/"


def test_the_cookie_signs_in_submits_and_ends_with_the_session(nginx: Nginx, cookie: str) -> None:
    own = {"Cookie": cookie, "Origin": nginx.origin, "Sec_Fetch_Site": "same-origin"}
    assert json.loads(nginx.ask("GET", f"{BELOW}/api/v1/me", Cookie=cookie)[1])["name"] == "dora"
    status, _, headers = nginx.ask("POST", f"{BELOW}/api/v1/jobs", {"kind": "probe"}, **own)
    assert (status, headers["Location"].rpartition("/")[0]) == (202, f"{BELOW}/api/v1/jobs")
    assert nginx.ask("GET", headers["Location"], Cookie=cookie)[0] == 200
    evil = own | {"Origin": "http://evil.example"}
    assert nginx.ask("POST", f"{BELOW}/api/v1/jobs", {"kind": "probe"}, **evil)[0] == 403
    status, _, headers = nginx.ask("POST", f"{BELOW}/api/v1/auth/logout", **own)
    assert (status, headers["Set-Cookie"].partition(";")[0]) == (204, "mn_session=")
    assert {f"Path={BELOW}", "Max-Age=0"} <= set(headers["Set-Cookie"].split("; "))
    assert nginx.ask("GET", f"{BELOW}/api/v1/me", Cookie=cookie)[0] == 401


def test_the_feed_opens_to_our_page_alone(nginx: Nginx, cookie: str) -> None:
    address = f"ws://127.0.0.1:{nginx.port}{BELOW}/ws"
    with connect(address, additional_headers={"Cookie": cookie}, origin=Origin(nginx.origin)) as feed:
        assert json.loads(feed.recv(timeout=PATIENCE))["type"] == "hello"
    for headers, origin, status in (
        ({"Cookie": cookie}, "http://evil.example", 403),
        ({"Cookie": cookie}, f"http://127.0.0.1:{nginx.behind}", 403),
        ({}, nginx.origin, 401),
    ):
        with (
            pytest.raises(InvalidStatus) as refusal,
            connect(address, additional_headers=headers, origin=Origin(origin)),
        ):
            pass
        assert refusal.value.response.status_code == status


def test_limits_count_by_the_address_that_nginx_saw_whatever_the_client_claims(nginx: Nginx) -> None:
    tries = LIMITS["sign-in"][0].amount
    for number in range(tries):
        assert nginx.sign_in("wrong", X_Forwarded_For=f"203.0.113.{number}")[0] == 401
    status, text, headers = nginx.sign_in(PASSWORD, X_Forwarded_For="203.0.113.99")
    assert (status, json.loads(text)["code"]) == (429, "too_many_requests")
    assert int(headers["Retry-After"]) >= 1
    assert nginx.sign_in(PASSWORD, NEIGHBOUR)[0] == 200
