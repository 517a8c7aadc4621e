"""Signing in with Plex: who gets in as whom, who does not, and what nobody gets to see."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

from config.database import change, now, query
from config.settings import settings
from config.vault import unseal
from tests.app.accounts.plex_browser import (
    SESSION,
    SIGN_IN,
    Browser,
    account,
    accounts,
    audited,
    change_setting,
    sessions,
    words_of,
)
from tests.app.conftest import API
from tests.standins.plex_people import Person, Player, Server
from tests.standins.plex_sample import Sample

PINS = "/api/v2/pins"


def test_the_owner_of_the_server_becomes_admin_and_a_friend_a_user(app: Flask, sample: Sample) -> None:
    friend, owner = Browser(app), Browser(app)
    ended = friend.sign_in(sample, sample.friend)
    assert ended == {"state": "signed_in", "reason": None, "message": "You are signed in."}
    assert owner.sign_in(sample, sample.owner)["state"] == "signed_in"
    for browser, name, role in ((friend, "felix", "user"), (owner, "olivia", "admin")):
        me = browser.me()
        assert me is not None and (me["name"], me["role"]) == (name, role)
    assert [(row["actor"], row["detail"]["plex_id"]) for row in audited("auth.plex")] == [
        ("felix", sample.friend.id), ("olivia", sample.owner.id),
    ]  # fmt: skip


def test_a_child_without_an_address_gets_in(sample: Sample, visitor: Browser) -> None:
    assert visitor.sign_in(sample, sample.child)["state"] == "signed_in"
    row = account(sample.child)
    assert row is not None and (row["name"], row["email"], row["role"]) == ("Kim", None, "user")


def test_what_is_kept_of_plex_is_sealed_for_its_row(sample: Sample, visitor: Browser) -> None:
    code = visitor.begin()["code"]
    token = sample.plex_tv.claim(code, sample.friend)
    assert visitor.look()["state"] == "signed_in"
    row = account(sample.friend)
    assert row is not None and row["email"] == "felix@example.com"
    assert unseal(row["plex_token"], f"plex_token:{row['id']}") == token
    entered = sample.plex_tv.accounts.access_token(sample.server, sample.friend)
    assert unseal(row["server_token"], f"server_token:{row['id']}") == entered
    assert abs(row["checked_at"] - now()) < 60


def test_one_strong_pin_is_made_by_one_post(sample: Sample, visitor: Browser) -> None:
    begun = visitor.begin()
    asked = sample.plex_tv.requests
    assert [(one.method, one.path, one.query) for one in asked] == [("POST", PINS, "strong=true")]
    assert len(begun["code"]) == 25 and set(begun) == {"auth_url", "code", "expires_at"}
    assert abs(sample.plex_tv.pins.all[0].expires - now()) < 1810
    assert asked[0].plex("Product") == "MediaNest" and asked[0].client
    for _ in range(3):
        assert visitor.look() == {
            "state": "waiting",
            "reason": None,
            "message": "Waiting for you to sign in at Plex.",
        }
    assert [one.path for one in sample.plex_tv.requests[1:]] == [
        f"{PINS}/{sample.plex_tv.pins.all[0].id}"
    ] * 3
    assert {one.client for one in sample.plex_tv.requests} == {asked[0].client}


def test_four_letters_are_typed_at_plex_tv(sample: Sample, visitor: Browser) -> None:
    begun = visitor.ask_begin("?link=true").get_json()
    assert (len(begun["code"]), begun["auth_url"]) == (4, f"{sample.plex_tv.base}/link")
    sample.plex_tv.claim(begun["code"].lower(), sample.friend)
    assert visitor.look()["state"] == "signed_in"
    assert visitor.ask_begin("?link=perhaps").status_code == 422


def test_the_browser_is_sent_to_plex_and_back_to_where_it_came_from(sample: Sample, visitor: Browser) -> None:
    begun = visitor.begin(Origin="http://localhost", Sec_Fetch_Site="same-origin")
    assert begun["auth_url"].startswith(f"{sample.plex_tv.base}/auth#?clientID=")
    words = words_of(begun["auth_url"])
    assert words == {
        "clientID": sample.plex_tv.requests[0].client,
        "code": begun["code"],
        "context[device][product]": "MediaNest",
        "forwardUrl": "http://localhost/",
    }
    assert words_of(visitor.begin()["auth_url"])["forwardUrl"] == "http://127.0.0.1:8000/"
    lying = visitor.begin(Origin="http://evil.example", Authorization="Bearer mnp_x")
    assert words_of(lying["auth_url"])["forwardUrl"] == "http://127.0.0.1:8000/"


def test_another_site_cannot_begin_it(sample: Sample, visitor: Browser) -> None:
    refused = visitor.ask_begin(Origin="http://evil.example")
    assert (refused.status_code, refused.get_json()["code"]) == (403, "cross_site")
    assert sample.plex_tv.requests == []


def test_the_cookie_is_closed_to_scripts_and_only_its_digest_is_stored(
    sample: Sample, visitor: Browser
) -> None:
    header = visitor.ask_begin().headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=1800"} <= set(header.split("; "))
    value = visitor.cookie(SIGN_IN)
    assert len(value) == 43 and value not in str(query("SELECT * FROM sign_in"))


def test_under_a_sub_path_behind_https_the_way_back_and_the_cookie_have_it(
    monkeypatch: pytest.MonkeyPatch, visitor: Browser
) -> None:
    change_setting(monkeypatch, "MEDIANEST_URL", "https://media.example/nest")
    response = visitor.ask_begin()
    assert {"Path=/nest", "Secure"} <= set(response.headers["Set-Cookie"].split("; "))
    assert words_of(response.get_json()["auth_url"])["forwardUrl"] == "https://media.example/nest/"


def test_only_the_browser_that_began_gets_in(app: Flask, sample: Sample, visitor: Browser) -> None:
    sample.plex_tv.claim(visitor.begin()["code"], sample.friend)
    stranger = Browser(app)
    for value in ("", "guessed", "x" * 3000):
        stranger.client.set_cookie(SIGN_IN, value)
        assert stranger.look()["state"] == "expired"
    assert stranger.me() is None and sessions() == 0
    assert visitor.look()["state"] == "signed_in"


def test_beginning_again_replaces_the_first(app: Flask, sample: Sample, visitor: Browser) -> None:
    first = visitor.begin()
    old = Browser(app)
    old.client.set_cookie(SIGN_IN, visitor.cookie(SIGN_IN))
    visitor.begin()
    sample.plex_tv.claim(first["code"], sample.friend)
    assert (visitor.look()["state"], old.look()["state"]) == ("waiting", "expired")
    assert len(query("SELECT * FROM sign_in")) == 1


def test_those_that_are_over_are_forgotten(app: Flask, sample: Sample, visitor: Browser) -> None:
    visitor.begin()
    change("UPDATE sign_in SET expires_at = NOW")
    Browser(app).begin()
    assert len(query("SELECT * FROM sign_in")) == 1


def test_signing_in_is_a_new_session_and_ends_the_one_brought_along(sample: Sample, visitor: Browser) -> None:
    visitor.sign_in(sample, sample.friend)
    first = visitor.cookie(SESSION)
    assert visitor.cookie(SIGN_IN) == ""
    visitor.sign_in(sample, sample.friend)
    assert visitor.cookie(SESSION) != first and sessions() == 1
    assert accounts() == ["felix"]


def refused(sample: Sample, visitor: Browser, person: Person) -> dict[str, str]:
    """How the refusal of somebody looks, who leaves no trace but an entry in the audit log."""
    before = accounts()
    ended = visitor.sign_in(sample, person)
    assert (ended["state"], ended["reason"], visitor.me()) == ("refused", "no_access", None)
    assert "no access to this Plex server" in ended["message"]
    assert accounts() == before and sessions() == 0
    entry = audited("auth.plex_refused")[-1]
    assert entry["detail"] == {"reason": "no_access", "plex_id": person.id, "name": person.name}
    assert "example.com" not in str(entry) and entry["address"] == "127.0.0.1"
    return ended


def test_an_account_without_the_server_is_refused(sample: Sample, visitor: Browser) -> None:
    refused(sample, visitor, sample.stranger)


def test_another_server_of_the_same_name_is_not_this_one(sample: Sample, visitor: Browser) -> None:
    refused(sample, visitor, sample.neighbour)


@pytest.mark.parametrize("provides", ["client,player,pubsub-player", "media-server,player", ""])
def test_a_player_with_the_servers_identifier_opens_nothing(
    sample: Sample, visitor: Browser, provides: str
) -> None:
    machine, token = sample.server.machine_identifier, sample.stranger.token
    sample.plex_tv.add(Player(sample.server.name, sample.stranger, machine, provides, token))
    refused(sample, visitor, sample.stranger)


def test_a_server_that_only_claims_the_identifier_does_not_open(sample: Sample, visitor: Browser) -> None:
    sample.plex_tv.add(Server("Living Room", sample.stranger, sample.server.machine_identifier))
    refused(sample, visitor, sample.stranger)


def test_the_address_of_the_admin_makes_nobody_the_admin(
    app: Flask, sample: Sample, visitor: Browser
) -> None:
    Browser(app).sign_in(sample, sample.owner)
    change("DELETE FROM session")
    sample.stranger.email = sample.owner.email
    refused(sample, visitor, sample.stranger)
    sample.friend.email, sample.friend.name = sample.owner.email, sample.owner.name
    visitor.sign_in(sample, sample.friend)
    me = visitor.me()
    assert me is not None and (me["name"], me["role"]) == ("olivia 2", "user")


def test_a_refusal_is_shown_once_more_and_ends(sample: Sample, visitor: Browser) -> None:
    ended = visitor.sign_in(sample, sample.stranger)
    asked = len(sample.plex_tv.requests)
    assert visitor.look() == ended
    assert visitor.cookie(SIGN_IN) == "" and query("SELECT * FROM sign_in") == []
    assert visitor.look()["state"] == "expired"
    assert len(sample.plex_tv.requests) == asked and len(audited("auth.plex_refused")) == 1


def test_of_two_tabs_one_signs_in_and_both_see_it(app: Flask, sample: Sample, visitor: Browser) -> None:
    sample.plex_tv.claim(visitor.begin()["code"], sample.friend)
    tab = Browser(app)
    tab.client.set_cookie(SIGN_IN, visitor.cookie(SIGN_IN))
    stalled = sample.plex.switches.stall("GET /identity")
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(visitor.look)
        sample.plex.wait_for(lambda log: len(log) == 1)
        second = pool.submit(tab.look)
        sample.plex.wait_for(lambda log: len(log) == 2)
        sample.plex.switches.off(stalled)
        states = sorted([first.result()["state"], second.result()["state"]])
    assert states == ["signed_in", "waiting"]
    assert (sessions(), accounts(), len(audited("auth.plex"))) == (1, ["felix"], 1)
    winner, loser = (visitor, tab) if visitor.me() else (tab, visitor)
    loser.client.set_cookie(SESSION, winner.cookie(SESSION))  # they share their cookies
    assert loser.look()["state"] == "signed_in"
    assert sessions() == 1


def test_two_browsers_of_one_person_make_one_account(app: Flask, sample: Sample) -> None:
    browsers = [Browser(app) for _ in range(2)]
    for browser in browsers:
        sample.plex_tv.claim(browser.begin()["code"], sample.friend)
    change("UPDATE sign_in SET asked_at = 0")
    with ThreadPoolExecutor(2) as pool:
        ends = list(pool.map(Browser.look_again, browsers))
    assert [end["state"] for end in ends] == ["signed_in"] * 2
    assert accounts() == ["felix"] and sessions() == 2


def test_without_a_server_nobody_can_begin(monkeypatch: pytest.MonkeyPatch, visitor: Browser) -> None:
    change_setting(monkeypatch, "PLEX_URL", "")
    answer = visitor.ask_begin()
    assert (answer.status_code, answer.get_json()["code"]) == (409, "plex_unconfigured")


def test_no_token_is_in_an_address_an_answer_or_a_log(
    app: Flask, sample: Sample, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    said: list[str] = []
    secrets = {person.token for person in sample.plex_tv.accounts.people}
    for person in (sample.friend, sample.owner, sample.stranger):
        browser = Browser(app)
        begun = browser.ask_begin()
        secrets.add(sample.plex_tv.claim(begun.get_json()["code"], person))
        sample.plex_tv.switches.status(500, "GET /api/v2/user", times=1)
        for _ in range(2):
            change("UPDATE sign_in SET asked_at = 0")
            answer = browser.client.get(f"{API}/auth/plex")
            said += [answer.text, str(answer.headers)]
        said += [begun.text, str(begun.headers), browser.client.get(f"{API}/me").text]
    secrets |= {sample.plex_tv.accounts.access_token(sample.server, sample.owner)}
    secrets |= {sample.plex_tv.accounts.access_token(sample.server, sample.friend)}
    said += [f"{one.path}?{one.query} {one.body}" for one in sample.plex_tv.requests + sample.plex.requests]
    said += [
        str(query("SELECT * FROM audit")),
        str(query("SELECT * FROM sign_in")),
        caplog.text,
        *capfd.readouterr(),
    ]
    told = "\n".join(said)
    assert [secret for secret in secrets if secret in told] == []
    assert not re.search(r'"pin_?id"', told, re.IGNORECASE) and settings().plex_token not in told
