"""Our clients of plex.tv and of a Plex server: what they send, and what they make of odd answers."""

import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from config.settings import settings
from pipelines.integrations import http
from pipelines.integrations.http import Reply
from pipelines.integrations.plex import access, server, tv
from pipelines.models.connection import connection
from tests.logs import heard
from tests.standins.plex_people import Accounts, Person, Player, new_token
from tests.standins.plex_sample import Sample

pytestmark = pytest.mark.usefixtures("home")

Answers = Callable[[Reply], None]


@pytest.fixture
def answers(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> Answers:
    """Lets every call be answered by this, which the stand-ins never say."""

    def answer(reply: Reply) -> None:
        monkeypatch.setattr(http, "call", lambda *_, **__: reply)

    return answer


def told(value: Any, status: int = 200) -> Reply:
    return Reply(status, json.dumps(value).encode())


def test_access_is_proved_at_plex_tv_and_at_the_server(sample: Sample) -> None:
    for person, owned in ((sample.owner, True), (sample.friend, False), (sample.child, False)):
        proof = access.prove(person.token)
        assert (proof.person.id, proof.person.name, proof.person.email) == (
            person.id,
            person.name,
            person.email,
        )
        assert proof.owned is owned
        assert proof.server_token == sample.plex_tv.accounts.access_token(sample.server, person)
    for person in (sample.stranger, sample.neighbour):
        with pytest.raises(access.NoAccess) as refused:
            access.prove(person.token)
        assert (refused.value.person.id, refused.value.listed) == (person.id, False)
    assert connection("plex").identity == sample.server.machine_identifier


def test_every_call_says_who_we_are_and_no_address_has_a_token(sample: Sample) -> None:
    pin = tv.make_pin(strong=True)
    token = sample.plex_tv.claim(pin.code, sample.friend)
    assert tv.read_pin(pin.id) == token
    access.prove(token)
    tv.ping(token)
    asked = sample.plex_tv.requests
    assert {one.headers["X-Plex-Client-Identifier"] for one in asked} == {tv.client_identifier()}
    assert {one.headers["X-Plex-Product"] for one in asked} == {"MediaNest"}
    assert all(
        one.headers[f"X-Plex-{name}"] for one in asked for name in ("Version", "Platform", "Device-Name")
    )
    assert [one.headers.get("X-Plex-Token") for one in asked] == [None, None, token, token, token]
    assert not [one for one in asked + sample.plex.requests if token in one.path + one.query + one.body]
    assert uuid.UUID(tv.client_identifier())


def test_what_one_call_was_given_as_a_cookie_goes_along_with_no_other(sample: Sample) -> None:
    for person in (sample.friend, sample.owner):
        tv.user(person.token)
    assert not [one for one in sample.plex_tv.requests if "Cookie" in one.headers]


def test_the_server_gets_only_the_token_that_is_for_it(sample: Sample) -> None:
    access.prove(sample.friend.token)
    entered = sample.plex_tv.accounts.access_token(sample.server, sample.friend)
    assert [(one.path, one.token) for one in sample.plex.requests] == [("/identity", ""), ("/", entered)]


def pretend(sample: Sample, person: Person, token: str) -> None:
    """Register a device of somebody's own that calls itself the server."""
    machine = sample.server.machine_identifier
    sample.plex_tv.add(Player(sample.server.name, person, machine, "server", token))


@pytest.mark.parametrize("first", [True, False])
def test_a_device_that_calls_itself_the_server_makes_nobody_its_owner(sample: Sample, first: bool) -> None:
    sample.plex_tv.players_first = first
    entered = sample.plex_tv.accounts.access_token(sample.server, sample.friend)
    for token in (sample.friend.token, entered):
        pretend(sample, sample.friend, token)
        proof = access.prove(sample.friend.token)
        assert (proof.owned, proof.server_token) == (False, entered)


def test_of_any_number_of_entries_some_tokens_are_tried(sample: Sample) -> None:
    for _ in range(20):
        pretend(sample, sample.stranger, new_token())
    with pytest.raises(access.NoAccess) as refused:
        access.prove(sample.stranger.token)
    assert refused.value.listed and len(sample.plex.requests) == 1 + access.MOST_TRIED


def test_the_owner_is_one_where_the_server_turns_away_a_token_that_nobody_has(
    sample: Sample,
) -> None:
    assert access.prove(sample.owner.token).owned
    known, made_up = (one.token for one in sample.plex.requests[1:])
    assert known == sample.plex_tv.accounts.access_token(sample.server, sample.owner)
    assert made_up and sample.plex_tv.accounts.entering(sample.server, made_up) is None
    sample.plex.allows_without_auth = True
    with heard(server) as logs:
        assert not access.prove(sample.owner.token).owned
    assert [(one["log_level"], "allowed without auth" in one["advice"]) for one in logs] == [("error", True)]
    assert sample.plex.requests[-1].token != made_up
    assert {one.path for one in sample.plex.requests} == {"/identity", "/"}


def test_refusals_count_as_long_as_the_server_accepts_our_own_token(
    sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert access.refusals_count()
    sample.plex.accounts = Accounts()
    assert not access.refusals_count()
    sample.plex.accounts = sample.plex_tv.accounts
    monkeypatch.setenv("PLEX_TOKEN", "")
    settings.cache_clear()
    assert not access.refusals_count()


def test_a_pin_of_somebody_else_is_over(sample: Sample) -> None:
    theirs = sample.plex_tv.pins.make("another-client", "Another app", strong=True)
    for number in (theirs.id, 1):
        with pytest.raises(tv.PinOver):
            tv.read_pin(number)


PIN = {"id": 7, "code": "ABCD", "expiresIn": 900, "authToken": None}
NO_PIN: tuple[dict[str, Any], ...] = (
    {"id": None}, {"id": 0}, {"id": "seven"}, {"id": 2**70}, {"code": ""}, {"code": "a b"}, {"code": "x" * 999},
    {"expiresIn": 0}, {"expiresIn": None}, {"expiresIn": 1e9}, {"expiresIn": "NaN"},
)  # fmt: skip


def test_an_odd_pin_is_none(answers: Answers) -> None:
    answers(told(PIN, 201))
    assert tv.make_pin(strong=False).lifetime == 900
    for wrong in NO_PIN:
        answers(told({**PIN, **wrong}, 201))
        with pytest.raises(tv.Away):
            tv.make_pin(strong=False)


NO_END = (
    told({"errors": [{"code": 1020}]}, 410),
    Reply(302, b""), Reply(200, b""), Reply(200, b"<html>"), told([]), told({}), told({"authToken": 1}),
    told({"authToken": "two\nlines"}), told({"authToken": "\u00fcnicode"}), told({"authToken": "x" * 9000}),
)  # fmt: skip


def test_only_plex_tvs_own_word_ends_a_pin(answers: Answers) -> None:
    past = {"createdAt": "2026-01-01T12:00:00Z", "expiresAt": "2026-01-01T12:00:00Z"}
    for over in (
        told({"errors": [{"code": 1020}]}, 404),
        Reply(404, b""),
        told({"authToken": None, "expiresIn": 0}),
        told({"authToken": None, "expiresIn": 900, **past}),
    ):
        answers(over)
        with pytest.raises(tv.PinOver):
            tv.read_pin(7)
    answers(told({"authToken": ""}))
    assert tv.read_pin(7) is None
    answers(told({"authToken": "claimed", "expiresIn": 0, **past}))
    assert tv.read_pin(7) == "claimed"
    for reply in NO_END:
        answers(reply)
        with pytest.raises(tv.Away):
            tv.read_pin(7)


ODD: tuple[Any, ...] = ({}, {"id": None}, {"id": "me"}, {"id": -1}, [], None, "x")
REVOKED = (
    Reply(401, b""), Reply(401, b"<html>"), Reply(498, b""), Reply(422, b"<error>Invalid token</error>"),
)  # fmt: skip
NO_WORD_ABOUT_IT = (
    Reply(422, b"Something else"),
    *(Reply(status, b"Invalid token") for status in (302, 400, 403, 404, 429, 500, 502, 503)),
    *map(told, ODD),
)


def test_only_these_answers_say_that_a_token_is_revoked(answers: Answers) -> None:
    for reply in REVOKED:
        answers(reply)
        for ask in (tv.user, tv.ping, lambda token: tv.shares(token, "m")):
            with pytest.raises(tv.Revoked):
                ask("token")
    for reply in NO_WORD_ABOUT_IT:
        answers(reply)
        with pytest.raises(tv.Away):
            tv.user("token")


@pytest.mark.parametrize(
    ("said", "name", "email"),
    [
        ({"title": "Kim", "username": ""}, "Kim", None),
        ({"title": None, "username": "felix", "email": ""}, "felix", None),
        ({"title": " a \n b\x00\ud800\u202e", "email": "a\x00b@example.com"}, "a b", "ab@example.com"),
        ({"title": 5, "email": ["x"]}, "", None),
    ],
)
def test_what_people_call_themselves_is_made_fit(
    answers: Answers, said: dict[str, Any], name: str, email: str | None
) -> None:
    answers(told({"id": 5, **said}))
    assert tv.user("token") == tv.Person(5, name, email)


def test_an_e_mail_address_is_not_repeated() -> None:
    assert "example" not in repr(tv.Person(5, "felix", "felix@example.com"))


ENTRY = {"clientIdentifier": "m", "provides": "client,server", "owned": False, "accessToken": "t"}


def test_the_server_is_found_among_whatever_else_is_listed(answers: Answers) -> None:
    others = [
        {},
        {"clientIdentifier": "m"},
        {**ENTRY, "provides": None},
        {**ENTRY, "provides": "media-server"},
    ]
    answers(told([*others, {**ENTRY, "clientIdentifier": "M"}]))
    assert tv.shares("token", "m") == []
    answers(told([*others, ENTRY, {**ENTRY, "accessToken": "u", "owned": True}]))
    found = tv.shares("token", "m")
    assert [(one.token, one.owned) for one in found] == [("t", False), ("u", True)]
    assert "token" not in repr(found)


@pytest.mark.parametrize(
    "wrong", [{"accessToken": None}, {"accessToken": ""}, {"owned": None}, {"owned": "perhaps"}]
)
def test_an_entry_that_makes_no_sense_decides_nothing(answers: Answers, wrong: dict[str, Any]) -> None:
    answers(told([{**ENTRY, **wrong}]))
    with pytest.raises(tv.Away):
        tv.shares("token", "m")
    answers(told({"MediaContainer": []}))
    with pytest.raises(tv.Away):
        tv.shares("token", "m")


def test_the_first_server_at_an_address_is_the_one(sample: Sample) -> None:
    here = connection("plex")
    assert here.identity is None
    assert server.identity(here) == connection("plex").identity == sample.server.machine_identifier
    with pytest.raises(server.Away, match="Another server"):
        server.identity(replace(here, identity="another"))
    with pytest.raises(server.Away, match="not configured"):
        server.identity(replace(here, url=None))


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500, 503])
def test_only_401_says_that_a_token_does_not_open_the_server(sample: Sample, status: int) -> None:
    here, machine = connection("plex"), sample.server.machine_identifier
    assert server.lets_in(here, sample.owner.token, machine)
    assert not server.lets_in(here, sample.friend.token, machine)  # that is the one for plex.tv
    sample.plex.switches.status(status)
    with pytest.raises(server.Away):
        server.lets_in(here, sample.owner.token, machine)
    sample.plex.switches.off()
    sample.plex.switches.malformed()
    with pytest.raises(server.Away):
        server.lets_in(here, sample.owner.token, machine)
    sample.plex.switches.off()
    with pytest.raises(server.Away, match="Another server"):
        server.lets_in(here, sample.owner.token, "another")


def test_the_door_need_not_say_again_which_server_it_is(answers: Answers) -> None:
    answers(Reply(200, b'{"MediaContainer": {"friendlyName": "Living Room"}}'))
    assert server.lets_in(connection("plex"), "token", "machine")


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"MediaContainer": []}', b'{"MediaContainer": {}}']
)
def test_a_server_that_does_not_say_which_it_is_is_away(answers: Answers, body: bytes) -> None:
    answers(Reply(200, body))
    with pytest.raises(server.Away, match="understood"):
        server.identity(connection("plex"))
