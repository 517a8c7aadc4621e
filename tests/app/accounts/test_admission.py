"""Whose account somebody from Plex gets, under which name, and in which role."""

import pytest
from flask import Flask

from app.accounts import users
from config.database import change, query
from tests.app.accounts.plex_browser import SESSION, Browser, account, accounts, audited, change_setting
from tests.app.conftest import API, PASSWORD, Caller
from tests.standins.plex_people import Person
from tests.standins.plex_sample import Sample


def test_names_are_made_fit_and_unlike_all_others(app: Flask, sample: Sample) -> None:
    users.create("ANN", PASSWORD, "admin")
    for person, name in (
        (sample.friend, "ann"),
        (sample.child, "Ann"),
        (sample.owner, "  two\n\tlines\x00\u202e "),
    ):
        person.name = name
        assert Browser(app).sign_in(sample, person)["state"] == "signed_in"
    assert accounts() == ["ANN", "ann 2", "Ann 3", "two lines"]
    for name, expected in (("x" * 80, "x" * 64), ("X" * 64, "X" * 62 + " 2"), ("\u200b", "Plex user")):
        person = Person(name)
        sample.plex_tv.add(person)
        sample.plex_tv.share(sample.server, person)
        Browser(app).sign_in(sample, person)
        assert accounts()[-1] == expected


def test_the_local_admin_of_the_same_name_and_address_stays_who_they_are(app: Flask, sample: Sample) -> None:
    local = users.create("olivia", PASSWORD, "admin")
    change("UPDATE account SET email = %s WHERE id = %s", sample.owner.email, local)
    before = query("SELECT * FROM account WHERE id = %s", local)
    Browser(app).sign_in(sample, sample.owner)
    assert query("SELECT * FROM account WHERE id = %s", local) == before
    assert accounts() == ["olivia", "olivia 2"]


def test_who_is_signed_in_already_gives_their_account_a_plex_account(
    sample: Sample, visitor: Browser
) -> None:
    local = users.create("root", PASSWORD, "admin")
    visitor.client.post(f"{API}/auth/login", json={"username": "root", "password": PASSWORD})
    old = visitor.cookie(SESSION)
    assert visitor.connect(sample, sample.friend)["state"] == "signed_in"
    row = account(sample.friend)
    assert row is not None and (row["id"], row["name"], row["role"]) == (local, "root", "admin")
    assert visitor.cookie(SESSION) != old and accounts() == ["root"]
    assert visitor.connect(sample, sample.friend)["state"] == "signed_in"
    assert visitor.connect(sample, sample.owner)["reason"] == "linked_elsewhere"
    assert visitor.sign_in(sample, sample.owner)["state"] == "signed_in"
    assert accounts() == ["root", "olivia"]


def test_nothing_is_connected_by_merely_signing_in(sample: Sample, visitor: Browser) -> None:
    users.create("root", PASSWORD, "admin")
    visitor.client.post(f"{API}/auth/login", json={"username": "root", "password": PASSWORD})
    assert visitor.sign_in(sample, sample.friend)["state"] == "signed_in"
    me = visitor.me()
    assert me is not None and (me["name"], me["role"]) == ("felix", "user")
    assert accounts() == ["root", "felix"]


def test_to_connect_something_one_has_to_be_signed_in(
    sample: Sample, visitor: Browser, admin: Caller
) -> None:
    for headers in ({}, {"Authorization": f"Bearer {admin.token}"}):
        assert visitor.ask_begin("?connect=true", **headers).status_code == 401


def test_nobody_is_moved_to_another_account_when_they_connect_theirs(
    app: Flask, sample: Sample, visitor: Browser
) -> None:
    Browser(app).sign_in(sample, sample.friend)
    root = users.create("root", PASSWORD, "admin")
    visitor.client.post(f"{API}/auth/login", json={"username": "root", "password": PASSWORD})
    session, before = visitor.cookie(SESSION), account(sample.friend)
    ended = visitor.connect(sample, sample.friend)
    assert (ended["state"], ended["reason"]) == ("refused", "linked_elsewhere")
    assert ended["message"].startswith("This Plex account belongs to another account here.")
    me = visitor.me()
    assert me is not None and me["name"] == "root" and visitor.cookie(SESSION) == session
    assert account(sample.friend) == before and accounts() == ["felix", "root"]
    told = audited("auth.plex_refused")[-1]
    assert (told["actor_id"], told["detail"]["reason"]) == (root, "linked_elsewhere")
    visitor.client.post(f"{API}/auth/logout")
    assert visitor.sign_in(sample, sample.friend)["state"] == "signed_in"


def test_who_has_signed_out_meanwhile_gives_nothing_away(sample: Sample, visitor: Browser) -> None:
    users.create("root", PASSWORD, "admin")
    visitor.client.post(f"{API}/auth/login", json={"username": "root", "password": PASSWORD})
    code = visitor.begin("?connect=true")["code"]
    visitor.client.post(f"{API}/auth/logout")
    sample.plex_tv.claim(code, sample.friend)
    visitor.look()
    assert accounts() == ["root", "felix"]


def test_the_owner_is_made_admin_again_whatever_they_were(
    app: Flask, sample: Sample, visitor: Browser
) -> None:
    visitor.sign_in(sample, sample.owner)
    change("UPDATE account SET role = 'user'")
    other = Browser(app)
    other.sign_in(sample, sample.owner)
    me = other.me()
    assert me is not None and me["role"] == "admin"
    assert visitor.me() is None
    assert audited("user.changed")[-1]["detail"] == {"role": "admin", "was": "user"}


def test_with_approval_a_new_friend_waits_for_an_admin_and_the_owner_does_not(
    monkeypatch: pytest.MonkeyPatch, app: Flask, sample: Sample
) -> None:
    change_setting(monkeypatch, "MEDIANEST_APPROVAL", "true")
    friend = Browser(app)
    ended = friend.sign_in(sample, sample.friend)
    assert (ended["state"], ended["reason"], friend.me()) == ("refused", "approval", None)
    row = account(sample.friend)
    assert row is not None and (row["role"], row["suspended"]) == ("suspended", "approval")
    assert friend.sign_in(sample, sample.friend)["reason"] == "approval"
    assert Browser(app).sign_in(sample, sample.owner)["state"] == "signed_in"
    change("UPDATE account SET role = 'user', suspended = '' WHERE id = %s", row["id"])
    assert friend.sign_in(sample, sample.friend)["state"] == "signed_in"
    assert accounts() == ["felix", "olivia"] and len(audited("user.created")) == 2


@pytest.mark.parametrize(("why", "state"), [("access", "signed_in"), ("admin", "refused")])
def test_a_proof_of_access_lifts_what_the_lack_of_it_did_and_nothing_else(
    sample: Sample, visitor: Browser, why: str, state: str
) -> None:
    visitor.sign_in(sample, sample.friend)
    change("UPDATE account SET role = 'suspended', suspended = %s", why)
    change("DELETE FROM session")
    ended = visitor.sign_in(sample, sample.friend)
    assert (ended["state"], visitor.me() is not None) == (state, state == "signed_in")
    if state == "refused":
        assert ended["reason"] == "suspended" and "Only an admin" in ended["message"]
