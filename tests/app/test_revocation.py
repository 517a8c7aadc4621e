"""What was taken away opens nothing any more: at once over HTTP, within 30 seconds on open sockets."""

import time
from collections.abc import Callable
from contextlib import ExitStack

from flask import Flask
from flask.testing import FlaskClient
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from app.accounts import removal, sessions, tokens, users
from app.accounts.identity import SCOPES
from config.database import change
from tests.app.conftest import API, PASSWORD, Caller
from tests.app.web_process import WebServer

WITHIN = 30.0  # seconds


def with_cookie(app: Flask, value: str) -> FlaskClient:
    client = app.test_client()
    client.set_cookie(sessions.COOKIE, value)
    return client


def cookie_of(client: FlaskClient) -> str:
    found = client.get_cookie(sessions.COOKIE)
    assert found is not None
    return found.value


def test_a_planted_cookie_is_not_the_one_that_is_signed_in(app: Flask) -> None:
    users.create("dora", PASSWORD, "user")
    planted = sessions.begin(users.create("eve", None, "user"), "the attacker's")
    victim = with_cookie(app, planted)
    victim.post(f"{API}/auth/login", json={"username": "dora", "password": PASSWORD})
    assert cookie_of(victim) != planted
    assert victim.get(f"{API}/me").get_json()["name"] == "dora"
    assert with_cookie(app, planted).get(f"{API}/me").status_code == 401


def test_after_signing_out_the_cookie_cannot_be_replayed(app: Flask) -> None:
    account = users.create("dora", None, "user")
    value = sessions.begin(account, "test")
    browser = with_cookie(app, value)
    assert browser.post(f"{API}/auth/logout").status_code == 204
    for method, path in (("GET", "/me"), ("POST", "/jobs"), ("DELETE", "/me/sessions")):
        response = with_cookie(app, value).open(API + path, method=method, json={"kind": "echo"})
        assert (response.status_code, response.get_json()["code"]) == (401, "not_signed_in")


def test_a_revoked_token_is_refused_at_the_next_call(app: Flask, friend: Caller) -> None:
    row, text = tokens.create(friend.id, "test", SCOPES)
    holder = Caller(app.test_client(), text)
    assert holder.get("/me").status_code == 200
    assert friend.delete(f"/me/tokens/{row['id']}").status_code == 204
    for response in (holder.get("/me"), holder.post("/jobs", {"kind": "echo"})):
        assert (response.status_code, response.get_json()["code"]) == (401, "invalid_token")


def test_the_sockets_of_who_may_no_longer_look_close_with_4401_within_30_s(served: WebServer) -> None:
    with ExitStack() as sockets:
        staying: list[ClientConnection] = []
        leaving: dict[str, ClientConnection] = {}
        for name, lose in LOSSES.items():
            account = users.create(name, None, "admin")
            value = sessions.begin(account, "test")
            row, token = tokens.create(account, "test", SCOPES)
            pair = {
                "cookie": _follow(sockets, served, {"Cookie": f"{sessions.COOKIE}={value}"}),
                "token": _follow(sockets, served, {"Authorization": f"Bearer {token}"}),
            }
            for proof in lose(account, value, row["id"]).split():
                leaving[f"{name}: {proof}"] = pair.pop(proof)
            staying += pair.values()
        begun = time.monotonic()
        codes = {name: _close_code(socket, begun + WITHIN) for name, socket in leaving.items()}
        assert codes == dict.fromkeys(leaving, 4401)
        for socket in staying:
            socket.send('{"type":"ping"}')
            assert socket.recv(timeout=10) == '{"type":"pong"}'
        assert len(staying) == 4


def _revoked_session(account: int, value: str, _token: str) -> str:
    sessions.revoke_others(account, None)
    return "cookie"


def _revoked_token(_account: int, _value: str, token: str) -> str:
    tokens.revoke(token)
    return "token"


def _expired_token(_account: int, _value: str, token: str) -> str:
    change("UPDATE token SET expires_at = NOW - 1 WHERE id = %s", token)
    return "token"


def _signed_out(_account: int, value: str, _token: str) -> str:
    sessions.end(value)
    return "cookie"


def _suspended(account: int, _value: str, _token: str) -> str:
    users.revise(account, "suspended")
    return "cookie token"


def _demoted(account: int, _value: str, _token: str) -> str:
    users.revise(account, "user")
    return "cookie token"


def _deleted(account: int, _value: str, _token: str) -> str:
    removal.remove(account)
    return "cookie token"


LOSSES: dict[str, Callable[[int, str, str], str]] = {
    "session revoked": _revoked_session,
    "token revoked": _revoked_token,
    "token expired": _expired_token,
    "signed out": _signed_out,
    "suspended": _suspended,
    "demoted": _demoted,
    "deleted": _deleted,
}
"""What is taken from somebody with a cookie and a token; says which of the two no longer count."""


def _follow(sockets: ExitStack, served: WebServer, headers: dict[str, str]) -> ClientConnection:
    address, own = f"ws://127.0.0.1:{served.port}/ws", Origin(f"http://127.0.0.1:{served.port}")
    socket = sockets.enter_context(connect(address, additional_headers=headers, origin=own))
    assert '"hello"' in str(socket.recv(timeout=10))
    return socket


def _close_code(socket: ClientConnection, until: float) -> int | None:
    try:
        while True:
            socket.recv(timeout=max(0.1, until - time.monotonic()))
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else None
    except TimeoutError:
        return None
