"""Every route × every proof: what the one table says is what happens, and nothing is allowed without an entry."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin
from werkzeug.routing import Rule

from app.access import RULES, SCREENS
from tests.app.conftest import Caller
from tests.app.proofs import IN, PROOFS, REFUSALS, Proof
from tests.app.web_process import WebServer

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
with_each_proof = pytest.mark.parametrize("name", PROOFS)


def verdict(proof: Proof, endpoint: str) -> tuple[int, str]:
    """What has to come of it: a status and a code, or IN."""
    if endpoint == "metrics.scrape":  # has a token of its own besides
        return proof.refused() if proof.refusal else IN if proof.acts_as_admin else (403, "forbidden")
    if endpoint in SCREENS:  # nobody signed in: the way in
        return IN if proof.refusal not in ("", "suspended") else proof.verdict(SCREENS[endpoint])
    return proof.verdict(RULES[endpoint])


@pytest.fixture
def unlimited(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody calls too often."""
    monkeypatch.setenv("MEDIANEST_REQUESTS_PER_MINUTE", "0")


@on_sqlite
def test_every_endpoint_has_a_rule_and_every_rule_an_endpoint(app: Flask) -> None:
    assert {rule.endpoint for rule in app.url_map.iter_rules()} == set(RULES)


@on_sqlite
@with_each_proof
def test_an_endpoint_without_a_rule_is_refused_to_everyone(app: Flask, name: str) -> None:
    app.add_url_rule("/api/v1/forgotten", "forgotten", lambda: "secret")
    proof = PROOFS[name]()
    client = app.test_client(use_cookies=False)
    response = client.get("/api/v1/forgotten", headers=proof.headers("http://localhost"))
    assert response.get_json()["code"] == (proof.refusal or "forbidden")
    assert response.status_code in (401, 403)


@with_each_proof
def test_each_route_lets_in_whom_the_table_says_and_nobody_else(
    unlimited: None, app: Flask, name: str
) -> None:
    answers = {
        (rule.endpoint, method): _ask(app, rule, method, PROOFS[name]()) for rule, method in _routes(app)
    }
    wrong = {place: (got, wanted) for place, (got, wanted) in answers.items() if got != wanted}
    assert not wrong
    assert {endpoint for endpoint, _ in answers} == set(RULES) - {"feed.follow"}


def _routes(app: Flask) -> Iterator[tuple[Rule, str]]:
    for rule in app.url_map.iter_rules():
        if not rule.websocket:
            yield from ((rule, method) for method in sorted((rule.methods or set()) - {"OPTIONS"}))


def _ask(app: Flask, rule: Rule, method: str, proof: Proof) -> tuple[tuple[int, str], tuple[int, str]]:
    """How access answered, and how it should have; each proof is used once, for a route may end it."""
    built = rule.build(dict.fromkeys(rule.arguments, "none"))
    assert built is not None
    body: dict[str, str] | None = None if method in ("GET", "HEAD") else {}
    client = app.test_client(use_cookies=False)
    response = client.open(built[1], method=method, json=body, headers=proof.headers("http://localhost"))
    wanted = verdict(proof, rule.endpoint)
    if method == "HEAD":  # has no body that could say the code
        return (response.status_code if response.status_code in (401, 403) else 0, wanted[1]), wanted
    code = (response.get_json(silent=True) or {}).get("code")
    return (response.status_code, code) if code in REFUSALS else IN, wanted


def test_the_feed_lets_in_whom_the_table_says_and_nobody_else(served: WebServer) -> None:
    own = f"http://127.0.0.1:{served.port}"
    answers: dict[str, tuple[object, object]] = {}
    for name, make in PROOFS.items():
        proof = make()
        answers[name] = (_shake_hands(served, proof, own), verdict(proof, "feed.follow"))
        if proof.cookie is not None:
            for origin in ("http://evil.example", None):
                answers[f"{name} at {origin}"] = (_shake_hands(served, proof, origin), (403, "cross_site"))
    assert {name: answer for name, answer in answers.items() if answer[0] != answer[1]} == {}


def _shake_hands(served: WebServer, proof: Proof, origin: str | None) -> tuple[int, str]:
    address, where = f"ws://127.0.0.1:{served.port}/ws", Origin(origin) if origin else None
    try:
        with connect(address, additional_headers=proof.headers(), origin=where) as connection:
            assert json.loads(connection.recv(timeout=10))["type"] == "hello"
            return IN
    except InvalidStatus as refusal:
        return refusal.response.status_code, json.loads(refusal.response.body or b"{}")["code"]


@on_sqlite
def test_whoever_is_refused_as_no_admin_is_written_down(friend: Caller, admin: Caller) -> None:
    friend.get("/users")
    friend.delete(f"/users/{admin.id}")
    entries = admin.get("/admin/audit?action=access.refused").get_json()["items"]
    assert [entry["target"] for entry in entries] == [f"DELETE /api/v1/users/{admin.id}", "GET /api/v1/users"]
    assert {entry["actor"]["id"] for entry in entries} == {str(friend.id)}
