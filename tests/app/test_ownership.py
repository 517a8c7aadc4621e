"""Somebody else's thing is not there: 404 for whoever asks, admins and what is personal included."""

from collections.abc import Callable

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.accounts import sessions, tokens
from pipelines.models import cookie, download
from tests.app.conftest import Caller

COOKIES = {"cookies": ".example.com\tTRUE\t/\tTRUE\t1893456000\tsession\tx\n"}
FILES = {"title": "Film", "uploader": None, "duration": None, "source_url": "x", "files": [{"path": "a"}]}

Ask = Callable[[Caller], TestResponse]


@pytest.fixture
def shared(friend: Caller) -> dict[str, Ask]:
    """What everyone but its owner and admins is told about the friend's job and download, call by call."""
    job = friend.submit()["id"]
    download.record(int(job), friend.id, "generic", "x", "video", FILES)
    (found,) = friend.get("/downloads").get_json()["items"]
    calls = {
        "GET job": lambda who: who.get(f"/jobs/{job}"),
        "GET events": lambda who: who.get(f"/jobs/{job}/events"),
        "GET download": lambda who: who.get(f"/downloads/{found['id']}"),
        "DELETE download": lambda who: who.delete(f"/downloads/{found['id']}"),
    }
    for step in ("pause", "resume", "cancel", "retry"):
        calls[step] = lambda who, step=step: who.post(f"/jobs/{job}/{step}")  # type: ignore[misc]
    return calls


@pytest.fixture
def personal(friend: Caller) -> dict[str, Ask]:
    """The same about what is nobody's business, admins' neither."""
    token = friend.post("/me/tokens", {"label": "mine"}).get_json()["id"]
    sessions.begin(friend.id, "test")
    (session,) = friend.get("/me/sessions").get_json()["items"]
    friend.ask("PUT", "/me/cookies/example.com", COOKIES)
    return {
        "token": lambda who: who.delete(f"/me/tokens/{token}"),
        "session": lambda who: who.delete(f"/me/sessions/{session['id']}"),
        "cookies": lambda who: who.delete("/me/cookies/example.com"),
    }


def test_a_strangers_question_is_404_and_changes_nothing(
    stranger: Caller, friend: Caller, shared: dict[str, Ask], personal: dict[str, Ask]
) -> None:
    for name, ask in {**shared, **personal}.items():
        response = ask(stranger)
        assert (response.status_code, response.get_json()["code"]) == (404, "not_found"), name
    for path in ("/jobs", "/downloads", "/me/sessions", "/me/cookies"):
        assert stranger.get(path).get_json()["items"] == [], path
    for ask in (*list(shared.values())[:3], *personal.values()):
        assert ask(friend).status_code in (200, 204)


def test_an_admin_sees_everybodys_jobs_and_downloads_and_nothing_personal(
    app: Flask, admin: Caller, shared: dict[str, Ask], personal: dict[str, Ask]
) -> None:
    plain = Caller(app.test_client(), tokens.create(admin.id, "plain", ["read", "jobs"])[1])
    for name, ask in {**shared, **personal}.items():
        assert ask(plain).status_code == 404, name
    for name, ask in personal.items():
        assert ask(admin).status_code == 404, name
    assert [ask(admin).status_code for ask in shared.values()][:4] == [200, 200, 200, 204]


def test_what_is_there_and_what_never_was_get_one_and_the_same_answer(
    stranger: Caller, friend: Caller
) -> None:
    job = int(friend.submit()["id"])
    theirs, never = (stranger.get(f"/jobs/{number}").get_json() for number in (job, job + 1000))
    for answer in (theirs, never):
        del answer["instance"], answer["request_id"]
    assert theirs == never


def test_lent_cookies_serve_their_owner_alone(friend: Caller, stranger: Caller) -> None:
    friend.ask("PUT", "/me/cookies/example.com", COOKIES)
    assert cookie.cookies_for(friend.id, "example.com")
    assert cookie.cookies_for(stranger.id, "example.com") is None
