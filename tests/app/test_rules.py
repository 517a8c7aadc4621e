"""Everything has a rule, and nothing is allowed without one."""

import pytest
from flask import Flask

from app.access import RULES
from tests.app.conftest import Caller

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_every_endpoint_has_a_rule_and_every_rule_an_endpoint(app: Flask) -> None:
    assert {rule.endpoint for rule in app.url_map.iter_rules()} == set(RULES)


def test_an_endpoint_without_a_rule_is_refused_to_everyone(app: Flask, admin: Caller) -> None:
    app.add_url_rule("/api/v1/forgotten", "forgotten", lambda: "secret")
    response = admin.get("/forgotten")
    assert (response.status_code, response.get_json()["code"]) == (403, "forbidden")


def test_only_what_is_public_answers_without_signing_in(app: Flask) -> None:
    client = app.test_client()
    for rule in app.url_map.iter_rules():
        if RULES[rule.endpoint] == "public" or rule.websocket:
            continue
        path = rule.rule.replace("<", "").replace(">", "")
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            response = client.open(path, method=method)
            assert response.status_code == 401, (method, path)
            assert response.get_json()["code"] == "not_signed_in"
            assert response.headers["WWW-Authenticate"] == "Bearer"


def test_metrics_want_their_own_token_or_an_admin(
    admin: Caller, friend: Caller, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scrape(token: str | None) -> int:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return app.test_client().get("/metrics", headers=headers).status_code

    assert [scrape(None), scrape(friend.token), scrape(admin.token)] == [401, 403, 200]
