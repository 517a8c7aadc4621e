"""Signing in with Plex while plex.tv or the server is unwell: it waits, says so, and goes on by itself."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

from config.database import change, query
from tests.app.accounts.plex_browser import SIGN_IN, Browser, accounts, audited, sessions
from tests.standins.plex_http import Listener
from tests.standins.plex_sample import Sample

POLL = "GET /api/v2/pins/"
USER = "GET /api/v2/user"
RESOURCES = "GET /api/v2/resources"

Fail = Callable[[Listener, str], object]

# What stands in front of plex.tv says 404 with nothing in it, and 502 in HTML.
FAILURES: dict[str, Fail] = {
    "closed": lambda place, only: place.switches.away(only),
    "500": lambda place, only: place.switches.status(500, only),
    "502": lambda place, only: place.switches.status(502, only),
    "503": lambda place, only: place.switches.status(503, only),
    "404": lambda place, only: place.switches.status(404, only),
    "403": lambda place, only: place.switches.status(403, only),
    "422": lambda place, only: place.switches.status(422, only),
    "429": lambda place, only: place.switches.status(429, only),
    "malformed": lambda place, only: place.switches.malformed(only),
    "stopped": lambda place, _only: place.stop(),
}


def claimed(sample: Sample, visitor: Browser) -> None:
    sample.plex_tv.claim(visitor.begin()["code"], sample.friend)


def waits_and_goes_on(visitor: Browser, reason: str, repair: Callable[[], object]) -> None:
    waiting = visitor.look()
    assert (waiting["state"], waiting["reason"]) == ("waiting", reason)
    assert waiting["message"] and visitor.look_again() == waiting
    assert accounts() == [] and audited("auth.plex_refused") == []
    repair()
    assert visitor.look()["state"] == "signed_in"


WAITED_FOR = [
    (failure, only)
    for failure in FAILURES
    for only in (POLL, USER, RESOURCES)
    if failure != "stopped" and (failure, only) != ("404", POLL)  # which ends a PIN
]


@pytest.mark.parametrize(("failure", "only"), WAITED_FOR)
def test_whatever_plex_tv_says_that_is_no_answer_is_waited_for(
    sample: Sample, visitor: Browser, failure: str, only: str
) -> None:
    claimed(sample, visitor)
    FAILURES[failure](sample.plex_tv, only)
    waits_and_goes_on(visitor, "plex_away", sample.plex_tv.switches.off)


def test_nobody_listens_at_plex_tv_for_a_while(sample: Sample, visitor: Browser) -> None:
    claimed(sample, visitor)
    sample.plex_tv.stop()
    waits_and_goes_on(visitor, "plex_away", sample.plex_tv.start)


@pytest.mark.parametrize("slow", ["stall", "drip"])
def test_a_stalled_poll_is_given_up_soon_and_ends_nothing(
    sample: Sample, visitor: Browser, slow: str
) -> None:
    claimed(sample, visitor)
    switches = sample.plex_tv.switches
    switches.stall(POLL) if slow == "stall" else switches.drip(0.2, POLL)
    began = time.monotonic()
    waits_and_goes_on(visitor, "plex_away", switches.off)
    assert time.monotonic() - began < 8


@pytest.mark.parametrize("failure", ["closed", "503", "500", "malformed"])
def test_the_server_is_waited_for(sample: Sample, visitor: Browser, failure: str) -> None:
    claimed(sample, visitor)
    FAILURES[failure](sample.plex, "")
    waits_and_goes_on(visitor, "server_away", sample.plex.switches.off)


def test_nobody_listens_at_the_server_for_a_while(sample: Sample, visitor: Browser) -> None:
    claimed(sample, visitor)
    sample.plex.stop()
    waits_and_goes_on(visitor, "server_away", sample.plex.start)


def test_another_server_at_the_address_is_not_believed(app: Flask, sample: Sample, visitor: Browser) -> None:
    """Its owner would become admin."""
    Browser(app).sign_in(sample, sample.friend)
    ours, sample.plex.server = sample.plex.server, sample.other
    sample.plex_tv.claim(visitor.begin()["code"], sample.neighbour)
    assert visitor.look()["reason"] == "server_away"
    assert accounts() == ["felix"]
    sample.plex.server = ours
    assert visitor.look()["reason"] == "no_access"


def test_the_token_goes_to_no_other_server(sample: Sample, visitor: Browser) -> None:
    claimed(sample, visitor)
    sample.plex.server = sample.other
    visitor.look()
    assert {(one.path, one.token) for one in sample.plex.requests} == {("/identity", "")}


def test_a_pin_that_plex_tv_calls_over_is_over(sample: Sample, visitor: Browser) -> None:
    sample.plex_tv.expire(visitor.begin()["code"])
    assert visitor.look() == {
        "state": "expired", "reason": None, "message": "This sign-in is over. Please start again.",
    }  # fmt: skip
    assert visitor.cookie(SIGN_IN) == "" and query("SELECT * FROM sign_in") == []


def test_a_pin_is_over_by_our_clock_too(sample: Sample, visitor: Browser) -> None:
    visitor.begin()
    assert visitor.look()["state"] == "waiting"
    change("UPDATE sign_in SET expires_at = NOW")
    asked = len(sample.plex_tv.requests)
    assert visitor.look()["state"] == "expired"
    assert len(sample.plex_tv.requests) == asked


def test_a_token_that_is_revoked_at_once_opens_nothing(sample: Sample, visitor: Browser) -> None:
    sample.plex_tv.revoke(sample.plex_tv.claim(visitor.begin()["code"], sample.friend))
    assert visitor.look()["state"] == "expired"
    assert accounts() == [] and sessions() == 0


def test_plex_tv_is_asked_once_a_second(sample: Sample, visitor: Browser) -> None:
    visitor.begin()
    visitor.look()
    asked = len(sample.plex_tv.requests)
    assert [visitor.look_again()["state"] for _ in range(5)] == ["waiting"] * 5
    assert len(sample.plex_tv.requests) == asked
    change("UPDATE sign_in SET asked_at = asked_at - 1")
    visitor.look_again()
    assert len(sample.plex_tv.requests) == asked + 1


@pytest.mark.parametrize(("said", "pause"), [("30", 30), ("99999", 60), (None, 5), ("soon", 5)])
def test_plex_tv_is_left_alone_for_as_long_as_it_asks(
    sample: Sample, visitor: Browser, said: str | None, pause: int
) -> None:
    visitor.begin()
    sample.plex_tv.switches.status(429, POLL, times=1, retry_after=said)
    visitor.look()
    left = query("SELECT asked_at - NOW AS left FROM sign_in")[0]["left"]
    assert pause - 3 < left <= pause


def test_at_most_two_requests_wait_for_plex_tv(app: Flask, sample: Sample) -> None:
    browsers = [Browser(app) for _ in range(4)]
    for browser in browsers:
        browser.begin()
    made = len(sample.plex_tv.requests)
    stalled = sample.plex_tv.switches.stall()
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(browser.look_again) for browser in browsers[:2]]
        sample.plex_tv.wait_for(lambda log: len(log) == made + 2)
        assert [browser.look_again()["state"] for browser in browsers[2:]] == ["waiting"] * 2
        refused = Browser(app).ask_begin()
        assert (refused.status_code, refused.get_json()["code"]) == (503, "plex_away")
        assert len(sample.plex_tv.requests) == made + 2
        sample.plex_tv.switches.off(stalled)
        assert [one.result()["state"] for one in waiting] == ["waiting"] * 2
    assert browsers[2].look()["reason"] is None and len(sample.plex_tv.requests) == made + 3


@pytest.mark.parametrize("failure", FAILURES)
def test_nothing_begins_without_plex_tv(sample: Sample, visitor: Browser, failure: str) -> None:
    FAILURES[failure](sample.plex_tv, "POST /api/v2/pins")
    answer = visitor.ask_begin()
    assert (answer.status_code, answer.get_json()["code"]) == (503, "plex_away")
    assert int(answer.headers["Retry-After"]) > 0 and "Set-Cookie" not in answer.headers
    assert query("SELECT * FROM sign_in") == []


def test_who_begins_is_told_how_long_plex_tv_wants_to_be_left_alone(sample: Sample, visitor: Browser) -> None:
    sample.plex_tv.switches.status(429, retry_after="17")
    assert visitor.ask_begin().headers["Retry-After"] == "17"
