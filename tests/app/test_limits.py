"""How often somebody may do something: who is counted together, who is exempt, and what holds while Redis is away."""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import limits
from app.accounts import users
from app.limits import LIMITS, Counts, Here, Limit
from config import redis
from config.database import query
from config.settings import settings
from tests.app.conftest import API, PASSWORD, Caller
from tests.private_server import wait_until
from tests.servers import RedisServer

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

TRIES, ALL_TRIES = (limit.amount for limit in LIMITS["sign-in"])


@pytest.fixture
def own_redis(bound_database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisServer]:
    """A Redis for this test alone, which it may stop."""
    with RedisServer() as server:
        monkeypatch.setenv("REDIS_URL", server.url)
        yield server


@pytest.fixture
def few_calls(bound_database: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many calls a minute the owner allows: few."""
    monkeypatch.setenv("MEDIANEST_REQUESTS_PER_MINUTE", "5")
    return 5


def sign_in(
    client: FlaskClient, password: str = "wrong", *, name: str = "dora", address: str = "192.0.2.1"
) -> TestResponse:
    return client.post(
        f"{API}/auth/login",
        json={"username": name, "password": password},
        environ_overrides={"REMOTE_ADDR": address},
    )


def expect_refusal(response: TestResponse, longest: int) -> None:
    """The 429, with a time to wait of at most so many seconds."""
    assert (response.status_code, response.mimetype) == (429, "application/problem+json")
    problem = response.get_json()
    assert problem["code"] == "too_many_requests"
    assert problem["detail"].startswith("Try again in ")
    assert 1 <= int(response.headers["Retry-After"]) <= longest


def test_only_tries_that_failed_count_and_ten_are_enough(app: Flask, browser: FlaskClient) -> None:
    users.create("dora", PASSWORD, "user")
    for _ in range(TRIES - 1):
        assert sign_in(browser).status_code == 401
    for _ in range(3):
        assert sign_in(browser, PASSWORD).status_code == 200
    assert sign_in(browser, name=" DORA ").status_code == 401
    expect_refusal(sign_in(browser), longest=5 * 60)
    expect_refusal(sign_in(browser, PASSWORD), longest=5 * 60)
    assert sign_in(browser, PASSWORD, address="192.0.2.2").status_code == 200
    assert sign_in(browser, name="emil").status_code == 401


def test_an_address_that_tries_many_names_is_refused(app: Flask, browser: FlaskClient) -> None:
    for number in range(ALL_TRIES):
        assert sign_in(browser, name=f"name {number}").status_code == 401
    expect_refusal(sign_in(browser, name="another"), longest=10 * 60)
    assert sign_in(browser, name="another", address="192.0.2.2").status_code == 401


def test_an_ipv6_network_is_one_address(app: Flask, browser: FlaskClient) -> None:
    for number in range(TRIES):
        assert sign_in(browser, address=f"2001:db8:0:1::{number:x}").status_code == 401
    expect_refusal(sign_in(browser, address="2001:db8:0:1:ffff::1"), longest=5 * 60)
    assert sign_in(browser, address="2001:db8:0:2::1").status_code == 401


def test_an_ipv4_address_written_as_ipv6_is_the_same(app: Flask, browser: FlaskClient) -> None:
    for _ in range(TRIES):
        assert sign_in(browser, address="::ffff:192.0.2.1").status_code == 401
    expect_refusal(sign_in(browser, address="192.0.2.1"), longest=5 * 60)
    assert sign_in(browser, address="::ffff:192.0.2.2").status_code == 401


def test_the_first_refusal_is_in_the_audit_and_no_name_is_in_redis(app: Flask, browser: FlaskClient) -> None:
    for _ in range(TRIES + 5):
        sign_in(browser, name="dorothea")
    noted = query("SELECT address, target FROM audit WHERE action = 'auth.limited'")
    assert [(row["address"], row["target"]) for row in noted] == [("192.0.2.1", "sign-in")]
    keys = redis.quick().keys("medianest:limits:*")
    assert keys
    assert not [key for key in keys if b"dorothea" in key or b"192.0.2.1" in key]


def test_wrong_setup_codes_run_out(app: Flask, browser: FlaskClient) -> None:
    body = {"code": "WRON-GCOD-EEEE", "username": "ann", "password": PASSWORD}
    for _ in range(10):
        assert browser.post(f"{API}/auth/setup", json=body).status_code == 403
    expect_refusal(browser.post(f"{API}/auth/setup", json=body), longest=15 * 60)
    assert len(query("SELECT id FROM audit WHERE action = 'auth.limited'")) == 1


def test_sign_ins_with_plex_that_are_begun_run_out(app: Flask, browser: FlaskClient) -> None:
    for _ in range(LIMITS["plex"][0].amount):
        assert browser.post(f"{API}/auth/plex").status_code == 409
    expect_refusal(browser.post(f"{API}/auth/plex"), longest=5 * 60)


def test_an_account_makes_twenty_tokens_an_hour(friend: Caller, stranger: Caller) -> None:
    for number in range(20):
        assert friend.post("/me/tokens", {"label": f"token {number}"}).status_code == 201
    expect_refusal(friend.post("/me/tokens", {"label": "one more"}), longest=3600)
    assert stranger.post("/me/tokens", {"label": "mine"}).status_code == 201


def test_a_person_has_so_many_calls_a_minute_whatever_proves_who_they_are(
    few_calls: int, app: Flask, friend: Caller, stranger: Caller
) -> None:
    users.create("dora", PASSWORD, "user")
    client = app.test_client()
    assert sign_in(client, PASSWORD).status_code == 200
    token = client.post(f"{API}/me/tokens", json={"label": "script"}).get_json()["token"]
    for _ in range(few_calls - 2):
        assert client.get(f"{API}/me").status_code == 200
    dora = Caller(app.test_client(), token)
    assert dora.get("/me").status_code == 200
    expect_refusal(dora.get("/me"), longest=60)
    expect_refusal(client.get(f"{API}/jobs"), longest=60)
    assert stranger.get("/me").status_code == 200


def test_pages_health_and_signing_out_are_not_counted(few_calls: int, app: Flask) -> None:
    users.create("dora", PASSWORD, "user")
    client = app.test_client()
    sign_in(client, PASSWORD)
    for _ in range(few_calls + 1):
        assert [client.get(path).status_code for path in ("/", "/health", "/manifest.webmanifest")] == [
            200
        ] * 3
    assert client.get(f"{API}/me").status_code == 200
    for _ in range(few_calls):
        client.get(f"{API}/me")
    assert client.post(f"{API}/auth/logout").status_code == 204


def test_admins_are_exempt(few_calls: int, admin: Caller) -> None:
    assert {admin.get("/me").status_code for _ in range(few_calls * 3)} == {200}
    for _ in range(few_calls * 3):
        admin.submit()


def test_submissions_are_limited_more_than_calls(app: Flask, friend: Caller) -> None:
    for _ in range(60):
        friend.submit()
    expect_refusal(friend.post("/jobs", {"kind": "echo"}), longest=60)
    assert friend.get("/jobs").status_code == 200


def test_zero_is_no_limit(
    bound_database: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("MEDIANEST_REQUESTS_PER_MINUTE", "0")
    friend: Caller = request.getfixturevalue("friend")
    for _ in range(65):
        friend.submit()
    assert {friend.get("/me").status_code for _ in range(60)} == {200}


@pytest.mark.parametrize("trouble", ["kill", "pause"])
def test_limits_hold_while_redis_is_away_and_when_it_comes_back_empty(
    own_redis: RedisServer, browser: FlaskClient, trouble: str
) -> None:
    users.create("dora", PASSWORD, "user")
    for _ in range(TRIES - 4):
        assert sign_in(browser).status_code == 401
    getattr(own_redis, trouble)()
    for _ in range(4):
        assert sign_in(browser).status_code == 401
    expect_refusal(sign_in(browser, PASSWORD), longest=5 * 60)
    own_redis.restart_empty()
    expect_refusal(sign_in(browser, PASSWORD), longest=5 * 60)


def test_counting_goes_back_to_redis(own_redis: RedisServer, bound_database: str) -> None:
    one = Counts()
    own_redis.kill()
    assert one.take("key", 3, 60)
    own_redis.start()
    other = Counts()
    wait_until(lambda: one.take("calls", 10_000, 60) and other.wait("calls", 1, 60) > 0, 10, "Redis counts")
    assert one.take("key", 3, 60)
    assert [other.take("key", 3, 60) for _ in range(3)] == [True, True, False]


def test_processes_share_what_is_left(bound_database: str) -> None:
    one, other = Counts(), Counts()
    assert [each.take("key", 4, 60) for each in (one, other) * 3] == [True] * 4 + [False] * 2
    assert 0 < one.wait("key", 4, 60) <= 60
    assert other.take("another", 4, 60)


@pytest.mark.parametrize("away", [False, True], ids=["redis", "away"])
def test_there_is_room_again_when_the_refusal_says_so(
    own_redis: RedisServer, bound_database: str, away: bool
) -> None:
    if away:
        own_redis.kill()
    counts = Counts()
    for _ in range(3):
        while counts.take("key", 4, 1):
            pass
        wait = counts.wait("key", 4, 1)
        assert 0 < wait <= 1
        wait_until(lambda: not counts.wait("key", 4, 1), wait + 0.2, "there is room")
        assert counts.take("key", 4, 1)


def test_a_limit_follows_the_owners_number(bound_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = Limit(60, 60, follows=True)
    for calls, submissions in (("100", 60), ("1000", 600), ("1", 1), ("0", 0)):
        monkeypatch.setenv("MEDIANEST_REQUESTS_PER_MINUTE", calls)
        settings.cache_clear()
        assert limit.now == submissions


def test_a_process_remembers_only_so_much(bound_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_KEYS", 10)
    here = Here()
    assert here.acquire_sliding_window_entry("first", 1, 60)
    for number in range(100):
        assert here.acquire_sliding_window_entry(f"key {number}", 1, 60)
        assert not here.acquire_sliding_window_entry(f"key {number}", 1, 60)
    assert here.acquire_sliding_window_entry("first", 1, 60)
